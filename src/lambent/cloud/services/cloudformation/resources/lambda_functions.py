"""AWS::Lambda::Function, Version and Alias.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Lambda.html
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.resources import cfnresponse
from lambent.cloud.services.cloudformation.resources.calls import (
    gone_is_fine,
    made,
    matching,
    picked,
    retag_lambda,
    stack_tags,
    tags_of,
    until,
)
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
)
from lambent.cloud.services.cloudformation.resources.lambda_capacity import (
    LATEST_PUBLISHED,
    as_said,
    check_compute_type,
    delete_function,
    publish_latest,
    publishes,
    scale,
    scaling_of,
    version_settled,
)

_CONFIGURATION = (
    "CapacityProviderConfig", "DeadLetterConfig", "Description", "DurableConfig", "Environment", "EphemeralStorage",
    "FileSystemConfigs", "Handler", "ImageConfig", "KmsKeyArn", "Layers", "LoggingConfig", "MemorySize", "Role",
    "Runtime", "SnapStart", "TenancyConfig", "Timeout", "TracingConfig", "VpcConfig",
)  # fmt: skip
_CODE = ("S3Bucket", "S3Key", "S3ObjectVersion", "ImageUri", "S3ObjectStorageMode", "SourceKMSKeyArn")
# What a property comes to when it is taken out of the template: an update of the API leaves alone what it is not told.
_ABSENT: Mapping[str, Any] = {  # Any: by property
    "DeadLetterConfig": {"TargetArn": ""},
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "FileSystemConfigs": [],
    "ImageConfig": {},
    "KMSKeyArn": "",
    "Layers": [],
    "MemorySize": 128,
    "SnapStart": {"ApplyOn": "None"},
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}
_INLINE_FILES = {"python": "index.py", "nodejs": "index.js"}
_NUMBERS = ("MemorySize", "Timeout")
_RUNTIME = ("UpdateRuntimeOn", "RuntimeVersionArn")
_READ_APART = {
    "CodeSigningConfigArn": "GetFunctionCodeSigningConfig",
    "RecursiveLoop": "GetFunctionRecursionConfig",
    "RuntimeManagementConfig": "GetRuntimeManagementConfig",
}


def _code(properties: Properties) -> dict[str, Any]:  # Any: parameters of the API
    code: Mapping[str, Any] = properties["Code"]  # Any: as the schema says
    inline = code.get("ZipFile")
    if inline is None:
        return picked(code, *_CODE)
    runtime = str(properties.get("Runtime", ""))
    name = next((file for family, file in _INLINE_FILES.items() if runtime.startswith(family)), None)
    if name is None:
        raise ResourceFailedError(f"ZipFile can only be used when Runtime is set to either of nodejs or python. Runtime: {runtime}")  # fmt: skip  # noqa: E501 - a message in one piece
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as contents:
        entry = zipfile.ZipInfo(name)  # without the time of day, so that the same code has the same digest
        entry.external_attr = 0o644 << 16
        contents.writestr(entry, inline)
        if (module := cfnresponse.beside(name, inline)) is not None:
            contents.writestr(zipfile.ZipInfo(module[0]), module[1])
    return {"ZipFile": archive.getvalue()}


def _configuration(properties: Properties) -> dict[str, Any]:  # Any: parameters of the API
    found = picked(properties, *_CONFIGURATION)
    for name in _NUMBERS:
        if name in found:
            found[name] = int(found[name])
    if "Environment" in found:
        variables = found["Environment"].get("Variables", {})
        found["Environment"] = {"Variables": {key: _text(value) for key, value in variables.items()}}
    if "EphemeralStorage" in found:
        found["EphemeralStorage"] = {"Size": int(found["EphemeralStorage"]["Size"])}
    if "KmsKeyArn" in found:
        found["KMSKeyArn"] = found.pop("KmsKeyArn")
    return found


def _runtime(management: Mapping[str, Any] | None) -> Mapping[str, Any]:  # Any: as the schema says
    return {"UpdateRuntimeOn": "Auto"} if management is None else picked(management, *_RUNTIME)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_FILLED_IN = ("CapacityProviderConfig", "LoggingConfig", "SnapStart", "VpcConfig")


class FunctionHandler:
    """A function: created in one call, waited for until it is active; code and configuration are updated apart."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the function and wait until it is active."""
        name = str(properties.get("FunctionName") or context.generated_name(64))
        parameters = {
            **_configuration(properties),
            **picked(properties, "Architectures", "PackageType", "CodeSigningConfigArn"),
            "FunctionName": name,
            "Code": _code(properties),
            "Tags": {**stack_tags(context), **tags_of(properties)},
        }
        if "ImageUri" in parameters["Code"]:
            parameters["PackageType"] = "Image"
        if publishes(properties):
            parameters["PublishTo"] = "LATEST_PUBLISHED"
        try:
            await context.call("lambda", "CreateFunction", **parameters)
        except ServiceError as error:
            if not (context.is_repeated and error.code == "ResourceConflictException"):
                raise
        async with made(name):
            arn = await self._settled(context, name)
            if publishes(properties):
                await version_settled(context, name, LATEST_PUBLISHED)
            await self._apart(context, name, {}, properties)
        return Live(name, {"Arn": arn})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Update what has changed: configuration, then code, then what has operations of its own."""
        name = live.physical_id
        check_compute_type(before, after)
        if context.is_repeated:  # what was begun before may still be under way, and Lambda takes one change at a time
            with suppress(ResourceFailedError):
                await self._settled(context, name)
        await self._sign(context, name, before, after)
        old, new = _configuration(before), _configuration(after)
        if old != new:
            absent = {key: _ABSENT[key] for key in old.keys() - new.keys() if key in _ABSENT}
            await context.call("lambda", "UpdateFunctionConfiguration", **{**absent, **new, "FunctionName": name})
            await self._settled(context, name)
        architectures = after.get("Architectures"), before.get("Architectures")
        if before["Code"] != after["Code"] or architectures[0] != architectures[1]:
            more = {"Architectures": architectures[0] or ["x86_64"]}
            await context.call("lambda", "UpdateFunctionCode", **{**_code(after), **more, "FunctionName": name})
            await self._settled(context, name)
        if publishes(after):
            await publish_latest(context, name)
        await self._apart(context, name, before, after)
        await retag_lambda(context, str(live.attributes["Arn"]), before, after)
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Delete the function with all its versions."""
        await delete_function(context, FunctionName=live.physical_id)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the configuration as it is."""
        async with gone_is_fine("ResourceNotFoundException") as found:
            answer = await context.call("lambda", "GetFunction", FunctionName=live.physical_id)
            now = answer["Configuration"]
            # What AWS fills in beside what the template says is no drift.
            filled = {key: as_said(now[key], properties.get(key, {})) for key in _FILLED_IN if key in now}
            found.append(
                {
                    **now,
                    **filled,
                    "KmsKeyArn": now.get("KMSKeyArn"),
                    "Code": properties["Code"],
                    "Environment": picked(now.get("Environment", {}), "Variables"),
                    "Layers": [layer["Arn"] for layer in now.get("Layers", ())],
                    "Tags": properties.get("Tags", []),
                    # It says what is done with a change, and the function does not tell it.
                    **picked(properties, "PublishToLatestPublished"),
                    **answer.get("Concurrency", {}),
                    **await self._read_apart(context, live.physical_id, properties),
                }
            )
        return matching(found[0], properties) if found else None

    async def _settled(self, context: ResourceContext, name: str) -> str:
        async def look() -> str | None:
            found = await context.call("lambda", "GetFunctionConfiguration", FunctionName=name)
            if "Failed" in {found.get("State"), found.get("LastUpdateStatus")}:
                reason = found.get("LastUpdateStatusReason") or found.get("StateReason") or "The function failed."
                raise ResourceFailedError(str(reason))
            is_busy = found.get("State") == "Pending" or found.get("LastUpdateStatus") == "InProgress"
            return None if is_busy else str(found["FunctionArn"])

        return await until(context, look)

    async def _apart(self, context: ResourceContext, name: str, before: Properties, after: Properties) -> None:
        reserved = after.get("ReservedConcurrentExecutions")
        if reserved != before.get("ReservedConcurrentExecutions"):
            if reserved is None:
                await context.call("lambda", "DeleteFunctionConcurrency", FunctionName=name)
            else:
                await context.call(
                    "lambda", "PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=int(reserved)
                )
        if (loop := after.get("RecursiveLoop")) != before.get("RecursiveLoop"):
            loop = loop or "Terminate"
            await context.call("lambda", "PutFunctionRecursionConfig", FunctionName=name, RecursiveLoop=loop)
        if (runtime := after.get("RuntimeManagementConfig")) != before.get("RuntimeManagementConfig"):
            await context.call("lambda", "PutRuntimeManagementConfig", FunctionName=name, **_runtime(runtime))
        await scale(
            context, name, LATEST_PUBLISHED, before.get("FunctionScalingConfig"), after.get("FunctionScalingConfig")
        )

    async def _sign(self, context: ResourceContext, name: str, before: Properties, after: Properties) -> None:
        # Before anything else: what is deployed in this update is judged by what the template says now.
        arn = after.get("CodeSigningConfigArn")
        if arn == before.get("CodeSigningConfigArn"):
            return
        if arn is None:
            await context.call("lambda", "DeleteFunctionCodeSigningConfig", FunctionName=name)
        else:
            await context.call("lambda", "PutFunctionCodeSigningConfig", FunctionName=name, CodeSigningConfigArn=arn)

    async def _read_apart(
        self, context: ResourceContext, name: str, properties: Properties
    ) -> Mapping[str, Any]:  # Any: as the API says
        found: dict[str, Any] = {}  # Any: as above
        for asked, operation in _READ_APART.items():
            if asked in properties:
                answer = await context.call("lambda", operation, FunctionName=name)
                found[asked] = picked(answer, *_RUNTIME) if asked == "RuntimeManagementConfig" else answer.get(asked)
        if "FunctionScalingConfig" in properties:
            bounds = await scaling_of(context, name, LATEST_PUBLISHED)
            found["FunctionScalingConfig"] = as_said(bounds, properties["FunctionScalingConfig"])
        return found


class VersionHandler:
    """A published version; its provisioned concurrency is its own."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Publish the function as it is now."""
        name = str(properties["FunctionName"])
        answer = await context.call(
            "lambda", "PublishVersion", FunctionName=name, **picked(properties, "Description", "CodeSha256")
        )
        live = Live(str(answer["FunctionArn"]), {"Version": answer["Version"], "FunctionArn": answer["FunctionArn"]})

        version = str(answer["Version"])
        async with made(live.physical_id):
            await version_settled(context, name, version)
            if (policy := properties.get("RuntimePolicy")) is not None:
                where = {"FunctionName": name, "Qualifier": version}
                await context.call("lambda", "PutRuntimeManagementConfig", **where, **_runtime(policy))
            await _provision(context, name, version, properties)
            await scale(context, name, version, None, properties.get("FunctionScalingConfig"))
        return live

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Change how the version scales: only what is not of the version itself can change."""
        bounds = before.get("FunctionScalingConfig"), after.get("FunctionScalingConfig")
        await scale(context, str(after["FunctionName"]), str(live.attributes["Version"]), *bounds)
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Delete the version; the newest code stays in the function."""
        function, _, version = live.physical_id.rpartition(":")
        await delete_function(context, FunctionName=function, Qualifier=version)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the version's properties as they are."""
        async with gone_is_fine("ResourceNotFoundException") as found:
            answer = await context.call("lambda", "GetFunctionConfiguration", FunctionName=live.physical_id)
            found.append({**answer, "FunctionName": properties["FunctionName"]})
            if "FunctionScalingConfig" in properties:
                bounds = await scaling_of(context, str(properties["FunctionName"]), str(answer["Version"]))
                found[0]["FunctionScalingConfig"] = as_said(bounds, properties["FunctionScalingConfig"])
            found[0] |= await _provisioned_now(context, str(answer["Version"]), properties)
        return matching(found[0], properties) if found else None


