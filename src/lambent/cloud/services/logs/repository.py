"""Rows of log groups, streams, and chunks of events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from lambent.cloud.services.logs.model import Chunk, Group, Stream
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, SqlValue, Transaction

Row = Sequence[Any]  # Any: the tables are STRICT, so each column has the type that the schema says

_GROUP = "id, account, region, name, class, created_ms, retention_days, kms_key, is_protected, tags"
_STREAM = "id, group_id, name, created_ms, first_event_ms, last_event_ms, last_ingested_ms"


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """Which streams of a group, in which order, from where on.

    `after` is the sort key of the last stream already seen: its name, or its last event's time and its name.
    """

    group_id: int
    limit: int
    prefix: str = ""
    by_last_event: bool = False
    descending: bool = False
    after: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class GroupQuery:
    """Which log groups, from the one behind the name `after` on; what is None is not asked for."""

    limit: int
    after: str = ""
    prefix: str = ""
    pattern: str = ""
    names: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None


def group(reader: Reader, scope: Scope, name: str) -> Group | None:
    """Return the log group, or None."""
    sql = f"SELECT {_GROUP} FROM logs_group WHERE account = ? AND region = ? AND name = ?"
    row = reader.one(sql, (scope.account, scope.region, name))
    return None if row is None else _as_group(row)


def groups(reader: Reader, scope: Scope, query: GroupQuery) -> list[Group]:
    """Return the log groups of the scope that `query` asks for, by name."""
    where, parameters = "", list[SqlValue]()
    if query.names is not None:
        where += " AND name IN (SELECT value FROM json_each(?))"
        parameters.append(orjson.dumps(query.names).decode())
    if query.pattern:
        where += " AND instr(name, ?) > 0"
        parameters.append(query.pattern)
    if query.classes is not None:
        where += " AND class IN (SELECT value FROM json_each(?))"
        parameters.append(orjson.dumps(query.classes).decode())
    rows = reader.all(
        f"SELECT {_GROUP} FROM logs_group WHERE account = ? AND region = ? AND name >= ? AND name < ? AND name > ?"
        f"{where} ORDER BY name LIMIT ?",
        (scope.account, scope.region, query.prefix, _beyond(query.prefix), query.after, *parameters, query.limit),
    )
    return [_as_group(row) for row in rows]


def expiring_groups(reader: Reader) -> list[Group]:
    """Return every log group that has a retention policy, in any scope."""
    return [_as_group(row) for row in reader.all(f"SELECT {_GROUP} FROM logs_group WHERE retention_days IS NOT NULL")]


def groups_with_metric_filters(reader: Reader, scope: Scope) -> list[Group]:
    """Return the log groups of the scope that have a metric filter, by name."""
    # From the filters on: most groups have none.
    columns = ", ".join(f"g.{column}" for column in _GROUP.split(", "))
    rows = reader.all(
        f"SELECT DISTINCT {columns} FROM logs_filter AS f CROSS JOIN logs_group AS g ON g.id = f.group_id"
        " WHERE f.kind = 'metric' AND g.account = ? AND g.region = ? ORDER BY g.name",
        (scope.account, scope.region),
    )
    return [_as_group(row) for row in rows]


def stored_bytes(reader: Reader, group_id: int) -> int:
    """Return how many bytes the group's events hold."""
    row = reader.one("SELECT total(stored_bytes) FROM logs_stream WHERE group_id = ?", (group_id,))
    return 0 if row is None else int(float(str(row[0])))


def add_group(transaction: Transaction, group: Group) -> None:
    """Write a new log group; its id is made here."""
    transaction.execute(
        "INSERT INTO logs_group (account, region, name, class, created_ms, retention_days, kms_key, is_protected, tags)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            group.scope.account,
            group.scope.region,
            group.name,
            group.log_class,
            group.created_ms,
            group.retention_days,
            group.kms_key,
            int(group.is_protected),
            orjson.dumps(group.tags).decode(),
        ),
    )


def change_group(transaction: Transaction, group: Group) -> None:
    """Write what can change of a log group."""
    transaction.execute(
        "UPDATE logs_group SET retention_days = ?, kms_key = ?, is_protected = ?, tags = ? WHERE id = ?",
        (group.retention_days, group.kms_key, int(group.is_protected), orjson.dumps(group.tags).decode(), group.id),
    )


def delete_group(transaction: Transaction, group_id: int) -> None:
    """Remove a log group and its streams; their chunks can no longer be reached and are swept away later."""
    transaction.execute(
        "INSERT INTO logs_deleted_stream (id) SELECT id FROM logs_stream WHERE group_id = ?", (group_id,)
    )
    transaction.execute("DELETE FROM logs_stream WHERE group_id = ?", (group_id,))
    transaction.execute("DELETE FROM logs_filter WHERE group_id = ?", (group_id,))
    transaction.execute("DELETE FROM logs_group WHERE id = ?", (group_id,))


def stream(reader: Reader, group_id: int, name: str) -> Stream | None:
    """Return the log stream, or None."""
    row = reader.one(f"SELECT {_STREAM} FROM logs_stream WHERE group_id = ? AND name = ?", (group_id, name))
    return None if row is None else _as_stream(row)


