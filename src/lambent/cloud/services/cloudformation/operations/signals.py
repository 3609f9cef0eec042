"""Signals of resources that count as made only when they say so."""

from __future__ import annotations

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.cloudformation.operations.common import Parts


class SignalOperations:
    """The operation that signals a resource."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("SignalResource")
    async def signal_resource(self, context: RequestContext, asked: Parameters) -> Result:
        """Tell a resource with a creation policy of a success or a failure."""
        stack = self._parts.stack(context, asked["StackName"])
        await self._parts.engine.signal(stack, asked["LogicalResourceId"], asked["UniqueId"], asked["Status"])
        return {}
