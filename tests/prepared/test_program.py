"""The prepared program is as good as the program: what it prints, how it ends, and that it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.prepared.program import LAMBENT
from tests.requirements import process_environment


@pytest.mark.parametrize("words", [["--version"], ["check"], ["env", "--shell", "fish"], ["nonsense"]])
def test_it_prints_and_ends_as_the_program_does(tmp_path: Path, words: list[str]) -> None:
    def ran(command: list[str]) -> tuple[int, str, str]:
        environment = process_environment(LAMBENT_PORT="4567")
        done = subprocess.run(
            [*command, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout, done.stderr

    assert ran(LAMBENT.command()) == ran([sys.executable, "-m", "lambent"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_its_process_ends_with_it(tmp_path: Path, free_port: int, number: signal.Signals) -> None:
    command = [*LAMBENT.command(), "start", "--memory", "--json", "--port", str(free_port)]
    environment = process_environment(TMPDIR=str(tmp_path))  # where a platform that is killed leaves what it had
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert '"port"' in child.stdout.readline()
        child.send_signal(number)
        assert child.wait(20) == (0 if number == signal.SIGINT else -number)
        assert child.stdout.read() == ""  # whose end is that of the last process that has it
