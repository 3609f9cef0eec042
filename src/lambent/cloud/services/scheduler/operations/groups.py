"""Schedule groups and their tags."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import orjson

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import InvalidMarkerError, page
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.framework.tags import TagProblem, find_problem
from lambent.cloud.services.scheduler import repository
from lambent.cloud.services.scheduler.errors import conflict, group_exists, group_not_found, validation
from lambent.cloud.services.scheduler.model import DEFAULT_GROUP, Group
from lambent.cloud.services.scheduler.operations.common import PAGE, is_repeated, the_group
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import OutboxEffect, Store, Transaction

DELETION = "scheduler group deletion"
_SCHEDULES_AT_ONCE = 500
_ARN = re.compile(r"arn:[^:]+:scheduler:(?P<region>[^:]+):(?P<account>\d{12}):schedule-group/(?P<name>.+)")


class GroupOperations:
    """The operations on schedule groups; what is deleted with them goes in small transactions, also after a crash."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.deliver(DELETION, self._delete_all)

    @operation("CreateScheduleGroup")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create a group."""
        tags = _given(parameters)
        _require_tags(tags, {}, context)
        group = Group(context.scope, parameters["Name"], created=context.now, modified=context.now, tags=tags)

        def work(transaction: Transaction) -> None:
            if is_repeated(transaction, "CreateScheduleGroup", context, parameters):
                return
            if repository.group(transaction, group.scope, group.name) is not None:
                raise group_exists(group.name)
            repository.put_group(transaction, group)

        await self._store.write(work)
        return {"ScheduleGroupArn": group.arn}

    @operation("GetScheduleGroup")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a group."""
        return _show(the_group(self._store.read, context.scope, parameters["Name"]))

    @operation("ListScheduleGroups")
    async def list(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the groups, by name."""
        found = repository.groups(self._store.read, context.scope, parameters.get("NamePrefix", ""))
        try:
            some = page(
                found,
                lambda group: group.name,
                marker=parameters.get("NextToken"),
                limit=parameters.get("MaxResults", PAGE),
            )
        except InvalidMarkerError as error:
            raise validation("The NextToken provided is invalid.") from error
        answer: dict[str, object] = {"ScheduleGroups": [_show(group) for group in some.items]}
        return answer | ({} if some.next_marker is None else {"NextToken": some.next_marker})

    @operation("DeleteScheduleGroup")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Begin to delete a group and its schedules; it is DELETING until they are gone."""
        name, scope = parameters["Name"], context.scope
        if name == DEFAULT_GROUP:
            raise validation("The default schedule group cannot be deleted.")

        def work(transaction: Transaction) -> None:
            if is_repeated(transaction, "DeleteScheduleGroup", context, parameters):
                return
            group = the_group(transaction, scope, name)
            if group.state == "DELETING":
                raise conflict(f"Schedule group {name} is being deleted.")
            repository.put_group(transaction, replace(group, state="DELETING", modified=context.now))
            told = {"account": scope.account, "region": scope.region, "name": name}
            transaction.enqueue(OutboxEffect(DELETION, orjson.dumps(told).decode()))

        await self._store.write(work)
        return {}

    @operation("TagResource")
    async def tag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add tags to a group."""
        added = _given(parameters)

        def change(group: Group) -> Group:
            _require_tags(added, group.tags, context)
            return replace(group, tags={**group.tags, **added})

        await self._change(context, parameters, change)
        return {}

    @operation("UntagResource")
    async def untag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove tags from a group."""
        removed = set(parameters["TagKeys"])

        def change(group: Group) -> Group:
            return replace(group, tags={key: value for key, value in group.tags.items() if key not in removed})

        await self._change(context, parameters, change)
        return {}

    @operation("ListTagsForResource")
    async def tags(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the tags of a group."""
        group = the_group(self._store.read, context.scope, _name_in(context.scope, parameters))
        return {"Tags": [{"Key": key, "Value": value} for key, value in group.tags.items()]}

    async def _change(self, context: RequestContext, parameters: Parameters, change: Callable[[Group], Group]) -> None:
        name = _name_in(context.scope, parameters)

        def work(transaction: Transaction) -> None:
            repository.put_group(transaction, change(the_group(transaction, context.scope, name)))

        await self._store.write(work)

    async def _delete_all(self, payload: str) -> None:
        told: Mapping[str, str] = orjson.loads(payload)
        scope, name = Scope(told["account"], told["region"]), told["name"]
        while await self._store.write(partial(_delete_some, scope=scope, name=name)):
            pass


def _delete_some(transaction: Transaction, scope: Scope, name: str) -> bool:
    """Delete some schedules of a group, and once there are none the group; return whether there may be more."""
    if repository.delete_some(transaction, scope, name, _SCHEDULES_AT_ONCE):
        return True
    repository.delete_group(transaction, scope, name)
    return False


def _name_in(scope: Scope, parameters: Parameters) -> str:
    found = _ARN.fullmatch(parameters["ResourceArn"])
    if found is None:
        raise validation(f"The ARN {parameters['ResourceArn']} is not one of a schedule group.")
    if Scope(found["account"], found["region"]) != scope:
        raise group_not_found(found["name"])
    return found["name"]


def _given(parameters: Parameters) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in parameters.get("Tags", ())}


def _require_tags(added: Mapping[str, str], present: Mapping[str, str], context: RequestContext) -> None:
    # What CloudFormation puts on its resources begins with `aws:`, which nobody else may use.
    checked = {key: value for key, value in added.items() if not (context.caller.is_aws and key.startswith("aws:"))}
    problem = find_problem(checked, present)
    if problem is TagProblem.TOO_MANY:
        raise validation("A schedule group cannot have more than 50 tags.")
    if problem is not None:
        raise validation("The tags are not valid: keys must not begin with aws:.")


def _show(group: Group) -> dict[str, object]:
    shown: dict[str, object] = {"Arn": group.arn, "Name": group.name, "State": group.state}
    if group.created is not None:
        shown |= {"CreationDate": group.created, "LastModificationDate": group.modified}
    return shown
