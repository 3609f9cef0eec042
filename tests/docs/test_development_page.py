"""The commands of docs/development.md, run as two terminals would."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from tests.prepared.program import LAMBENT
from tests.requirements import ROOT, process_environment
from tests.waiting import eventually

PAGE = ROOT / "docs" / "development.md"


def blocks() -> list[str]:
    """Return the page's blocks of shell: those of the two terminals, and the events."""
    return re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)


class Terminal:
    """A shell in a folder, with `lambent` on its PATH."""

    def __init__(self, home: Path, port: int) -> None:
        program = home / "bin" / "lambent"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shlex.join(LAMBENT.command())} "$@"\n')
        program.chmod(0o755)
        homes = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("DATA", "STATE", "CACHE")}
        path = f"{program.parent}:{process_environment()['PATH']}"
        self._environment = process_environment(PATH=path, LAMBENT_PORT=str(port), LAMBENT_TARGET=None, **homes)
        self._home = home

    def begin(self, script: str, folder: str = "") -> subprocess.Popen[str]:
        """Begin a script."""
        return subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self._home / folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, script: str, folder: str = "") -> str:
        """Run a script to its end and return what it printed."""
        with self.begin(script, folder) as child:
            printed, _ = child.communicate(timeout=90)
        assert child.returncode == 0, printed
        return printed


@pytest.fixture
def terminal(tmp_path: Path, free_port: int) -> Iterator[Terminal]:
    """A terminal; the platform that it starts is stopped."""
    made = Terminal(tmp_path, free_port)
    yield made
    made.run("lambent stop || true")


@pytest.mark.timeout(180)
def test_the_commands_of_the_page_do_what_it_says(terminal: Terminal) -> None:
    first, second, events = blocks()
    with terminal.begin(first.replace("lambent dev", "exec lambent dev")) as session:
        assert session.stdout is not None
        lines: list[str] = []
        for line in session.stdout:
            lines.append(line)
            if "Watching" in line:
                break
        reader = Thread(target=lines.extend, args=(session.stdout,), daemon=True)
        reader.start()
        printed = terminal.run(second, "shop")
        assert '{"message": "Hello, you!"}' in printed
        assert '{"text": "Hello, you!"}' in printed
        assert "it has failed, as it should" in printed
        eventually(lambda: any("→ src/app.py:" in line for line in lines))
        eventually(lambda: any("~ HelloFunction" in line for line in lines))
        session.send_signal(signal.SIGINT)
        assert session.wait(30) == 0
        reader.join(30)
    told = "".join(lines)
    assert "shop-hello runs src/app.py" in told
    printed = terminal.run(events, "shop")
    assert '"key": "a/b.csv"' in printed
