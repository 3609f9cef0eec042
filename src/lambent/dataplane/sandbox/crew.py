"""What a sandbox whose runtime serves several requests at once has beside others: doors, workers, and their output."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lambent.dataplane.runtime_api.pollers import Pollers
from lambent.dataplane.runtime_api.workers import Workers
from lambent.dataplane.sandbox.doors import Doors
from lambent.dataplane.sandbox.worker_output import PassOn, WorkerOutput
from lambent.dataplane.types import ProcessExit


@dataclass(slots=True)
class Crew:
    """The workers of one sandbox. Whoever opened it closes it."""

    workers: Workers
    doors: Doors
    size: int
    _server: asyncio.Server
    _output: WorkerOutput | None = field(default=None)

    @classmethod
    async def open(cls, host_end: socket.socket, size: int, folder: Path, *, polls: bool) -> Crew:
        """Return a crew of `size` on the host end of the runtime's own socket, with doors made in `folder`.

        `polls` where the runtime asks for every invocation, other than processes that serve one after the other.
        Raises OSError; nothing is left then, nor where the call is cancelled.
        """
        kind = Pollers if polls else Workers
        loop = asyncio.get_running_loop()
        doors = Doors.open(folder)
        try:
            _, workers = await loop.create_unix_connection(lambda: kind(loop, size), sock=host_end)
            try:
                server = await loop.create_unix_server(workers.hire, sock=doors.by_name["workers"].listener)
            except BaseException:
                workers.close()
                raise
        except BaseException:
            doors.close()
            raise
        return cls(workers, doors, size, server)

    def attend(
        self,
        now: Callable[[], float],
        pass_on: PassOn,
        typed: Callable[[int], ProcessExit],
        drain: Callable[[], None],
    ) -> None:
        """Read what the workers write from now on, and tell how they end in the sandbox's words.

        `drain` reads all that the sandbox has written.
        """
        output = self._output = WorkerOutput(self.doors.by_name["logs"].listener, self.size, now, pass_on)
        self.workers.typed = typed
        if isinstance(self.workers, Pollers):  # one process: any of its streams may hold what a request wrote
            self.workers.on_rest = lambda _: drain()
        else:
            self.workers.on_rest = lambda worker: output.drain(worker.pid) if worker.pid is not None else None

    def drain(self) -> None:
        """Pass on everything that any worker has written so far."""
        if self._output is not None:
            self._output.drain(None)

    def close(self) -> None:
        """Close the doors and what came in by them, once everything written has been passed on; idempotent."""
        if self._output is not None:
            self._output.close()
        self._server.close()
        self.workers.close()
        self.doors.close()
