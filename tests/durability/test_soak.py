"""The soak of `make soak`, in short: a few thousand invocations, environments of every kind, and nothing left over."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.requirements import ROOT, require_tool

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="counts what Linux's /proc and /sys tell"),
]


def test_nothing_is_left_of_many_invocations_and_environments_of_every_kind() -> None:
    require_tool("cc")
    # So short a run shows what leaks by the piece; a million invocations show memory by the byte.
    words = ["--invocations", "2000", "--starts", "80", "--parts", "2", "--growth", "0.15", "--no-record"]
    command = [sys.executable, str(ROOT / "bench" / "soak.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "leaked: nothing" in done.stdout
