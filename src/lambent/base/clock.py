"""Time as an argument: what the platform waits for can be real or virtual.

Two kinds of time are kept apart. *Scheduled* time (retries, retention, idle expiry, alarms) is read and awaited
through a `Clock` and may be virtual. What a handler sees (timeouts, durations, deadlines) is always real: code that
measures those is given a `SystemClock`, whatever the platform's own clock is.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from weakref import WeakSet


class Clock(Protocol):
    """A source of time: what reads the hour and waits for it."""

    def now(self) -> float:
        """Return the moment as seconds since the epoch, UTC."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary origin, never going back."""

    async def sleep_until(self, moment: float) -> None:
        """Return once `now()` has reached `moment`, which may be at once; cancellable at any point."""


class SystemClock:
    """The real time of this machine."""

    __slots__ = ()

    def now(self) -> float:
        """Return the machine's wall clock as seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return the machine's monotonic clock in seconds."""
        return time.monotonic()

    async def sleep_until(self, moment: float) -> None:
        """Wait until the wall clock has reached `moment`."""
        # The wall clock may be stepped while we sleep, so the remainder is measured anew after each sleep.
        while (remaining := moment - time.time()) > 0:
            await asyncio.sleep(min(remaining, 3600.0))


class ClockStalled(RuntimeError):
    """Virtual time could not move on, because what was due has not been handled; the message names the tasks."""


class VirtualClock:
    """A clock that a test or a user moves; it flows with real time unless frozen. Bound to one event loop.

    `advance` goes from deadline to deadline. At each it wakes every task that waits for that moment, and goes on only
    when all they set off has been handled: a task that has waited on this clock, or was given to `attend`, counts as at
    work until it waits on this clock again, is `resting`, or ends. A task that waits for what may not come (a queue, an
    event, other tasks that wait on this clock) must therefore do so inside `resting`; `wait_for_event` does.
    """

    # A wake-up may travel through a few tasks that this clock has never seen; each step takes one turn of the loop.
    _QUIET_TURNS = 12

    def __init__(self, start: float | None = None, *, frozen: bool = False, patience_s: float = 300.0) -> None:
        self._origin = time.time() if start is None else start
        self._held: float | None = self._origin if frozen else None  # the moment at which time stands still
        self._moment_at_zero = self._origin - time.monotonic()
        self._patience_s = patience_s
        self._timers: list[tuple[float, int, asyncio.Future[None], asyncio.Task[Any] | None]] = []  # Any: any task
        self._timers_made = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._advancing: asyncio.Lock = asyncio.Lock()
        self._known: WeakSet[asyncio.Task[Any]] = WeakSet()  # Any: as above
        self._at_work: WeakSet[asyncio.Task[Any]] = WeakSet()  # Any: as above
        self._rested = asyncio.Event()

    def now(self) -> float:
        """Return the virtual moment as seconds since the epoch."""
        return self._moment_at_zero + time.monotonic() if self._held is None else self._held

    def monotonic(self) -> float:
        """Return the virtual seconds since this clock was made."""
        return self.now() - self._origin

    @property
    def frozen(self) -> bool:
        """Whether time stands still between advances."""
        return self._held is not None

    def freeze(self) -> None:
        """Let time stand still until `flow`; `advance` still moves it."""
        self._held = self.now()
        self._set_alarm()

    def flow(self) -> None:
        """Let time flow with real time again, from the moment it stands at."""
        self._moment_at_zero = self.now() - time.monotonic()
        self._held = None
        self._set_alarm()

    def next_deadline(self) -> float | None:
        """Return the earliest moment that anything waits for, or None."""
        while self._timers and self._timers[0][2].done():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    async def sleep_until(self, moment: float) -> None:
        """Return once virtual time has reached `moment`."""
        loop = self._bound_loop()
        if moment <= self.now():
            await asyncio.sleep(0)  # a loop that is always late must still let others run
            return
        timer: asyncio.Future[None] = loop.create_future()
        self._timers_made += 1
        heapq.heappush(self._timers, (moment, self._timers_made, timer, asyncio.current_task()))
        if self._timers[0][2] is timer:
            self._set_alarm()
        with self.resting():
            await timer

    async def advance(self, seconds: float) -> None:
        """Move time on by `seconds`; as `advance_to`."""
        await self.advance_to(self.now() + seconds)

    async def advance_to(self, moment: float) -> None:
        """Move time on to `moment`, deadline by deadline; return when everything due has been handled.

        Raises ValueError if `moment` has passed, and ClockStalled when something due is still being handled after
        `patience_s` seconds of real time. If cancelled, time stays where it has come to.
        """
        with self.resting():
            async with self._advancing:
                if moment < self.now():
                    raise ValueError(f"cannot go back from {self.now()} to {moment}")
                flowed = self._held is None
                self.freeze()
                try:
                    await self._settle()
                    while (deadline := self.next_deadline()) is not None and deadline <= moment:
                        self._held = max(deadline, self.now())
                        self._fire_due()
                        await self._settle()
                    self._held = moment
                finally:
                    if flowed:
                        self.flow()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Mark the current task as having nothing in hand, for as long as the context lasts."""
        task = asyncio.current_task()
        if task is None:
            yield
            return
        self._at_work.discard(task)
        self._rested.set()
        try:
            yield
        finally:
            self.attend(task)

    def attend(self, task: asyncio.Task[Any]) -> None:  # Any: as above
        """Count `task` as at work until it waits on this clock, is resting, or ends."""
        self._at_work.add(task)
        if task not in self._known:
            self._known.add(task)
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:  # Any: as above
        self._at_work.discard(task)
        self._rested.set()

    def _bound_loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError("a virtual clock belongs to one event loop")
        return loop

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        deadline = self.next_deadline()
        if self._held is None and deadline is not None and self._loop is not None:
            self._alarm = self._loop.call_later(max(0.0, deadline - self.now()), self._ring)

    def _ring(self) -> None:
        self._fire_due()
        self._set_alarm()

    def _fire_due(self) -> None:
        now = self.now()
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            _, _, timer, task = heapq.heappop(self._timers)
            timer.set_result(None)
            if task is not None:
                self.attend(task)

    async def _settle(self) -> None:
        give_up_at = time.monotonic() + self._patience_s
        quiet_turns = 0
        while quiet_turns < self._QUIET_TURNS:
            await asyncio.sleep(0)
            quiet_turns += 1
            while self._at_work:
                quiet_turns = 0
                self._rested.clear()
                await self._wait_for_rest(give_up_at)

    async def _wait_for_rest(self, give_up_at: float) -> None:
        try:
            await asyncio.wait_for(self._rested.wait(), give_up_at - time.monotonic())
        except TimeoutError:
            names = ", ".join(sorted(task.get_name() for task in self._at_work))
            raise ClockStalled(f"after {self._patience_s} s what is due is still being handled by: {names}") from None


class ManualClock(VirtualClock):
    """A virtual clock that stands still until it is advanced; for tests."""

    def __init__(self, start: float = 1_767_225_600.0) -> None:  # 2026-01-01T00:00:00Z
        super().__init__(start, frozen=True, patience_s=30.0)
