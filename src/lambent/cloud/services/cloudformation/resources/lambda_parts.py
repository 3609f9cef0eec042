"""What stands around a function: permissions, layers, URLs, asynchronous invocation, event source mappings.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Lambda.html
"""

from __future__ import annotations

from typing import Any

from lambent.cloud.services.cloudformation.resources.calls import picked, until
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
)
from lambent.cloud.services.cloudformation.resources.described import Described, Given

_MISSING = ("ResourceNotFoundException",)


def _statement_id(context: ResourceContext) -> str:
    return context.generated_name(100)


def _permission(context: ResourceContext, properties: Properties, name: str) -> Given:
    return {**properties, "StatementId": _statement_id(context)}


def _remove_permission(context: ResourceContext, properties: Properties, name: str) -> Given:
    return {"FunctionName": properties["FunctionName"], "StatementId": name}


PERMISSION = Described(
    "lambda",
    "AddPermission",
    "RemovePermission",
    "StatementId",
    identity=lambda answer: str(_json(answer["Statement"])["Sid"]),
    shape=_permission,
    deleting=_remove_permission,
    attributes=lambda context, answer, physical_id: {"Id": physical_id},
    gone=_MISSING,
)


def _json(text: str) -> Any:  # Any: a policy statement
    import json  # noqa: PLC0415 - kept beside its one use

    return json.loads(text)


def _layer(context: ResourceContext, properties: Properties, name: str) -> Given:
    return picked(properties, "CompatibleArchitectures", "CompatibleRuntimes", "Content", "Description", "LicenseInfo")


def _layer_version(context: ResourceContext, properties: Properties, name: str) -> Given:
    layer, _, version = name.rpartition(":")
    return {"LayerName": layer, "VersionNumber": int(version)}