class AliasHandler:
    """An alias, with its weights and provisioned concurrency."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the alias."""
        try:
            answer = await context.call("lambda", "CreateAlias", **_alias(properties))
        except ServiceError as error:
            if not (context.is_repeated and error.code == "ResourceConflictException"):
                raise
            answer = await context.call("lambda", "UpdateAlias", **_alias(properties))
        async with made(str(answer["AliasArn"])):
            await _provision(context, str(properties["FunctionName"]), str(properties["Name"]), properties)
        return Live(str(answer["AliasArn"]), {"AliasArn": answer["AliasArn"]})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Point it elsewhere, change its weights or its provisioned concurrency."""
        await context.call("lambda", "UpdateAlias", **_alias(after))
        name, qualifier = str(after["FunctionName"]), str(after["Name"])
        if "ProvisionedConcurrencyConfig" in after:
            # Also where it is as it was: the version that the alias now leads to has its environments first.
            await _provision(context, name, qualifier, after)
        elif "ProvisionedConcurrencyConfig" in before:
            where = {"FunctionName": name, "Qualifier": qualifier}
            await context.call("lambda", "DeleteProvisionedConcurrencyConfig", **where)
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Delete the alias."""
        async with gone_is_fine("ResourceNotFoundException"):
            await context.call("lambda", "DeleteAlias", **picked(properties, "FunctionName", "Name"))

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the alias's properties as they are."""
        async with gone_is_fine("ResourceNotFoundException") as found:
            answer = await context.call("lambda", "GetAlias", **picked(properties, "FunctionName", "Name"))
            weights = answer.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
            shares = [{"FunctionVersion": version, "FunctionWeight": weight} for version, weight in weights.items()]
            now = {"FunctionName": properties["FunctionName"], "RoutingConfig": {"AdditionalVersionWeights": shares}}
            found.append({**answer, **now, **await _provisioned_now(context, str(properties["Name"]), properties)})
        return matching(found[0], properties) if found else None


