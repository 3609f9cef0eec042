"""AWS::CloudFormation::Stack: a stack within a stack.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stack.html

A nested stack that was updated does not clean up before the stack around it has arrived (the engine sees to that):
until then it can go back, with what the update replaced still there.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.resources.calls import tag_list, tags_of
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
    ResourceType,
)
from lambent.cloud.services.cloudformation.resources.waiting import Bells, HaltedError
from lambent.template.document import as_text

_UPDATED = frozenset({"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"})
_HELD = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
Stack = Mapping[str, Any]  # Any: a Stack of the API


def _request(context: ResourceContext, properties: Properties) -> dict[str, Any]:  # Any: parameters of the API
    given: Mapping[str, Any] = properties.get("Parameters", {})  # Any: scalars and lists
    return {
        "TemplateURL": properties["TemplateURL"],
        "Parameters": [{"ParameterKey": key, "ParameterValue": as_text(value)} for key, value in given.items()],
        "Capabilities": list(context.capabilities),
        "Tags": tag_list({**context.tags, **tags_of(properties)}),
        "NotificationARNs": list(properties.get("NotificationARNs", ())),
    }


def _parent(context: ResourceContext) -> Mapping[str, str]:
    role = {"RoleARN": context.principal.arn} if context.principal.kind == "assumed-role" else {}
    return {"ParentId": context.stack_id, **role}


class NestedHandler:
    """Creates, updates and deletes a stack of its own, whose outputs are its attributes; `rests` rings as it moves."""

    def __init__(self, rests: Bells) -> None:
        self._rests = rests

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the stack and wait for its end."""
        name = context.generated_name(128)
        limit = {"TimeoutInMinutes": int(properties["TimeoutInMinutes"])} if "TimeoutInMinutes" in properties else {}
        try:
            # The stack around it takes it down when it fails, and all of itself with it.
            request = {**_request(context, properties), "OnFailure": "DO_NOTHING", **limit}
            asked = {"StackName": name, **request}
            answer = await context.call_beyond("cloudformation", "CreateStack", asked, _parent(context))
            stack_id = str(answer["StackId"])
        except ServiceError as error:
            if not (context.is_repeated and error.code == "AlreadyExistsException"):
                raise
            stack_id = str((await self._described(context, name))["StackId"])
        found = await self._when_not(context, stack_id, "CREATE_IN_PROGRESS")
        if found["StackStatus"] != "CREATE_COMPLETE":
            reason = f"Embedded stack {stack_id} was not successfully created: {found.get('StackStatusReason', '')}"
            raise ResourceFailedError(reason, physical_id=stack_id)
        return _live(found)

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Update the stack and wait until it has arrived; or take it back, when the stack around it goes back."""
        if context.is_rollback:
            return await self._taken_back(context, live.physical_id, before, after)
        now = str((await self._described(context, live.physical_id))["StackStatus"])
        if not (context.is_repeated and now in {"UPDATE_IN_PROGRESS", _HELD}):
            found = await self._updated(context, live.physical_id, after)
            if found is not None:
                return _live(found)
        found = await self._when_not(context, live.physical_id, "UPDATE_IN_PROGRESS")
        return _live(_require(found, _UPDATED))

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Delete the stack and wait until it is gone."""
        try:
            now = str((await self._described(context, live.physical_id))["StackStatus"])
        except ServiceError:
            return  # nobody knows it any longer
        if now not in {"CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}:
            await self._at_rest(context, live.physical_id)
        await context.call("cloudformation", "DeleteStack", StackName=live.physical_id)
        found = await self._at_rest(context, live.physical_id)
        if found["StackStatus"] != "DELETE_COMPLETE":
            reason = f"Embedded stack {live.physical_id} was not successfully deleted: "
            raise ResourceFailedError(reason + str(found.get("StackStatusReason", "")))

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return what it was made with; the nested stack's own drift is its own."""
        return properties

    async def _updated(self, context: ResourceContext, stack_id: str, properties: Properties) -> Stack | None:
        """Ask for the update; return the stack where nothing is to be done."""
        try:
            asked = {"StackName": stack_id, **_request(context, properties)}
            await context.call_beyond("cloudformation", "UpdateStack", asked, _parent(context))
        except ServiceError as error:
            if "No updates are to be performed" not in error.message:
                raise
            return await self._described(context, stack_id)
        return None

    async def _taken_back(self, context: ResourceContext, stack_id: str, before: Properties, after: Properties) -> Live:
        now = await self._turned_back(context, stack_id)
        if now == "UPDATE_ROLLBACK_FAILED":
            skipped = list(context.skipped)
            await context.call("cloudformation", "ContinueUpdateRollback", StackName=stack_id, ResourcesToSkip=skipped)
        elif now in {_HELD, "UPDATE_FAILED"}:
            await context.call("cloudformation", "RollbackStack", StackName=stack_id)
        elif now in {"CREATE_COMPLETE", "UPDATE_COMPLETE"} and before != after:
            await self._updated(context, stack_id, after)
            return _live(_require(await self._when_not(context, stack_id, "UPDATE_IN_PROGRESS"), _UPDATED))
        found = await self._at_rest(context, stack_id)
        bad = {"UPDATE_ROLLBACK_FAILED"}
        return _live(_require(found, frozenset({str(found["StackStatus"])} - bad)))

    async def _turned_back(self, context: ResourceContext, stack_id: str) -> str:
        """Cancel the update that is under way, if one is, and return the state that follows."""
        now = str((await self._described(context, stack_id))["StackStatus"])
        if now != "UPDATE_IN_PROGRESS":
            return now
        with suppress(ServiceError):  # it may have arrived in the meantime
            await context.call("cloudformation", "CancelUpdateStack", StackName=stack_id)
        return str((await self._when_not(context, stack_id, "UPDATE_IN_PROGRESS"))["StackStatus"])

    async def _described(self, context: ResourceContext, name: str) -> Stack:
        answer = await context.call("cloudformation", "DescribeStacks", StackName=name)
        found: Stack = answer["Stacks"][0]
        return found

    async def _when_not(self, context: ResourceContext, stack_id: str, status: str) -> Stack:
        """Return the stack once it is not in a state. Raises HaltedError, with its id."""
        with self._rests.heard(stack_id) as rung:
            while (found := await self._described(context, stack_id))["StackStatus"] == status:
                try:
                    await context.halt.wait(rung, context.clock)
                except HaltedError:
                    raise HaltedError(stack_id) from None
                rung.clear()
        return found

    async def _at_rest(self, context: ResourceContext, stack_id: str) -> Stack:
        found = await self._described(context, stack_id)
        while str(found["StackStatus"]).endswith("IN_PROGRESS"):
            found = await self._when_not(context, stack_id, str(found["StackStatus"]))
        return found


def _live(found: Stack) -> Live:
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())}
    return Live(str(found["StackId"]), {"Outputs": outputs})


def _require(found: Stack, good: frozenset[str]) -> Stack:
    status = str(found["StackStatus"])
    if status not in good:
        raise ResourceFailedError(
            f"Embedded stack {found['StackId']} was not successfully updated. Currently in {status} with reason: "
            f"{found.get('StackStatusReason', '')}"
        )
    return found


def nested_type(rests: Bells) -> ResourceType:
    """Return the type of nested stacks."""
    return ResourceType(
        "AWS::CloudFormation::Stack",
        NestedHandler(rests),
        properties=frozenset({"TemplateURL", "Parameters", "Tags", "TimeoutInMinutes", "NotificationARNs"}),
        required=frozenset({"TemplateURL"}),
        create_only=frozenset(),
        attributes=frozenset({"Outputs"}),
        supports_drift=False,
        is_visited=True,
    )
