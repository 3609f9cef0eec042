"""Rows of messages: what comes by the thousand is written with others, many rows in few statements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import orjson

from lambent.cloud.services.sqs.model.message import Content, State, attributes_in, attributes_text
from lambent.cloud.store.helpings import in_helpings, places
from lambent.cloud.store.unit_of_work import Reader, SqlValue, Transaction

Row = Sequence[Any]  # Any: the tables are STRICT, so each column has the type that the schema says

_STATE = "number, visible_ms, sent_ms, received, received_before, first_ms, ordered_in"
_CONTENT = "message_id, body, sender, attributes, trace, group_id, deduplication_id, source_arn"
_EXPIRED_AT_ONCE = 500
# As `_make`, at a quarter of its cost: every message is read some four times on its way.
_state = partial(tuple.__new__, State)
_content = partial(tuple.__new__, Content)


class Stored(NamedTuple):
    """A message as two rows, made on the caller's side, so that the writer only writes."""

    message: tuple[SqlValue, ...]
    content: tuple[SqlValue, ...]


@dataclass(slots=True)
class Deduplicated:
    """A message for a FIFO queue; `original` is set to the number and id of the one that it repeats, if it does."""

    stored: Stored
    key: tuple[int, str, str]
    number: int
    message_id: str
    now_ms: int
    until_ms: int
    original: tuple[int, str] | None = None


Receive = tuple[int, int, int, int]
"""What a receive changes of a message: number, when it is visible next, how often and since when it was received."""


def stored(box: int, state: State, content: Content) -> Stored:
    """Return the rows of a message."""
    return Stored(
        (
            state.number,
            box,
            state.visible_ms,
            state.sent_ms,
            state.received,
            state.received_before,
            state.first_ms,
            state.ordered_in,
        ),
        (
            state.number,
            content.message_id,
            content.body,
            content.sender,
            attributes_text(content.attributes),
            content.trace,
            content.group_id,
            content.deduplication_id,
            content.source_arn,
        ),
    )


# ── many at once ──


def add_messages(transaction: Transaction, messages: Sequence[Stored]) -> None:
    """Write new messages."""
    for some in in_helpings(messages):
        transaction.execute(
            "INSERT OR IGNORE INTO sqs_message"
            " (number, box, visible_ms, sent_ms, received, received_before, first_ms, ordered_in)"
            f" VALUES {places(8, len(some))}",
            [value for each in some for value in each.message],
        )
        transaction.execute(
            f"INSERT OR IGNORE INTO sqs_content (number, {_CONTENT}) VALUES {places(9, len(some))}",
            [value for each in some for value in each.content],
        )


def add_deduplicated(transaction: Transaction, messages: Sequence[Deduplicated]) -> None:
    """Write those of the messages that repeat none of the last five minutes."""
    fresh: dict[tuple[int, str, str], Deduplicated] = {}
    for message in messages:
        message.original = None
        earlier = fresh.get(message.key)
        if earlier is not None:
            message.original = (earlier.number, earlier.message_id)
            continue
        known: Row | None = transaction.one(
            "SELECT number, message_id FROM sqs_deduplication"
            " WHERE queue = ? AND within = ? AND deduplication_id = ? AND until_ms > ?",
            (*message.key, message.now_ms),
        )
        if known is None:
            fresh[message.key] = message
        else:
            message.original = (known[0], known[1])
    add_messages(transaction, [message.stored for message in fresh.values()])
    for some in in_helpings(list(fresh.values())):
        transaction.execute(
            f"INSERT OR REPLACE INTO sqs_deduplication VALUES {places(6, len(some))}",
            [value for each in some for value in (*each.key, each.number, each.message_id, each.until_ms)],
        )


def note_receives(transaction: Transaction, receives: Sequence[Receive]) -> None:
    """Write that messages were received, or until when they cannot be."""
    transaction.execute(
        "UPDATE sqs_message SET visible_ms = new.value ->> 1, received = new.value ->> 2, first_ms = new.value ->> 3"
        " FROM json_each(?) AS new WHERE sqs_message.number = new.value ->> 0",
        (orjson.dumps(receives).decode(),),
    )


def remove_messages(transaction: Transaction, numbers: Sequence[int]) -> None:
    """Remove messages."""
    listed = orjson.dumps(numbers).decode()
    transaction.execute("DELETE FROM sqs_message WHERE number IN (SELECT value FROM json_each(?))", (listed,))
    transaction.execute("DELETE FROM sqs_content WHERE number IN (SELECT value FROM json_each(?))", (listed,))


# ── few ──


def redrive(transaction: Transaction, states: Iterable[State], box: int, source_arn: str) -> None:
    """Put messages into the box of a dead-letter queue, as `states` say."""
    for state in states:
        transaction.execute(
            "UPDATE sqs_message SET box = ?, visible_ms = ?, sent_ms = ?, received_before = ? WHERE number = ?",
            (box, state.visible_ms, state.sent_ms, state.received_before, state.number),
        )
        transaction.execute("UPDATE sqs_content SET source_arn = ? WHERE number = ?", (source_arn, state.number))


