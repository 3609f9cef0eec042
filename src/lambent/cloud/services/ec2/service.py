"""The EC2 service: instances that others manage are shown beside the caller's own, and left to who manages them.

Everything else of EC2 is bridged, and so is every request that has nothing to do with such instances
(docs/decisions/0022).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.fallback import Fallback
from lambent.cloud.framework.managed_instances import ManagedInstance, ManagedInstances
from lambent.cloud.framework.paging import InvalidMarkerError, page
from lambent.cloud.framework.service import LeftToFallback, Operation, Parameters, Result, Service, operation
from lambent.cloud.services.ec2 import errors
from lambent.cloud.services.ec2.model import (
    is_chosen,
    is_tag_chosen,
    reservation_of,
    status_of,
    tag_descriptions,
    without_operators,
)
from lambent.cloud.services.ec2.repository import VISIBLE, default_visibility, put_default_visibility
from lambent.cloud.store.unit_of_work import Store

_SCHEMA = Path(__file__).with_name("schema.sql")
_MOST_AT_ONCE = 1_000
# What changes an instance, and the member that names those it changes.
_CHANGES = {
    "CreateTags": "Resources",
    "DeleteTags": "Resources",
    "ModifyInstanceAttribute": "InstanceId",
    "MonitorInstances": "InstanceIds",
    "RebootInstances": "InstanceIds",
    "ResetInstanceAttribute": "InstanceId",
    "StartInstances": "InstanceIds",
    "StopInstances": "InstanceIds",
    "TerminateInstances": "InstanceIds",
    "UnmonitorInstances": "InstanceIds",
}


class Ec2Service(Service):
    """What EC2 shows of instances that other services manage, and refuses to do to them."""

    name: ClassVar[str] = "ec2"

    def __init__(self, store: Store, fallback: Fallback, managed: ManagedInstances) -> None:
        super().__init__({name: self._refusal(name, member) for name, member in _CHANGES.items()})
        self._store = store
        self._fallback = fallback
        self._managed = managed

    async def start(self) -> None:
        """Make the table."""
        await self._store.migrate(self.name, [_SCHEMA.read_text(encoding="utf-8")])

    @operation("DescribeInstances")
    async def describe_instances(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the caller's instances, and managed ones where they are asked for or visible."""
        chosen, is_hidden = self._chosen(context, parameters)
        reservations = [reservation_of(each, is_hidden=is_hidden) for each in chosen]
        others = await self._others(context, "DescribeInstances", parameters, "Reservations", chosen)
        return _page("Reservations", [*reservations, *others], parameters, lambda each: str(each["ReservationId"]))

    @operation("DescribeInstanceStatus")
    async def describe_instance_status(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return instances' states and checks, of those that run unless all are asked for."""
        chosen, is_hidden = self._chosen(context, parameters)
        every = bool(parameters.get("IncludeAllInstances"))
        statuses = [status_of(each, is_hidden=is_hidden) for each in chosen if every or each.state == "running"]
        others = await self._others(context, "DescribeInstanceStatus", parameters, "InstanceStatuses", chosen)
        return _page("InstanceStatuses", [*statuses, *others], parameters, lambda each: str(each["InstanceId"]))

    @operation("DescribeTags")
    async def describe_tags(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return tags; those of managed instances where these are visible, or named by their ids."""
        filters = parameters.get("Filters") or ()
        named = {str(value) for each in filters if each["Name"] == "resource-id" for value in each.get("Values") or ()}
        is_hidden = self._is_hidden(context)
        shown = [
            tag
            for each in self._managed(context.scope)
            if each.instance_id in named or not is_hidden
            for tag in tag_descriptions(each)
            if is_tag_chosen(tag, filters)
        ]
        if not shown:
            raise LeftToFallback
        plain = {name: value for name, value in parameters.items() if name not in {"MaxResults", "NextToken"}}
        others = (await self._ask(context, "DescribeTags", plain)).get("Tags") or ()
        return _page("Tags", [*shown, *others], parameters, lambda each: f"{each['ResourceId']} {each['Key']}")

    @operation("GetManagedResourceVisibility")
    async def get_managed_resource_visibility(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return whether Describe calls show managed resources by default."""
        if parameters.get("DryRun"):
            raise errors.dry_run()
        return {"Visibility": {"DefaultVisibility": default_visibility(self._store.read, context.scope.account)}}

    @operation("ModifyManagedResourceVisibility")
    async def modify_managed_resource_visibility(self, context: RequestContext, parameters: Parameters) -> Result:
        """Say for the whole account whether Describe calls show managed resources by default."""
        if parameters.get("DryRun"):
            raise errors.dry_run()
        visibility, account = str(parameters["DefaultVisibility"]), context.scope.account
        await self._store.write(lambda transaction: put_default_visibility(transaction, account, visibility))
        return {"Visibility": {"DefaultVisibility": visibility}}

    def _is_hidden(self, context: RequestContext) -> bool:
        return default_visibility(self._store.read, context.scope.account) != VISIBLE

    def _chosen(self, context: RequestContext, parameters: Parameters) -> tuple[Sequence[ManagedInstance], bool]:
        """Return the managed instances that a request chooses, and whether they are hidden by default.

        Raises LeftToFallback where it shows none, whatever it chooses.
        """
        is_hidden, filters = self._is_hidden(context), parameters.get("Filters") or ()
        ids = set(parameters.get("InstanceIds") or ())
        is_about_operators = any(str(each["Name"]).startswith("operator.") for each in filters)
        if is_hidden and not parameters.get("IncludeManagedResources") and not is_about_operators:
            raise LeftToFallback
        shown = () if is_hidden and not parameters.get("IncludeManagedResources") else self._managed(context.scope)
        chosen = [
            each
            for each in sorted(shown, key=lambda each: (each.launched_at, each.instance_id))
            if (not ids or each.instance_id in ids) and is_chosen(each, filters, is_hidden=is_hidden)
        ]
        if not chosen and not is_about_operators and not ids & {each.instance_id for each in shown}:
            raise LeftToFallback
        return chosen, is_hidden

    async def _others(
        self,
        context: RequestContext,
        name: str,
        parameters: Parameters,
        member: str,
        chosen: Sequence[ManagedInstance],
    ) -> list[dict[str, Any]]:  # Any: AWS's shapes
        """Return what the bridge shows of the rest of a request: all of it, since pages are made of both."""
        ids = parameters.get("InstanceIds") or ()
        ours = {each.instance_id for each in self._managed(context.scope)}
        theirs = [each for each in ids if each not in ours]
        filters, lets_through = without_operators(parameters.get("Filters") or ())
        if (ids and not theirs) or not lets_through:
            return []
        asked = {
            "InstanceIds": theirs,
            "Filters": filters,
            "IncludeAllInstances": parameters.get("IncludeAllInstances"),
        }
        found = await self._ask(context, name, {key: value for key, value in asked.items() if value})
        return list(found.get(member) or ())

    async def _ask(self, context: RequestContext, name: str, parameters: Parameters) -> Result:
        # Not by the internal client, which would lead back here.
        return await self._fallback.call(context, self.name, name, parameters) or {}

    def _refusal(self, name: str, member: str) -> Operation:
        """Return the operation that refuses to change managed instances, and leaves everything else to the bridge."""

        async def refuse(context: RequestContext, parameters: Parameters) -> Result:
            named = parameters.get(member) or ()
            ids = {named} if isinstance(named, str) else set(named)
            for each in self._managed(context.scope):
                if each.instance_id in ids:
                    raise errors.managed_by_another(context.caller.arn, f"ec2:{name}", each.arn)
            raise LeftToFallback

        return refuse


def _page(
    member: str,
    found: list[dict[str, Any]],  # Any: AWS's shapes
    parameters: Parameters,
    key: Callable[[dict[str, Any]], str],  # Any: as above
) -> Result:
    """Return one page of what was found, in the order of its keys."""
    limit = int(parameters.get("MaxResults") or _MOST_AT_ONCE)
    try:
        listed = page(sorted(found, key=key), key, marker=parameters.get("NextToken"), limit=limit)
    except InvalidMarkerError as error:
        raise errors.invalid_token() from error
    result: dict[str, object] = {member: list(listed.items)}
    return result if listed.next_marker is None else {**result, "NextToken": listed.next_marker}
