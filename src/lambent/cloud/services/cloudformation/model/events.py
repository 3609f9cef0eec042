"""What is written down when a stack or one of its resources comes into another state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from lambent.base.identifiers import IdSource
from lambent.cloud.services.cloudformation.model.masking import shown
from lambent.cloud.services.cloudformation.model.stack import ResourceStatus, Stack, StackEvent, StackResource
from lambent.cloud.services.cloudformation.model.states import StackStatus

STACK_TYPE: Final = "AWS::CloudFormation::Stack"
_GOALS: Final = {
    "CREATE_STACK": StackStatus.CREATE_COMPLETE,
    "UPDATE_STACK": StackStatus.UPDATE_COMPLETE,
    "DELETE_STACK": StackStatus.DELETE_COMPLETE,
}
_BACK: Final = frozenset({StackStatus.ROLLBACK_COMPLETE, StackStatus.UPDATE_ROLLBACK_COMPLETE})


def of_stack(stack: Stack, now: float, ids: IdSource) -> StackEvent:
    """Return the event of a stack that is now in its state."""
    return StackEvent(
        id=ids.uuid(),
        at=now,
        logical_id=stack.name,
        physical_id=stack.id,
        type=STACK_TYPE,
        status=stack.status,
        reason=stack.status_reason,
        client_token=stack.client_token,
        operation_id=stack.operation_id,
    )


def of_resource(  # noqa: PLR0913, PLR0917 - all that an event tells
    stack: Stack, row: StackResource, now: float, ids: IdSource, reason: str, status: ResourceStatus
) -> StackEvent:
    """Return the event of a resource of a stack; `status` is the row's own, or one that it went through."""
    return StackEvent(
        id=f"{row.logical_id}-{status}-{ids.uuid()}",
        at=now,
        logical_id=row.logical_id,
        physical_id=row.physical_id,
        type=row.type,
        status=status,
        reason=reason,
        properties=_shown(shown(row.properties if row.attempted is None else row.attempted, row.masked)),
        client_token=stack.client_token,
        operation_id=stack.operation_id,
    )


def _shown(properties: Mapping[str, Any]) -> str | None:  # Any: JSON-shaped values of a template
    return orjson.dumps(properties).decode() if properties else None


def operation_status(kind: str, event: StackEvent) -> str:
    """Return how an operation of a kind stands when the stack itself has this event.

    An update that ends in a rollback has failed; a rollback that ends so has succeeded.
    """
    if event.status.endswith("IN_PROGRESS"):
        return "IN_PROGRESS"
    is_there = event.status == _GOALS[kind] if kind in _GOALS else event.status in _BACK
    return "SUCCEEDED" if is_there else "FAILED"
