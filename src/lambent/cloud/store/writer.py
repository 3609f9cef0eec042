"""The one writer: units of work, many to a commit, each undone alone if it fails.

A sync costs far more than the statements it makes durable, so the units that arrive while one commit is being synced
are gathered on the loop, and the next commit takes them all. Beside an idle writer those of one turn of the loop share
a commit: the busier the loop, the more they are, which is all the window there is. The thread is woken once for each
commit, blocks on its queue between them, and costs nothing when idle.

Every statement of the writer's thread gives the interpreter lock up and must win it back from a busy loop, which takes
up to a switch interval each time. Writes of which thousands come in a second therefore share statements, too: they are
made by `write_with_others`.

What nobody waits for, such as the removal of what is done with, would sync the disk once more, and have the next who
does wait begin behind that. `write_in_passing` lets it join a commit that is made anyway, or has it go without a sync.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from lambent.cloud.store.database import Connection
from lambent.cloud.store.errors import StoreClosed, StoreError, StoreFailed, StoreFull
from lambent.cloud.store.unit_of_work import OutboxEffect, SqlValue, Transaction

_log = logging.getLogger(__name__)
T = TypeVar("T")
Item = TypeVar("Item")
SharedWork = Callable[[Transaction, Sequence[Item]], None]
_PATIENCE_S: Final = 0.02
"""So long what is written in passing waits for a commit that it can join."""
_INSERT_EFFECT = "INSERT INTO outbox (topic, payload) VALUES (?, ?)"


@dataclass(frozen=True, slots=True)
class CommittedEffect:
    """An outbox row that a commit has made durable."""

    row_id: int
    topic: str


class Writer(Protocol):
    """Runs units of work; `write` and `close` are called on the loop."""

    async def write(self, work: Callable[[Transaction], T], *, is_promise: bool = True) -> T:
        """As `Store.write`; what is no promise need not be durable before what is written after it is."""

    async def write_with_others(self, work: SharedWork[Item], *items: Item) -> None:
        """As `Store.write_with_others`."""

    async def write_in_passing(self, work: SharedWork[Item], *items: Item) -> None:
        """As `Store.write_in_passing`."""

    async def close(self) -> None:
        """Return once every unit handed over before has been answered; later ones raise StoreClosed."""


class UnitTransaction:
    """What a unit writes through: the connection, and what is to happen on the loop after the commit."""

    __slots__ = ("_connection", "callbacks", "effects")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.callbacks: list[Callable[[], None]] = []
        self.effects: list[CommittedEffect] = []

    def all(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[SqlValue, ...]]:
        """Return every row of the query, this unit's own writes included."""
        return self._connection.all(sql, parameters)

    def one(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[SqlValue, ...] | None:
        """Return the first row of the query, this unit's own writes included, or None."""
        return self._connection.one(sql, parameters)

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        """Run one statement and return the number of rows it changed."""
        return self._connection.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterator[Sequence[SqlValue]] | Sequence[Sequence[SqlValue]]) -> None:
        """Run one statement for each row of parameters."""
        self._connection.executemany(sql, parameters)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Have `callback` run on the loop once the commit is durable, before the writer of the unit is answered."""
        self.callbacks.append(callback)

    def enqueue(self, effect: OutboxEffect) -> None:
        """Add an effect to the outbox, in this unit's transaction."""
        row_id = self._connection.insert(_INSERT_EFFECT, (effect.topic, effect.payload))
        self.effects.append(CommittedEffect(row_id, effect.topic))


@dataclass(slots=True, eq=False)
class _Unit(Generic[T]):
    work: Callable[[Transaction], T]
    answers: list[asyncio.Future[T]]
    results: list[T] = field(default_factory=list)  # one entry once the work is done: T may be None
    error: Exception | None = None
    transaction: UnitTransaction | None = None
    is_promise: bool = True

    def run(self, connection: Connection) -> None:
        self.transaction = UnitTransaction(connection)
        self.results.append(self.work(self.transaction))

    def deliver(self, committed: Callable[[Sequence[CommittedEffect]], None]) -> None:
        """Run what waits for the commit, then answer; on the loop."""
        if self.error is None and self.transaction is not None:
            _run_callbacks(self.transaction.callbacks)
            if self.transaction.effects:
                committed(self.transaction.effects)
        for answer in self.answers:
            if answer.done():  # its caller was cancelled; the unit stands all the same
                continue
            if self.error is None:
                answer.set_result(self.results[0])
            else:
                answer.set_exception(self.error)


