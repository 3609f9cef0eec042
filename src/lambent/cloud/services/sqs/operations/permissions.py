"""Permissions: statements of a queue's policy, one at a time."""

from __future__ import annotations

import re

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.sqs import errors
from lambent.cloud.services.sqs.live import Queues
from lambent.cloud.services.sqs.lookups import queue_meant
from lambent.cloud.services.sqs.model.attributes import checked
from lambent.cloud.services.sqs.model.permissions import with_permission, without_permission
from lambent.cloud.services.sqs.operations.queues import QueueOperations

_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")


class PermissionOperations:
    """The operations on permissions."""

    def __init__(self, queues: Queues, operations: QueueOperations) -> None:
        self._queues = queues
        self._operations = operations

    @operation("AddPermission")
    async def add(self, context: RequestContext, parameters: Parameters) -> Result:
        """Let other accounts use a queue."""
        live = queue_meant(self._queues, context, parameters)
        label = _label(parameters)
        accounts, actions = parameters.get("AWSAccountIds") or (), parameters.get("Actions") or ()
        if not accounts:
            raise errors.missing_parameter("AWSAccountId")
        if not actions:
            raise errors.missing_parameter("Actions")
        await self._operations.change(
            context,
            live,
            lambda present: checked(
                {"Policy": with_permission(present.get("Policy"), live.queue.address, label, accounts, actions)},
                present,
                is_fifo=live.queue.is_fifo,
            ),
        )
        return {}

    @operation("RemovePermission")
    async def remove(self, context: RequestContext, parameters: Parameters) -> Result:
        """Take back what AddPermission gave."""
        live = queue_meant(self._queues, context, parameters)
        label = _label(parameters)
        await self._operations.change(
            context,
            live,
            lambda present: checked(
                {"Policy": without_permission(present.get("Policy"), live.queue.address, label)},
                present,
                is_fifo=live.queue.is_fifo,
            ),
        )
        return {}


def _label(parameters: Parameters) -> str:
    label = parameters.get("Label")
    if not label:
        raise errors.missing_parameter("Label")
    if not _LABEL.fullmatch(label):
        reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."
        raise errors.invalid_value(label, "Label", reason)
    return str(label)
