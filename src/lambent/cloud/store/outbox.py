"""Effects on other services: written with what causes them, delivered after the commit and again after a crash.

Each topic is delivered in the order of its commits, one effect at a time; an effect whose delivery fails is tried
again, with growing pauses, and holds up those behind it. A row is removed once it was delivered, so an effect whose
removal a crash prevented is delivered twice: handlers must be able to bear that.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from lambent.base.clock import Clock
from lambent.base.tasks import TaskOwner
from lambent.cloud.store.unit_of_work import Reader, Transaction
from lambent.cloud.store.writer import CommittedEffect, Writer

_log = logging.getLogger(__name__)
EffectHandler = Callable[[str], Awaitable[None]]

SCHEMA = """
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL
);
"""
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 60.0


def pause_after(failures: int) -> float:
    """Return the seconds to wait after that many failed deliveries of one effect.

    >>> [pause_after(count) for count in (1, 2, 3, 20)]
    [0.1, 0.2, 0.4, 60.0]
    """
    return min(_FIRST_PAUSE_S * 2.0 ** min(failures - 1, 30), _LONGEST_PAUSE_S)


class Outbox:
    """Delivers committed effects to the handlers of their topics."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self._tasks = TaskOwner("outbox", clock=clock)
        self._handlers: dict[str, EffectHandler] = {}
        self._waiting: dict[str, deque[int]] = {}
        self._at_work: set[str] = set()
        self._delivered: list[int] = []
        self._removing = False
        self._writer: Writer | None = None

    def load(self) -> None:
        """Take up what an earlier run left; called once, before the first write."""
        for row_id, topic in self._reader.all("SELECT id, topic FROM outbox ORDER BY id"):
            self._waiting.setdefault(str(topic), deque()).append(int(row_id or 0))

    def register(self, topic: str, handler: EffectHandler) -> None:
        """Have the effects of `topic` given to `handler`, which may see one twice and must raise if it failed."""
        if topic in self._handlers:
            raise ValueError(f"the outbox topic {topic} has a handler already")
        self._handlers[topic] = handler
        self._deliver(topic)

    def start(self, writer: Writer) -> None:
        """Begin to deliver, what an earlier run left first."""
        self._writer = writer
        for topic in self._waiting:
            if topic not in self._handlers:
                _log.warning("the outbox keeps effects for %s, which nobody handles", topic)
            self._deliver(topic)

    def committed(self, effects: Sequence[CommittedEffect]) -> None:
        """Take up effects that a commit has just made durable."""
        for effect in effects:
            self._waiting.setdefault(effect.topic, deque()).append(effect.row_id)
        for topic in dict.fromkeys(effect.topic for effect in effects):
            self._deliver(topic)

    def pending(self) -> int:
        """Return how many effects have not been delivered."""
        return sum(len(rows) for rows in self._waiting.values())

    async def close(self) -> None:
        """Stop delivering; what was not delivered waits for the next run."""
        await self._tasks.aclose()
        if self._writer is not None:
            await self._remove(self._writer)

    def _deliver(self, topic: str) -> None:
        handler = self._handlers.get(topic)
        if self._writer is None or handler is None or topic in self._at_work or not self._waiting.get(topic):
            return
        self._at_work.add(topic)
        self._tasks.start(self._deliver_all(topic, handler, self._writer), name=topic)

    async def _deliver_all(self, topic: str, handler: EffectHandler, writer: Writer) -> None:
        waiting = self._waiting[topic]
        try:
            while waiting:
                await self._deliver_one(topic, handler, waiting[0])
                self._delivered.append(waiting.popleft())
                # Removing does not hold up the next delivery: those that finish meanwhile share the next commit.
                if not self._removing:
                    self._removing = True
                    self._tasks.start(self._remove(writer), name="removal")
        finally:
            self._at_work.discard(topic)

    async def _deliver_one(self, topic: str, handler: EffectHandler, row_id: int) -> None:
        row = self._reader.one("SELECT payload FROM outbox WHERE id = ?", (row_id,))
        failures = 0
        while row is not None:
            try:
                await handler(str(row[0]))
            except Exception as error:  # noqa: BLE001 - whatever the handler could not do is tried again
                failures += 1
                _log.warning("delivery %d of an effect for %s failed", failures, topic, exc_info=error)
                await self._clock.sleep_until(self._clock.now() + pause_after(failures))
            else:
                return

    async def _remove(self, writer: Writer) -> None:
        try:
            while rows := self._delivered:
                self._delivered = []
                await writer.write(_removal(rows))
        finally:
            self._removing = False


def _removal(rows: Sequence[int]) -> Callable[[Transaction], None]:
    def remove(transaction: Transaction) -> None:
        transaction.executemany("DELETE FROM outbox WHERE id = ?", [(row_id,) for row_id in rows])

    return remove
