"""Events of stacks by operation, as DescribeEvents tells them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html
"""

from __future__ import annotations

from typing import Any

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.cloudformation import errors, rendering, repository
from lambent.cloud.services.cloudformation.model.events import STACK_TYPE, operation_status
from lambent.cloud.services.cloudformation.model.stack import Stack, StackEvent
from lambent.cloud.services.cloudformation.operations.common import Parts, number_of

_PAGE = 100
Members = dict[str, Any]  # Any: members of a shape


class EventOperations:
    """The operation that tells events by operation."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("DescribeEvents")
    async def describe_events(self, context: RequestContext, asked: Parameters) -> Result:
        """Return events, the newest first: of a stack, or of one operation; all, or those of failures."""
        stack, operation_id = self._whose(context, asked)
        kinds = repository.operations(self._parts.store.read, context.scope, stack_id=stack.id)
        before = number_of(asked.get("NextToken"))
        rows = repository.events(self._parts.store.read, stack.id, before=before, limit=_PAGE + 1)
        more = {"NextToken": str(rows[_PAGE - 1][0])} if len(rows) > _PAGE else {}
        told = [
            _event(one, stack, kinds.get(one.operation_id, ("", ""))[1])
            for _, one in rows[:_PAGE]
            if operation_id in {None, one.operation_id}
        ]
        only_failed = bool((asked.get("Filters") or {}).get("FailedEvents"))
        return {"OperationEvents": [one for one in told if not only_failed or _is_failure(one)], **more}

    def _whose(self, context: RequestContext, asked: Parameters) -> tuple[Stack, str | None]:
        if asked.get("ChangeSetName"):
            raise errors.not_offered("DescribeEvents of a change set, whose validations AWS tells there,")
        operation_id = asked.get("OperationId")
        if asked.get("StackName"):
            return self._parts.stack(context, asked["StackName"]), operation_id
        if operation_id is None:
            raise errors.invalid("One of ChangeSetName, OperationId or StackName must be specified.")
        read = self._parts.store.read
        found = repository.operations(read, context.scope, operation_id=operation_id).get(operation_id)
        stack = None if found is None else repository.stack_by_id(read, found[0])
        if stack is None:
            raise errors.invalid(f"Operation [{operation_id}] does not exist")
        return stack, operation_id


def _event(one: StackEvent, of: Stack, kind: str) -> Members:
    members = rendering.event(one, of)
    members.pop("StackName")
    if one.type == STACK_TYPE and one.physical_id == of.id:
        members |= {"EventType": "STACK_EVENT", "OperationType": kind, "OperationStatus": operation_status(kind, one)}
    else:
        members["EventType"] = "PROVISIONING_ERROR" if one.status.endswith("FAILED") else "PROGRESS_EVENT"
    return rendering.without_empty(members)


def _is_failure(event: Members) -> bool:
    return event["EventType"] == "PROVISIONING_ERROR" or event.get("OperationStatus") == "FAILED"
