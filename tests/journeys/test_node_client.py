"""The AWS SDK for JavaScript v3 from an application of Node.js, at the version that functions here find."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from lambent.dataplane.sandbox import node_sdk
from lambent.dataplane.sandbox.node_sdk.lock import select
from lambent.testing.builders import ensure_role, zip_of
from lambent.testing.platform import LocalPlatform
from tests.requirements import missing, process_environment, require_tool

PROGRAM = Path(__file__).with_name("node_client.mjs")
LOCK = Path(node_sdk.__file__).with_name("package-lock.json")
CODE = zip_of(
    {
        "index.js": """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  for (const part of event.parts) stream.write(part);
  if (event.fails) throw new Error('halfway');
  stream.end();
});
exports.plain = async (event) => {
  if (event.fails) throw new RangeError('as asked');
  return event;
};
"""
    }
)


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """A folder in which npm has installed the client from the lock, digests and all."""
    require_tool("node")
    if shutil.which("npm") is None:
        missing("npm")
    chosen = select(json.loads(LOCK.read_text(encoding="utf-8")), ["@aws-sdk/client-lambda"])
    (tmp_path / "package.json").write_text(json.dumps(chosen.manifest), encoding="utf-8")
    (tmp_path / "package-lock.json").write_text(json.dumps(chosen.lock), encoding="utf-8")
    command = ["npm", "ci", "--ignore-scripts", "--prefer-offline", "--fetch-retries=0", "--no-audit", "--no-fund"]
    installed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    if installed.returncode != 0:
        assert "EINTEGRITY" not in installed.stderr
        pytest.skip("npm reaches no index from here")
    shutil.copy(PROGRAM, tmp_path)
    return tmp_path


@pytest.mark.timeout(240)  # npm fetches packages
def test_an_application_creates_invokes_streams_waits_pages_and_tells_errors_apart(
    application: Path, platform: LocalPlatform
) -> None:
    (application / "code.zip").write_bytes(CODE)
    role = ensure_role(platform.client("iam", account="111122223333"))
    done = subprocess.run(
        ["node", PROGRAM.name, role, "code.zip"],
        cwd=application,
        env=process_environment(
            AWS_ENDPOINT_URL=platform.endpoint_url,
            AWS_ACCESS_KEY_ID="111122223333",
            AWS_SECRET_ACCESS_KEY="local",
            AWS_REGION="eu-west-1",
            AWS_PROFILE=None,
        ),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "created": ["Pending", 201],
        "active": "SUCCESS",
        "streamed": ["application/vnd.amazon.eventstream", "one two größer"],
        "complete": [None, True],
        "broken": ["Unhandled", True],
        "plain": [200, "$LATEST", '{"n":4}', None],
        "failed": ["Unhandled", "RangeError"],
        "accepted": [202, 0],
        "updated": 256,
        "published": "SUCCESS",
        "pages": [["other"], ["streams"]],
        "versions": ["$LATEST", "1"],
        "missing": [
            True,
            "ResourceNotFoundException",
            "User",
            404,
            "Function not found: arn:aws:lambda:eu-west-1:111122223333",
        ],
        "throttled": [True, "ReservedFunctionConcurrentInvocationLimitExceeded", 429],
        "streamless": True,
    }
