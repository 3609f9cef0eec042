"""The store itself: a data directory, its database with one writer and one reader, its outbox and its blobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from lambent.base.clock import Clock
from lambent.cloud.store.data_directory import DataDirectory
from lambent.cloud.store.database import (
    Connection,
    open_for_reading,
    open_for_writing,
    open_in_memory,
    statements,
)
from lambent.cloud.store.errors import StoreError
from lambent.cloud.store.migrations import apply_migrations, has_migrations
from lambent.cloud.store.outbox import SCHEMA, EffectHandler, Outbox
from lambent.cloud.store.syncing import sync_directory
from lambent.cloud.store.unit_of_work import Reader, Transaction
from lambent.cloud.store.writer import GroupWriter, InlineWriter, Item, SharedWork, UnitTransaction, Writer

T = TypeVar("T")
_OWN_TABLES = (SCHEMA,)


class SqliteStore:
    """The platform's durable state, as `Store` says; made by `open_store` or `memory_store`, used on one loop."""

    def __init__(self, writing: Connection, reading: Connection, clock: Clock, directory: DataDirectory | None) -> None:
        self._writing = writing
        self._reading = reading
        self._clock = clock
        self._directory = directory
        self._outbox = Outbox(reading, clock)
        self._outbox.load()
        kind = InlineWriter if directory is None else GroupWriter
        self._writer: Writer = kind(writing, self._outbox.committed)
        self._closed = False

    @property
    def read(self) -> Reader:
        """Committed state, read inline on the loop; sees every write that was answered."""
        return self._reading

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` as one unit; return its result once durable, or raise what it raised, having changed nothing."""
        return await self._writer.write(work)

    async def write_with_others(self, work: SharedWork[Item], *items: Item) -> None:
        """Have `work` write items, with all of the same `work` that wait for the commit; return once durable."""
        await self._writer.write_with_others(work, *items)

    async def write_in_passing(self, work: SharedWork[Item], *items: Item) -> None:
        """As `write_with_others`, with a commit that others wait for; else soon by itself, without a sync."""
        await self._writer.write_in_passing(work, *items)

    async def migrate(self, component: str, scripts: Sequence[str]) -> None:
        """Bring the tables of `component` up to date: `scripts[0]` makes them, each further script upgrades them.

        Every script runs once in the life of a data directory. Raises NewerFormat if a newer version has upgraded
        them further.
        """
        now = self._clock.now()

        def apply(transaction: Transaction) -> None:
            apply_migrations(transaction, component, scripts, now=now, statements=statements)

        # Nobody is told of tables, and whoever is told of rows has waited for them too: a start need not.
        await self._writer.write(apply, is_promise=False)

    def has_tables_of(self, component: str) -> bool:
        """Return whether a component has ever made its tables here."""
        return has_migrations(self._reading, component)

    def deliver(self, topic: str, handler: EffectHandler) -> None:
        """Have the outbox's effects for `topic` given to `handler`, in order, each at least once.

        The handler raises if it failed; the effect is then tried again later and holds up those behind it.
        """
        self._outbox.register(topic, handler)

    def start_delivery(self) -> None:
        """Begin to deliver the outbox; called once, when every service that handlers call is there."""
        self._outbox.start(self._writer)

    def undelivered(self) -> int:
        """Return how many effects wait in the outbox."""
        return self._outbox.pending()

    async def close(self) -> None:
        """Answer all units handed over, then close the database and give up its directory."""
        if self._closed:
            return
        self._closed = True
        await self._outbox.close()
        await self._writer.close()
        if self._reading is not self._writing:
            self._reading.close()
        self._writing.close()
        if self._directory is not None:
            self._directory.release()


def memory_store(clock: Clock) -> SqliteStore:
    """Return a store that is gone when it is closed and never syncs; for tests and `--memory`."""
    connection = open_in_memory()
    _prepare(connection, clock)
    return SqliteStore(connection, connection, clock, None)


def open_store(directory: DataDirectory, clock: Clock) -> SqliteStore:
    """Open the store in a claimed directory, which it gives up when it is closed; called on the loop that will use it.

    What a crash interrupted has been undone when it returns. Raises NewerFormat, CorruptStore, or StoreFailed when
    the files cannot be used; the directory is then given up.
    """
    try:
        writing = open_for_writing(directory.database)
    except StoreError:
        directory.release()
        raise
    try:
        _prepare(writing, clock)
        # SQLite syncs the directory for its log, but nobody has synced the name of the database file yet.
        sync_directory(directory.path)
        return SqliteStore(writing, open_for_reading(directory.database), clock, directory)
    except StoreError:
        writing.close()
        directory.release()
        raise


def store_in(path: Path, clock: Clock) -> SqliteStore:
    """Claim the data directory `path`, made if missing, and open its store; raises as `open_store` and `claim`."""
    return open_store(DataDirectory.claim(path), clock)


def _prepare(connection: Connection, clock: Clock) -> None:
    connection.execute("BEGIN IMMEDIATE")
    apply_migrations(UnitTransaction(connection), "store", _OWN_TABLES, now=clock.now(), statements=statements)
    connection.execute("COMMIT")
