"""Statements of a queue's policy, as AddPermission writes and RemovePermission removes them.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from lambent.cloud.services.sqs import errors
from lambent.cloud.services.sqs.model.queue import Address

# What of a queue can be shared; the batches go with what they are made of.
_ACTIONS = frozenset(
    {"*", "ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "ListDeadLetterSourceQueues"}
    | {"PurgeQueue", "ReceiveMessage", "SendMessage"}
)
_MOST_ACTIONS = 7


def with_permission(
    policy: str | None, address: Address, label: str, accounts: Sequence[str], actions: Sequence[str]
) -> str:
    """Return a policy that lets accounts do something, too; raises InvalidParameterValue, OverLimit."""
    if len(actions) > _MOST_ACTIONS:
        raise errors.over_limit(f"{len(actions)} Actions were found, maximum allowed is {_MOST_ACTIONS}.")
    for action in actions:
        if action not in _ACTIONS:
            reason = "Please refer to the appropriate WSDL for a list of valid actions. "
            raise errors.invalid_value(f"SQS:{action}", "ActionName", reason)
    document = _document(policy, address)
    if any(statement.get("Sid") == label for statement in document["Statement"]):
        raise errors.invalid_value(label, "Label", "Already exists.")
    partition = address.scope.partition
    document["Statement"].append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": _one_or_all([f"arn:{partition}:iam::{account}:root" for account in accounts])},
            "Action": _one_or_all([f"SQS:{action}" for action in actions]),
            "Resource": address.arn,
        }
    )
    return orjson.dumps(document).decode()


def without_permission(policy: str | None, address: Address, label: str) -> str:
    """Return a policy without the statement of a label, "" where no statement is left; raises InvalidParameterValue."""
    document = _document(policy, address)
    kept = [statement for statement in document["Statement"] if statement.get("Sid") != label]
    if len(kept) == len(document["Statement"]):
        raise errors.invalid_value(label, "Label", "can't find label.")
    return orjson.dumps({**document, "Statement": kept}).decode() if kept else ""


def _document(policy: str | None, address: Address) -> dict[str, Any]:  # Any: a policy that has been checked
    if not policy:
        return {"Version": "2008-10-17", "Id": f"{address.arn}/SQSDefaultPolicy", "Statement": []}
    document: dict[str, Any] = orjson.loads(policy)  # Any: as above
    statements = document.get("Statement", [])
    return {**document, "Statement": statements if isinstance(statements, list) else [statements]}


def _one_or_all(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
