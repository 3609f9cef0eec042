"""Keepers that stand by, so that a start need not wait for namespaces and processes to be made.

One always does. As many do as lately were wanted at once: one more for each start that found none, one less for every
while without such a start.
"""

from __future__ import annotations

import contextlib
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Callable

    Make = Callable[[], "tuple[int, socket.socket]"]

LEAST, MOST = 1, 24
CALM_S = 15.0
"""After so long without a start that found none, one fewer stands by."""
_QUIET_MS = 25
"""Spares are made when nothing was asked for so long: who has just begun to start has the processors first."""


class Spares:
    """The keepers that stand by: process ids, and the sockets on which they await their orders."""

    def __init__(self, make: Make, now: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._now = now
        self._wanted = LEAST
        self._calm_since = self._now()
        self._waiting: dict[int, socket.socket] = {}

    def take(self) -> tuple[int, socket.socket]:
        """Return one, made now if none stands by; raises OSError where that is refused."""
        if self._waiting:
            return self._waiting.popitem()
        self._wanted = min(MOST, self._wanted + 1)
        self._calm_since = self._now()
        return self._make()

    def forget(self, pid: int) -> None:
        """Note that a process has ended, one of ours or not."""
        sock = self._waiting.pop(pid, None)
        if sock is not None:
            sock.close()

    def let_go(self) -> None:
        """Close all sockets, in a process that was forked from the one they belong to."""
        for sock in self._waiting.values():
            sock.close()

    def due_ms(self) -> int | None:
        """Return when to `tend`, if nothing is asked for before; None: there is nothing to do."""
        if len(self._waiting) < self._wanted:
            return _QUIET_MS
        return None if self._wanted == LEAST else int(CALM_S * 1000)

    def tend(self) -> None:
        """Do the one thing that is due."""
        if len(self._waiting) < self._wanted:
            with contextlib.suppress(OSError):  # whoever is to be started will be told
                pid, sock = self._make()
                self._waiting[pid] = sock
        elif self._wanted > LEAST and self._now() - self._calm_since >= CALM_S:
            self._calm_since = self._now()
            self._wanted -= 1
            while len(self._waiting) > self._wanted:
                self._waiting.popitem()[1].close()
