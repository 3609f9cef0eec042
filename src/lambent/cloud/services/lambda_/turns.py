"""Whose turn it is among accepted events: as many are tried at once as leave the acceptance of others quick.

AWS's pollers try more and more events at a time while that goes well. Here callers, accepted events and the functions
themselves share a few cores, so "well" is measured where all of it is felt: by how long it takes until a change of an
event is durable and told, against the quickest that was seen, which is the disk's own part. While events wait for their
turn this is looked at every so often, and the number of turns grows or shrinks. A function that only waits (for a
database, a sleep) soon has all the turns it may have; one that computes gets no more of them than the cores can serve.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from lambent.cloud.store.scope import Scope

# Of one function: enough to fill any pool here, without starting an environment for each of ten thousand events.
_MOST_OF_ONE_FUNCTION = 100
_LEAST = 8
_LOOK_EVERY_S = 0.05
_MORE = 2
_SLACK_S = 0.005


@dataclass(frozen=True, slots=True)
class Pace:
    """How many turns there are, and how quickly a change of an event has been seen to be durable."""

    width: int = _LEAST
    quickest_s: float = 1.0

    def after(self, took_s: float | None) -> Pace:
        """Return the pace from now on, given how long changes took since the last look; None where there were none.

        >>> Pace(8, 0.002).after(0.003).width, Pace(100, 0.002).after(None).width, Pace(100, 0.002).after(0.02).width
        (10, 102, 50)
        >>> Pace(8, 0.040).after(0.060).width, Pace(8, 0.002).after(0.02).width
        (10, 8)
        """
        if took_s is None:
            return replace(self, width=self.width + _MORE)
        # It drifts upwards, so that one lucky change does not count for ever.
        quickest_s = min(took_s, self.quickest_s * 1.002)
        if took_s > 3 * quickest_s + _SLACK_S:
            return Pace(max(_LEAST, self.width // 2), quickest_s)
        return Pace(self.width + _MORE, quickest_s)


class Turns:
    """The turns of all functions; those who wait get theirs in the order in which they came."""

    def __init__(self) -> None:
        self._of_function: dict[tuple[Scope, str], tuple[asyncio.Semaphore, int]] = {}
        self._pace = Pace()
        self._took_s: float | None = None
        self._held = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._look: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def of(self, scope: Scope, function: str) -> AsyncIterator[None]:
        """Wait for a turn of the function, and hold it for as long as the context lasts."""
        key = (scope, function)
        # A function of which no event is tried or waits has no entry.
        semaphore, holders = self._of_function.get(key) or (asyncio.Semaphore(_MOST_OF_ONE_FUNCTION), 0)
        self._of_function[key] = (semaphore, holders + 1)
        try:
            async with semaphore:
                await self._enter()
                try:
                    yield
                finally:
                    self._leave()
        finally:
            holders = self._of_function[key][1] - 1
            if holders:
                self._of_function[key] = (semaphore, holders)
            else:
                del self._of_function[key]

    async def _enter(self) -> None:
        if self._held < self._pace.width and not self._waiting:
            self._held += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._look_later()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # it came at the same moment
            raise

    def _leave(self) -> None:
        self._held -= 1
        self._give()
        if not self._held:
            self._pace = replace(self._pace, width=_LEAST)  # what comes next may be of another kind

    def _give(self) -> None:
        while self._waiting and self._held < self._pace.width:
            turn = self._waiting.popleft()
            if not turn.done():
                self._held += 1
                turn.set_result(None)

    def note(self, took_s: float) -> None:
        """Tell how long it took until a change of an event was durable."""
        self._took_s = took_s if self._took_s is None else max(took_s, self._took_s)

    def _look_later(self) -> None:
        if self._look is None:
            self._took_s = None
            self._look = asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._look_back)

    def _look_back(self) -> None:
        self._look = None
        self._pace = self._pace.after(self._took_s)
        self._give()
        if self._waiting:
            self._look_later()
