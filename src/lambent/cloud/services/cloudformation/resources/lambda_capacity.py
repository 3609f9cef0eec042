"""AWS::Lambda::CapacityProvider, and what functions and versions on capacity providers need besides.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-capacityprovider.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.resources.calls import (
    gone_is_fine,
    made,
    picked,
    retag_lambda,
    stack_tags,
    tag_list,
    tags_of,
    until,
)
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
)

LATEST_PUBLISHED = "$LATEST.PUBLISHED"
_GONE = "ResourceNotFoundException"
_ACCEPTED = 202
_CHANGEABLE = ("CapacityProviderScalingConfig", "PropagateTags", "TelemetryConfig")
_FIXED = ("InstanceRequirements", "KmsKeyArn", "PermissionsConfig", "VpcConfig")
# What a property comes to when it is taken out of the template: an update of the API leaves alone what it is not told.
_ABSENT: Mapping[str, Any] = {  # Any: by property
    "CapacityProviderScalingConfig": {"ScalingMode": "Auto", "MaxVCpuCount": 400},
    "PropagateTags": {"Mode": "None"},
    "TelemetryConfig": {},
}


class CapacityProviderHandler:
    """A capacity provider: waited for until it is active, and until it is gone."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the capacity provider and wait until it is active."""
        name = str(properties.get("CapacityProviderName") or context.generated_name(140))
        try:
            await context.call(
                "lambda",
                "CreateCapacityProvider",
                CapacityProviderName=name,
                Tags={**stack_tags(context), **tags_of(properties)},
                **picked(_for_the_api(properties), *_FIXED, *_CHANGEABLE),
            )
        except ServiceError as error:
            if not (context.is_repeated and error.code == "ResourceConflictException"):
                raise
        async with made(name):
            return await self._active(context, name)

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Change its scaling, its propagated tags, its telemetry and its own tags."""
        before, after = _for_the_api(before), _for_the_api(after)
        changed = {
            name: {**_ABSENT[name], **after.get(name, {})}
            for name in _CHANGEABLE
            if before.get(name) != after.get(name)
        }
        if changed:
            await context.call("lambda", "UpdateCapacityProvider", CapacityProviderName=live.physical_id, **changed)
        await retag_lambda(context, str(live.attributes["Arn"]), before, after)
        return await self._active(context, live.physical_id)

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Delete it and wait until it is gone."""
        named = {"CapacityProviderName": live.physical_id}
        async with gone_is_fine(_GONE):
            await context.call("lambda", "DeleteCapacityProvider", **named)
            await _gone(context, "GetCapacityProvider", named)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the capacity provider's properties as they are."""
        async with gone_is_fine(_GONE) as found:
            answer = await context.call("lambda", "GetCapacityProvider", CapacityProviderName=live.physical_id)
            found.append(answer["CapacityProvider"])
        if not found:
            return None
        named = {"CapacityProviderName": live.physical_id, "Tags": properties.get("Tags", [])}
        known: Properties = as_said({**found[0], **named}, _for_the_api(properties))
        return {**known, **_propagated(known, tag_list)} if "PropagateTags" in known else known

    async def _active(self, context: ResourceContext, name: str) -> Live:
        async def look() -> str | None:
            answer = await context.call("lambda", "GetCapacityProvider", CapacityProviderName=name)
            provider = answer["CapacityProvider"]
            if provider["State"] == "Failed":
                raise ResourceFailedError("The capacity provider failed.")
            return str(provider["CapacityProviderArn"]) if provider["State"] == "Active" else None

        return Live(name, {"Arn": await until(context, look), "State": "Active"})


def _for_the_api(properties: Properties) -> Properties:
    """Return properties with their propagated tags as a mapping, which is a list of keys and values in templates."""
    return {**properties, **_propagated(properties, lambda tags: tags_of({"Tags": tags}))}


