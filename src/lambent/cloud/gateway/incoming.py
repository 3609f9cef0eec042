"""A body that its service is given while it arrives, no faster than the service takes it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from lambent.base.clock import Clock
from lambent.base.tasks import resting
from lambent.cloud.errors import CutShortError

_MOST_WAITING = 4 * 1024 * 1024
_FEW_WAITING = 1024 * 1024


class IncomingBody:
    """What has arrived of a body and was not taken yet: an async iterator over it, for one reader.

    `on_room` is called when there is room again after `is_full`.
    """

    __slots__ = ("_clock", "_is_broken", "_on_room", "_pieces", "_waiter", "_waiting", "is_full", "is_whole")

    def __init__(self, clock: Clock, on_room: Callable[[], None]) -> None:
        self._clock = clock
        self._on_room = on_room
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._waiter: asyncio.Future[None] | None = None
        self._is_broken = False
        self.is_full = False
        self.is_whole = False

    def add(self, data: bytes) -> None:
        """More of it has arrived."""
        self._pieces.append(data)
        self._waiting += len(data)
        self.is_full = self.is_full or self._waiting > _MOST_WAITING
        self._wake()

    def finish(self) -> None:
        """All of it has arrived."""
        self.is_whole = True
        self._wake()

    def break_off(self) -> None:
        """No more of it will arrive: a reader that still waits for some is told."""
        self._is_broken = True
        self._wake()

    def __aiter__(self) -> IncomingBody:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self.is_whole:
                raise StopAsyncIteration
            if self._is_broken:
                raise CutShortError("the connection was lost before the end of the body")
            self._waiter = asyncio.get_running_loop().create_future()
            with resting(self._clock):
                await self._waiter
        data = self._pieces.popleft()
        self._waiting -= len(data)
        if self.is_full and self._waiting <= _FEW_WAITING:
            self.is_full = False
            self._on_room()
        return data

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        self._waiter = None
