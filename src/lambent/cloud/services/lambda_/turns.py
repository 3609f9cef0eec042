"""Whose turn it is among accepted events: as many are tried as leave the acceptance of others quick.

AWS's pollers try more and more events at a time while that goes well. Here callers, accepted events and the functions
themselves share a few cores, so "well" is measured where all of it is felt: by how long it takes until a change of an
event is durable and told, against the quickest that was seen, which is the disk's own part. While events wait for their
turn this is looked at every so often, and two numbers grow or shrink. One is how many are tried at once: a function
that only waits (for a database, a sleep) soon has all it may have; one that computes gets no more than the cores can
serve. The other is how many may begin between two looks: a function that does next to nothing is over at once, and a
few of it at a time would still take all the time there is. Events that arrive go first, then, but one is tried for
every few that are accepted, however many come.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from lambent.base.tasks import TaskOwner
from lambent.cloud.services.lambda_.model.event import FunctionKey, QueuedEvent, key_of

_log = logging.getLogger(__name__)
# Of one function: enough to fill any pool here, without starting an environment for each of ten thousand events.
_MOST_OF_ONE_FUNCTION: Final = 100
_LEAST_AT_ONCE: Final = 8
_LEAST_BEGUN: Final = 4
_ARRIVED_FOR_ONE_BEGUN: Final = 4
UNLIMITED: Final = 10_000
"""How many events may begin between two looks where acceptance is no reason to hold any back."""
_LOOK_EVERY_S: Final = 0.02
_SLACK_S: Final = 0.005

# What waits is kept in memory up to this; of the rest only the numbers are, and an event is read when its turn comes.
_MOST_BYTES_KEPT: Final = 2_000_000
_BYTES_OF_ONE: Final = 700


@dataclass(frozen=True, slots=True)
class Seen:
    """What happened between two looks: how many events arrived and began, how long the slowest change took (so far)."""

    arrived: int = 0
    """One at least where any waits to be accepted."""
    begun: int = 0
    took_s: float | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How many events are tried at once, how many may begin until the next look, and the quickest change seen."""

    at_once: int = _LEAST_AT_ONCE
    begins: int = UNLIMITED
    quickest_s: float = 1.0

    def after(self, seen: Seen) -> Pace:
        """Return the pace from now on.

        >>> Pace(8, 40, 0.002).after(Seen(arrived=40, begun=30, took_s=0.003))
        Pace(at_once=9, begins=46, quickest_s=0.002004)
        >>> Pace(100, 40, 0.002).after(Seen(arrived=40, begun=30, took_s=0.02))
        Pace(at_once=50, begins=15, quickest_s=0.002004)
        >>> Pace(8, 10, 0.002).after(Seen(arrived=80, begun=10, took_s=0.02)).begins
        20
        >>> Pace(8, 40, 0.002).after(Seen(arrived=0, begun=40, took_s=0.02)).begins
        80
        """
        # It drifts upwards, so that one lucky change does not count for ever.
        drifted_s = self.quickest_s * 1.002
        quickest_s = drifted_s if seen.took_s is None else min(seen.took_s, drifted_s)
        is_slow = seen.took_s is not None and seen.took_s > 3 * quickest_s + _SLACK_S
        is_held_back = seen.begun >= self.begins  # then more at a time would only begin sooner what they may begin
        at_once = max(_LEAST_AT_ONCE, self.at_once // 2) if is_slow else self.at_once + (not is_held_back)
        if not seen.arrived:
            begins = min(UNLIMITED, self.begins * 2)
        elif is_slow:
            begins = max(_LEAST_BEGUN, seen.arrived // _ARRIVED_FOR_ONE_BEGUN, min(seen.begun, self.begins) // 2)
        else:
            begins = min(UNLIMITED, self.begins + self.begins // 8 + 1)
        return Pace(at_once, begins, quickest_s)


class Waiting:
    """The events that wait for a turn, in order of acceptance for each function; functions take theirs in rotation.

    However many wait, and however large they are, memory holds no more than the first of them, and of the others where
    they are kept.
    """

    def __init__(self) -> None:
        self.count = 0
        """How many wait."""
        self._events: dict[FunctionKey, deque[QueuedEvent | int]] = {}
        self._rotation: deque[FunctionKey] = deque()  # functions that have events waiting and may begin one more
        self._tried: dict[FunctionKey, int] = {}
        self._kept_bytes = 0

    def __bool__(self) -> bool:
        """Tell whether `take` would return an event."""
        return bool(self._rotation)

    def add(self, event: QueuedEvent) -> None:
        """Put an event behind those of its function."""
        size = _size(event)
        if self._kept_bytes + size > _MOST_BYTES_KEPT:
            self.add_number(key_of(event), event.number)
            return
        self._kept_bytes += size
        self._add(key_of(event), event)

    def add_number(self, key: FunctionKey, number: int) -> None:
        """Put an event behind those of its function by its number alone."""
        self._add(key, number)

    def _add(self, key: FunctionKey, event: QueuedEvent | int) -> None:
        self.count += 1
        events = self._events.get(key)
        if events is None:
            self._events[key] = deque((event,))
            if self._tried.get(key, 0) < _MOST_OF_ONE_FUNCTION:
                self._rotation.append(key)
        else:
            events.append(event)

    def take(self) -> tuple[FunctionKey, QueuedEvent | int] | None:
        """Return the event whose turn it is, or its number, and its function; None where there is none.

        It counts as being tried until `leave`.
        """
        if not self._rotation:
            return None
        key = self._rotation.popleft()
        events = self._events[key]
        event = events.popleft()
        self.count -= 1
        tried = self._tried[key] = self._tried.get(key, 0) + 1
        if not events:
            del self._events[key]
        elif tried < _MOST_OF_ONE_FUNCTION:
            self._rotation.append(key)
        if not isinstance(event, int):
            self._kept_bytes -= _size(event)
        return key, event

    def leave(self, key: FunctionKey) -> None:
        """Count an event of a function as tried."""
        tried = self._tried[key] - 1
        if tried == _MOST_OF_ONE_FUNCTION - 1 and key in self._events:
            self._rotation.append(key)
        if tried:
            self._tried[key] = tried
        else:
            del self._tried[key]


def _size(event: QueuedEvent) -> int:
    return _BYTES_OF_ONE + len(event.payload) + len(event.client_context or "")


class Turns:
    """Tries events, each by one of a few tasks that go from one to the next."""

    def __init__(
        self,
        attempt: Callable[[QueuedEvent], Awaitable[None]],
        tasks: TaskOwner,
        *,
        read: Callable[[int], QueuedEvent | None],
        now: Callable[[], float],
    ) -> None:
        self._attempt = attempt
        self._tasks = tasks
        self._read = read
        self._now = now
        self._waiting = Waiting()
        self._at_work = 0
        self._starting = 0
        self._pace = Pace()
        self._accepting = 0
        self._arrived = 0
        self._accepted_at = 0.0
        self._begun = 0
        self._took_s: float | None = None
        self._look: asyncio.TimerHandle | None = None
        self._has_stopped = False
        self._held_back: list[asyncio.Future[None]] = []

    def add(self, event: QueuedEvent) -> None:
        """Have an event tried when its turn comes."""
        self._waiting.add(event)
        self._start_some()

    def add_number(self, key: FunctionKey, number: int) -> None:
        """Have the event of that number, which is one of the function's, tried when its turn comes."""
        self._waiting.add_number(key, number)
        self._start_some()

    @property
    def are_full(self) -> bool:
        """Whether an event would have to wait for its turn."""
        return bool(self._waiting.count) or self._at_work >= self._pace.at_once

    def stop(self) -> None:
        """Begin no more; who is at work is ended by the owner of the tasks."""
        self._has_stopped = True
        if self._look is not None:
            self._look.cancel()

    def expect(self, now: float) -> None:
        """Tell that an event begins to be accepted: it will be told of by `accepted`, unless by `refused`."""
        if not self._accepting:
            self._accepted_at = now
        self._accepting += 1
        self._arrived += 1

    def refused(self) -> None:
        """Tell that an event could not be accepted."""
        self._accepting -= 1

    def accepted(self, began: float, now: float) -> None:
        """Tell that an event is durable, and when it began to be accepted."""
        self._accepting -= 1
        self._accepted_at = now
        self.note(now - began)

    def note(self, took_s: float) -> None:
        """Tell how long it took until a change of an event was durable."""
        if self._took_s is None or took_s > self._took_s:
            self._took_s = took_s

    def _start_some(self) -> None:
        if self._has_stopped:
            return
        # No more than there are events: a task that begins takes the first, and more of them would find nothing to do.
        while self._waiting and self._at_work < self._pace.at_once and self._starting < self._waiting.count:
            self._at_work += 1
            self._starting += 1
            self._tasks.start(self._work(), name="attempts")
        if self._waiting:
            self._look_later()

    async def _work(self) -> None:
        """Try one event after the other for as long as there are any, and no more tasks at work than should be."""
        self._starting -= 1
        try:
            while self._at_work <= self._pace.at_once:
                while self._begun >= self._pace.begins and self._waiting:
                    await self._next_look()
                taken = self._waiting.take()
                if taken is None:
                    break
                self._begun += 1
                await self._try(*taken)
        finally:
            self._at_work -= 1
            if self._waiting:
                self._look_later()  # those who go on may take long: there may be room for more by then
            if not self._at_work:
                self._pace = replace(Pace(), quickest_s=self._pace.quickest_s)  # what comes next may be of another kind

    async def _try(self, key: FunctionKey, taken: QueuedEvent | int) -> None:
        event = None
        try:
            event = self._read(taken) if isinstance(taken, int) else taken
            if event is not None:
                await self._attempt(event)
        except Exception:  # noqa: BLE001 - outermost guard: the event is kept, and others have their turns
            _log.exception("event %s is left for the next start", taken if event is None else event.request_id)
        finally:
            self._waiting.leave(key)

    async def _next_look(self) -> None:
        self._look_later()
        look = asyncio.get_running_loop().create_future()
        self._held_back.append(look)
        await look

    def _look_later(self) -> None:
        if self._look is None and not self._has_stopped:
            self._arrived, self._took_s = 0, None
            self._look = asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._look_back)

    def _look_back(self) -> None:
        self._look = None
        if self._accepting:
            self.note(self._now() - self._accepted_at)  # so long none has been accepted
        arrived = max(self._arrived, bool(self._accepting))
        self._pace = self._pace.after(Seen(arrived, self._begun, self._took_s))
        self._begun = 0
        held_back, self._held_back = self._held_back, []
        for look in held_back:
            if not look.done():
                look.set_result(None)
        self._start_some()
