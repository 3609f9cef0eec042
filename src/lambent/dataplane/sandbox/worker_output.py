"""What the workers of one sandbox write: each connects its stdout and its stderr, and is known by its process id."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Final

from lambent.dataplane.runtime_api.workers import peer_pid
from lambent.dataplane.sandbox.output import LineSplitter
from lambent.dataplane.types import OutputLine

_READ_SIZE: Final = 65_536
_DRAIN_LIMIT: Final = 4_194_304  # a worker that never stops writing must not hold the loop
_STREAMS_PER_WORKER: Final = 4

PassOn = Callable[[Sequence[OutputLine], int | None], None]
"""Takes lines, and the process that wrote them."""


class WorkerOutput:
    """Reads the output of every worker; used on the loop that made it. It owns the listening socket."""

    def __init__(self, listener: socket.socket, workers: int, now: Callable[[], float], pass_on: PassOn) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._most = workers * _STREAMS_PER_WORKER
        self._now = now
        self._pass_on = pass_on
        self._streams: dict[socket.socket, tuple[int | None, LineSplitter]] = {}
        self._loop.add_reader(listener.fileno(), self._accept)

    def drain(self, pid: int | None) -> None:
        """Pass on everything that a process (None: any) has written so far; never blocks."""
        self._accept()
        for stream, (writer, lines) in tuple(self._streams.items()):
            if pid is None or writer == pid:
                for _ in range(_DRAIN_LIMIT // _READ_SIZE):
                    if not self._read(stream):
                        break
                self._pass_on(lines.flush(), writer)

    def close(self) -> None:
        """Pass on what is left, and close everything; idempotent."""
        if self._listener.fileno() < 0:
            return
        self.drain(None)
        self._loop.remove_reader(self._listener.fileno())
        self._listener.close()
        for stream in tuple(self._streams):
            self._drop(stream)

    def _accept(self) -> None:
        while self._listener.fileno() >= 0:
            try:
                stream, _ = self._listener.accept()
            except OSError:  # nobody waits, or has gone again
                return
            if len(self._streams) >= self._most:
                stream.close()
                continue
            stream.setblocking(False)  # noqa: FBT003 - the socket's own interface
            self._streams[stream] = (peer_pid(stream), LineSplitter(self._now))
            self._loop.add_reader(stream.fileno(), self._read, stream)

    def _read(self, stream: socket.socket) -> bool:
        """Read once; False when there is nothing more for now."""
        pid, lines = self._streams.get(stream, (None, None))
        if lines is None:
            return False
        try:
            data = stream.recv(_READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if data:
            self._pass_on(lines.feed(data), pid)
        else:
            self._pass_on(lines.flush(), pid)
            self._drop(stream)
        return len(data) == _READ_SIZE

    def _drop(self, stream: socket.socket) -> None:
        del self._streams[stream]
        self._loop.remove_reader(stream.fileno())
        stream.close()
