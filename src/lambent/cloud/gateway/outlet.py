"""The way of a file's bytes into a connection's socket that spares the copies through this process."""

from __future__ import annotations

import os
import select
import socket
import threading

from lambent.cloud.errors import CutShortError

# A client that reads has the next room within this; beside another it is waited for on the loop.
_PATIENCE_MS = 10


class SocketOutlet:
    """Takes bytes of files for a socket of which nothing else is being written; called in threads.

    It has a descriptor of its own: whoever ends the connection does not have a thread write to what comes after.
    """

    def __init__(self, target: socket.socket) -> None:
        self._descriptor: int | None = os.dup(target.fileno())
        self._ending = threading.Lock()

    def __call__(self, file: int, first: int, count: int) -> int:
        """Send up to `count` bytes of an open file, and return how many went before the client kept us waiting.

        Raises CutShortError where the client is gone, or the file is shorter.
        """
        with self._ending:
            if self._descriptor is None:
                return 0
            try:
                return _send(self._descriptor, file, first, count)
            except ConnectionError as error:
                raise CutShortError("the client is gone") from error

    def close(self) -> None:
        """Take no more."""
        with self._ending:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None


def _send(target: int, file: int, first: int, count: int) -> int:
    room = select.poll()
    room.register(target, select.POLLOUT)
    sent = 0
    while sent < count:
        try:
            taken = os.sendfile(target, file, first + sent, count - sent)
        except BlockingIOError:
            if not room.poll(_PATIENCE_MS):
                break
            continue
        if not taken:
            raise CutShortError("the file is shorter than it was")
        sent += taken
    return sent
