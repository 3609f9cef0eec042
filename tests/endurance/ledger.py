"""What was accepted, what was handled and what lies in dead-letter queues, as those outside of the platform know it.

Everything is noted line by line, so that the lines that were written before some moment tell what was known by then.
What AWS does not allow is found while it is noted:

- Within a FIFO queue's group, and among the changes of an item, no record is given before one that came earlier.
- What stands behind a message of a group is given only when that message is gone, and then it stays gone. The changes
  of an item may come again from an earlier one on where the poller itself was killed.
- A deduplication id is delivered as one message, however often it was sent within five minutes.
- A message that was received is hidden for its visibility timeout, also while the platform is killed and starts again.
- No message is received more often than its redrive policy says.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.endurance.system import SINKS, Sink

Line = Mapping[str, Any]  # Any: JSON
_NUMBER = re.compile(r"_(\d+)")
_SLACK_MS = 100.0


def number_of(name: str) -> int:
    """Return the number of an event: those of a flow are counted.

    >>> number_of("evt_orders_17_poison")
    17
    """
    found = _NUMBER.search(name)
    if found is None:
        raise ValueError(f"not an event's name: {name}")
    return int(found.group(1))


@dataclass(slots=True)
class Order:
    """The order in which the records of one group were given: all so far, and where the last batch began."""

    seen: set[int] = field(default_factory=set)
    newest: int = -1
    began: int = -1

    def give(self, numbers: Sequence[int]) -> str | None:
        """Take the numbers that one batch had of the group; return what is wrong with them.

        >>> order = Order()
        >>> order.give([1, 2]), order.give([2, 4]), order.give([3]), order.give([1])
        (None, None, '3 for the first time, after 4', '1 after a batch from 3 on')
        >>> order.give([6, 5])
        '[6, 5] in one batch'
        """
        newest = self.newest
        late = [number for number in numbers if number < newest and number not in self.seen]
        wrong = None
        if list(numbers) != sorted(set(numbers)):
            wrong = f"{list(numbers)} in one batch"
        elif late:
            wrong = f"{late[0]} for the first time, after {newest}"
        elif numbers[0] < self.began:
            wrong = f"{numbers[0]} after a batch from {self.began} on"
        self.began = max(self.began, numbers[0])
        self.seen.update(numbers)
        self.newest = max(newest, *numbers)
        return wrong


@dataclass(slots=True)
class Place:
    """What came to one sink."""

    sink: Sink
    owed: int = 0
    handled: Counter[str] = field(default_factory=Counter)
    letters: dict[str, int] = field(default_factory=dict)
    """What lies in its dead-letter queue, each with how often it was received by then."""
    messages: dict[str, str] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    failures: int = 0


class Ledger:
    """Notes lines; `keep`, where it is given, gets each line first, to keep it in order with other things."""

    def __init__(self, visibility_s: float, keep: Callable[[bytes], None] | None = None) -> None:
        self.accepted: dict[str, set[str]] = {sink.flow: set() for sink in SINKS.values()}
        self.places = {name: Place(sink) for name, sink in SINKS.items()}
        self.ticks: Counter[str] = Counter()
        self.happened: Counter[str] = Counter()
        self.violations: Counter[str] = Counter()
        self._sequences: dict[str, str] = {}
        self._gentle_ms = 0.0
        self._visibility_ms = visibility_s * 1000
        self._keep = keep
        self._lock = threading.Lock()

    def note(self, line: str) -> None:
        """Take one line: what was accepted, given to a function, found in a queue, or done to the platform."""
        with self._lock:
            if self._keep is not None:
                self._keep(line.encode() + b"\n")
            self.take(json.loads(line))

    def accept(self, flow: str, names: Sequence[str]) -> None:
        """Note events that were answered with 2xx."""
        self.note(json.dumps({"accepted": flow, "names": list(names)}))

    def happen(self, what: str, at_s: float = 0.0) -> None:
        """Note that the platform, or one of its processes, was killed or stopped."""
        self.note(json.dumps({"happened": what, "at_s": at_s}))

    def find(self, sink: str, names: Mapping[str, int]) -> None:
        """Note what was found in a sink's queue, each with how often it had been received."""
        self.note(json.dumps({"found": sink, "names": names}))

    def complain(self, what: str) -> None:
        """Note what must not be."""
        with self._lock:
            self.violations[what] += 1

    def take(self, line: Line) -> None:
        """Take one line's contents."""
        if "accepted" in line:
            self._accept(line["accepted"], line["names"])
        elif "found" in line:
            self.places[line["found"]].letters.update(line["names"])
        elif "happened" in line:
            self.happened[line["happened"]] += 1
            self._go_on(line["happened"], line["at_s"])
        elif line["sink"] == "ticks":
            self.ticks.update(given[0] for given in line["given"])
        else:
            self._give(line["sink"], line["given"])

    def waiting(self, flow: str) -> int:
        """Return how many of a flow's events are not settled yet, at the sink that is furthest behind."""
        with self._lock:
            places = [place for place in self.places.values() if place.sink.flow == flow]
            return max(place.owed - len(place.handled) - len(place.letters) for place in places)

    def missing(self, sink: str) -> set[str]:
        """Return what was accepted and is neither handled at a sink nor in its dead-letter queue."""
        with self._lock:
            place = self.places[sink]
            settled = place.handled.keys() | place.letters.keys()
            return {name for name in self.accepted[place.sink.flow] - settled if place.sink.is_owed(name)}

    def given_up(self, first: str, last: str) -> list[str]:
        """Return the items whose changes have the sequence numbers from the first to the last."""
        with self._lock:
            return [name for number, name in self._sequences.items() if int(first) <= int(number) <= int(last)]

    def restart_orders(self) -> None:
        """Forget in which order records were given: a power cut has brought back an earlier state."""
        for place in self.places.values():
            place.orders.clear()

    def _accept(self, flow: str, names: Sequence[str]) -> None:
        new = set(names) - self.accepted[flow]
        self.accepted[flow] |= new
        for place in self.places.values():
            if place.sink.flow == flow:
                place.owed += sum(map(place.sink.is_owed, new))

    def _give(self, sink: str, given: Iterable[Sequence[Any]]) -> None:  # Any: JSON
        place = self.places[sink]
        groups: dict[int, list[int]] = {}
        for name, went, message, count, first_ms, at_ms in given:
            place.handled.update([name] if went else ())
            place.failures += not went
            if sink == "items":
                self._sequences[message] = name
            if place.sink.groups:
                number = number_of(name)
                groups.setdefault(number % place.sink.groups, []).append(number)
            if count:
                self._check_message(sink, name, message, count)
                self._check_hidden(sink, name, count, float(first_ms), at_ms)
        for group, numbers in groups.items():
            order = place.orders.setdefault(group, Order())
            wrong = order.give(numbers)
            if wrong:
                self.violations[f"{sink}: group {group}: {wrong}"] += 1

    def _go_on(self, what: str, at_s: float) -> None:
        if what == "platform stopped":
            self._gentle_ms = max(self._gentle_ms, at_s * 1000)
        if what.startswith("platform"):
            for order in self.places["items"].orders.values():
                order.began = -1

    def _check_message(self, sink: str, name: str, message: str, count: int) -> None:
        place = self.places[sink]
        known = place.messages.setdefault(name, message) if place.sink.groups else message
        if known != message:
            self.violations[f"{sink}: {name} was delivered as two messages"] += 1
        if count > place.sink.limit:
            self.violations[f"{sink}: {name} was received {count} times"] += 1

    def _check_hidden(self, sink: str, name: str, count: int, first_ms: float, at_ms: float) -> None:
        # A poller that is ended gives back at once what it has not handed to a function.
        if first_ms > self._gentle_ms and at_ms < first_ms + (count - 1) * self._visibility_ms - _SLACK_MS:
            self.violations[f"{sink}: {name} was received again before its visibility timeout was over"] += 1