class _Shared(_Unit[None]):
    """A unit that others may still join who bring the same work: it writes the items of all of them in one call."""

    __slots__ = ("items",)

    def __init__(self, work: SharedWork[object], *, is_promise: bool = True) -> None:
        self.items: list[object] = []
        items = self.items
        super().__init__(lambda transaction: work(transaction, items), [], is_promise=is_promise)


def _run_callbacks(callbacks: Sequence[Callable[[], None]]) -> None:
    for callback in callbacks:
        try:
            callback()
        except Exception:  # noqa: BLE001 - the commit stands, and those waiting for the rest of it must be answered
            _log.exception("a callback failed after its unit of work was committed")


class _Committer:
    """Runs a batch of units in one transaction; refuses all work once the disk's state has become uncertain."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._syncs = True
        self._failure: StoreError | None = None

    def commit(self, units: Sequence[_Unit[T]]) -> None:
        """Run and commit the units; each has a result or an error afterwards."""
        try:
            if self._failure is not None:
                raise self._failure
            self._sync(any(unit.is_promise for unit in units))
            first, *others = units
            while not self._begin_with(first) and others:
                first, *others = others
            for unit in others:
                self._run_in_savepoint(unit)
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except StoreError as error:
            self._give_up(units, error)

    def _sync(self, is_promise: bool) -> None:  # noqa: FBT001 - its one caller passes an expression
        if self._syncs != is_promise:
            self._connection.sync_commits(wanted=is_promise)
            self._syncs = is_promise

    def _begin_with(self, unit: _Unit[T]) -> bool:
        """Begin a transaction with a unit, which needs no savepoint: where it fails, nothing else is undone with it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            unit.run(self._connection)
        except Exception as error:  # noqa: BLE001 - whatever the unit raised belongs to its caller
            unit.error = error
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return False
        return True

    def _run_in_savepoint(self, unit: _Unit[T]) -> None:
        # The commit releases all savepoints; to release each would be one more statement to wait for the interpreter.
        self._connection.execute("SAVEPOINT unit")
        try:
            unit.run(self._connection)
        except Exception as error:
            unit.error = error
            if not self._connection.in_transaction:
                # After a full disk or a failed read SQLite undoes the whole transaction, not the statement:
                # https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
                raise StoreFull(f"A write committed together with this one failed: {error}") from error
            self._connection.execute("ROLLBACK TO unit")

    def _give_up(self, units: Sequence[_Unit[T]], error: StoreError) -> None:
        for unit in units:
            unit.error = unit.error or error
        # A failed sync may have dropped pages that later syncs will not report again (https://lwn.net/Articles/752063/):
        # whatever is committed after it could rest on nothing.
        if not isinstance(error, StoreFull) and self._failure is None:
            _log.critical("the store takes no more writes: %s", error)
            self._failure = StoreFailed(f"The store failed and takes no more writes until it is reopened: {error}")
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except StoreError as second:
                self._failure = self._failure or second


class InlineWriter:
    """Runs each unit where it is asked for: for a database in memory, where there is no sync to share."""

    def __init__(self, connection: Connection, committed: Callable[[Sequence[CommittedEffect]], None]) -> None:
        self._committer = _Committer(connection)
        self._committed = committed
        self._closed = False

    async def write(self, work: Callable[[Transaction], T], *, is_promise: bool = True) -> T:
        """Run `work` as one unit and return its result, or raise what it raised, having changed nothing."""
        if self._closed:
            raise StoreClosed("The store is closed.")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        unit = _Unit(work, [answer], is_promise=is_promise)
        self._committer.commit([unit])
        unit.deliver(self._committed)
        return await answer

    async def write_with_others(self, work: SharedWork[Item], *items: Item) -> None:
        """Have `work` write the items, alone: nothing waits for a commit here."""
        await self.write(lambda transaction: work(transaction, items))

    async def write_in_passing(self, work: SharedWork[Item], *items: Item) -> None:
        """As `write_with_others`."""
        await self.write_with_others(work, *items)

    async def close(self) -> None:
        """Refuse further units."""
        self._closed = True


