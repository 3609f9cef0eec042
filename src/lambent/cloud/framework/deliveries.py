"""Deliveries with retries: written with what causes them, tried until they are settled, again after a crash.

Where the store's outbox carries one effect after the other, here many are under way at once, one that must be tried
again waits without holding up others, and those of one key keep their order. A crash may have one delivered twice.
"""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from lambent.base.clock import Clock
from lambent.base.tasks import TaskOwner, resting
from lambent.cloud.framework.agenda import Agenda
from lambent.cloud.framework.faults.kind import FaultKind
from lambent.cloud.framework.faults.strikes import NEVER, Strikes
from lambent.cloud.store.errors import StoreError
from lambent.cloud.store.outbox import pause_after
from lambent.cloud.store.unit_of_work import SqlValue, Store, Transaction

_log = logging.getLogger(__name__)
_SCRIPTS = (Path(__file__).with_name("deliveries.sql"),)
_COMPONENT = "deliveries"
# What waits is kept in memory up to this; of the rest only the numbers are, and a row is read when its turn comes.
_MOST_BYTES_KEPT: Final = 2_000_000
_BYTES_OF_ONE: Final = 400
_UNWRITTEN_PAUSE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery as it is tried: what to whom is in the payload, in the service's own words.

    `attempts` counts those that have failed; `accepted_at` is when it was added.
    """

    number: int
    payload: bytes
    key: str
    accepted_at: float
    due_at: float
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """The delivery is owed no more; `then` is written in the commit that removes it, and must not raise."""

    then: Callable[[Transaction], None] | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """The delivery is tried again at this moment of the platform's clock."""

    at: float


@dataclass(frozen=True, slots=True)
class Addition:
    """A delivery to be added; one with a key goes behind those of the same key, one with `due_at` not before then."""

    payload: bytes
    key: str = ""
    due_at: float | None = None


Attempt = Callable[[Delivery], Awaitable[Settled | Retry]]


@dataclass(slots=True)
class _Waiting:
    """A delivery that is not under way: itself where it is kept in memory, else what finds it."""

    number: int
    key: str
    delivery: Delivery | None


