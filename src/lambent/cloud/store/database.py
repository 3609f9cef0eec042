"""The one door to SQLite: connections as this store needs them, and SQLite's errors as ours.

WAL with `synchronous=FULL` syncs the log at every commit, so that a commit is durable when it returns; readers see
the last commit and never wait for the writer. SQLite syncs the directory for the log it creates, but not for the
database file itself: `sqlite_store.py` does that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from lambent.cloud.store.errors import Conflict, CorruptStore, NewerFormat, StoreError, StoreFailed, StoreFull
from lambent.cloud.store.unit_of_work import SqlValue

# "Lmbt": marks the file as ours in its header (https://www.sqlite.org/pragma.html#pragma_application_id).
APPLICATION_ID = 0x4C6D6274
# The layout of the data directory as a whole; each component's tables are numbered apart, in migrations.py.
FORMAT = 1

_STATEMENTS_KEPT = 512
_LOG_BYTES_KEPT = 16 * 1024 * 1024

_DURABLE = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    # On macOS a plain fsync leaves the drive's cache unflushed.
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    f"PRAGMA journal_size_limit = {_LOG_BYTES_KEPT}",
)
_ALWAYS = ("PRAGMA foreign_keys = ON", "PRAGMA temp_store = MEMORY")


class Connection:
    """One SQLite connection in autocommit mode with its prepared statements cached; raises our errors only."""

    def __init__(self, target: str) -> None:
        try:
            # One thread at a time uses a connection; which one may change (opened here, used by the writer).
            self._raw = sqlite3.connect(
                target,
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=_STATEMENTS_KEPT,
            )
        except sqlite3.Error as error:
            raise _translated(error) from error

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open; SQLite ends one itself after some failures, such as a full disk."""
        return self._raw.in_transaction

    def all(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[SqlValue, ...]]:
        """Return every row of the query."""
        try:
            return self._raw.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise _translated(error) from error

    def one(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[SqlValue, ...] | None:
        """Return the first row of the query, or None."""
        try:
            cursor = self._raw.execute(sql, parameters)
            row: tuple[SqlValue, ...] | None = cursor.fetchone()
            cursor.close()  # a half-read query would hold its snapshot, and the next read would see the past
        except sqlite3.Error as error:
            raise _translated(error) from error
        return row

    def execute(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        """Run one statement and return the number of rows it changed."""
        try:
            return self._raw.execute(sql, parameters).rowcount
        except sqlite3.Error as error:
            raise _translated(error) from error

    def executemany(self, sql: str, parameters: Iterator[Sequence[SqlValue]] | Sequence[Sequence[SqlValue]]) -> None:
        """Run one statement for each row of parameters."""
        try:
            self._raw.executemany(sql, parameters)
        except sqlite3.Error as error:
            raise _translated(error) from error

    def insert(self, sql: str, parameters: Sequence[SqlValue] = ()) -> int:
        """Run one INSERT and return the row id of the new row."""
        try:
            row_id = self._raw.execute(sql, parameters).lastrowid
        except sqlite3.Error as error:
            raise _translated(error) from error
        return row_id or 0

    def sync_commits(self, *, wanted: bool) -> None:
        """Have commits synced, or left to the sync of the next one that is; not within a transaction.

        All go into one log, which is synced as a whole, so a commit is never durable without those before it:
        https://www.sqlite.org/pragma.html#pragma_synchronous
        """
        self.execute(f"PRAGMA synchronous = {'FULL' if wanted else 'NORMAL'}")

    def close(self) -> None:
        """Close the connection; the last one of a file moves the log into it."""
        try:
            self._raw.close()
        except sqlite3.Error as error:
            raise _translated(error) from error


def open_for_writing(path: Path) -> Connection:
    """Return the writing connection to the database at `path`, made if it is not there.

    Raises CorruptStore for a file that is no database of ours, NewerFormat for one that a newer version wrote.
    """
    connection = Connection(f"file:{quote(str(path))}?mode=rwc")
    try:
        _check_header(connection, path)
        for pragma in (*_DURABLE, *_ALWAYS):
            connection.all(pragma)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
    except StoreError:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> Connection:
    """Return a connection that reads the last commit of the database at `path` and cannot write."""
    return Connection(f"file:{quote(str(path))}?mode=ro")


def open_in_memory() -> Connection:
    """Return a connection to a database that is gone when it is closed."""
    connection = Connection("file::memory:")
    for pragma in _ALWAYS:
        connection.all(pragma)
    return connection


def statements(script: str) -> Iterator[str]:
    """Yield the statements of an SQL script one by one, as `sqlite3`'s own script runner would commit between them."""
    pending = ""
    for piece in script.split(";"):
        pending += piece + ";"
        if sqlite3.complete_statement(pending):
            if pending.strip(" \n\t;"):
                yield pending.strip()
            pending = ""
    if _says_something(pending):
        yield pending.strip().removesuffix(";")


def _says_something(rest: str) -> bool:
    lines = (line.strip() for line in rest.removesuffix(";").splitlines())
    return any(line and not line.startswith("--") for line in lines)


def _check_header(connection: Connection, path: Path) -> None:
    ((application,),) = connection.all("PRAGMA application_id")
    ((written_by,),) = connection.all("PRAGMA user_version")
    ((tables,),) = connection.all("SELECT count(*) FROM sqlite_schema")
    if application == APPLICATION_ID and isinstance(written_by, int) and written_by > FORMAT:
        raise NewerFormat(
            f"{path} is in format {written_by}; this version of Lambent knows up to {FORMAT}. Use the version that "
            "wrote it, or another data directory."
        )
    if application != APPLICATION_ID and tables:
        raise CorruptStore(f"{path} is not a database of Lambent. Use another data directory.")


def _translated(error: sqlite3.Error) -> StoreError:
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict(str(error))
    # The low byte is the primary code: https://www.sqlite.org/rescode.html#primary_result_codes_versus_extended_result_codes
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return CorruptStore(
            f"The database is damaged ({error}). Restore the data directory from a copy, or move it away to start anew."
        )
    if primary == sqlite3.SQLITE_FULL:
        return StoreFull(f"The disk is full ({error}). Free some space; nothing of this write was kept.")
    if primary in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
        return StoreFailed(f"The database file cannot be used ({error}). Check the disk and the file's permissions.")
    return StoreError(str(error))
