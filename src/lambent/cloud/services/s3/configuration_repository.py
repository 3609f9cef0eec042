"""Rows of what buckets are configured with: one table for every kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson

from lambent.cloud.store.unit_of_work import Reader, Transaction

Document = Mapping[str, Any]  # Any: a structure of the service model, or a policy

DELETED = "null"


def text_of(reader: Reader, kind: str, bucket_id: int, configuration_id: str = "") -> str | None:
    """Return a configuration as it stands in its row; None where there is no row."""
    row = reader.one(
        "SELECT document FROM s3_configuration WHERE kind = ? AND bucket_id = ? AND id = ?",
        (kind, bucket_id, configuration_id),
    )
    return None if row is None else str(row[0])


def get(reader: Reader, kind: str, bucket_id: int, default: Document | None = None) -> Document | None:
    """Return a configuration; the default where it was never put, None where it was deleted."""
    text = text_of(reader, kind, bucket_id)
    return default if text is None else loaded(text)


def put(transaction: Transaction, kind: str, bucket_id: int, document: Document, configuration_id: str = "") -> None:
    """Write a configuration over what was there."""
    _write(transaction, kind, bucket_id, configuration_id, orjson.dumps(document).decode())


def forget(transaction: Transaction, kind: str, bucket_id: int) -> None:
    """Note that a configuration was deleted, so that its default is none any more."""
    _write(transaction, kind, bucket_id, "", DELETED)


def remove(transaction: Transaction, kind: str, bucket_id: int, configuration_id: str = "") -> int:
    """Remove a configuration; returns how many there were."""
    return transaction.execute(
        "DELETE FROM s3_configuration WHERE kind = ? AND bucket_id = ? AND id = ?", (kind, bucket_id, configuration_id)
    )


def remove_all(transaction: Transaction, bucket_id: int) -> None:
    """Remove every configuration of a bucket."""
    transaction.execute("DELETE FROM s3_configuration WHERE bucket_id = ?", (bucket_id,))


def page(reader: Reader, kind: str, bucket_id: int, *, after: str, limit: int) -> list[tuple[str, Document]]:
    """Return configurations of one kind by their ids, behind the id `after`."""
    rows = reader.all(
        "SELECT id, document FROM s3_configuration WHERE kind = ? AND bucket_id = ? AND id > ? ORDER BY id LIMIT ?",
        (kind, bucket_id, after, limit),
    )
    return [(str(row[0]), orjson.loads(str(row[1]))) for row in rows]


def all_of_kind(reader: Reader, kind: str) -> Iterator[tuple[int, str]]:
    """Yield the bucket and the text of every configuration of a kind that a bucket has one of."""
    for bucket_id, text in reader.all("SELECT bucket_id, document FROM s3_configuration WHERE kind = ?", (kind,)):
        yield int(str(bucket_id)), str(text)


@lru_cache(maxsize=1024)
def loaded(text: str) -> Document | None:
    """Return a configuration from its text; the same object for the same text, which nobody may change."""
    document: Document | None = orjson.loads(text)
    return document


def _write(transaction: Transaction, kind: str, bucket_id: int, configuration_id: str, text: str) -> None:
    transaction.execute(
        "INSERT INTO s3_configuration (kind, bucket_id, id, document) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (kind, bucket_id, id) DO UPDATE SET document = excluded.document",
        (kind, bucket_id, configuration_id, text),
    )
