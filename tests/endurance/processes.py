"""A platform on a data directory that is started again and again, and killed: all of it, or some process below it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from lambent.base.clock import SystemClock
from lambent.base.identifiers import IdSource
from lambent.cli.connection import health
from lambent.guest.orders import SPARE
from tests.endurance.ledger import Ledger
from tests.requirements import process_environment

_READY_S = 60.0
_GONE_S = 10.0


class PlatformProcess:
    """The process of the platform; none at first. What is done to it is noted."""

    def __init__(self, data: Path, port: int, ledger: Ledger, variables: Mapping[str, str] | None = None) -> None:
        self.log = data.with_suffix(".log")
        self._data = data
        self._port = port
        self._ledger = ledger
        self._variables = dict(variables or {})
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def start(self) -> None:
        """Start it, and return at once."""
        command = [sys.executable, "-m", "lambent", "start", "--data", str(self._data), "--port", str(self._port)]
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=log, env=process_environment(**self._variables)
            )

    def await_ready(self) -> None:
        """Return once it answers; fails where it does not start."""
        deadline = time.monotonic() + _READY_S
        child = self._running()
        while health(self._port) is None:
            told = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            assert child.poll() is None, f"the platform did not start: {told}"
            assert time.monotonic() < deadline, f"the platform was not ready in time: {told}"
            time.sleep(0.02)  # noqa: TID251 - a process takes real time
        self._ledger.happen("platform started")

    def kill(self) -> None:
        """Kill it, and see that all below it ends with it."""
        self._end(signal.SIGKILL, "platform killed")

    def stop(self) -> None:
        """Have it stop as its users do."""
        self._end(signal.SIGTERM, "platform stopped")

    def kill_some(self, chance: IdSource) -> None:
        """Kill a process below it that has none below itself: an environment's, or one that starts them."""
        below = descendants(self._running().pid)
        leaves = [pid for pid in below if not _children(pid) and _name(pid) not in {SPARE, b""}]
        if leaves:
            with suppress(ProcessLookupError):
                os.kill(leaves[int(chance.fraction() * len(leaves))], signal.SIGKILL)
                self._ledger.happen("environment killed")

    def _end(self, number: signal.Signals, what: str) -> None:
        child = self._running()
        below = descendants(child.pid)
        child.send_signal(number)
        child.wait(60)
        self._child = None
        deadline = time.monotonic() + _GONE_S
        while alive := [pid for pid in below if _is_alive(pid)]:
            if time.monotonic() > deadline:
                names = sorted({_name(pid).decode() for pid in alive})
                self._ledger.complain(f"{what}: {', '.join(names)} outlived it")
                break
            time.sleep(0.01)  # noqa: TID251 - processes take real time
        self._ledger.happen(what, SystemClock().now())

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._child is not None, "it was not started"
        return self._child


def descendants(pid: int) -> list[int]:
    """Return all processes below one."""
    below = _children(pid)
    return below + [one for child in below for one in descendants(child)]


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            found += map(int, task.read_text(encoding="ascii").split())
    return found


def _name(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/comm").read_bytes().strip()
    except OSError:  # it has ended
        return b""


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}