def streams(reader: Reader, query: StreamQuery) -> list[Stream]:
    """Return the streams that `query` asks for."""
    order, compare = ("DESC", "<") if query.descending else ("ASC", ">")
    by = "coalesce(last_event_ms, 0)" if query.by_last_event else "0"
    where, parameters = "", list[SqlValue]((query.group_id,))
    if query.prefix:
        where += " AND name >= ? AND name < ?"
        parameters += [query.prefix, _beyond(query.prefix)]
    if query.after is not None:
        where += f" AND ({by}, name) {compare} (?, ?)" if query.by_last_event else f" AND name {compare} ?"
        parameters += query.after if query.by_last_event else (query.after[1],)
    sql_order = f"{by} {order}, name {order}" if query.by_last_event else f"name {order}"
    sql = f"SELECT {_STREAM} FROM logs_stream WHERE group_id = ?{where} ORDER BY {sql_order} LIMIT ?"
    return [_as_stream(row) for row in reader.all(sql, (*parameters, query.limit))]


def stream_names(reader: Reader, ids: Iterable[int]) -> dict[int, str]:
    """Return the names of streams by id; ids of streams that are gone are left out."""
    wanted = list(ids)
    rows = reader.all(
        "SELECT id, name FROM logs_stream WHERE id IN (SELECT value FROM json_each(?))",
        (orjson.dumps(wanted).decode(),),
    )
    return {int(str(stream_id)): str(name) for stream_id, name in rows}


def add_stream(transaction: Transaction, group_id: int, name: str, created_ms: int) -> None:
    """Write a new log stream."""
    transaction.execute(
        "INSERT INTO logs_stream (group_id, name, created_ms, stored_bytes) VALUES (?, ?, ?, 0)",
        (group_id, name, created_ms),
    )


def delete_stream(transaction: Transaction, stream_id: int) -> None:
    """Remove a log stream; its chunks are swept away later."""
    transaction.execute("INSERT INTO logs_deleted_stream (id) VALUES (?)", (stream_id,))
    transaction.execute("DELETE FROM logs_stream WHERE id = ?", (stream_id,))


def add_events(transaction: Transaction, stream: Stream, rows: Sequence[Sequence[SqlValue]], ingested_ms: int) -> bool:
    """Write rows made by `chunk_row` and note them on the stream; returns False, writing nothing, if it is gone."""
    # A row is (group, stream, first, last, ingested, bytes, events).
    first, last, size = rows[0][2], rows[-1][3], sum(int(str(row[5])) for row in rows)
    found = transaction.execute(
        "UPDATE logs_stream SET first_event_ms = min(coalesce(first_event_ms, ?), ?),"
        " last_event_ms = max(coalesce(last_event_ms, ?), ?), last_ingested_ms = ?,"
        " stored_bytes = stored_bytes + ? WHERE id = ?",
        (first, first, last, last, ingested_ms, size, stream.id),
    )
    if not found:
        return False
    transaction.executemany(
        "INSERT INTO logs_chunk (group_id, stream_id, first_ms, last_ms, ingested_ms, stored_bytes, events)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    return True


def chunk_row(stream: Stream, chunk: Chunk, ingested_ms: int) -> Sequence[SqlValue]:
    """Return the row of a chunk; made on the caller's side, so that the writer only writes."""
    first, last = chunk.events[0][0], chunk.events[-1][0]
    return (stream.group_id, stream.id, first, last, ingested_ms, chunk.stored_bytes, orjson.dumps(chunk.events))


def expired_chunks(reader: Reader, group_id: int, before_ms: int, limit: int) -> list[tuple[int, int, int]]:
    """Return (id, stream id, bytes) of chunks of the group whose events are all older than `before_ms`."""
    rows: Sequence[Row] = reader.all(
        "SELECT id, stream_id, stored_bytes FROM logs_chunk"
        " WHERE group_id = ? AND first_ms < ? AND last_ms < ? LIMIT ?",
        (group_id, before_ms, before_ms, limit),
    )
    return [(chunk_id, stream_id, size) for chunk_id, stream_id, size in rows]


def delete_chunks(transaction: Transaction, chunks: Sequence[tuple[int, int, int]]) -> None:
    """Remove chunks, given as (id, stream id, bytes), and what they count on their streams."""
    transaction.executemany("DELETE FROM logs_chunk WHERE id = ?", [(chunk_id,) for chunk_id, _, _ in chunks])
    transaction.executemany(
        "UPDATE logs_stream SET stored_bytes = max(0, stored_bytes - ?) WHERE id = ?",
        [(size, stream_id) for _, stream_id, size in chunks],
    )


def sweep_deleted(transaction: Transaction, limit: int) -> bool:
    """Remove up to `limit` chunks of one deleted stream; returns whether there may be more to remove."""
    row = transaction.one("SELECT id FROM logs_deleted_stream LIMIT 1")
    if row is None:
        return False
    removed = transaction.execute(
        "DELETE FROM logs_chunk WHERE id IN (SELECT id FROM logs_chunk WHERE stream_id = ? LIMIT ?)", (row[0], limit)
    )
    if removed < limit:
        transaction.execute("DELETE FROM logs_deleted_stream WHERE id = ?", (row[0],))
    return True


def has_deleted(reader: Reader) -> bool:
    """Return whether there are deleted streams whose chunks are still to be removed."""
    return reader.one("SELECT 1 FROM logs_deleted_stream LIMIT 1") is not None


def _beyond(prefix: str) -> str:
    # The least text behind every text that begins with the prefix.
    return prefix + "\U0010ffff"


def _as_group(row: Row) -> Group:
    group_id, account, region, name, log_class, created, retention, kms_key, is_protected, tags = row
    return Group(
        id=group_id,
        scope=Scope(account, region),
        name=name,
        log_class=log_class,
        created_ms=created,
        retention_days=retention,
        kms_key=kms_key,
        is_protected=bool(is_protected),
        tags=orjson.loads(tags),
    )


def _as_stream(row: Row) -> Stream:
    return Stream(*row)
