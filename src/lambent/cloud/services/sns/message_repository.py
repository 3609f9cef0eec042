"""Rows of messages: kept for several deliveries, known again by FIFO topics, and put into the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

OUTBOX_SIZE: Final = 1000
_REMEMBERED_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Known:
    """A FIFO topic's message of the last five minutes, by what it is known: `group` is "" where that does not matter.

    https://docs.aws.amazon.com/sns/latest/dg/fifo-message-dedup.html
    """

    topic_id: int
    group: str
    deduplication_id: str


def remembered(reader: Reader, known: Known, now: float) -> tuple[str, str] | None:
    """Return the id and the sequence number of the message known by this, or None."""
    row = reader.one(
        "SELECT message_id, sequence FROM sns_deduplication"
        " WHERE topic_id = ? AND message_group = ? AND deduplication_id = ? AND until > ?",
        (known.topic_id, known.group, known.deduplication_id, now),
    )
    return None if row is None else (str(row[0]), str(row[1]))


def remember(transaction: Transaction, known: Known, now: float, message_id: str, sequence: str) -> None:
    """Remember a message for five minutes."""
    transaction.execute(
        "INSERT OR REPLACE INTO sns_deduplication VALUES (?, ?, ?, ?, ?, ?)",
        (known.topic_id, known.group, known.deduplication_id, now + _REMEMBERED_S, message_id, sequence),
    )


def has_forgettable(reader: Reader, now: float) -> bool:
    """Whether the five minutes of any message are over."""
    return reader.one("SELECT 1 FROM sns_deduplication WHERE until <= ? LIMIT 1", (now,)) is not None


def forget(transaction: Transaction, now: float) -> None:
    """Forget the messages whose five minutes are over."""
    transaction.execute("DELETE FROM sns_deduplication WHERE until <= ?", (now,))


def keep_message(transaction: Transaction, body: bytes, deliveries: int) -> int:
    """Keep a message for so many deliveries, and return its number."""
    transaction.execute("INSERT INTO sns_message (body, deliveries_left) VALUES (?, ?)", (body, deliveries))
    row = transaction.one("SELECT last_insert_rowid()")
    return 0 if row is None else int(str(row[0]))


def kept_message(reader: Reader, number: int) -> bytes | None:
    """Return a message that is kept for several deliveries, or None."""
    row = reader.one("SELECT body FROM sns_message WHERE id = ?", (number,))
    return row[0] if row is not None and isinstance(row[0], bytes) else None


def release_message(transaction: Transaction, number: int) -> None:
    """Count one delivery of a message as made; with the last one the message goes."""
    transaction.execute("UPDATE sns_message SET deliveries_left = deliveries_left - 1 WHERE id = ?", (number,))
    transaction.execute("DELETE FROM sns_message WHERE id = ? AND deliveries_left <= 0", (number,))


def put_into_outbox(transaction: Transaction, scope: Scope, sent: float, content: Mapping[str, object]) -> None:
    """Add what would have been sent; the outbox keeps the last thousand."""
    transaction.execute(
        "INSERT INTO sns_outbox (account, region, sent, content) VALUES (?, ?, ?, ?)",
        (scope.account, scope.region, sent, orjson.dumps(content).decode()),
    )
    transaction.execute("DELETE FROM sns_outbox WHERE id <= last_insert_rowid() - ?", (OUTBOX_SIZE,))


def outbox(reader: Reader) -> Sequence[Mapping[str, Any]]:  # Any: JSON of our own writing
    """Return what would have been sent, the oldest first."""
    rows = reader.all("SELECT account, region, sent, content FROM sns_outbox ORDER BY id")
    return [
        {"account": account, "region": region, "sent": sent, **orjson.loads(str(content))}
        for account, region, sent, content in rows
    ]


def empty_outbox(transaction: Transaction) -> None:
    """Remove all that would have been sent."""
    transaction.execute("DELETE FROM sns_outbox")


def sms_attributes(reader: Reader, scope: Scope) -> dict[str, str]:
    """Return the settings for text messages."""
    rows = reader.all(
        "SELECT name, value FROM sns_sms_attribute WHERE account = ? AND region = ?", (scope.account, scope.region)
    )
    return {str(name): str(value) for name, value in rows}


def set_sms_attributes(transaction: Transaction, scope: Scope, attributes: Mapping[str, str]) -> None:
    """Set settings for text messages."""
    transaction.executemany(
        "INSERT OR REPLACE INTO sns_sms_attribute VALUES (?, ?, ?, ?)",
        [(scope.account, scope.region, name, value) for name, value in attributes.items()],
    )


def signing_key(reader: Reader) -> tuple[str, str, str] | None:
    """Return id, private key and certificate of what notifications are signed with, or None where there is none yet."""
    row = reader.one("SELECT id, private_key, certificate FROM sns_signing_key")
    return None if row is None else (str(row[0]), str(row[1]), str(row[2]))


def add_signing_key(transaction: Transaction, key: tuple[str, str, str]) -> None:
    """Keep what notifications are signed with from now on, unless there is such a key."""
    transaction.execute(
        "INSERT INTO sns_signing_key SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM sns_signing_key)", key
    )
