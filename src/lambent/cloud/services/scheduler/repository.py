"""Rows of schedules, groups and clients' tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from lambent.cloud.services.scheduler.model import DEFAULT_GROUP, Definition, Group, KeptSchedule, Key
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, SqlValue, Transaction

_COLUMNS = "id, account, region, group_name, name, definition, created, modified, since, due, revision"
_LAST_CHARACTER = chr(0x10FFFF)


@dataclass(frozen=True, slots=True)
class Listing:
    """Which schedules are listed, behind which group and name, and how many at most."""

    scope: Scope
    limit: int
    behind: tuple[str, str] = ("", "")
    group: str | None = None
    prefix: str | None = None
    state: str | None = None


def group(reader: Reader, scope: Scope, name: str) -> Group | None:
    """Return a group; the default one is always there."""
    row = reader.one(
        "SELECT name, state, created, modified, tags FROM scheduler_group"
        " WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    )
    if row is not None:
        return _group(scope, row)
    return Group(scope, name) if name == DEFAULT_GROUP else None


def groups(reader: Reader, scope: Scope, prefix: str) -> list[Group]:
    """Return the groups whose names begin so, by name; an account has 500 at most."""
    rows = reader.all(
        "SELECT name, state, created, modified, tags FROM scheduler_group"
        " WHERE account = ? AND region = ? AND name >= ? AND name < ?",
        (scope.account, scope.region, prefix, prefix + _LAST_CHARACTER),
    )
    found = {str(row[0]): _group(scope, row) for row in rows}
    if DEFAULT_GROUP.startswith(prefix):
        found.setdefault(DEFAULT_GROUP, Group(scope, DEFAULT_GROUP))
    return [found[name] for name in sorted(found)]


def put_group(transaction: Transaction, one: Group) -> None:
    """Add a group, or replace the one of its name."""
    tags = orjson.dumps(one.tags).decode()
    values = (one.scope.account, one.scope.region, one.name, one.state, one.created, one.modified, tags)
    transaction.execute("INSERT OR REPLACE INTO scheduler_group VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def delete_group(transaction: Transaction, scope: Scope, name: str) -> None:
    """Remove a group."""
    transaction.execute(
        "DELETE FROM scheduler_group WHERE account = ? AND region = ? AND name = ?", (scope.account, scope.region, name)
    )


def schedule(reader: Reader, key: Key) -> KeptSchedule | None:
    """Return a schedule."""
    row = reader.one(
        f"SELECT {_COLUMNS} FROM scheduler_schedule WHERE account = ? AND region = ? AND group_name = ? AND name = ?",
        _values_of(key),
    )
    return None if row is None else _schedule(row)


def schedules(reader: Reader, listing: Listing) -> list[KeptSchedule]:
    """Return schedules by group and name."""
    where, values = ["account = ?", "region = ?"], [listing.scope.account, listing.scope.region]
    for condition, value in (("state = ?", listing.state), ("group_name = ?", listing.group)):
        if value is not None:
            where.append(condition)
            values.append(value)
    if listing.prefix:
        where.append("name >= ? AND name < ?")
        values += [listing.prefix, listing.prefix + _LAST_CHARACTER]
    rows = reader.all(
        f"SELECT {_COLUMNS} FROM scheduler_schedule WHERE {' AND '.join(where)}"
        " AND (group_name, name) > (?, ?) ORDER BY group_name, name LIMIT ?",
        (*values, *listing.behind, listing.limit),
    )
    return [_schedule(row) for row in rows]


def add_schedule(transaction: Transaction, one: KeptSchedule) -> None:
    """Add a schedule; its id is given by the table."""
    transaction.execute(
        "INSERT INTO scheduler_schedule"
        " (account, region, group_name, name, state, definition, created, modified, since, due, revision)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*_values_of(one.key), one.definition["State"], _text(one.definition), one.created, *_changing(one)),
    )


def change_schedule(transaction: Transaction, one: KeptSchedule) -> None:
    """Replace what may change of a schedule."""
    transaction.execute(
        "UPDATE scheduler_schedule SET state = ?, definition = ?, modified = ?, since = ?, due = ?, revision = ?"
        " WHERE id = ?",
        (one.definition["State"], _text(one.definition), *_changing(one), one.id),
    )


def delete_schedule(transaction: Transaction, key: Key) -> int:
    """Remove a schedule; return how many there were."""
    return transaction.execute(
        "DELETE FROM scheduler_schedule WHERE account = ? AND region = ? AND group_name = ? AND name = ?",
        _values_of(key),
    )


def delete_unchanged(transaction: Transaction, schedule_id: int, revision: int) -> None:
    """Remove a schedule unless it was changed since."""
    transaction.execute("DELETE FROM scheduler_schedule WHERE id = ? AND revision = ?", (schedule_id, revision))


def delete_some(transaction: Transaction, scope: Scope, group_name: str, limit: int) -> int:
    """Remove up to `limit` schedules of a group; return how many there were."""
    return transaction.execute(
        "DELETE FROM scheduler_schedule WHERE id IN (SELECT id FROM scheduler_schedule"
        " WHERE account = ? AND region = ? AND group_name = ? LIMIT ?)",
        (scope.account, scope.region, group_name, limit),
    )


def next_due(reader: Reader) -> float | None:
    """Return when the first occurrence of any schedule falls due."""
    row = reader.one("SELECT due FROM scheduler_schedule WHERE due IS NOT NULL ORDER BY due LIMIT 1")
    return None if row is None else float(str(row[0]))


def due_schedules(reader: Reader, now: float, limit: int) -> list[KeptSchedule]:
    """Return the schedules with an occurrence that is due, the longest due first."""
    rows = reader.all(
        f"SELECT {_COLUMNS} FROM scheduler_schedule WHERE due <= ? AND due IS NOT NULL ORDER BY due LIMIT ?",
        (now, limit),
    )
    return [_schedule(row) for row in rows]


def move_on(transaction: Transaction, one: KeptSchedule, due: float | None) -> bool:
    """Set the next occurrence of a schedule; return False if it was changed or moved on meanwhile."""
    return bool(
        transaction.execute(
            "UPDATE scheduler_schedule SET due = ? WHERE id = ? AND revision = ? AND due = ?",
            (due, one.id, one.revision, one.due),
        )
    )


def request_of_token(reader: Reader, scope: Scope, token: str, now: float) -> str | None:
    """Return what was asked under a client's token, while it is remembered."""
    row = reader.one(
        "SELECT request FROM scheduler_token WHERE account = ? AND region = ? AND token = ? AND expires > ?",
        (scope.account, scope.region, token, now),
    )
    return None if row is None else str(row[0])


