"""Message move tasks: what they move, how far they are, and the handles that name them.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from lambent.cloud.store.scope import Scope

MOST_PER_SECOND = 500


class Status(StrEnum):
    """How far a task is."""

    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"

    @property
    def is_under_way(self) -> bool:
        """Whether it may still move messages."""
        return self in {Status.RUNNING, Status.CANCELLING}


@dataclass(frozen=True, slots=True)
class MoveTask:
    """A task; without a destination, each message goes back to the queue that it was redriven from."""

    id: str
    scope: Scope
    source_arn: str
    destination_arn: str | None
    most_per_second: int | None
    status: Status
    started_ms: int
    moved: int
    to_move: int
    failure: str | None = None

    @property
    def handle(self) -> str:
        """The task's handle, which clients cancel it by."""
        return b64encode(orjson.dumps({"taskId": self.id, "sourceArn": self.source_arn})).decode("ascii")


def task_in(handle: str) -> tuple[str, str] | None:
    """Return the id and the source of the task that a handle names; None for what is no handle."""
    try:
        told: Any = orjson.loads(b64decode(handle, validate=True))  # Any: JSON of a stranger's
    except (binascii.Error, ValueError):
        return None
    if not isinstance(told, dict) or not {"taskId", "sourceArn"} <= told.keys():
        return None
    return str(told["taskId"]), str(told["sourceArn"])
