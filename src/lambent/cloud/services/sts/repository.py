"""STS's one row: the secret that session tokens are sealed with."""

from __future__ import annotations

from lambent.cloud.store.unit_of_work import Reader, Transaction


def seal_secret(reader: Reader) -> bytes | None:
    """Return the secret, or None before there is one."""
    row = reader.one("SELECT secret FROM sts_seal WHERE id = 1")
    return row[0] if row is not None and isinstance(row[0], bytes) else None


def put_seal_secret(transaction: Transaction, secret: bytes) -> None:
    """Write the secret."""
    transaction.execute("INSERT INTO sts_seal (id, secret) VALUES (1, ?)", (secret,))
