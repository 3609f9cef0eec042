"""AWS::CloudFormation::Stack: a stack within a stack.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stack.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.resources.calls import tag_list, tags_of, until
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
    ResourceType,
)
from lambent.template.document import as_text

_ALL = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"})


def _request(context: ResourceContext, properties: Properties) -> dict[str, Any]:  # Any: parameters of the API
    given: Mapping[str, Any] = properties.get("Parameters", {})  # Any: scalars and lists
    return {
        "TemplateURL": properties["TemplateURL"],
        "Parameters": [{"ParameterKey": key, "ParameterValue": as_text(value)} for key, value in given.items()],
        "Capabilities": _ALL,
        "Tags": tag_list({**context.tags, **tags_of(properties)}),
    }


class NestedHandler:
    """Creates, updates and deletes a stack of its own, whose outputs are its attributes."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the stack and wait for its end."""
        name = context.generated_name(128)
        try:
            request = {**_request(context, properties), "DisableRollback": False, "ParentId": context.stack_id}
            answer = await context.call("cloudformation", "CreateStack", StackName=name, **request)
            stack_id = str(answer["StackId"])
        except ServiceError as error:
            if not (context.is_repeated and error.code == "AlreadyExistsException"):
                raise
            stack_id = await self._id_of(context, name)
        return await self._rested(context, stack_id)

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Update the stack and wait for its end."""
        try:
            await context.call("cloudformation", "UpdateStack", StackName=live.physical_id, **_request(context, after))
        except ServiceError as error:
            if "No updates are to be performed" not in error.message:
                raise
        return await self._rested(context, live.physical_id)

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Delete the stack and wait until it is gone."""
        await context.call("cloudformation", "DeleteStack", StackName=live.physical_id)
        await self._rested(context, live.physical_id)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return what it was made with; the nested stack's own drift is its own."""
        return properties

    async def _id_of(self, context: ResourceContext, name: str) -> str:
        answer = await context.call("cloudformation", "DescribeStacks", StackName=name)
        return str(answer["Stacks"][0]["StackId"])

    async def _rested(self, context: ResourceContext, stack_id: str) -> Live:
        async def look() -> Mapping[str, Any] | None:  # Any: a Stack
            answer = await context.call("cloudformation", "DescribeStacks", StackName=stack_id)
            found: Mapping[str, Any] = answer["Stacks"][0]  # Any: as above
            return None if str(found["StackStatus"]).endswith("IN_PROGRESS") else found

        found = await until(context, look)
        if found["StackStatus"] not in _GOOD:
            reason = f"Embedded stack {stack_id} was not successfully created: {found.get('StackStatusReason', '')}"
            raise ResourceFailedError(reason, physical_id=stack_id)
        outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())}
        return Live(stack_id, {"Outputs": outputs})


NESTED = ResourceType(
    "AWS::CloudFormation::Stack",
    NestedHandler(),
    properties=frozenset({"TemplateURL", "Parameters", "Tags", "TimeoutInMinutes", "NotificationARNs"}),
    required=frozenset({"TemplateURL"}),
    create_only=frozenset(),
    attributes=frozenset({"Outputs"}),
    supports_drift=False,
)
