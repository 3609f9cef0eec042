"""A unit of work: one short transaction, decided beforehand, durable when it returns.

Operations gather what they need (reads, calls to other services), decide, and then hand the store one synchronous
function that writes. The store runs it on its writer, together with others in one group-committed transaction, each
inside its own savepoint: an exception undoes this unit alone and is raised to the caller. `await Store.write(...)`
returns only after the commit has been synced to disk; callbacks given to `after_commit` have run by then, on the loop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")
Item = TypeVar("Item")
SqlValue = str | int | float | bytes | None
Row = Mapping[str, SqlValue] | Sequence[SqlValue]


class Reader(Protocol):
    """Reads committed state (on the loop: inline, a matter of microseconds) or, inside a unit, its own writes."""

    def all(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[SqlValue, ...]]:
        """Return every row of the query."""

    def one(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[SqlValue, ...] | None:
        """Return the first row of the query, or None."""


class Transaction(Reader, Protocol):
    """What a unit of work writes through. Used on the writer's thread only, never kept."""

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        """Run one statement and return the number of rows it changed."""

    def executemany(self, sql: str, parameters: Iterator[Sequence[SqlValue]] | Sequence[Sequence[SqlValue]]) -> None:
        """Run one statement for each row of parameters."""

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Have `callback` run on the loop once the commit is durable, before the writer of the unit is answered."""

    def enqueue(self, effect: OutboxEffect) -> None:
        """Add an effect on another service to the outbox: delivered after commit, and again after a crash."""


@dataclass(frozen=True, slots=True)
class OutboxEffect:
    """One effect on another service: who delivers it (`topic`) and with what, as JSON text; delivered at least once."""

    topic: str
    payload: str


class Store(Protocol):
    """The platform's durable state. One SQLite file with one writer, or memory alone."""

    @property
    def read(self) -> Reader:
        """Committed state, read inline on the loop."""

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` as one unit; return its result once durable, or raise what it raised, having changed nothing."""

    async def write_with_others(self, work: Callable[[Transaction, Sequence[Item]], None], *items: Item) -> None:
        """Have `work` write `items`, in one call with all that were brought for the same commit; return once durable.

        For what comes by the thousand: `work`, the same function each time, takes many items with few statements. Items
        are written in the order in which they came, other units before or after them. What `work` raises is raised to
        all of them.
        """

    async def write_in_passing(self, work: Callable[[Transaction, Sequence[Item]], None], *items: Item) -> None:
        """As `write_with_others`, for what nobody waits for: with the next commit of others, else by itself soon.

        It returns once committed, some milliseconds later than others do; a power cut may undo it until the next write
        is durable.
        """

    async def migrate(self, component: str, scripts: Sequence[str]) -> None:
        """Bring the tables of `component` up to date: `scripts[0]` makes them, each further script upgrades them."""

    def deliver(self, topic: str, handler: Callable[[str], Awaitable[None]]) -> None:
        """Have the outbox's effects for `topic` given to `handler`, in order, each at least once.

        The handler raises if it failed; the effect is then tried again later and holds up those behind it.
        """
