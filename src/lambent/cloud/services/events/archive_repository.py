"""Rows of archived events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from lambent.cloud.services.events.event import Event
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Content:
    """What an archive has in it; `id` is that of this archive alone, also among those of its name."""

    id: int
    events: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ArchivedEvent:
    """An event on its way into an archive."""

    archive: int
    at: float
    event: bytes


def content(reader: Reader, scope: Scope, name: str) -> Content:
    """Return what the archive of a name has in it; nothing where there is none."""
    row = reader.one(
        "SELECT id, events, bytes FROM events_archive_content WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    )
    return Content(0, 0, 0) if row is None else Content(*(int(str(value)) for value in row))


def put_content(transaction: Transaction, scope: Scope, name: str, retention_days: int) -> None:
    """Make room for an archive's events, or set how long they are kept; 0 is for ever."""
    transaction.execute(
        "INSERT INTO events_archive_content (account, region, name, retention_days, events, bytes)"
        " VALUES (?, ?, ?, ?, 0, 0)"
        " ON CONFLICT (account, region, name) DO UPDATE SET retention_days = excluded.retention_days",
        (scope.account, scope.region, name, retention_days),
    )


def delete_content(transaction: Transaction, scope: Scope, name: str) -> None:
    """Forget an archive's events; their rows are swept away later."""
    transaction.execute(
        "INSERT INTO events_deleted_archive"
        " SELECT id FROM events_archive_content WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    )
    transaction.execute(
        "DELETE FROM events_archive_content WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    )


def add(transaction: Transaction, archived: Sequence[ArchivedEvent]) -> None:
    """Keep events in their archives."""
    transaction.executemany(
        "INSERT INTO events_archived (archive, at, event) VALUES (?, ?, ?)",
        [(each.archive, each.at, each.event) for each in archived],
    )
    transaction.executemany(
        "UPDATE events_archive_content SET events = events + 1, bytes = bytes + ? WHERE id = ?",
        [(len(each.event), each.archive) for each in archived],
    )


def between(
    reader: Reader, archive: int, since: tuple[float, int], before: float, limit: int
) -> Sequence[tuple[int, float, Event]]:
    """Return up to `limit` events that were archived behind a moment and a number, before another moment, in order."""
    rows = reader.all(
        "SELECT number, at, event FROM events_archived"
        " WHERE archive = ? AND (at, number) > (?, ?) AND at < ? ORDER BY at, number LIMIT ?",
        (archive, *since, before, limit),
    )
    return [
        (int(str(number)), float(str(at)), orjson.loads(event if isinstance(event, bytes) else b"{}"))
        for number, at, event in rows
    ]


def sweep(transaction: Transaction, now: float, limit: int) -> int:
    """Remove up to `limit` events of each archive that have expired or whose archive was deleted; return how many."""
    removed = 0
    for (archive,) in transaction.all("SELECT id FROM events_deleted_archive"):
        found = _expire(transaction, int(str(archive)), now, limit)
        if not found:
            transaction.execute("DELETE FROM events_deleted_archive WHERE id = ?", (archive,))
        removed += found
    for archive, days in transaction.all("SELECT id, retention_days FROM events_archive_content"):
        if days:
            removed += _expire(transaction, int(str(archive)), now - int(str(days)) * _DAY_S, limit)
    return removed


def _expire(transaction: Transaction, archive: int, oldest: float, limit: int) -> int:
    rows = transaction.all(
        "SELECT number, length(event) FROM events_archived WHERE archive = ? AND at < ? LIMIT ?",
        (archive, oldest, limit),
    )
    transaction.executemany("DELETE FROM events_archived WHERE number = ?", [(row[0],) for row in rows])
    transaction.execute(
        "UPDATE events_archive_content SET events = events - ?, bytes = bytes - ? WHERE id = ?",
        (len(rows), sum(int(str(row[1])) for row in rows), archive),
    )
    return len(rows)
