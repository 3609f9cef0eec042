"""AWS::CloudFormation::Macro: a function by a name, under which templates ask for it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-macro.html
"""

from __future__ import annotations

from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.model.stack import ResourceStatus
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
    ResourceType,
)
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Store

_TYPE = "AWS::CloudFormation::Macro"
_THERE = frozenset({
    ResourceStatus.CREATE_COMPLETE, ResourceStatus.UPDATE_COMPLETE, ResourceStatus.UPDATE_IN_PROGRESS,
    ResourceStatus.UPDATE_FAILED,
})  # fmt: skip


def macro_function(reader: Reader, scope: Scope, name: str) -> str | None:
    """Return the function that the macro of that name calls; None where the account has no such macro."""
    for row in repository.resources_called(reader, scope, name):
        if row.type == _TYPE and row.status in _THERE:
            return str(row.properties["FunctionName"])
    return None


class MacroHandler:
    """Keeps macros: the stack's own row of the resource is all that there is of one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Let the name stand for the function, unless it stands for another already."""
        name = str(properties["Name"])
        if macro_function(self._store.read, context.scope, name) is not None:
            raise ResourceFailedError(f"Macro with name {name} already exists")
        return Live(name)

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Let the name stand for another function."""
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Let the name stand for nothing."""

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return it as it was made: nobody else can change it."""
        return properties


def macro_type(store: Store) -> ResourceType:
    """Return the type of macros."""
    return ResourceType(
        _TYPE,
        MacroHandler(store),
        properties=frozenset({"Name", "FunctionName", "Description", "LogGroupName", "LogRoleARN"}),
        required=frozenset({"Name", "FunctionName"}),
        create_only=frozenset({"Name"}),
        attributes=frozenset(),
        supports_drift=False,
    )
