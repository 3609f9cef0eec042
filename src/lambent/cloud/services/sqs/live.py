"""Queues as the platform works with them: what is stored of them, and what is only known while it runs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from functools import partial

from lambent.cloud.services.sqs import errors, message_repository, repository
from lambent.cloud.services.sqs.message_repository import Receive
from lambent.cloud.services.sqs.model.groups import Groups
from lambent.cloud.services.sqs.model.message import State
from lambent.cloud.services.sqs.model.queue import Address, Queue
from lambent.cloud.store.unit_of_work import Reader


class LiveQueue:
    """A queue, who waits for its messages, and which of them are being received or removed just now.

    `taken` are the numbers of messages whose receive is not written yet: nobody else receives them. `in_flight` is at
    least how many messages are in flight, None where they have not been counted. `attempts` are the receives of the
    last five minutes that named themselves.
    """

    __slots__ = ("_groups", "attempts", "in_flight", "is_gone", "queue", "taken", "waiting")

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.is_gone = False
        self.waiting: deque[Waiter] = deque()
        self.taken: set[int] = set()
        self.in_flight: int | None = None
        self.attempts: dict[str, Attempt] = {}
        self._groups: Groups | None = None

    def change(self, queue: Queue) -> None:
        """Go on with the queue as it is stored now."""
        if queue.box != self.queue.box:
            self.in_flight = None
            self.attempts.clear()
            self._groups = None
        self.queue = queue
        self.wake_all()

    def wake(self, count: int) -> None:
        """Let as many of those who wait look for messages, the first of them first."""
        for _ in range(min(count, len(self.waiting))):
            self.waiting.popleft().woken.set()

    def wake_all(self) -> None:
        """Let all who wait look for messages, and reckon anew until when they wait."""
        self.wake(len(self.waiting))

    def wake_later_than(self, moment: float) -> None:
        """Let those reckon anew who would not look by a moment at which a message may become visible."""
        late = [each for each in self.waiting if each.until > moment]
        if late:
            self.waiting = deque(each for each in self.waiting if each.until <= moment)
            for each in late:
                each.woken.set()

    def groups(self, reader: Reader, now_ms: int) -> Groups:
        """Return the groups of a FIFO queue, read when they are first asked for."""
        if self._groups is None:
            box = self.queue.box
            self._groups = found = Groups(partial(_head, reader, box))
            for state in message_repository.in_flight(reader, box, now_ms):
                found.in_flight(state.ordered_in or "", state.number, state.visible_ms)
            for group, _ in message_repository.groups(reader, box):
                found.look_again(group, now_ms)
        return self._groups

    def known_groups(self) -> Groups | None:
        """Return the groups, if anybody has asked for them: until then nobody need tell them anything."""
        return self._groups


class Waiter:
    """A receiver that waits: for `woken`, until a moment of the platform's clock."""

    __slots__ = ("until", "woken")

    def __init__(self, until: float) -> None:
        self.until = until
        self.woken = asyncio.Event()


class Attempt:
    """What a receive returned that named itself, so that it can be repeated."""

    __slots__ = ("at_ms", "states")

    def __init__(self, at_ms: int, states: list[State]) -> None:
        self.at_ms = at_ms
        self.states = states


def receive_of(state: State) -> Receive:
    """Return what is written of a message that was received."""
    return (state.number, state.visible_ms, state.received, state.first_ms or 0)


class Queues:
    """Every queue that was asked for, by account, region and name."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._live: dict[Address, LiveQueue] = {}

    def __iter__(self) -> Iterator[LiveQueue]:
        return iter(list(self._live.values()))

    def find(self, address: Address) -> LiveQueue | None:
        """Return the queue, or None where there is none."""
        found = self._live.get(address)
        if found is None:
            queue = repository.queue(self._reader, address)
            if queue is not None:
                found = self._live[address] = LiveQueue(queue)
        return found

    def waiting(self, address: Address) -> int:
        """Return how many receivers wait for a queue's messages."""
        known = self._live.get(address)
        return 0 if known is None else len(known.waiting)

    def the(self, address: Address) -> LiveQueue:
        """Return the queue; raises NonExistentQueue."""
        found = self.find(address)
        if found is None:
            raise errors.no_such_queue()
        return found

    def changed(self, address: Address) -> None:
        """Read anew what is stored of a queue."""
        known = self._live.get(address)
        queue = repository.queue(self._reader, address)
        if known is None:
            return
        if queue is None or queue.id != known.queue.id:
            del self._live[address]
            known.is_gone = True
            known.wake_all()
        else:
            known.change(queue)


def _head(reader: Reader, box: int, group: str) -> tuple[int, int] | None:
    found = message_repository.in_group(reader, box, group, 1)
    return (found[0].number, found[0].visible_ms) if found else None
