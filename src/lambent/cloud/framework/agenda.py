"""What is due when: any number of things that wait for their moment, with one task that waits for the first."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Generic, TypeVar

from lambent.base.clock import Clock
from lambent.base.tasks import TaskOwner, wait_for_event

T = TypeVar("T")


class Agenda(Generic[T]):
    """Gives each thing to `due`, on the loop, once the clock has reached its moment; nothing of it is durable.

    Things of the same moment come in the order in which they were added. A thing cannot be taken back: whoever is told
    of one looks whether it still matters.
    """

    def __init__(self, clock: Clock, tasks: TaskOwner, due: Callable[[T], None]) -> None:
        self._clock = clock
        self._tasks = tasks
        self._due = due
        self._heap: list[tuple[float, int, T]] = []
        self._order = itertools.count()
        self._is_earlier = asyncio.Event()
        self._is_waiting = False

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, at: float, thing: T) -> None:
        """Have `thing` given to `due` at that moment of the clock, or in the next turn of the loop if it has passed."""
        heapq.heappush(self._heap, (at, next(self._order), thing))
        if not self._is_waiting:
            self._is_waiting = True
            self._tasks.start(self._wait(), name="agenda")
        elif self._heap[0][2] is thing:
            self._is_earlier.set()

    async def _wait(self) -> None:
        """Wait for one moment after the other, for as long as there are any."""
        try:
            while self._heap:
                self._is_earlier.clear()
                if self._heap[0][0] > self._clock.now():
                    await wait_for_event(self._is_earlier, self._clock, until=self._heap[0][0])
                now = self._clock.now()
                while self._heap and self._heap[0][0] <= now:
                    self._due(heapq.heappop(self._heap)[2])
        finally:
            self._is_waiting = False
