"""The record of what was done, in one table: which files, in which stage, how often; and the state of the source."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import ClientError

_KEPT_S = 30 * 86_400


@cache
def _table() -> Any:  # Any: boto3 makes its classes at run time
    return boto3.resource("dynamodb").Table(os.environ["EXECUTIONS"])


def begin(stage: str, file: str, fingerprint: str) -> bool:
    """Note that a stage begins with a file; return False where it has finished with the same bytes before."""
    try:
        _table().update_item(
            Key={"id": f"{stage}#{file}"},
            UpdateExpression="SET fingerprint = :now, #state = :begun, expires = :expires ADD attempts :one",
            ConditionExpression="attribute_not_exists(id) OR fingerprint <> :now OR #state <> :done",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":now": fingerprint, ":begun": "begun", ":done": "done", ":one": 1,
                ":expires": int(time.time()) + _KEPT_S,
            },
        )  # fmt: skip
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        _table().update_item(
            Key={"id": f"{stage}#{file}"},
            UpdateExpression="ADD duplicates :one",
            ExpressionAttributeValues={":one": 1},
        )
        return False
    return True


def finish(stage: str, file: str, **found: object) -> None:
    """Note how a stage ended with a file."""
    names = {f"#{name}": name for name in found}
    values = {f":{name}": value for name, value in found.items()}
    _table().update_item(
        Key={"id": f"{stage}#{file}"},
        UpdateExpression=", ".join(["SET #state = :done", *(f"#{name} = :{name}" for name in found)]),
        ExpressionAttributeNames={"#state": "state", **names},
        ExpressionAttributeValues={":done": "done", **values},
    )


class Breaker:
    """A circuit breaker whose state all environments share: closed, open, and half open once it has cooled down."""

    def __init__(self, name: str, *, failures: int = 3, cooldown_s: float = 600.0) -> None:
        self._key = {"id": f"breaker#{name}"}
        self._most = failures
        self._cooldown_s = cooldown_s

    def is_open(self, now: float) -> bool:
        """Whether the source is to be left alone for the time being."""
        item = _table().get_item(Key=self._key, ConsistentRead=True).get("Item", {})
        opened = item.get("opened_at")
        return opened is not None and now < float(opened) + self._cooldown_s

    def failed(self, now: float) -> None:
        """Count a failure; the breaker opens with the last that it bears, and again with any while it is half open."""
        counted = _table().update_item(
            Key=self._key,
            UpdateExpression="ADD failures :one",
            ExpressionAttributeValues={":one": 1},
            ReturnValues="ALL_NEW",
        )["Attributes"]
        if counted["failures"] >= self._most or "opened_at" in counted:
            _table().update_item(
                Key=self._key,
                UpdateExpression="SET opened_at = :now",
                ExpressionAttributeValues={":now": int(now)},
            )

    def succeeded(self) -> None:
        """Close it."""
        _table().delete_item(Key=self._key)
