"""What stands around a function: permissions, layers, URLs, asynchronous invocation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Lambda.html
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.resources.calls import (
    gone_is_fine,
    picked,
    retag_lambda,
    stack_tags,
)
from lambent.cloud.services.cloudformation.resources.coercion import coerced
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
)
from lambent.cloud.services.cloudformation.resources.described import Described, Given

_MISSING = ("ResourceNotFoundException",)


def _remove_permission(context: ResourceContext, properties: Properties, name: str) -> Given:
    return {"FunctionName": properties["FunctionName"], "StatementId": name}


PERMISSION = Described(
    "lambda",
    "AddPermission",
    "RemovePermission",
    "StatementId",
    name_property="StatementId",
    longest=100,
    exists=("ResourceConflictException",),  # of a statement by a name that has the token: this step added it
    deleting=_remove_permission,
    attributes=lambda context, answer, physical_id: {"Id": physical_id},
    gone=_MISSING,
)


def _document(context: ResourceContext, properties: Properties, name: str) -> Given:
    document = properties["PolicyDocument"]
    return {"Policy": document if isinstance(document, str) else orjson.dumps(document).decode()}


def _as_document(answer: Given) -> Given:
    return {"PolicyDocument": orjson.loads(answer["Policy"])}


RESOURCE_POLICY = Described(
    "lambda",
    "PutResourcePolicy",
    "DeleteResourcePolicy",
    "ResourceArn",
    name_property="ResourceArn",
    shape=_document,
    put_again=True,
    read_with="GetResourcePolicy",
    reading=_as_document,
    gone=_MISSING,
)


def _layer(context: ResourceContext, properties: Properties, name: str) -> Given:
    return picked(properties, "CompatibleArchitectures", "CompatibleRuntimes", "Content", "Description", "LicenseInfo")


def _layer_version(context: ResourceContext, properties: Properties, name: str) -> Given:
    layer, _, version = name.rpartition(":")
    return {"LayerName": layer, "VersionNumber": int(version)}


class LayerVersionHandler(Described):
    """A layer version: its name may be generated, its physical id is its ARN."""

    __slots__ = ()

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Publish the version, or find the one that this step published before it was cut off.

        That is known of a layer under a name that has the token. Of one that has a name of its own, whose versions may
        be anybody's, another version is published.
        """
        given = properties.get("LayerName")
        name = str(given or context.generated_name(140))
        if context.is_repeated and not given:
            found = await context.call("lambda", "ListLayerVersions", LayerName=name)
            if found["LayerVersions"]:
                arn = str(found["LayerVersions"][0]["LayerVersionArn"])
                return Live(arn, {"LayerVersionArn": arn})
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
    }


def _remove_layer_permission(context: ResourceContext, properties: Properties, name: str) -> Given:
    named = picked(_layer_permission(context, properties, name), "LayerName", "VersionNumber")
    return {**named, "StatementId": name}


LAYER_VERSION_PERMISSION = Described(
    "lambda",
    "AddLayerVersionPermission",
    "RemoveLayerVersionPermission",
    "StatementId",
    name_property="StatementId",
    longest=100,
    exists=("ResourceConflictException",),
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
    absent = {"Cors": {}, "InvokeMode": "BUFFERED"}
    await context.call("lambda", "UpdateFunctionUrlConfig", **{**absent, **_url(context, after, "")})


class UrlHandler(Described):
    """A function URL: there is one at most for a function or alias, so a repeated step takes over what it finds."""

    __slots__ = ()

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the URL, or find the one that this step created before it was cut off."""
        try:
            answer = await context.call("lambda", "CreateFunctionUrlConfig", **_url(context, properties, ""))
        except ServiceError as error:
            if not (context.is_repeated and error.code == "ResourceConflictException"):
                raise
            named = picked(_url(context, properties, ""), "FunctionName", "Qualifier")
            answer = await context.call("lambda", "GetFunctionUrlConfig", **named)
        return Live(str(answer["FunctionArn"]), picked(answer, "FunctionArn", "FunctionUrl"))

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the properties with those that the URL no longer has as they were given."""
        wanted = _url(context, properties, "")
        async with gone_is_fine(*_MISSING) as found:
            named = picked(wanted, "FunctionName", "Qualifier")
            found.append(await context.call("lambda", "GetFunctionUrlConfig", **named))
        if not found:
            return None
        given = coerced("lambda", "CreateFunctionUrlConfig", wanted)
        changed = {
            name: found[0].get(name)
            for name in ("AuthType", "Cors", "InvokeMode")
            if name in properties and (given[name] or None) != found[0].get(name)
        }
        return {**properties, **changed}


URL = UrlHandler(
    "lambda",
    "CreateFunctionUrlConfig",
    "DeleteFunctionUrlConfig",
    "FunctionName",
    change=_change_url,
    deleting=lambda context, properties, name: picked(_url(context, properties, name), "FunctionName", "Qualifier"),
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

_ROUNDED_S = 0.001  # Lambda tells times in whole milliseconds
_CODE_SIGNING = ("AllowedPublishers", "CodeSigningPolicies", "Description")
# What a property comes to when it is taken out of the template: an update of the API leaves alone what it is not told.
_CODE_SIGNING_ABSENT: Given = {"CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"}, "Description": ""}


async def _change_code_signing(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    arn = live.physical_id
    if picked(before, *_CODE_SIGNING) != picked(after, *_CODE_SIGNING):
        parameters = {**_CODE_SIGNING_ABSENT, **picked(after, *_CODE_SIGNING)}
        await context.call("lambda", "UpdateCodeSigningConfig", CodeSigningConfigArn=arn, **parameters)
    await retag_lambda(context, arn, before, after)


class CodeSigningConfigHandler(Described):
    """A code signing configuration: it has no name, so a repeated step looks for what it made by its tags."""

    __slots__ = ()

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the configuration, or find the one that this step created before it was cut off."""
        found = await _tagged(context) if context.is_repeated else None
        if found is None:
            return await Described.create(self, context, properties)
        arn = str(found["CodeSigningConfigArn"])
        return Live(arn, picked(found, "CodeSigningConfigArn", "CodeSigningConfigId"))


async def _tagged(context: ResourceContext) -> Given | None:
    """Return the configuration that has the resource's tags and was made since its step began."""
    wanted = stack_tags(context).items()
    marker: dict[str, str] = {}
    while True:
        listed = await context.call("lambda", "ListCodeSigningConfigs", **marker)
        found: Given
        for found in listed["CodeSigningConfigs"]:
            made_at = datetime.strptime(found["LastModified"], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
            if made_at < context.began - _ROUNDED_S:
                continue  # of an earlier resource of that name, which its stack retained
            tags = await context.call("lambda", "ListTags", Resource=found["CodeSigningConfigArn"])
            if wanted <= tags["Tags"].items():
                return found
        if not listed.get("NextMarker"):
            return None
        marker = {"Marker": listed["NextMarker"]}


CODE_SIGNING_CONFIG = CodeSigningConfigHandler(
    "lambda",
    "CreateCodeSigningConfig",
    "DeleteCodeSigningConfig",
    "CodeSigningConfigArn",
    identity=lambda answer: str(answer["CodeSigningConfig"]["CodeSigningConfigArn"]),
    attributes=lambda context, answer, physical_id: {
        "CodeSigningConfigArn": physical_id,
        "CodeSigningConfigId": answer["CodeSigningConfig"]["CodeSigningConfigId"],
    },
    change=_change_code_signing,
    read_with="GetCodeSigningConfig",
    reading=lambda answer: answer["CodeSigningConfig"],
    tags="map",
    gone=_MISSING,
)
