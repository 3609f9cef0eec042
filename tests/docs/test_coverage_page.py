"""The page that says who answers what is the one that the code would write."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.requirements import ROOT


@pytest.mark.timeout(120)
def test_the_coverage_page_and_the_bridge_s_list_are_fresh() -> None:
    command = [sys.executable, "-W", "ignore", str(ROOT / "scripts" / "generate_coverage.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
