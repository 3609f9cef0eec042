"""A platform for one proof: in a process of its own, in memory, on a free port; it ends when we do, however we end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambent.cli import settings
from lambent.cli.errors import CommandError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from lambent.assembly import Settings

_PATIENCE_S = 30.0


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
def private_platform(*, isolation: str = "auto") -> Iterator[PrivatePlatform]:
    """Run a platform as long as the context lasts. Raises CommandError where it does not start.

    Nothing is left of it afterwards; it watches a pipe, so that it ends as well when this process is killed.
    """
    import multiprocessing

    from lambent.assembly import Settings

    port = _free_port()
    wanted = Settings(port=port, isolation=None if isolation == "auto" else isolation, cache_dir=settings.cache_dir())
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, wanted), name="lambent platform of a proof", daemon=False)
    process.start()
    theirs.close()
    try:
        _await_ready(ours)
        yield PrivatePlatform(port, process.pid or 0)
    finally:
        ours.close()
        process.join(_PATIENCE_S)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()


def _await_ready(ours: Connection) -> None:
    if not ours.poll(_PATIENCE_S):
        raise CommandError(f"The platform for the proof was not ready after {_PATIENCE_S:.0f} s.")
    try:
        told = ours.recv()
    except EOFError:
        raise CommandError("The platform for the proof ended before it was ready.") from None
    if told != ("ready", ""):
        raise CommandError(f"The platform for the proof does not start: {told[0]}", told[1])


def _serve(pipe: Connection, wanted: Settings) -> None:
    """Be the platform, until the other end of the pipe is closed."""
    os.setsid()  # Ctrl-C is for who started us: we are told in order
    import logging

    from lambent import assembly

    # What the function does wrongly is the report's to say.
    logging.disable(logging.WARNING)
    threading.Thread(target=_end_with, args=(pipe,), daemon=True).start()
    try:
        assembly.run(wanted, on_ready=lambda: pipe.send(("ready", "")))
    except assembly.StartError as error:
        pipe.send((str(error), error.remedy))


def _end_with(pipe: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        pipe.recv()
    os.kill(os.getpid(), signal.SIGTERM)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
