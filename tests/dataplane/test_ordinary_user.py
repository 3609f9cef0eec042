"""The platform of a user without any privilege: namespaces hold, and doctor says what does not."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dataplane.escape_harness import ORDINARY_USER, ordinary_user, prison
from tests.requirements import process_environment, require_namespaces

_OUTSIDE = "[line.split() for line in open('/proc/self/uid_map')]"


@pytest.fixture
def home() -> Iterator[Path]:
    require_namespaces()
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    made = Path(tempfile.mkdtemp(prefix="lambent-ordinary-"))
    os.chown(made, ORDINARY_USER, ORDINARY_USER)
    made.parent.chmod(made.parent.stat().st_mode | 0o011)
    yield made
    shutil.rmtree(made)


def test_functions_run_in_a_user_namespace_of_an_ordinary_user() -> None:
    with prison(as_ordinary_user=True) as platform:
        assert platform.attempt(_OUTSIDE) == [["993", str(ORDINARY_USER), "1"]]
        assert platform.attempt("[os.getuid(), os.access('/tmp', os.W_OK)]") == [993, True]
        assert platform.invoke("victim") == ["of the victim", ["secret"], 2]
        # Init again in the same place, without any privilege to build another.
        assert "Runtime.ExitError" in str(platform.attempt("write('/tmp/kept') or os._exit(1)"))
        assert platform.attempt("os.listdir('/tmp')") == ["kept"]


def _doctor(home: Path, *arguments: str) -> str:
    command = ordinary_user([sys.executable, "-m", "lambent", "doctor", *arguments], home)
    environment = process_environment(HOME=str(home), TMPDIR=str(home), NO_COLOR="1")
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/", check=False, timeout=60)
    return ran.stdout


def test_doctor_tells_an_ordinary_user_what_holds_and_what_would_help(home: Path) -> None:
    found = json.loads(_doctor(home, "--json"))
    assert found["isolation"] == "namespace"
    findings = {finding["name"]: finding for finding in found["findings"]}
    assert findings["mount and pid namespaces"]["reason"] == "by a user namespace of our own"
    assert findings["closed network"]["holds"]
    for controller in ("memory", "pids", "cpu"):
        finding = findings[f"cgroup {controller} limit"]
        if not finding["holds"]:
            assert finding["remedy"] == "run as root, or delegate a control group to this user"
    assert re.search(r"✓ mount and pid namespaces +by a user namespace of our own", _doctor(home))