class LayerVersionHandler(Described):
    """A layer version: its name may be generated, its physical id is its ARN."""

    __slots__ = ()

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Publish the version."""
        name = str(properties.get("LayerName") or context.generated_name(140))
        answer = await context.call(
            "lambda", "PublishLayerVersion", LayerName=name, **_layer(context, properties, name)
        )
        arn = str(answer["LayerVersionArn"])
        return Live(arn, {"LayerVersionArn": arn})


LAYER_VERSION = LayerVersionHandler(
    "lambda", "PublishLayerVersion", "DeleteLayerVersion", "LayerName", deleting=_layer_version, gone=_MISSING
)


def _layer_permission(context: ResourceContext, properties: Properties, name: str) -> Given:
    layer, _, version = str(properties["LayerVersionArn"]).rpartition(":")
    return {
        **picked(properties, "Action", "Principal", "OrganizationId"),
        "LayerName": layer,
        "VersionNumber": int(version),
        "StatementId": _statement_id(context),
    }


def _remove_layer_permission(context: ResourceContext, properties: Properties, name: str) -> Given:
    return picked(_layer_permission(context, properties, name), "LayerName", "VersionNumber", "StatementId")


LAYER_VERSION_PERMISSION = Described(
    "lambda",
    "AddLayerVersionPermission",
    "RemoveLayerVersionPermission",
    "StatementId",
    identity=lambda answer: str(_json(answer["Statement"])["Sid"]),
    shape=_layer_permission,
    deleting=_remove_layer_permission,
    attributes=lambda context, answer, physical_id: {"Id": physical_id},
    gone=_MISSING,
)


def _url(context: ResourceContext, properties: Properties, name: str) -> Given:
    found = {
        "FunctionName": properties["TargetFunctionArn"],
        **picked(properties, "AuthType", "InvokeMode", "Qualifier"),
    }
    if "Cors" in properties:
        cors = dict(properties["Cors"])
        if "MaxAge" in cors:
            cors["MaxAge"] = int(cors["MaxAge"])
        found["Cors"] = cors
    return found


async def _change_url(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    await context.call("lambda", "UpdateFunctionUrlConfig", **{"Cors": {}, **_url(context, after, "")})


URL = Described(
    "lambda",
    "CreateFunctionUrlConfig",
    "DeleteFunctionUrlConfig",
    "FunctionName",
    identity=lambda answer: str(answer["FunctionArn"]),
    shape=_url,
    change=_change_url,
    deleting=lambda context, properties, name: picked(_url(context, properties, name), "FunctionName", "Qualifier"),
    attributes=lambda context, answer, physical_id: picked(answer, "FunctionArn", "FunctionUrl"),
    gone=_MISSING,
)


def _event_invoke(context: ResourceContext, properties: Properties, name: str) -> Given:
    found: dict[str, Any] = picked(properties, "FunctionName", "Qualifier", "DestinationConfig")  # Any: Given
    for limit in ("MaximumEventAgeInSeconds", "MaximumRetryAttempts"):
        if limit in properties:
            found[limit] = int(properties[limit])
    return found


EVENT_INVOKE_CONFIG = Described(
    "lambda",
    "PutFunctionEventInvokeConfig",
    "DeleteFunctionEventInvokeConfig",
    "FunctionName",
    identity=lambda answer: str(answer["FunctionArn"]),
    shape=_event_invoke,
    put_again=True,
    deleting=lambda context, properties, name: picked(properties, "FunctionName", "Qualifier"),
    gone=_MISSING,
)

_MAPPING_LOCKED = ("EventSourceArn", "StartingPosition", "StartingPositionTimestamp", "SelfManagedEventSource", "Tags")


async def _mapping_settled(context: ResourceContext, uuid: str, properties: Properties) -> None:
    async def look() -> bool | None:
        found = await context.call("lambda", "GetEventSourceMapping", UUID=uuid)
        return True if found["State"] in {"Enabled", "Disabled"} else None

    await until(context, look)


async def _change_mapping(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    parameters = {name: value for name, value in after.items() if name not in _MAPPING_LOCKED}
    await context.call("lambda", "UpdateEventSourceMapping", **parameters, UUID=live.physical_id)
    await _mapping_settled(context, live.physical_id, after)


EVENT_SOURCE_MAPPING = Described(
    "lambda",
    "CreateEventSourceMapping",
    "DeleteEventSourceMapping",
    "UUID",
    identity=lambda answer: str(answer["UUID"]),
    attributes=lambda context, answer, physical_id: {
        "Id": physical_id,
        "EventSourceMappingArn": answer.get("EventSourceMappingArn", ""),
    },
    after_create=_mapping_settled,
    change=_change_mapping,
    gone=_MISSING,
)

CODE_SIGNING_CONFIG = Described(
    "lambda",
    "CreateCodeSigningConfig",
    "DeleteCodeSigningConfig",
    "CodeSigningConfigArn",
    identity=lambda answer: str(answer["CodeSigningConfig"]["CodeSigningConfigArn"]),
    attributes=lambda context, answer, physical_id: {
        "CodeSigningConfigArn": physical_id,
        "CodeSigningConfigId": answer["CodeSigningConfig"]["CodeSigningConfigId"],
    },
    gone=_MISSING,
)


async def _provider_active(context: ResourceContext, name: str, properties: Properties) -> None:
    async def look() -> bool | None:
        found = await context.call("lambda", "GetCapacityProvider", CapacityProviderName=name)
        state = found["CapacityProvider"]["State"]
        if state == "Failed":
            raise ResourceFailedError("The capacity provider failed.", physical_id=name)
        return True if state == "Active" else None

    await until(context, look)


CAPACITY_PROVIDER = Described(
    "lambda",
    "CreateCapacityProvider",
    "DeleteCapacityProvider",
    "CapacityProviderName",
    name_property="CapacityProviderName",
    longest=140,
    after_create=_provider_active,
    attributes=lambda context, answer, physical_id: {
        "Arn": answer["CapacityProvider"]["CapacityProviderArn"],
        "State": "Active",
    },
    tags="map",
    gone=_MISSING,
)
