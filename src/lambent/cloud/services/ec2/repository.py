"""EC2's one table: how visible an account's managed resources are."""

from __future__ import annotations

from lambent.cloud.store.unit_of_work import Reader, Transaction

HIDDEN, VISIBLE = "hidden", "visible"


def default_visibility(reader: Reader, account: str) -> str:
    """Return whether an account's managed resources are hidden, which they are at first, or visible."""
    row = reader.one("SELECT by_default FROM ec2_visibility WHERE account = ?", (account,))
    return HIDDEN if row is None else str(row[0])


def put_default_visibility(transaction: Transaction, account: str, visibility: str) -> None:
    """Keep it."""
    transaction.execute(
        "INSERT OR REPLACE INTO ec2_visibility (account, by_default) VALUES (?, ?)", (account, visibility)
    )
