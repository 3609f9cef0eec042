"""The temporary directory of a platform without a data directory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lambent.assembly.home import TemporaryHome
from tests.requirements import process_environment

_HOLD = """
import sys
from lambent.assembly.home import TemporaryHome
home = TemporaryHome.make()
(home.path / "blobs").mkdir()
print(home.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary directory of this test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_a_killed_platform_left_goes_and_what_another_holds_stays(temporary: Path) -> None:
    environment = process_environment(TMPDIR=str(temporary))
    foreign = temporary / "lambent-notes"
    foreign.mkdir()
    held = []
    for _ in range(2):
        command = [sys.executable, "-c", _HOLD]
        with_pipes = subprocess.Popen(command, env=environment, stdin=-1, stdout=-1, text=True)
        held.append(with_pipes)
    try:
        running, killed = held
        homes = []
        for child in held:
            assert child.stdout is not None
            homes.append(Path(child.stdout.readline().strip()))
        killed.kill()
        killed.wait(timeout=10)
        ours = TemporaryHome.make()
        assert (homes[0].is_dir(), homes[1].exists(), foreign.is_dir()) == (True, False, True)
        assert running.poll() is None
        ours.remove()
        assert not ours.path.exists()
    finally:
        for child in held:
            child.kill()
            child.communicate(timeout=10)


def test_homes_of_one_process_are_kept_apart(temporary: Path) -> None:
    first, second = TemporaryHome.make(), TemporaryHome.make()
    assert first.path != second.path
    assert first.path.is_dir()
    first.remove()
    assert second.path.is_dir()
    second.remove()
    assert list(temporary.iterdir()) == []