def keep_token(transaction: Transaction, scope: Scope, token: str, request: str, expires: float) -> None:
    """Remember what was asked under a client's token."""
    values = (scope.account, scope.region, token, request, expires)
    transaction.execute("INSERT OR REPLACE INTO scheduler_token VALUES (?, ?, ?, ?, ?)", values)


def forget_tokens(transaction: Transaction, now: float) -> None:
    """Forget the tokens whose time is over."""
    transaction.execute("DELETE FROM scheduler_token WHERE expires <= ?", (now,))


def _values_of(key: Key) -> tuple[str, str, str, str]:
    return key.scope.account, key.scope.region, key.group, key.name


def _changing(one: KeptSchedule) -> tuple[SqlValue, ...]:
    return one.modified, one.since, one.due, one.revision


def _text(definition: Definition) -> str:
    return orjson.dumps(definition).decode()


def _group(scope: Scope, row: Sequence[Any]) -> Group:  # Any: the table is STRICT
    name, state, created, modified, tags = row
    found: Mapping[str, str] = orjson.loads(tags)
    return Group(scope, name, state, created, modified, found)


def _schedule(row: Sequence[Any]) -> KeptSchedule:  # Any: as above
    schedule_id, account, region, group_name, name, definition, created, modified, since, due, revision = row
    return KeptSchedule(
        id=schedule_id,
        key=Key(Scope(account, region), group_name, name),
        definition=orjson.loads(definition),
        created=created,
        modified=modified,
        since=since,
        due=due,
        revision=revision,
    )
