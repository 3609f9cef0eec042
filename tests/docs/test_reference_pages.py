"""The pages that the code writes are those that are checked in."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.requirements import ROOT


@pytest.mark.parametrize("script", ["generate_reference.py", "generate_resource_schemas.py"])
def test_what_the_code_writes_is_fresh(script: str) -> None:
    command = [sys.executable, str(ROOT / "scripts" / script), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
