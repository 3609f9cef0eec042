"""A platform for one proof: in a process of its own, in memory, on a free port; it ends when we do, however we end."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from lambent.cli import launching, settings
from lambent.cli.errors import CommandError

_PATIENCE_S = 30.0
_AUTO = "auto"


@dataclass(frozen=True, slots=True)
class PrivatePlatform:
    """A platform that answers: its port and its process."""

    port: int
    pid: int

    @property
    def endpoint_url(self) -> str:
        """Where AWS clients find it."""
        return settings.endpoint_url(self.port)


@contextmanager
def private_platform(*, isolation: str = _AUTO) -> Iterator[PrivatePlatform]:
    """Run a platform as long as the context lasts. Raises CommandError where it does not start.

    Nothing is left of it afterwards; it watches a pipe, so that it ends as well when this process is killed.
    """
    port = _free_port()
    process = launching.attached(__name__, str(port), isolation)
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("its pipes were asked for")
    try:
        _await_ready(process.stdout)
        yield PrivatePlatform(port, process.pid)
    finally:
        process.stdin.close()
        try:
            process.wait(_PATIENCE_S)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def _await_ready(told: IO[bytes]) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(told, selectors.EVENT_READ)
        if not selector.select(_PATIENCE_S):
            raise CommandError(f"The platform for the proof was not ready after {_PATIENCE_S:.0f} s.")
    line = told.readline()
    if not line:
        raise CommandError("The platform for the proof ended before it was ready.")
    failure = json.loads(line)
    if failure is not None:
        raise CommandError(f"The platform for the proof does not start: {failure[0]}", failure[1])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tell(failure: tuple[str, str] | None) -> None:
    sys.stdout.write(json.dumps(failure) + "\n")
    sys.stdout.flush()


def _end_with_standard_input() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main(port: str, isolation: str) -> None:
    """Be the platform, until standard input ends."""
    from lambent import assembly

    wanted = assembly.Settings(
        port=int(port), isolation=None if isolation == _AUTO else isolation, cache_dir=settings.cache_dir()
    )
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    try:
        assembly.run(wanted, on_ready=lambda: _tell(None))
    except assembly.StartError as error:
        _tell((str(error), error.remedy))


if __name__ == "__main__":
    main(*sys.argv[1:])