class GroupWriter:
    """Runs units on a thread of its own, all that were gathered for it in one synced commit."""

    def __init__(self, connection: Connection, committed: Callable[[Sequence[CommittedEffect]], None]) -> None:
        self._committer = _Committer(connection)
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._gathered: list[_Unit[object]] = []
        self._shared: dict[object, _Shared] = {}  # those of the gathered that more may join, by their work
        self._passing: dict[object, _Shared] = {}  # those that join the next commit, by their work
        self._patience: asyncio.TimerHandle | None = None
        self._is_committing = False
        self._commits: queue.SimpleQueue[list[_Unit[object]] | None] = queue.SimpleQueue()
        self._closed = False
        self._ended = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="lambent-store-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[Transaction], T], *, is_promise: bool = True) -> T:
        """Run `work` as one unit; return its result once it is durable, or raise what it raised.

        What is no promise is committed in its turn, and becomes durable with the next unit that is one.
        A caller cancelled while it waits does not know whether the unit was committed; if it was, its callbacks run.
        """
        self._expect_commit()
        answer: asyncio.Future[T] = self._loop.create_future()
        unit = _Unit(work, [answer], is_promise=is_promise)
        self._gathered.append(unit)  # type: ignore[arg-type]  # nobody here looks at a unit's T
        return await answer

    async def write_with_others(self, work: SharedWork[Item], *items: Item) -> None:
        """Have `work` write the items in one call with all that wait for the same commit; return once durable.

        What `work` raises is raised to all who brought items, and nothing of any is kept.
        """
        self._expect_commit()
        shared = self._shared.get(work)
        if shared is None:
            shared = self._shared[work] = _Shared(work)  # type: ignore[arg-type]  # one work's items are of one type
            self._gathered.append(shared)  # type: ignore[arg-type]  # as above
        await self._join(shared, items)

    async def write_in_passing(self, work: SharedWork[Item], *items: Item) -> None:
        """As `write_with_others`, with the next commit that somebody else waits for; where none comes, soon.

        It is no promise: by itself it is not synced.
        """
        self._check_open()
        shared = self._passing.get(work)
        if shared is None:
            shared = self._passing[work] = _Shared(work, is_promise=False)  # type: ignore[arg-type]  # as above
        if self._patience is None:
            self._patience = self._loop.call_later(_PATIENCE_S, self._lose_patience)
        await self._join(shared, items)

    async def _join(self, shared: _Shared, items: Sequence[object]) -> None:
        answer: asyncio.Future[None] = self._loop.create_future()
        shared.items.extend(items)
        shared.answers.append(answer)
        await answer

    async def close(self) -> None:
        """Return once every unit handed over before has been answered and the thread has ended."""
        if not self._closed:
            self._closed = True
            self._gather_passing()
            self._begin_commit()
            self._commits.put(None)
        await asyncio.shield(self._ended)
        self._thread.join()

    def _expect_commit(self) -> None:
        """See to it that what is gathered in this turn of the loop is committed."""
        self._check_open()
        if not self._is_committing:
            self._is_committing = True
            self._loop.call_soon(self._begin_commit)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed("The store is closed.")

    def _lose_patience(self) -> None:
        self._gather_passing()
        if not self._is_committing:
            self._begin_commit()

    def _gather_passing(self) -> None:
        """Have what is written in passing go with the next commit: behind all that was gathered for it."""
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._gathered.extend(self._passing.values())  # type: ignore[arg-type]  # as in `write`
        self._passing.clear()

    def _begin_commit(self) -> None:
        self._is_committing = bool(self._gathered)
        if self._gathered:
            self._gather_passing()
            units, self._gathered = self._gathered, []
            self._shared.clear()
            self._commits.put(units)

    def _run(self) -> None:
        while (units := self._commits.get()) is not None:
            self._commit(units)
            self._loop.call_soon_threadsafe(self._deliver, units)
        self._loop.call_soon_threadsafe(self._ended.set_result, None)

    def _commit(self, units: Sequence[_Unit[object]]) -> None:
        try:
            self._committer.commit(units)
        except Exception as error:  # noqa: BLE001 - the thread must live on, and nobody may wait forever
            _log.exception("the writer failed")
            for unit in units:
                unit.error = unit.error or error

    def _deliver(self, units: Sequence[_Unit[object]]) -> None:
        self._begin_commit()  # first: the disk is at work again while answers go out
        for unit in units:
            unit.deliver(self._committed)
