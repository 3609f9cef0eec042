"""The examples of docs/commands.md, run in the page's order in a fresh project; what it shows is what they print."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import pytest

from tests.prepared.program import LAMBENT
from tests.requirements import ROOT, process_environment, require_namespaces

PAGE = ROOT / "docs" / "commands.md"
# These go on until Ctrl-C; the code is the one they end with then.
ENDLESS = {
    "lambent dev": 0,
    "lambent start": 0,
    "lambent start --data ./state --isolation namespace --strict-runtimes": 0,
    "lambent start --network closed --cpu-limit off": 0,
    "lambent logs fibonacci --since 10m --follow": 130,
}
EXIT_CODES = {"lambent diff --env prod": 1}
# What an example takes for granted.
BEFORE = {
    "lambent start --data ./state --isolation namespace --strict-runtimes": "lambent stop",
    "lambent stop --port 4567": "lambent start --detach --memory --port 4567; lambent start --detach",
    "lambent invoke fibonacci --event '{\"n\": 10}'": "lambent up",
}


@dataclass(frozen=True)
class Example:
    """A command of the page, and what the page shows that it prints."""

    command: str
    shown: tuple[str, ...]


def examples() -> Iterator[Example]:
    """Yield the examples of the page in its order: lines of code that begin as a command does, then what it prints."""
    for block in re.findall(r"(?:^    .+\n)+", PAGE.read_text(), re.MULTILINE):
        lines = [line[4:] for line in block.splitlines()]
        begins = [number for number, line in enumerate(lines) if line.startswith(("lambent ", "eval "))]
        assert begins[0] == 0, f"what is this block of the page? {block}"
        for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True):
            yield Example(lines[begin], tuple(lines[begin + 1 : end]))


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens, each another."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def killed(child: subprocess.Popen[str]) -> None:
    """Kill a command that has not ended, with its process group."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)


@dataclass(frozen=True)
class Shell:
    """A user's shell in a project; the ports that the page names are free ones of this machine."""

    folder: Path
    ports: dict[str, str]
    patience_s: float = 60.0

    def environment(self) -> dict[str, str]:
        """Return what the commands find around them."""
        homes = {f"XDG_{name}_HOME": str(self.folder.parent / name.lower()) for name in ("DATA", "STATE", "CACHE")}
        return process_environment(
            PATH=f"{self.folder.parent / 'bin'}:{process_environment()['PATH']}",
            LAMBENT_PORT=self.ports["4566"],
            LAMBENT_TARGET=None,
            AWS_CONFIG_FILE=str(self.folder / "none"),
            AWS_PROFILE=None,
            **homes,
        )

    def here(self, text: str) -> str:
        """Return a text of the page with the ports of this machine."""
        return re.sub(r"\b45\d\d\b", lambda found: self.ports[found[0]], text)

    @contextmanager
    def begun(self, command: str) -> Iterator[subprocess.Popen[str]]:
        """Begin a command; it is killed, with what it has started, where it does not end in time or is left running."""
        # fish reads what `lambent env` prints for it; bash could not.
        line = self.here(command).replace("| source", "| grep 'set -gx AWS_ENDPOINT_URL'")
        child = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        limit = threading.Timer(self.patience_s, killed, [child])
        limit.start()
        with child:
            try:
                yield child
            finally:
                limit.cancel()
                limit.join()
                killed(child)

    def run(self, command: str, *, code: int = 0) -> tuple[str, str]:
        """Run a command to its end, which must have this code; return what it printed on its two streams."""
        with self.begun(command) as child:
            printed, noted = child.communicate(timeout=2 * self.patience_s)
        assert child.returncode == code, f"{command}:\n{printed}\n{noted}"
        return printed, noted

    def interrupt(self, command: str, *, code: int) -> None:
        """Run a command until it prints a line, and end it with Ctrl-C."""
        with self.begun(f"exec {command}") as child:
            assert child.stdout is not None
            line = child.stdout.readline()
            child.send_signal(signal.SIGINT)
            _, noted = child.communicate(timeout=2 * self.patience_s)
        assert line, f"{command} printed nothing:\n{noted}"
        assert child.returncode == code, f"{command}:\n{noted}"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in a copy of the project that the page is about; every platform it starts is stopped."""
    program = tmp_path / "bin" / "lambent"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(LAMBENT.command())} "$@"\n')
    program.chmod(0o755)
    named = sorted({*re.findall(r"\b45\d\d\b", PAGE.read_text()), "4566"})
    ports = dict(zip(named, map(str, free_ports(len(named))), strict=True))
    made = Shell(copytree(Path(__file__).parent / "project", tmp_path / "project"), ports)
    yield made
    for port in ports:
        made.run(f"lambent stop --port {port} || true")


@pytest.mark.timeout(400)
def test_the_examples_of_the_page_do_what_it_says(shell: Shell) -> None:
    require_namespaces()
    for example in examples():
        if example.command in BEFORE:
            shell.run(BEFORE[example.command])
        if example.command in ENDLESS:
            shell.interrupt(example.command, code=ENDLESS[example.command])
        elif "--target aws" in example.command:
            _, noted = shell.run(example.command, code=1)
            assert "The config profile (work) could not be found" in noted
        else:
            printed, _ = shell.run(example.command, code=EXIT_CODES.get(example.command, 0))
            if example.shown:
                assert printed.splitlines() == [shell.here(line) for line in example.shown]
            if found := re.search(r'"port": (\d+)', printed):
                shell.run(f"lambent stop --port {found[1]}")


def test_a_command_that_goes_on_for_ever_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    hasty = Shell(tmp_path, {"4566": "1"}, patience_s=0.3)
    with pytest.raises(AssertionError, match="sleep"):
        hasty.run("sleep 1000 & wait")  # the child of the shell holds its streams, too
    with pytest.raises(AssertionError, match="printed nothing"):
        hasty.interrupt("sleep 1000", code=0)


def test_the_page_has_an_example_of_every_command() -> None:
    from lambent.cli.main import COMMANDS

    shown = {word for one in examples() for word in re.findall(r"lambent (\w+)", one.command)}
    assert shown == set(COMMANDS)


def test_the_page_s_exceptions_are_examples_of_it() -> None:
    commands = {one.command for one in examples()}
    assert {*ENDLESS, *EXIT_CODES, *BEFORE} <= commands
