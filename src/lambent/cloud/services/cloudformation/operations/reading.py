"""What is told of stacks: themselves, their events, resources, templates, exports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.cloudformation import errors, rendering, repository
from lambent.cloud.services.cloudformation.model.stack import ResourceStatus, Stack
from lambent.cloud.services.cloudformation.operations.common import Parts, number_of
from lambent.cloud.services.cloudformation.repository import StackQuery

_PAGE = 100


def _page(items: Sequence[Any], token: str | None, limit: int = _PAGE) -> tuple[Sequence[Any], Result]:  # Any: members
    start = number_of(token) or 0
    more = {"NextToken": str(start + limit)} if start + limit < len(items) else {}
    return items[start : start + limit], more


class ReadingOperations:
    """Operations that change nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("DescribeStacks")
    async def describe_stacks(self, context: RequestContext, asked: Parameters) -> Result:
        """Return one stack, or all that are not deleted."""
        if name := asked.get("StackName"):
            return {"Stacks": [rendering.stack(self._parts.stack(context, name))]}
        found, more = self._stacks(context, asked, StackQuery(_PAGE + 1))
        return {"Stacks": [rendering.stack(one) for one in found], **more}

    @operation("ListStacks")
    async def list_stacks(self, context: RequestContext, asked: Parameters) -> Result:
        """Return summaries of stacks, deleted ones too, by status."""
        wanted = tuple(asked.get("StackStatusFilter") or ())
        found, more = self._stacks(context, asked, StackQuery(_PAGE + 1, statuses=wanted, deleted=True))
        return {"StackSummaries": [rendering.stack_summary(one) for one in found], **more}

    def _stacks(self, context: RequestContext, asked: Parameters, query: StackQuery) -> tuple[list[Stack], Result]:
        query = replace(query, before=number_of(asked.get("NextToken")))
        rows = repository.stacks(self._parts.store.read, context.scope, query)
        more = {"NextToken": str(rows[_PAGE - 1][0])} if len(rows) > _PAGE else {}
        return [one for _, one in rows[:_PAGE]], more

    @operation("DescribeStackEvents")
    async def describe_stack_events(self, context: RequestContext, asked: Parameters) -> Result:
        """Return a stack's events, the newest first."""
        if not asked.get("StackName"):
            raise errors.invalid("Stack name must be specified")
        stack = self._events_of(context, asked["StackName"])
        before = number_of(asked.get("NextToken"))
        rows = repository.events(self._parts.store.read, stack.id, before=before, limit=_PAGE + 1)
        more = {"NextToken": str(rows[_PAGE - 1][0])} if len(rows) > _PAGE else {}
        return {"StackEvents": [rendering.event(one, stack) for _, one in rows[:_PAGE]], **more}

    def _events_of(self, context: RequestContext, name: str) -> Stack:
        found = repository.stack(self._parts.store.read, context.scope, name)
        if found is None:
            raise errors.invalid(f"Stack [{name}] does not exist")
        return found

    @operation("DescribeStackResource")
    async def describe_stack_resource(self, context: RequestContext, asked: Parameters) -> Result:
        """Return one resource of a stack, with its metadata."""
        stack = self._resources_of(context, asked["StackName"])
        row = repository.resource(self._parts.store.read, stack.id, asked["LogicalResourceId"])
        if row is None:
            raise errors.invalid(f"Resource {asked['LogicalResourceId']} does not exist for stack {stack.name}")
        detail = {"StackName": stack.name, "StackId": stack.id, **rendering.resource_summary(row)}
        if row.metadata is not None:
            import json  # noqa: PLC0415 - for metadata alone

            detail["Metadata"] = json.dumps(row.metadata)
        return {"StackResourceDetail": detail}

    @operation("DescribeStackResources")
    async def describe_stack_resources(self, context: RequestContext, asked: Parameters) -> Result:
        """Return the resources of a stack, which a physical id may name too."""
        name, physical_id = asked.get("StackName"), asked.get("PhysicalResourceId")
        if name is None and physical_id is None:
            raise errors.invalid("Stack name or Physical Resource ID must be specified")
        if name is None:
            of = repository.stack_of(self._parts.store.read, context.scope, str(physical_id))
            if of is None:
                raise errors.invalid(f"Stack for {physical_id} does not exist")
        else:
            of = self._resources_of(context, name)
        rows = repository.resources(self._parts.store.read, of.id).values()
        wanted = asked.get("LogicalResourceId")
        return {"StackResources": [rendering.resource(row, of) for row in rows if wanted in {None, row.logical_id}]}

    @operation("ListStackResources")
    async def list_stack_resources(self, context: RequestContext, asked: Parameters) -> Result:
        """Return summaries of a stack's resources."""
        stack = self._resources_of(context, asked["StackName"])
        rows = list(repository.resources(self._parts.store.read, stack.id).values())
        found, more = _page(rows, asked.get("NextToken"))
        return {"StackResourceSummaries": [rendering.resource_summary(row) for row in found], **more}

    def _resources_of(self, context: RequestContext, name: str) -> Stack:
        found = repository.stack(self._parts.store.read, context.scope, name)
        if found is None:
            raise errors.invalid(f"Stack '{name}' does not exist")
        return found

    @operation("ListExports")
    async def list_exports(self, context: RequestContext, asked: Parameters) -> Result:
        """Return every export of the account and region."""
        exports = repository.exports(self._parts.store.read, context.scope)
        found, more = _page(
            [{"ExportingStackId": owner, "Name": name, "Value": value} for name, (owner, value) in exports.items()],
            asked.get("NextToken"),
        )
        return {"Exports": found, **more}

    @operation("ListImports")
    async def list_imports(self, context: RequestContext, asked: Parameters) -> Result:
        """Return the names of the stacks that import an export."""
        name = asked["ExportName"]
        users = repository.importers(self._parts.store.read, context.scope, name)
        if not users:
            raise errors.invalid(f"Export '{name}' is not imported by any stack.")
        found, more = _page([one.split("/")[1] for one in users], asked.get("NextToken"))
        return {"Imports": found, **more}

    @operation("DescribeAccountLimits")
    async def describe_account_limits(self, context: RequestContext, asked: Parameters) -> Result:
        """Return AWS's default limits."""
        limits = {"StackLimit": 2000, "StackOutputsLimit": 200, "ConcurrentResourcesLimit": 2500}
        return {"AccountLimits": [{"Name": name, "Value": value} for name, value in limits.items()]}

    @operation("DetectStackDrift")
    async def detect_stack_drift(self, context: RequestContext, asked: Parameters) -> Result:
        """Compare every resource with what the stack made it."""
        stack = self._parts.stack(context, asked["StackName"])
        return {"StackDriftDetectionId": await self._parts.drift.detect(stack, asked.get("LogicalResourceIds"))}

    @operation("DetectStackResourceDrift")
    async def detect_stack_resource_drift(self, context: RequestContext, asked: Parameters) -> Result:
        """Compare one resource with what the stack made it."""
        stack = self._parts.stack(context, asked["StackName"])
        row = repository.resource(self._parts.store.read, stack.id, asked["LogicalResourceId"])
        if row is None or row.status is ResourceStatus.DELETE_COMPLETE:
            raise errors.invalid(f"Resource {asked['LogicalResourceId']} does not exist for stack {stack.name}")
        return {"StackResourceDrift": await self._parts.drift.of_resource(stack, row)}

    @operation("DescribeStackDriftDetectionStatus")
    async def describe_stack_drift_detection_status(self, context: RequestContext, asked: Parameters) -> Result:
        """Tell how a detection went."""
        return self._parts.drift.status(asked["StackDriftDetectionId"])

    @operation("DescribeStackResourceDrifts")
    async def describe_stack_resource_drifts(self, context: RequestContext, asked: Parameters) -> Result:
        """Return the last drift of each resource."""
        stack = self._parts.stack(context, asked["StackName"])
        wanted = asked.get("StackResourceDriftStatusFilters")
        drifts = self._parts.drift.known(stack)
        of_these = [one for one in drifts if not wanted or one["StackResourceDriftStatus"] in wanted]
        found, more = _page(of_these, asked.get("NextToken"), asked.get("MaxResults", _PAGE))
        return {"StackResourceDrifts": found, **more}