def _propagated(properties: Properties, turned: Callable[[Any], object]) -> Properties:  # Any: tags in either form
    """Return the propagated tags in the other form, nothing where there are none."""
    said = properties.get("PropagateTags")
    if not isinstance(said, dict) or not said.get("ExplicitTags"):
        return {}
    return {"PropagateTags": {**said, "ExplicitTags": turned(said["ExplicitTags"])}}


def as_said(live: Any, said: Any) -> Any:  # Any: JSON-shaped values
    """Return of what is live the members that the template says: what AWS fills in beside them is no drift."""
    if isinstance(live, Mapping) and isinstance(said, Mapping):
        return {name: as_said(live[name], said[name]) for name in said if name in live}
    return live


def publishes(properties: Properties) -> bool:
    """Tell whether a function has a `$LATEST.PUBLISHED`: on a capacity provider it has, unless it says otherwise.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-version-publishing.html
    """
    said = properties.get("PublishToLatestPublished")
    return "CapacityProviderConfig" in properties if said is None else str(said).lower() == "true"


def check_compute_type(before: Properties, after: Properties) -> None:
    """Raise ResourceFailedError for a function that is taken off its capacity provider; Lambda refuses the opposite."""
    if "CapacityProviderConfig" in before and "CapacityProviderConfig" not in after:
        raise ResourceFailedError("CapacityProviderConfig can't be removed from a Lambda Managed Instances function.")


async def delete_function(context: ResourceContext, **named: str) -> None:
    """Delete a function or a version; one on a capacity provider is waited for, because it goes after the answer."""
    async with gone_is_fine(_GONE):
        answer = await context.call("lambda", "DeleteFunction", **named)
        if answer.get("StatusCode") == _ACCEPTED:
            await _gone(context, "GetFunctionConfiguration", named)


async def _gone(context: ResourceContext, operation: str, named: Mapping[str, str]) -> None:
    async def look() -> bool | None:
        async with gone_is_fine(_GONE) as found:
            found.append(await context.call("lambda", operation, **named))
        return None if found else True

    await until(context, look)


async def publish_latest(context: ResourceContext, name: str) -> None:
    """Publish the function to `$LATEST.PUBLISHED` and wait until that is active."""
    await context.call("lambda", "PublishVersion", FunctionName=name, PublishTo="LATEST_PUBLISHED")
    await version_settled(context, name, LATEST_PUBLISHED)


async def version_settled(context: ResourceContext, name: str, qualifier: str) -> None:
    """Wait until nothing is under way with a version; raises ResourceFailedError where it failed."""

    async def look() -> bool | None:
        found = await context.call("lambda", "GetFunctionConfiguration", FunctionName=name, Qualifier=qualifier)
        if "Failed" in {found.get("State"), found.get("LastUpdateStatus")}:
            reason = found.get("LastUpdateStatusReason") or found.get("StateReason") or "The function version failed."
            raise ResourceFailedError(str(reason))
        is_busy = found.get("State") in {"Pending", "Deactivating"} or found.get("LastUpdateStatus") == "InProgress"
        return None if is_busy else True

    await until(context, look)


async def scale(
    context: ResourceContext, name: str, qualifier: str, before: Properties | None, after: Properties | None
) -> None:
    """Give a version the bounds of its FunctionScalingConfig, where they have changed, and wait until they hold."""
    if before == after:
        return
    wanted = {} if after is None else {"FunctionScalingConfig": after}
    where = {"FunctionName": name, "Qualifier": qualifier}
    await context.call("lambda", "PutFunctionScalingConfig", **where, **wanted)

    async def look() -> bool | None:
        found = await context.call("lambda", "GetFunctionScalingConfig", **where)
        return None if "RequestedFunctionScalingConfig" in found else True

    await until(context, look)
    await version_settled(context, name, qualifier)


async def scaling_of(context: ResourceContext, name: str, qualifier: str) -> Properties:
    """Return the bounds that a version has."""
    found = await context.call("lambda", "GetFunctionScalingConfig", FunctionName=name, Qualifier=qualifier)
    applied: Properties = found.get("AppliedFunctionScalingConfig", {})
    return applied
