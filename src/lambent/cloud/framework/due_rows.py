"""What falls due is rows of the store: one task waits for the first of them, however many there are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from lambent.base.clock import Clock
from lambent.base.tasks import TaskOwner, wait_for_event

_log = logging.getLogger(__name__)
_PAUSE_AFTER_FAILURE_S = 5.0


class DueRows:
    """Has `carry_out` called whenever the moment that `next_due` reads from the store has come.

    `carry_out` moves on what is due, some of it at a time, in a commit. What it raises is logged, and it is called
    again after a pause.
    """

    def __init__(
        self, name: str, clock: Clock, *, next_due: Callable[[], float | None], carry_out: Callable[[], Awaitable[None]]
    ) -> None:
        self._name = name
        self._clock = clock
        self._next_due = next_due
        self._carry_out = carry_out
        self._changed = asyncio.Event()
        self._tasks = TaskOwner(name, clock=clock)

    def start(self) -> None:
        """Begin to wait."""
        # Not as a loop: a virtual clock is to wait until what is due already has been moved on, also the first time.
        self._tasks.start(self._run(), name="waiting")

    async def stop(self) -> None:
        """Wait no longer."""
        await self._tasks.aclose()

    def look_again(self) -> None:
        """Look whether something else is due first now."""
        self._changed.set()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            due = self._next_due()
            if due is None or due > self._clock.now():
                await wait_for_event(self._changed, self._clock, until=due)
                continue
            try:
                await self._carry_out()
            except Exception:  # noqa: BLE001 - the loop must live on; what is due stays so
                _log.exception("what is due of the %s could not be carried out", self._name)
                await self._clock.sleep_until(self._clock.now() + _PAUSE_AFTER_FAILURE_S)
