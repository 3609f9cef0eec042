"""Layers: versions published, shown, listed and deleted."""

from __future__ import annotations

import re

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, layers
from lambent.cloud.services.lambda_.control import Control
from lambent.cloud.services.lambda_.layer_access import LayerAccess, check_owner
from lambent.cloud.services.lambda_.listing import bounds_of, numbered
from lambent.cloud.services.lambda_.model.layer import Compatibility, LayerVersion, layer_arn
from lambent.cloud.services.lambda_.model.layer_arn import LayerVersionReference, parse_layer_version_arn
from lambent.cloud.services.lambda_.rendering import Shape, package_url, timestamp
from lambent.cloud.services.lambda_.sources import Sources
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Transaction

_LISTED_AT_ONCE = 50
_MOST = 2**63 - 1
# Versions are listed newest first: their keys count down from here.
_NEWEST = 2**62
_LAYER = re.compile(r"arn:[^:]+:lambda:(?P<region>[^:]+):(?P<account>\d{12}):layer:(?P<name>[^:]+)")


class LayerOperations:
    """PublishLayerVersion, GetLayerVersion, GetLayerVersionByArn, ListLayers, ListLayerVersions, DeleteLayerVersion."""

    def __init__(self, control: Control, sources: Sources, access: LayerAccess) -> None:
        self._control = control
        self._sources = sources
        self._access = access

    @operation("PublishLayerVersion")
    async def publish_layer_version(self, context: RequestContext, parameters: Parameters) -> Result:
        """Publish content as the next version of a layer."""
        scope, name = named_layer(context, parameters["LayerName"])
        check_owner(context, scope, "PublishLayerVersion", layer_arn(scope, name))
        code = await self._sources.content(scope, parameters["Content"])
        runtimes, architectures = parameters.get("CompatibleRuntimes"), parameters.get("CompatibleArchitectures")

        def work(transaction: Transaction) -> LayerVersion:
            version = LayerVersion(
                scope=scope,
                layer=name,
                version=layers.next_version(transaction, scope, name),
                description=parameters.get("Description") or "",
                license=parameters.get("LicenseInfo"),
                runtimes=None if runtimes is None else tuple(runtimes),
                architectures=None if architectures is None else tuple(architectures),
                code=code,
                created_at=context.now,
            )
            layers.put_layer_version(transaction, version)
            return version

        return _with_content(await self._control.dependencies.store.write(work), context.host)

    @operation("GetLayerVersion")
    async def get_layer_version(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a layer version and where its content is."""
        scope, name = named_layer(context, parameters["LayerName"])
        number = checked_number(parameters["VersionNumber"])
        return await self._got(context, LayerVersionReference(scope.region, scope.account, name, number))

    @operation("GetLayerVersionByArn")
    async def get_layer_version_by_arn(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the layer version of an ARN and where its content is."""
        named = parse_layer_version_arn(parameters["Arn"])
        if named is None:
            raise errors.no_such_resource()
        return await self._got(context, named)

    @operation("ListLayers")
    async def list_layers(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of the layers, each with its latest version that is compatible with what is asked for."""
        bounds = bounds_of(parameters, at_most=_LISTED_AT_ONCE)
        latest = layers.latest_behind(
            self._control.read, context.scope, bounds.behind, bounds.to_read, fit=_asked(parameters)
        )
        listed = bounds.page(latest, lambda each: each.layer)
        return listed.shape(
            "Layers",
            [
                {"LayerName": each.layer, "LayerArn": each.layer_arn, "LatestMatchingVersion": _summary(each)}
                for each in listed.items
            ],
        )

    @operation("ListLayerVersions")
    async def list_layer_versions(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return one page of a layer's versions, newest first; none where there is no such layer."""
        scope, name = named_layer(context, parameters["LayerName"])
        check_owner(context, scope, "ListLayerVersions", layer_arn(scope, name))
        bounds = bounds_of(parameters, at_most=_LISTED_AT_ONCE)
        before = _NEWEST - bounds.behind_number
        found = layers.versions_before(
            self._control.read, (scope, name), before, bounds.to_read, fit=_asked(parameters)
        )
        listed = bounds.page(found, lambda each: numbered(_NEWEST - each.version))
        return listed.shape("LayerVersions", [_summary(each) for each in listed.items])

    @operation("DeleteLayerVersion")
    async def delete_layer_version(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete a layer version; one that is not there is no error, and functions that use it keep it."""
        scope, name = named_layer(context, parameters["LayerName"])
        number = checked_number(parameters["VersionNumber"])
        check_owner(context, scope, "DeleteLayerVersion", f"{layer_arn(scope, name)}:{number}")
        await self._control.dependencies.store.write(
            lambda transaction: layers.delete_layer_version(transaction, scope, name, number)
        )
        return {}

    async def _got(self, context: RequestContext, named: LayerVersionReference) -> Result:
        await self._access.check(context, named)
        scope = Scope(named.account, context.scope.region)
        found = layers.layer_version(self._control.read, scope, named.name, named.version)
        if found is None or named.region != scope.region:
            raise errors.no_such_resource()
        return _with_content(found, context.host)


def named_layer(context: RequestContext, name: str) -> tuple[Scope, str]:
    """Return whose layer a LayerName means, a name or an ARN, and its name.

    Raises ResourceNotFoundException for another region's layer.
    """
    matched = _LAYER.fullmatch(name)
    if matched is None:
        # The model's pattern lets an ARN without a partition by, which is no name either.
        if ":" in name:
            raise errors.no_such_resource()
        return context.scope, name
    if matched["region"] != context.scope.region:
        raise errors.no_such_resource()
    return Scope(matched["account"], matched["region"]), matched["name"]


def checked_number(number: int) -> int:
    """Return the number of a layer version; raises InvalidParameterValueException for one there cannot be.

    No version has a number beyond the greatest that the store can hold: that stands for all of them.
    """
    if number < 1:
        raise errors.invalid_parameter("Layer Version Cannot be less than 1")
    return min(number, _MOST)


def _asked(parameters: Parameters) -> Compatibility:
    return Compatibility(parameters.get("CompatibleRuntime"), parameters.get("CompatibleArchitecture"))


def _summary(version: LayerVersion) -> Shape:
    shape: Shape = {
        "LayerVersionArn": version.arn,
        "Version": version.version,
        "Description": version.description,
        "CreatedDate": timestamp(version.created_at),
    }
    if version.runtimes is not None:
        shape["CompatibleRuntimes"] = list(version.runtimes)
    if version.architectures is not None:
        shape["CompatibleArchitectures"] = list(version.architectures)
    if version.license is not None:
        shape["LicenseInfo"] = version.license
    return shape


def _with_content(version: LayerVersion, host: str) -> Shape:
    return {
        **_summary(version),
        "LayerArn": layer_arn(version.scope, version.layer),
        "Content": {
            "Location": package_url(version.code, host),
            "CodeSha256": version.code.sha256,
            "CodeSize": version.code.size,
        },
    }