class Deliveries:
    """The deliveries of one service, under a name of their own.

    `attempt` may see one twice; what it raises is logged, and it is tried again after a growing pause.
    """

    def __init__(self, name: str, store: Store, clock: Clock, attempt: Attempt, at_once: int = 64) -> None:
        self._name = name
        self._store = store
        self._clock = clock
        self._attempt = attempt
        self._at_once = at_once
        self._tasks = TaskOwner(f"{name} deliveries", clock=clock)
        self._agenda: Agenda[_Waiting] = Agenda(clock, self._tasks, self._make_ready)
        self._ready: deque[_Waiting] = deque()
        self._behind: dict[str, deque[_Waiting]] = {}  # by key: those that wait for one of the same key
        self._numbers = itertools.count(1)
        self._kept_bytes = 0
        self._at_work = 0
        self._settled: list[int] = []
        self._is_removing = False
        self._has_started = False
        self._has_stopped = False
        self._strikes = NEVER
        self._sources_of: Callable[[bytes], Sequence[str]] = lambda _: ()

    def expose_to(self, strikes: Strikes, sources_of: Callable[[bytes], Sequence[str]]) -> None:
        """Have faults on purpose strike deliveries that come of a source, as `sources_of` reads it from a payload.

        They come twice, or are held back while others go ahead; those with a key, which keep their order, never are.
        """
        self._strikes = strikes
        self._sources_of = sources_of

    def add(self, transaction: Transaction, payload: bytes, key: str = "", due_at: float | None = None) -> None:
        """Add one delivery in a unit of work; it is tried once that is durable."""
        self.add_all(transaction, [Addition(payload, key, due_at)])

    def add_all(self, transaction: Transaction, additions: Sequence[Addition]) -> None:
        """Add deliveries in a unit of work, in their order; they are tried once that is durable."""
        now = self._clock.now()
        added = [
            Delivery(next(self._numbers), each.payload, each.key, now, now if each.due_at is None else each.due_at)
            for each in additions
        ]
        transaction.executemany(
            "INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?, 0)",
            [(self._name, one.number, one.key, one.payload, one.accepted_at, one.due_at) for one in added],
        )
        transaction.after_commit(partial(self._take_up, added))

    async def start(self) -> None:
        """Make the table, and take up what an earlier run left; called once, before anything is added."""
        await self._store.migrate(_COMPONENT, [script.read_text(encoding="utf-8") for script in _SCRIPTS])
        rows = self._store.read.all(
            "SELECT number, key, due_at FROM deliveries WHERE queue = ? ORDER BY number", (self._name,)
        )
        self._has_started = True
        for number, key, due_at in rows:
            self._line_up(_Waiting(int(str(number)), str(key), None), float(str(due_at)))
        if rows:
            self._numbers = itertools.count(int(str(rows[-1][0])) + 1)

    async def stop(self) -> None:
        """Begin no more and end what is under way, which is tried again after the next start."""
        self._has_stopped = True
        await self._tasks.aclose()
        await self._remove()

    def pending(self) -> int:
        """Return how many are owed."""
        row = self._store.read.one("SELECT count(*) FROM deliveries WHERE queue = ?", (self._name,))
        return 0 if row is None else int(str(row[0]))

    # ── whose turn it is ──

    def _take_up(self, added: Sequence[Delivery]) -> None:
        if self._has_stopped:
            return  # they are durable, and taken up by the next start
        for delivery in added:
            held_back_s = self._held_back_s(delivery) if self._strikes.active else 0.0
            self._line_up(self._kept(delivery), delivery.due_at + held_back_s)

    def _kept(self, delivery: Delivery) -> _Waiting:
        size = _BYTES_OF_ONE + len(delivery.payload)
        if self._kept_bytes + size > _MOST_BYTES_KEPT:
            return _Waiting(delivery.number, delivery.key, None)
        self._kept_bytes += size
        return _Waiting(delivery.number, delivery.key, delivery)

    def _line_up(self, waiting: _Waiting, due_at: float) -> None:
        """Have a delivery tried when it is due, unless one of its key comes first."""
        if waiting.key:
            behind = self._behind.get(waiting.key)
            if behind is not None:
                behind.append(waiting)
                return
            self._behind[waiting.key] = deque()
        if due_at > self._clock.now():
            self._agenda.add(due_at, waiting)
        else:
            self._make_ready(waiting)

    def _make_ready(self, waiting: _Waiting) -> None:
        self._ready.append(waiting)
        if self._at_work < self._at_once and not self._has_stopped:
            self._at_work += 1
            self._tasks.start(self._work(), name="attempts")

    def _let_next(self, key: str) -> None:
        """Give the turn to the next of a key."""
        behind = self._behind.get(key)
        if not behind:
            self._behind.pop(key, None)
            return
        following = behind.popleft()
        delivery = self._whole(following)
        if delivery is not None and delivery.due_at > self._clock.now():
            self._agenda.add(delivery.due_at, following)
        else:
            self._make_ready(following)

    async def _work(self) -> None:
        """Try one after the other for as long as any is ready."""
        try:
            while self._ready and not self._has_stopped:
                waiting = self._ready.popleft()
                delivery = self._whole(waiting)
                if waiting.delivery is not None:
                    self._kept_bytes -= _BYTES_OF_ONE + len(waiting.delivery.payload)
                if delivery is not None:
                    await self._try(delivery)
        finally:
            self._at_work -= 1

    def _whole(self, waiting: _Waiting) -> Delivery | None:
        if waiting.delivery is not None:
            return waiting.delivery
        row = self._store.read.one(
            "SELECT payload, accepted_at, due_at, attempts FROM deliveries WHERE queue = ? AND number = ?",
            (self._name, waiting.number),
        )
        return None if row is None else _delivery(waiting, row)

    # ── what comes of it ──

    async def _try(self, delivery: Delivery) -> None:
        try:
            if self._strikes.active and self._comes_twice(delivery):
                await self._attempt(delivery)  # what comes of the first is not known, as after a crash
            outcome = await self._attempt(delivery)
        except Exception:  # noqa: BLE001 - whatever it was, the delivery is owed: it is tried again
            _log.exception("a delivery of %s could not be tried", self._name)
            outcome = Retry(self._clock.now() + pause_after(delivery.attempts + 1))
        try:
            again = await self._note(delivery, outcome)
        except StoreError:
            # The disk is full, perhaps: it is owed for as long as it stands in the store.
            _log.exception("what came of a delivery of %s could not be written", self._name)
            again = self._clock.now() + _UNWRITTEN_PAUSE_S
        if again is not None:
            self._agenda.add(again, _Waiting(delivery.number, delivery.key, None))
        elif delivery.key:
            self._let_next(delivery.key)

    def _comes_twice(self, delivery: Delivery) -> bool:
        if delivery.key:
            return False
        return self._strikes.strike(FaultKind.DUPLICATE, *self._sources_of(delivery.payload)) is not None

    def _held_back_s(self, delivery: Delivery) -> float:
        return 0.0 if delivery.key else self._strikes.spread_s(*self._sources_of(delivery.payload))

    async def _note(self, delivery: Delivery, outcome: Settled | Retry) -> float | None:
        """Write what came of a delivery; return when it is tried again, None where it is owed no more."""
        if isinstance(outcome, Retry):
            await self._store.write(partial(self._postpone, delivery, outcome.at))
            return outcome.at
        if outcome.then is None:
            self._settle(delivery.number)
        else:
            await self._store.write(partial(self._close, delivery, outcome.then))
        return None

    def _postpone(self, delivery: Delivery, at: float, transaction: Transaction) -> None:
        transaction.execute(
            "UPDATE deliveries SET due_at = ?, attempts = ? WHERE queue = ? AND number = ?",
            (at, delivery.attempts + 1, self._name, delivery.number),
        )

    def _close(self, delivery: Delivery, then: Callable[[Transaction], None], transaction: Transaction) -> None:
        self._delete(transaction, [delivery.number])
        then(transaction)

    def _settle(self, number: int) -> None:
        """Have a delivery removed; its turn is over, whoever comes next need not wait for that."""
        self._settled.append(number)
        if not self._is_removing:
            self._is_removing = True
            self._tasks.start(self._remove(), name="removal")

    async def _remove(self) -> None:
        """Remove what is settled, and then what was settled meanwhile."""
        try:
            while numbers := self._settled:
                self._settled = []
                try:
                    with resting(self._clock):
                        await self._store.write_in_passing(self._delete, *numbers)
                except StoreError:
                    self._settled += numbers  # removed with the next that is settled, or at the stop
                    _log.exception("settled deliveries of %s could not be removed", self._name)
                    return
        finally:
            self._is_removing = False

    def _delete(self, transaction: Transaction, numbers: Sequence[int]) -> None:
        transaction.executemany(
            "DELETE FROM deliveries WHERE queue = ? AND number = ?", [(self._name, number) for number in numbers]
        )


def _delivery(waiting: _Waiting, row: Sequence[SqlValue]) -> Delivery:
    payload, accepted_at, due_at, attempts = row
    return Delivery(
        number=waiting.number,
        payload=payload if isinstance(payload, bytes) else b"",
        key=waiting.key,
        accepted_at=float(str(accepted_at)),
        due_at=float(str(due_at)),
        attempts=int(str(attempts)),
    )
