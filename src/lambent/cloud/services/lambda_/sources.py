"""Where a request's code comes from: a zip in the request, an object in S3, or an image's URI."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.layer_access import LayerAccess
from lambent.cloud.services.lambda_.layers import layer_version
from lambent.cloud.services.lambda_.lookups import Lookups
from lambent.cloud.services.lambda_.model.configure import Looked, check_layer_count
from lambent.cloud.services.lambda_.model.function import Code, LayerReference, PackageType
from lambent.cloud.services.lambda_.model.layer_arn import parse_layer_version_arn
from lambent.cloud.services.lambda_.packages import Packages
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader

Members = Mapping[str, Any]  # Any: a request's members, as the framework hands them over

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_ZIPPED_LIMIT = 52_428_800


class Sources:
    """Fetches code and looks up what else a request refers to."""

    def __init__(self, reader: Reader, packages: Packages, lookups: Lookups, access: LayerAccess) -> None:
        self._reader = reader
        self._packages = packages
        self._lookups = lookups
        self._access = access

    async def code(self, scope: Scope, asked: Members, package_type: PackageType) -> Code:
        """Return the code a request gives, checked and durably stored; raises ServiceError as AWS does."""
        if package_type == "Image":
            return _image(asked)
        return await self._packages.accept(await self._archive(scope, asked))

    async def content(self, scope: Scope, asked: Members) -> Code:
        """Return a layer's content, checked and durably stored; raises ServiceError as AWS does."""
        return await self._packages.accept(await self._archive(scope, asked))

    async def looked_up(self, context: RequestContext, scope: Scope, asked: Members) -> Looked:
        """Return the layers and the network a request refers to; raises ServiceError as AWS does."""
        layers = None if asked.get("Layers") is None else await self._layers(context, asked["Layers"])
        vpc = asked.get("VpcConfig")
        return Looked(layers=layers, vpc=None if vpc is None else await self._lookups.network(scope, vpc))

    async def _archive(self, scope: Scope, asked: Members) -> bytes:
        archive, bucket = asked.get("ZipFile"), asked.get("S3Bucket")
        if archive is not None:
            if bucket or asked.get("S3Key"):
                raise errors.invalid_parameter(
                    "Please do not provide other FunctionCode parameters when providing a ZipFile."
                )
            if len(archive) > _ZIPPED_LIMIT:
                raise errors.too_large(f"Zipped size must be smaller than {_ZIPPED_LIMIT} bytes")
            return bytes(archive)
        if bucket and asked.get("S3Key"):
            return await self._lookups.fetch_object(scope, asked)
        raise errors.invalid_parameter("Please provide a source for function code.")

    async def _layers(self, context: RequestContext, arns: Sequence[str]) -> tuple[LayerReference, ...]:
        check_layer_count(arns)
        seen: dict[str, str] = {}
        references = []
        for arn in arns:
            references.append(await self._layer(context, arn))
            layer = arn.rpartition(":")[0]
            if layer in seen:
                raise errors.invalid_parameter(
                    "Two different versions of the same layer are not allowed to be referenced in the same function. "
                    f"{seen[layer]} and {arn} are versions of the same layer."
                )
            seen[layer] = arn
        return tuple(references)

    async def _layer(self, context: RequestContext, arn: str) -> LayerReference:
        named = parse_layer_version_arn(arn)
        if named is not None:
            await self._access.check(context, named)
            if named.region != context.scope.region:
                raise errors.invalid_parameter(
                    "Layers are not in the same region as the function. "
                    f"Layers are expected to be in region {context.scope.region}."
                )
        found = (
            None
            if named is None
            else layer_version(self._reader, Scope(named.account, named.region), named.name, named.version)
        )
        if found is None:
            raise errors.invalid_parameter(f"Layer version {arn} does not exist.")
        return found.reference()


def _image(asked: Members) -> Code:
    uri = asked.get("ImageUri")
    if not uri:
        raise errors.invalid_parameter("Please provide ImageUri when creating a function with packageType Image.")
    # The registry's digest where the URI gives it; the image itself is never fetched.
    _, _, digest = uri.partition("@sha256:")
    return Code(sha256=digest or hashlib.sha256(uri.encode()).hexdigest(), size=0, image_uri=uri)
