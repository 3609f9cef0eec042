"""Tags of log groups, by ARN and in the older way by name."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.framework.tags import TagProblem, find_problem
from lambent.cloud.services.logs.errors import invalid_parameter, resource_not_found, too_many_tags
from lambent.cloud.services.logs.model import Group
from lambent.cloud.services.logs.operations.common import change_group, the_group
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store

_ARN = re.compile(r"arn:aws[a-z-]*:logs:(?P<region>[^:]*):(?P<account>\d{12}):log-group:(?P<name>[^:]+)(:\*)?")


class TagOperations:
    """The operations on tags."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("TagResource")
    async def tag_resource(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add tags to the log group with this ARN."""
        await self._add(context.scope, _name_in(parameters["resourceArn"], context.scope), parameters["tags"])
        return {}

    @operation("UntagResource")
    async def untag_resource(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove tags from the log group with this ARN."""
        await self._remove(context.scope, _name_in(parameters["resourceArn"], context.scope), parameters["tagKeys"])
        return {}

    @operation("ListTagsForResource")
    async def list_for_resource(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the tags of the log group with this ARN."""
        name = _name_in(parameters["resourceArn"], context.scope)
        return {"tags": dict(the_group(self._store.read, context.scope, name).tags)}

    @operation("TagLogGroup")
    async def tag_group(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add tags to the log group of this name."""
        await self._add(context.scope, parameters["logGroupName"], parameters["tags"])
        return {}

    @operation("UntagLogGroup")
    async def untag_group(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove tags from the log group of this name."""
        await self._remove(context.scope, parameters["logGroupName"], parameters["tags"])
        return {}

    @operation("ListTagsLogGroup")
    async def list_for_group(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the tags of the log group of this name."""
        return {"tags": dict(the_group(self._store.read, context.scope, parameters["logGroupName"]).tags)}

    async def _add(self, scope: Scope, name: str, tags: Mapping[str, str]) -> None:
        def add(group: Group) -> Group:
            problem = find_problem(tags, group.tags)
            if problem is TagProblem.TOO_MANY:
                raise too_many_tags(group.arn)
            if problem is not None:
                raise invalid_parameter("The tags are not valid: keys must not begin with aws:.")
            return dataclasses.replace(group, tags={**group.tags, **tags})

        await change_group(self._store, scope, name, add)

    async def _remove(self, scope: Scope, name: str, keys: Sequence[str]) -> None:
        def remove(group: Group) -> Group:
            kept = {key: value for key, value in group.tags.items() if key not in set(keys)}
            return dataclasses.replace(group, tags=kept)

        await change_group(self._store, scope, name, remove)


def _name_in(arn: str, scope: Scope) -> str:
    found = _ARN.fullmatch(arn)
    if found is None:
        raise invalid_parameter(f"The ARN {arn} is not one of a log group.")
    if Scope(found["account"], found["region"]) != scope:
        raise resource_not_found()
    return found["name"]