def remove_expired(transaction: Transaction, box: int, until_ms: int) -> int:
    """Remove some of the messages that were sent up to a moment; returns how many, none at the end."""
    rows = transaction.all(
        "SELECT number FROM sqs_message WHERE box = ? AND sent_ms <= ? LIMIT ?", (box, until_ms, _EXPIRED_AT_ONCE)
    )
    remove_messages(transaction, [int(str(number)) for (number,) in rows])
    return len(rows)


def remove_deduplication(transaction: Transaction, now_ms: int) -> bool:
    """Forget some of what was sent more than five minutes ago; returns whether there may be more of it."""
    row: Row | None = transaction.one(
        "SELECT until_ms FROM sqs_deduplication WHERE until_ms <= ? ORDER BY until_ms LIMIT 1 OFFSET ?",
        (now_ms, _EXPIRED_AT_ONCE),
    )
    until_ms = now_ms if row is None else row[0]
    transaction.execute("DELETE FROM sqs_deduplication WHERE until_ms <= ?", (until_ms,))
    return row is not None


# ── reading ──


def visible(reader: Reader, box: int, now_ms: int, limit: int, taken: AbstractSet[int]) -> list[State]:
    """Return messages that can be received, those that could first before, without the ones that are `taken`."""
    rows: Sequence[Row] = reader.all(
        f"SELECT {_STATE} FROM sqs_message WHERE box = ? AND visible_ms <= ?"
        " AND number NOT IN (SELECT value FROM json_each(?)) ORDER BY visible_ms, received, number LIMIT ?",
        (box, now_ms, orjson.dumps(list(taken)).decode(), limit),
    )
    return [_state(row) for row in rows]


def in_group(reader: Reader, box: int, group: str, limit: int) -> list[State]:
    """Return the first messages of a group, in their order."""
    rows: Sequence[Row] = reader.all(
        f"SELECT {_STATE} FROM sqs_message WHERE box = ? AND ordered_in = ? ORDER BY number LIMIT ?",
        (box, group, limit),
    )
    return [_state(row) for row in rows]


def states(reader: Reader, box: int, numbers: Sequence[int]) -> dict[int, State]:
    """Return what is known of messages, by their numbers, as far as they lie in the box."""
    rows: Sequence[Row] = reader.all(
        # The plus keeps SQLite from going through the whole box: https://www.sqlite.org/optoverview.html#uplus
        f"SELECT {_STATE} FROM sqs_message WHERE number IN (SELECT value FROM json_each(?)) AND +box = ?",
        (orjson.dumps(numbers).decode(), box),
    )
    return {row[0]: _state(row) for row in rows}


def contents(reader: Reader, numbers: Sequence[int]) -> dict[int, Content]:
    """Return what messages say, by their numbers."""
    rows: Sequence[Row] = reader.all(
        f"SELECT number, {_CONTENT} FROM sqs_content WHERE number IN (SELECT value FROM json_each(?))",
        (orjson.dumps(numbers).decode(),),
    )
    return {row[0]: _content((*row[1:4], attributes_in(row[4]) or None, *row[5:])) for row in rows}


def next_visible_ms(reader: Reader, box: int, now_ms: int) -> int | None:
    """Return when the next message becomes visible that is not yet, or None."""
    row: Row | None = reader.one(
        "SELECT min(visible_ms) FROM sqs_message WHERE box = ? AND visible_ms > ?", (box, now_ms)
    )
    return None if row is None or row[0] is None else int(row[0])


def hidden(reader: Reader, box: int, now_ms: int) -> tuple[int, int]:
    """Return how many messages are in flight, and how many are delayed."""
    row: Row | None = reader.one(
        "SELECT count(*), total(received > 0) FROM sqs_message WHERE box = ? AND visible_ms > ?", (box, now_ms)
    )
    if row is None:
        return 0, 0
    in_flight = int(row[1])
    return in_flight, int(row[0]) - in_flight


def total(reader: Reader, box: int, expired_until_ms: int) -> int:
    """Return how many messages there are that have not expired."""
    row: Row | None = reader.one(
        "SELECT messages - (SELECT count(*) FROM sqs_message WHERE box = ?1 AND sent_ms <= ?2) FROM sqs_box"
        " WHERE id = ?1",
        (box, expired_until_ms),
    )
    return 0 if row is None else int(row[0])


def groups(reader: Reader, box: int) -> list[tuple[str, int]]:
    """Return every group of a FIFO queue, with the number of its first message."""
    rows: Sequence[Row] = reader.all(
        "SELECT ordered_in, min(number) FROM sqs_message WHERE box = ? AND ordered_in IS NOT NULL GROUP BY ordered_in",
        (box,),
    )
    return [(group, number) for group, number in rows]


def in_flight(reader: Reader, box: int, now_ms: int) -> list[State]:
    """Return the messages that are in flight."""
    rows: Sequence[Row] = reader.all(
        f"SELECT {_STATE} FROM sqs_message WHERE box = ? AND visible_ms > ? AND received > received_before",
        (box, now_ms),
    )
    return [_state(row) for row in rows]


def has_expired(reader: Reader, box: int, until_ms: int) -> bool:
    """Whether any message was sent up to a moment."""
    return reader.one("SELECT 1 FROM sqs_message WHERE box = ? AND sent_ms <= ? LIMIT 1", (box, until_ms)) is not None