def _alias(properties: Properties) -> dict[str, Any]:  # Any: parameters of the API
    weights = properties.get("RoutingConfig", {}).get("AdditionalVersionWeights", [])
    routing = {str(one["FunctionVersion"]): float(one["FunctionWeight"]) for one in weights}
    return {
        **picked(properties, "FunctionName", "Name", "Description"),
        "FunctionVersion": str(properties["FunctionVersion"]),
        "RoutingConfig": {"AdditionalVersionWeights": routing},
    }


async def _provision(context: ResourceContext, name: str, qualifier: str, properties: Properties) -> None:
    wanted = properties.get("ProvisionedConcurrencyConfig")
    if wanted is None:
        return
    where = {"FunctionName": name, "Qualifier": qualifier}
    amount = int(wanted["ProvisionedConcurrentExecutions"])
    await context.call("lambda", "PutProvisionedConcurrencyConfig", **where, ProvisionedConcurrentExecutions=amount)

    async def look() -> bool | None:
        found = await context.call("lambda", "GetProvisionedConcurrencyConfig", **where)
        if found["Status"] == "FAILED":
            raise ResourceFailedError(str(found.get("StatusReason", "Provisioned concurrency failed.")))
        return True if found["Status"] == "READY" else None

    await until(context, look)


async def _provisioned_now(context: ResourceContext, qualifier: str, properties: Properties) -> Properties:
    """Return the provisioned concurrency that there is, where the template says any."""
    if "ProvisionedConcurrencyConfig" not in properties:
        return {}
    where = {"FunctionName": properties["FunctionName"], "Qualifier": qualifier}
    async with gone_is_fine("ProvisionedConcurrencyConfigNotFoundException") as found:
        answer = await context.call("lambda", "GetProvisionedConcurrencyConfig", **where)
        found.append(answer["RequestedProvisionedConcurrentExecutions"])
    return {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": found[0]} if found else None}
