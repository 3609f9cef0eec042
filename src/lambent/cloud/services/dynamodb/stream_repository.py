"""Rows of streams and of their records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from lambent.cloud.services.dynamodb.model.records import Kept
from lambent.cloud.services.dynamodb.model.table import STREAM_RETENTION_S, KeySchema, Table
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

Row = Sequence[Any]  # Any: the tables are STRICT, so each column has the type that the schema says
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html
_PAGE_BYTES = 1024 * 1024
_FIRST_RECORDS = 32
_COLUMNS = "id, account, region, table_name, label, view, key_schema, created, disabled_at, trimmed_to"


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream, enabled or not."""

    id: int
    scope: Scope
    table_name: str
    label: str
    view: str
    key: KeySchema
    created: float
    disabled_at: float | None
    trimmed_to: int

    @property
    def arn(self) -> str:
        """The stream's ARN."""
        where = self.scope
        return (
            f"arn:{where.partition}:dynamodb:{where.region}:{where.account}:table/{self.table_name}/stream/{self.label}"
        )


def add(transaction: Transaction, table: Table, label: str, view: str, now: float) -> int:
    """Write a new stream of a table and return its id."""
    scope = table.scope
    transaction.execute(
        "INSERT INTO dynamodb_stream (account, region, table_name, label, view, key_schema, created, trimmed_to)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
        (scope.account, scope.region, table.name, label, view, orjson.dumps(table.key.names).decode(), now),
    )
    row: Row | None = transaction.one("SELECT last_insert_rowid()")
    return 0 if row is None else int(row[0])


def disable(transaction: Transaction, stream_id: int, now: float) -> None:
    """Note that nothing more is written to a stream."""
    transaction.execute("UPDATE dynamodb_stream SET disabled_at = ? WHERE id = ?", (now, stream_id))


def find(reader: Reader, scope: Scope, table_name: str, label: str) -> Stream | None:
    """Return a stream, or None."""
    row = reader.one(
        f"SELECT {_COLUMNS} FROM dynamodb_stream WHERE account = ? AND region = ? AND table_name = ? AND label = ?",
        (scope.account, scope.region, table_name, label),
    )
    return None if row is None else _as_stream(row)


def with_id(reader: Reader, stream_id: int) -> Stream | None:
    """Return the stream of an id, or None."""
    row = reader.one(f"SELECT {_COLUMNS} FROM dynamodb_stream WHERE id = ?", (stream_id,))
    return None if row is None else _as_stream(row)


def listed(reader: Reader, scope: Scope, after: tuple[str, str], limit: int) -> list[Stream]:
    """Return streams of a scope by table and label, from the one behind `after` on."""
    rows = reader.all(
        f"SELECT {_COLUMNS} FROM dynamodb_stream WHERE account = ? AND region = ? AND (table_name, label) > (?, ?)"
        " ORDER BY table_name, label LIMIT ?",
        (scope.account, scope.region, *after, limit),
    )
    return [_as_stream(row) for row in rows]


def add_records(transaction: Transaction, records: Sequence[tuple[int, float, bytes]]) -> None:
    """Write records: of which stream, when, and what."""
    transaction.executemany("INSERT INTO dynamodb_record (stream_id, created, document) VALUES (?, ?, ?)", records)


def records(reader: Reader, stream_id: int, after: int, limit: int) -> list[Kept]:
    """Return the records of a stream behind one: up to `limit`, and what a page holds of them, but one at least."""
    found: list[Kept] = []
    size, wanted = 0, min(limit, _FIRST_RECORDS)
    while wanted > 0:
        rows: Sequence[Row] = reader.all(
            "SELECT sequence, created, document FROM dynamodb_record WHERE stream_id = ? AND sequence > ?"
            " ORDER BY sequence LIMIT ?",
            (stream_id, after, wanted),
        )
        for row in rows:
            size += len(row[2])
            if found and size > _PAGE_BYTES:
                return found
            found.append(Kept(*row))
        if len(rows) < wanted:
            return found
        after = found[-1].sequence
        # About as many as there is room for: a record may hold two images of 400 KB.
        wanted = min(limit - len(found), (_PAGE_BYTES - size) * len(found) // size)
    return found


def last_record(reader: Reader, stream_id: int) -> int | None:
    """Return the last record that is kept, or None."""
    row: Row | None = reader.one("SELECT max(sequence) FROM dynamodb_record WHERE stream_id = ?", (stream_id,))
    return None if row is None or row[0] is None else int(row[0])


def last_before(reader: Reader, stream_id: int, moment: float) -> int | None:
    """Return the last record that was written at a moment or before, or None."""
    row: Row | None = reader.one(
        "SELECT sequence FROM dynamodb_record WHERE stream_id = ? AND created > ? ORDER BY sequence LIMIT 1",
        (stream_id, moment),
    )
    beyond = 1 << 62 if row is None else int(row[0])
    row = reader.one(
        "SELECT max(sequence) FROM dynamodb_record WHERE stream_id = ? AND sequence < ?", (stream_id, beyond)
    )
    return None if row is None or row[0] is None else int(row[0])


def trim(transaction: Transaction, now: float, limit: int) -> int:
    """Remove up to `limit` records that are older than a day; return how many that were."""
    rows: Sequence[Row] = transaction.all(
        "SELECT sequence, stream_id, created FROM dynamodb_record ORDER BY sequence LIMIT ?", (limit,)
    )
    old = [row for row in rows if row[2] <= now - STREAM_RETENTION_S]
    if old:
        last = {stream_id: sequence for sequence, stream_id, _ in old}
        transaction.executemany(
            "UPDATE dynamodb_stream SET trimmed_to = ? WHERE id = ?",
            [(sequence, stream_id) for stream_id, sequence in last.items()],
        )
        transaction.executemany("DELETE FROM dynamodb_record WHERE sequence = ?", [(row[0],) for row in old])
    return len(old)


def forget_disabled(transaction: Transaction, now: float) -> None:
    """Forget the streams that were disabled more than a day ago."""
    transaction.execute("DELETE FROM dynamodb_stream WHERE disabled_at <= ?", (now - STREAM_RETENTION_S,))


def _as_stream(row: Row) -> Stream:
    stream_id, account, region, table, label, view, key, created, disabled_at, trimmed_to = row
    schema = KeySchema(*orjson.loads(key))
    return Stream(stream_id, Scope(account, region), table, label, view, schema, created, disabled_at, trimmed_to)
