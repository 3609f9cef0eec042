"""Rows of queues, of their boxes, and of the names of those that were deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from lambent.cloud.services.sqs.model.queue import Address, Queue, settings_of
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

Row = Sequence[Any]  # Any: the tables are STRICT, so each column has the type that the schema says

_QUEUE = "id, account, region, name, box, created_ms, modified_ms, purged_ms, attributes, tags"


def queue(reader: Reader, address: Address) -> Queue | None:
    """Return the queue, or None."""
    row = reader.one(f"SELECT {_QUEUE} FROM sqs_queue WHERE account = ? AND region = ? AND name = ?", _key(address))
    return None if row is None else _as_queue(row)


def names(reader: Reader, scope: Scope, *, prefix: str, after: str, limit: int) -> list[str]:
    """Return names of the scope's queues, sorted, from the one behind `after` on."""
    rows = reader.all(
        "SELECT name FROM sqs_queue WHERE account = ? AND region = ? AND name >= ? AND name < ? AND name > ?"
        " ORDER BY name LIMIT ?",
        (scope.account, scope.region, prefix, prefix + "\U0010ffff", after, limit),
    )
    return [str(name) for (name,) in rows]


def sources(reader: Reader, dead_letters: str, *, after: str, limit: int) -> list[Address]:
    """Return the queues whose dead-letter queue has that ARN, by account, region and name."""
    rows: Sequence[Row] = reader.all(
        "SELECT account, region, name FROM sqs_queue WHERE dead_letters = ? AND name > ?"
        " ORDER BY account, region, name LIMIT ?",
        (dead_letters, after, limit),
    )
    return [Address(Scope(account, region), name) for account, region, name in rows]


def every_queue(reader: Reader) -> list[tuple[Queue, int]]:
    """Return each queue with the number of its messages."""
    columns = ", ".join(f"q.{column}" for column in _QUEUE.split(", "))
    rows: Sequence[Row] = reader.all(
        f"SELECT {columns}, b.messages FROM sqs_queue AS q JOIN sqs_box AS b ON b.id = q.box ORDER BY q.id"
    )
    return [(_as_queue(row[:-1]), row[-1]) for row in rows]


def deleted_ms(reader: Reader, address: Address) -> int | None:
    """Return when a queue of that name was deleted, if it was."""
    row: Row | None = reader.one(
        "SELECT deleted_ms FROM sqs_deleted_queue WHERE account = ? AND region = ? AND name = ?", _key(address)
    )
    return None if row is None else int(row[0])


def add_queue(
    transaction: Transaction, address: Address, attributes: Mapping[str, str], tags: Mapping[str, str], now_ms: int
) -> None:
    """Write a new queue, with an empty box."""
    box = _new_box(transaction)
    transaction.execute(
        "INSERT INTO sqs_queue (account, region, name, box, created_ms, modified_ms, attributes, tags, dead_letters)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*_key(address), box, now_ms, now_ms, _text(attributes), _text(tags), _dead_letters(attributes)),
    )
    transaction.execute("DELETE FROM sqs_deleted_queue WHERE account = ? AND region = ? AND name = ?", _key(address))


def change_queue(
    transaction: Transaction, queue_id: int, attributes: Mapping[str, str], tags: Mapping[str, str], modified_ms: int
) -> None:
    """Write what can change of a queue."""
    transaction.execute(
        "UPDATE sqs_queue SET attributes = ?, tags = ?, dead_letters = ?, modified_ms = ? WHERE id = ?",
        (_text(attributes), _text(tags), _dead_letters(attributes), modified_ms, queue_id),
    )


def purge_queue(transaction: Transaction, queue: Queue, now_ms: int) -> None:
    """Give a queue an empty box; what lies in the other is swept away later."""
    _drop_box(transaction, queue.box, now_ms)
    transaction.execute(
        "UPDATE sqs_queue SET box = ?, purged_ms = ? WHERE id = ?", (_new_box(transaction), now_ms, queue.id)
    )


def delete_queue(transaction: Transaction, queue: Queue, now_ms: int) -> None:
    """Remove a queue, and note when; its messages are swept away later."""
    _drop_box(transaction, queue.box, now_ms)
    transaction.execute("DELETE FROM sqs_queue WHERE id = ?", (queue.id,))
    transaction.execute("DELETE FROM sqs_deduplication WHERE queue = ?", (queue.id,))
    transaction.execute("INSERT OR REPLACE INTO sqs_deleted_queue VALUES (?, ?, ?, ?)", (*_key(queue.address), now_ms))


def forget_deleted(transaction: Transaction, before_ms: int) -> None:
    """Remove what is known of queues that were deleted before."""
    transaction.execute("DELETE FROM sqs_deleted_queue WHERE deleted_ms < ?", (before_ms,))


def dropped_box(reader: Reader, before_ms: int) -> int | None:
    """Return a box to be swept: one with messages, or one that was dropped before."""
    row: Row | None = reader.one(
        "SELECT id FROM sqs_box WHERE dropped_ms IS NOT NULL AND (messages > 0 OR dropped_ms < ?) LIMIT 1",
        (before_ms,),
    )
    return None if row is None else int(row[0])


def remove_box(transaction: Transaction, box: int, before_ms: int) -> None:
    """Remove an empty box that was dropped before: later ones may still be sent to, by whoever began earlier."""
    transaction.execute("DELETE FROM sqs_box WHERE id = ? AND messages = 0 AND dropped_ms < ?", (box, before_ms))


def reserve_numbers(transaction: Transaction, count: int) -> int:
    """Return the first of as many numbers that nobody else gets."""
    row: Row | None = transaction.one("SELECT next FROM sqs_numbers")
    first = 1 if row is None else int(row[0])
    transaction.execute("UPDATE sqs_numbers SET next = ?", (first + count,))
    return first


def _new_box(transaction: Transaction) -> int:
    transaction.execute("INSERT INTO sqs_box (messages) VALUES (0)")
    row: Row | None = transaction.one("SELECT last_insert_rowid()")
    return int(row[0]) if row is not None else 0


def _drop_box(transaction: Transaction, box: int, now_ms: int) -> None:
    transaction.execute("UPDATE sqs_box SET dropped_ms = ? WHERE id = ?", (now_ms, box))


def _key(address: Address) -> tuple[str, str, str]:
    return address.scope.account, address.scope.region, address.name


def _text(value: Mapping[str, str]) -> str:
    return orjson.dumps(dict(value)).decode()


def _dead_letters(attributes: Mapping[str, str]) -> str | None:
    redrive = settings_of(attributes).redrive
    return None if redrive is None else redrive.target_arn


def _as_queue(row: Row) -> Queue:
    queue_id, account, region, name, box, created, modified, purged, attributes, tags = row
    known: dict[str, str] = orjson.loads(attributes)
    return Queue(
        id=queue_id,
        address=Address(Scope(account, region), name),
        box=box,
        created_ms=created,
        modified_ms=modified,
        purged_ms=purged,
        attributes=known,
        tags=orjson.loads(tags),
        settings=settings_of(known),
    )
