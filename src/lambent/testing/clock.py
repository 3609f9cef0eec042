"""Moves a platform's virtual clock from a test's own thread."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from lambent.base.clock import VirtualClock

T = TypeVar("T")
_PATIENCE_S = 60.0


class PlatformClock:
    """The clock of a running platform; every call returns once the platform has taken it in."""

    def __init__(self, clock: VirtualClock, loop: asyncio.AbstractEventLoop) -> None:
        self._clock = clock
        self._loop = loop

    def now(self) -> float:
        """Return the platform's moment as seconds since the epoch."""

        async def read() -> float:
            return self._clock.now()

        return self._wait_for(read())

    def advance(self, by: timedelta | float) -> None:
        """Move time on (seconds, or a timedelta); returns when everything due in it has been handled, in order.

        Raises ClockStalled when something due does not come to its end.
        """
        self._wait_for(self._clock.advance(by.total_seconds() if isinstance(by, timedelta) else by))

    def freeze(self) -> None:
        """Let time stand still, but for `advance`."""

        async def freeze() -> None:
            self._clock.freeze()

        self._wait_for(freeze())

    def flow(self) -> None:
        """Let time flow with real time again."""

        async def flow() -> None:
            self._clock.flow()

        self._wait_for(flow())

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:  # Any: what it yields is asyncio's own business
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)
