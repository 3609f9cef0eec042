"""The tasks of one mapping's polling: those that only wait go at its end, those that hold records finish."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from lambent.base.clock import Clock
from lambent.base.tasks import OwnedTask, TaskOwner, resting


class Workers:
    """Starts tasks, and has them end."""

    def __init__(self, tasks: TaskOwner, clock: Clock) -> None:
        self.has_ended = False
        """Whether no more is to be begun."""
        self._tasks = tasks
        self._clock = clock
        self._all: set[OwnedTask[None]] = set()
        self._waiting: set[asyncio.Task[Any]] = set()  # Any: nobody looks at their results

    def __len__(self) -> int:
        self._all = {each for each in self._all if not each.done}
        return len(self._all)

    def start(self, work: Coroutine[Any, Any, None], *, name: str) -> None:  # Any: asyncio's own
        """Start a task of these."""
        self._all.add(self._tasks.start(work, name=name))

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Mark the current task, for as long as the context lasts, as one that may be cancelled."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only tasks wait")
        self._waiting.add(task)
        try:
            yield
        finally:
            self._waiting.discard(task)

    async def sleep_until(self, moment: float) -> None:
        """Wait until a moment of the platform's time, or the end."""
        with self.waiting():
            await self._clock.sleep_until(moment)

    def end(self) -> None:
        """Begin no more, and end those that only wait."""
        self.has_ended = True
        for task in self._waiting:
            task.cancel()

    async def finished(self) -> None:
        """Return once every task has ended."""
        for each in tuple(self._all):
            with resting(self._clock):
                await each.ended()
