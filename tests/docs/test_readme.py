"""The README's commands, run as they stand: only the port, the folders and the program's path are a test's own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.requirements import ROOT, process_environment, require_tool


def five_minutes() -> str:
    """Return the shell block of the README's "Five minutes"."""
    block = re.search(r"## Five minutes\n\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    return block[1]


@pytest.mark.timeout(120)
def test_the_five_minutes_of_the_readme_do_what_they_say(tmp_path: Path, free_port: int) -> None:
    aws = require_tool("aws")
    script = five_minutes()
    commands = re.findall(r"\.venv/bin/lambent (\w+)", script)
    assert commands == ["check", "up", "invoke", "logs", "env", "cost", "migrate", "up", "down", "stop"]
    script = script.replace("/tmp/", f"{tmp_path}/").replace(".venv/bin/lambent", f'"{sys.executable}" -m lambent')
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=process_environment(
            LAMBENT_PORT=str(free_port),
            XDG_DATA_HOME=str(tmp_path / "share"),
            XDG_STATE_HOME=str(tmp_path / "state"),
            XDG_CACHE_HOME=str(tmp_path / "cache"),
            PATH=f"{aws.parent}:{Path(sys.executable).parent}:{process_environment()['PATH']}",
            AWS_PAGER="",
            AWS_PROFILE=None,
        ),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        assert '"FunctionVersion": "1"' in done.stdout
        assert "nothing was done" in done.stderr
        assert "Break-even: " in done.stdout
        assert "fibonacci is cleared" in done.stdout
        assert "[0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55]" in done.stdout
        assert "Stopped the platform" in done.stdout
    finally:
        stop = [sys.executable, "-m", "lambent", "stop", "--port", str(free_port)]
        subprocess.run(stop, capture_output=True, timeout=30, check=False)


def test_the_exit_codes_in_the_documents_are_those_of_the_program() -> None:
    from lambent.cli.errors import ExitCode

    page = (ROOT / "docs" / "commands.md").read_text()
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert listed == {int(code) for code in ExitCode}
