"""Functions of Node.js that use the AWS SDK as AWS's runtime brings it: installed once, when the first one names it."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lambent.cli import connection
from lambent.testing.builders import ensure_role, zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.requirements import missing, process_environment, require_namespaces, require_tool

# Stands for npm: it installs two packages out of nothing, and counts how often.
NPM = """#!/bin/sh
echo "$@" >> "{count}"
test -f package-lock.json || exit 7
sts=node_modules/@aws-sdk/client-sts
mkdir -p $sts/dist-types node_modules/@smithy/types
echo '{{"name": "@aws-sdk/client-sts", "main": "index.js"}}' > $sts/package.json
echo 'exports.from = "the cache"; exports.types = require("@smithy/types").kind;' > $sts/index.js
echo 'exports.kind = "types";' > node_modules/@smithy/types/index.js
"""
FAILING = "#!/bin/sh\necho asked >> \"{count}\"\necho 'npm error network' >&2\nexit 1\n"
REQUIRED = "const sts = require('@aws-sdk/client-sts');\nexports.handler = async () => [sts.from, sts.types];\n"
IMPORTED = "import sts from '@aws-sdk/client-sts';\nexport const handler = async () => [sts.from, sts.types];\n"


class Npm:
    """A program in place of npm, and how often it was started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = folder / "count"
        folder.mkdir()

    def be(self, script: str) -> None:
        """Do this from now on."""
        program = self._folder / "npm"
        program.write_text(script.format(count=self._count), encoding="utf-8")
        program.chmod(0o755)

    @property
    def starts(self) -> int:
        """How often it was started."""
        return len(self._count.read_text(encoding="utf-8").splitlines()) if self._count.exists() else 0


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Npm:
    """What the platform finds as npm."""
    require_tool("node")
    made = Npm(tmp_path / "npm")
    before = process_environment()["PATH"]
    monkeypatch.setenv("PATH", f"{tmp_path / 'npm'}:{before}")
    return made


@contextmanager
def platform_with(cache: Path, isolation: str | None = None) -> Iterator[LocalPlatform]:
    if isolation == "namespace":
        require_namespaces()
    with local_platform(cache_dir=cache, isolation=isolation) as running:
        yield running


def run(platform: LocalPlatform, name: str, files: dict[str, str]) -> tuple[object, str]:
    """Return a new function's answer and its log; what it logs before an answer's own log counts too."""
    settings = {"Runtime": "nodejs20.x", "Handler": "index.handler"}
    platform.create_function(name, zip_of(files), Timeout=30, MemorySize=512, **settings)
    answer = platform.client("lambda").invoke(FunctionName=name, LogType="Tail")
    return json.loads(answer["Payload"].read()), base64.b64decode(answer["LogResult"]).decode()


@pytest.mark.parametrize("isolation", ["namespace", "process"])
def test_it_is_installed_once_and_found_by_both_kinds_of_modules(npm: Npm, tmp_path: Path, isolation: str) -> None:
    npm.be(NPM)
    with platform_with(tmp_path / "cache", isolation) as platform:
        shown = connection.ask(platform.port, "settings") or {}
        assert shown["cache_dir"] == str(tmp_path / "cache")
        assert run(platform, "plain", {"index.js": "exports.handler = async () => 1"})[0] == 1
        assert npm.starts == 0  # nobody has named it
        assert run(platform, "required", {"index.js": REQUIRED})[0] == ["the cache", "types"]
        assert run(platform, "imported", {"index.mjs": IMPORTED})[0] == ["the cache", "types"]
        assert npm.starts == 1
    with platform_with(tmp_path / "cache", isolation) as platform:
        assert run(platform, "again", {"index.mjs": IMPORTED})[0] == ["the cache", "types"]
    assert npm.starts == 1
    home = tmp_path / "cache" / "node-sdk"
    assert not list(home.glob("**/dist-types"))
    (link,) = [place for place in home.iterdir() if place.is_symlink()]
    assert sorted(place.name for place in home.iterdir()) == [link.name, link.readlink().name]


def test_what_another_function_names_is_added(npm: Npm, tmp_path: Path) -> None:
    npm.be(NPM)
    named = "const sts = require('@aws-sdk/client-sts'); exports.handler = async () => require('@smithy/types').kind;"
    unknown = "exports.handler = async () => 1; if (false) require('@aws-sdk/client-nobody');"
    with platform_with(tmp_path / "cache") as platform:
        run(platform, "first", {"index.js": REQUIRED})
        assert run(platform, "second", {"index.js": named})[0] == "types"
        assert npm.starts == 1
        assert run(platform, "third", {"index.js": "exports.handler = async () => 3; require('@aws-sdk/client-s3')"})
        assert npm.starts == 2
        assert run(platform, "fourth", {"index.js": unknown})[0] == 1
        assert npm.starts == 2
    wanted = [json.loads(file.read_text()) for file in (tmp_path / "cache" / "node-sdk").glob("*/package.json")]
    assert {frozenset(one["dependencies"]) for one in wanted} == {
        frozenset({"@aws-sdk/client-sts"}),
        frozenset({"@aws-sdk/client-sts", "@aws-sdk/client-s3"}),
    }


def test_what_a_function_brings_goes_before_it(npm: Npm, tmp_path: Path) -> None:
    npm.be(NPM)
    own = {"node_modules/@aws-sdk/client-sts/index.js": "exports.from = 'the function';"}
    with platform_with(tmp_path / "cache") as platform:
        assert run(platform, "brings", {"index.js": REQUIRED, **own})[0] == ["the function", None]
        assert npm.starts == 0


def test_where_npm_fails_the_function_says_what_to_do(npm: Npm, tmp_path: Path) -> None:
    npm.be(FAILING)
    with platform_with(tmp_path / "cache") as platform:
        for name, files in (("first", {"index.js": REQUIRED}), ("second", {"index.mjs": IMPORTED})):
            answer, log = run(platform, name, files)
            assert isinstance(answer, dict)
            assert "Cannot find" in answer["errorMessage"]
            assert "npm install @aws-sdk/client-sts" in log
        assert npm.starts == 1  # not for each function anew
    assert list((tmp_path / "cache" / "node-sdk").iterdir()) == []


@pytest.mark.timeout(240)  # npm fetches packages
def test_the_real_one_reaches_the_platform(tmp_path: Path) -> None:
    require_tool("node")
    if shutil.which("npm") is None:
        missing("npm")
    asked = subprocess.run(["npm", "ping", "--fetch-retries=0"], capture_output=True, timeout=60, check=False)
    if asked.returncode != 0:
        pytest.skip("npm reaches no index from here")
    source = (
        "import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';\n"
        "export const handler = async () => (await new STSClient().send(new GetCallerIdentityCommand())).Arn;\n"
    )
    with platform_with(tmp_path / "cache") as platform:
        functions = platform.client("lambda")
        settings = {"Runtime": "nodejs20.x", "Handler": "index.handler", "Timeout": 30, "MemorySize": 512}
        role = ensure_role(platform.client("iam"))
        code = {"ZipFile": zip_of({"index.mjs": source})}
        functions.create_function(FunctionName="real", Code=code, Role=role, **settings)
        # It is pending while npm works.
        waiter = functions.get_waiter("function_active_v2")
        waiter.wait(FunctionName="real", WaiterConfig={"Delay": 0.2, "MaxAttempts": 900})
        assert json.loads(functions.invoke(FunctionName="real")["Payload"].read()).endswith("/real")
