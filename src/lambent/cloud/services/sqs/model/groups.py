"""Which messages of a FIFO queue may be received: group by group, each locked while one of its messages is in flight.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

_NO_END = 1 << 62

Head = Callable[[str], "tuple[int, int] | None"]
"""Returns the number of a group's first message and when that can be received; None where the group is empty."""


@dataclass(slots=True)
class _Group:
    in_flight: dict[int, int] = field(default_factory=dict)  # until when, by number
    ready_at: int | None = None  # the number of the first message, where the group stands among the ready


class Groups:
    """The groups of one FIFO queue: what is known of them without reading their messages.

    Times are milliseconds. `head` reads a group's first message.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._groups: dict[str, _Group] = {}
        self._ready: list[tuple[int, str]] = []
        self._timers: list[tuple[int, str]] = []

    def sent(self, group: str, number: int, visible_ms: int, now_ms: int) -> None:
        """Note a message that was sent to a group."""
        if group not in self._groups:
            self._groups[group] = _Group()
            self._expect(group, number, visible_ms, now_ms)

    def in_flight(self, group: str, number: int, until_ms: int) -> None:
        """Note that a message is in flight, which locks its group; or until when it is now."""
        known = self._groups.setdefault(group, _Group())
        known.in_flight[number] = until_ms
        known.ready_at = None
        heapq.heappush(self._timers, (until_ms, group))

    def lock(self, group: str, number: int) -> None:
        """Lock a group while one of its messages is received or moved, until `in_flight` or `ended` is said of it."""
        known = self._groups.setdefault(group, _Group())
        known.in_flight[number] = _NO_END
        known.ready_at = None

    def ended(self, group: str, number: int, now_ms: int) -> bool:
        """Note that a message is no longer in flight, or no longer there; returns whether the group can be received."""
        known = self._groups.get(group)
        if known is None:
            return False
        known.in_flight.pop(number, None)
        self._unlock(group, known, now_ms)
        return known.ready_at is not None

    def next_ready(self, now_ms: int) -> str | None:
        """Return the group that can be received whose first message is the oldest, or None.

        Whoever takes messages of it says so by `in_flight`, and otherwise calls `look_again`: it is not returned twice.
        """
        self._pass_time(now_ms)
        while self._ready:
            number, group = heapq.heappop(self._ready)
            known = self._groups.get(group)
            if known is not None and known.ready_at == number:
                known.ready_at = None
                return group
        return None

    def look_again(self, group: str, now_ms: int) -> None:
        """Read anew where a group begins, unless it is locked."""
        self._unlock(group, self._groups.setdefault(group, _Group()), now_ms)

    def next_change_ms(self, now_ms: int) -> int | None:
        """Return when a group may next become ready by itself, or None."""
        self._pass_time(now_ms)
        return self._timers[0][0] if self._timers else None

    def _expect(self, group: str, number: int, visible_ms: int, now_ms: int) -> None:
        if visible_ms > now_ms:
            heapq.heappush(self._timers, (visible_ms, group))
            return
        self._groups[group].ready_at = number
        heapq.heappush(self._ready, (number, group))

    def _pass_time(self, now_ms: int) -> None:
        while self._timers and self._timers[0][0] <= now_ms:
            _, group = heapq.heappop(self._timers)
            known = self._groups.get(group)
            if known is not None and known.ready_at is None:
                self._unlock(group, known, now_ms)

    def _unlock(self, group: str, known: _Group, now_ms: int) -> None:
        known.in_flight = {number: until for number, until in known.in_flight.items() if until > now_ms}
        if known.in_flight or known.ready_at is not None:
            return
        head = self._head(group)
        if head is None:
            del self._groups[group]
        else:
            self._expect(group, *head, now_ms)
