"""Tokens that make a transaction idempotent for ten minutes.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from __future__ import annotations

from dataclasses import dataclass

from lambent.cloud.errors import ServiceError
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Transaction

_LIFETIME_S = 600.0


@dataclass(frozen=True, slots=True)
class Token:
    """A request's token, and a digest of what it asks."""

    scope: Scope
    text: str
    digest: bytes


def is_used(transaction: Transaction, token: Token, now: float) -> bool:
    """Return whether a request with the token was carried out; raises IdempotentParameterMismatchException."""
    row = transaction.one(
        "SELECT digest FROM dynamodb_token WHERE account = ? AND region = ? AND token = ? AND expires_at > ?",
        (token.scope.account, token.scope.region, token.text, now),
    )
    if row is None:
        return False
    if row[0] != token.digest:
        raise ServiceError(
            "IdempotentParameterMismatchException", "The provided client token does not match the request parameters."
        )
    return True


def add(transaction: Transaction, token: Token, now: float) -> None:
    """Note that the request with the token is carried out."""
    transaction.execute(
        "INSERT OR REPLACE INTO dynamodb_token VALUES (?, ?, ?, ?, ?)",
        (token.scope.account, token.scope.region, token.text, token.digest, now + _LIFETIME_S),
    )


def forget_expired(transaction: Transaction, now: float) -> None:
    """Remove the tokens that have expired."""
    transaction.execute("DELETE FROM dynamodb_token WHERE expires_at <= ?", (now,))
