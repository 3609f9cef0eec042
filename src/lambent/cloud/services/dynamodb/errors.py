"""DynamoDB's errors, with AWS's codes and messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambent.cloud.errors import ServiceError

Members = Mapping[str, Any]  # Any: members of an error's shape
_LARGEST_TRANSACTION = 4 * 1024 * 1024


def invalid(message: str) -> ServiceError:
    """Return ValidationException."""
    return ServiceError("ValidationException", message)


def check_transaction_size(size: int) -> None:
    """Raise ValidationException for a transaction whose items are larger than 4 MB together.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
    """
    if size > _LARGEST_TRANSACTION:
        raise invalid("Collection size of items in the transaction exceeds the maximum of 4 MB")


def invalid_values(message: str) -> ServiceError:
    """Return ValidationException in the words with which AWS begins most of them."""
    return invalid(f"One or more parameter values were invalid: {message}")


def not_found(message: str = "Requested resource not found") -> ServiceError:
    """Return ResourceNotFoundException."""
    return ServiceError("ResourceNotFoundException", message)


def table_not_found(name: str) -> ServiceError:
    """Return the error for a table that is not there, as the operations on tables word it."""
    return not_found(f"Requested resource not found: Table: {name} not found")


def in_use(message: str) -> ServiceError:
    """Return ResourceInUseException."""
    return ServiceError("ResourceInUseException", message)


def limit_exceeded(message: str) -> ServiceError:
    """Return LimitExceededException."""
    return ServiceError("LimitExceededException", message)


def condition_failed(item: Members | None = None) -> ServiceError:
    """Return ConditionalCheckFailedException, with the item where the caller asked for it."""
    members = {} if item is None else {"Item": item}
    return ServiceError("ConditionalCheckFailedException", "The conditional request failed", members=members)


def transaction_cancelled(reasons: Sequence[Members]) -> ServiceError:
    """Return TransactionCanceledException with one reason for each action."""
    codes = ", ".join(str(reason["Code"]) for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return ServiceError("TransactionCanceledException", message, members={"CancellationReasons": list(reasons)})


def key_mismatch() -> ServiceError:
    """Return the error for a key that lacks an attribute of the schema, has one more, or one of another type."""
    return invalid("The provided key element does not match the schema")


def not_available(what: str) -> ServiceError:
    """Return the refusal of what this platform does not offer."""
    return ServiceError("UnknownOperationException", f"{what} is not available here.")
