"""Which service and operation a request means, and in which wire format it speaks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from lambent.aws.service_models import (
    Operation,
    ServiceModel,
    ServiceSummary,
    has_service,
    has_summaries,
    is_loaded,
    service_model,
    service_summaries,
    services_signed_as,
)
from lambent.cloud.errors import ServiceError
from lambent.cloud.protocol.message import Request
from lambent.cloud.protocol.query import FORM, form_of
from lambent.cloud.protocol.routing import router

WireFormat = Literal["json", "query", "ec2", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"]
REST_FORMATS: tuple[WireFormat, ...] = ("rest-json", "rest-xml")
_RPC_V2 = "/service/"


@dataclass(frozen=True, slots=True)
class Call:
    """A request's operation and the wire format it came in, which is also that of the answer."""

    operation: Operation
    wire_format: WireFormat


class UnidentifiedError(Exception):
    """No operation is meant: `error` is what AWS answers, in `wire_format`, for `service` where that is known."""

    def __init__(self, error: ServiceError, wire_format: WireFormat, service: str | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wire_format = wire_format
        self.service = service


class NotLoadedError(LookupError):
    """Telling what is meant takes a model that has not been loaded."""


def identify(request: Request, signing_name: str | None, *, loaded_only: bool = False) -> Call:
    """Return the operation a request means; raises UnidentifiedError.

    `signing_name` is the service in the request's signature scope, None for an unsigned request. With `loaded_only`
    it raises NotLoadedError rather than take the time to load a model, which may be a tenth of a second.
    """
    models = _Models(loaded_only)
    target = request.headers.get("x-amz-target")
    if target is not None:
        return _by_known_target(target, signing_name) if loaded_only else _by_target(models, target, signing_name)
    if request.path.startswith(_RPC_V2) and "smithy-protocol" in request.headers:
        return _by_rpc_path(models, request.path, signing_name)
    is_form = request.method == "POST" and request.headers.get("content-type", "").startswith(FORM)
    if is_form or "Action=" in request.query:
        pairs = dict(form_of(request))
        if "Action" in pairs:
            return _by_action(models, pairs["Action"], pairs.get("Version"), signing_name)
    return _by_route(models, request, signing_name)


@dataclass(frozen=True, slots=True)
class _Models:
    """The service models as one request may use them."""

    loaded_only: bool

    def model(self, name: str) -> ServiceModel:
        if self.loaded_only and not is_loaded(name):
            raise NotLoadedError(name)
        return service_model(name)

    def candidates(self, signing_name: str | None) -> Iterator[ServiceModel]:
        """Yield the services signed under a name; every model's head is read only if the obvious one is not meant."""
        if not signing_name:
            return
        if has_service(signing_name):
            yield self.model(signing_name)
        self._need_summaries()
        for name in services_signed_as(signing_name):
            if name != signing_name:
                yield self.model(name)

    def summaries(self) -> Sequence[ServiceSummary]:
        self._need_summaries()
        return service_summaries()

    def of_prefix(self, prefix: str, wire_format: str) -> ServiceModel | None:
        """Return the service whose operations are named under a target prefix."""
        for summary in self.summaries():
            if summary.target_prefix == prefix and wire_format in summary.protocols:
                return self.model(summary.name)
        return None

    def of_version(self, version: str | None) -> Iterator[ServiceModel]:
        """Yield the services with query APIs of a version."""
        for summary in self.summaries():
            is_query = summary.is_query_compatible or {"query", "ec2"} & set(summary.protocols)
            if summary.api_version == version and is_query:
                yield self.model(summary.name)

    def _need_summaries(self) -> None:
        if self.loaded_only and not has_summaries():
            raise NotLoadedError("the summaries")


# What a client asks for it asks for again: what is not loaded yet, or not known at all, is not remembered.
@lru_cache(maxsize=1024)
def _by_known_target(target: str, signing_name: str | None) -> Call:
    return _by_target(_Models(loaded_only=True), target, signing_name)


def _by_target(models: _Models, target: str, signing_name: str | None) -> Call:
    prefix, _, name = target.rpartition(".")
    service = next((each for each in models.candidates(signing_name) if each.target_prefix == prefix), None)
    if service is None:
        service = models.of_prefix(prefix, "json")
    operation = service.operation(name) if service else None
    if operation is None:
        raise UnidentifiedError(
            ServiceError("UnknownOperationException", ""), "json", service.name if service else signing_name
        )
    return Call(operation, "json")


def _by_rpc_path(models: _Models, path: str, signing_name: str | None) -> Call:
    # /service/{target prefix}/operation/{name}, after any prefix: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
    parts = path.strip("/").split("/")
    if len(parts) == 4 and parts[2] == "operation":
        prefix, name = unquote(parts[1]), unquote(parts[3])
        service = next((each for each in models.candidates(signing_name) if each.target_prefix == prefix), None)
        service = service or models.of_prefix(prefix, "smithy-rpc-v2-cbor")
        operation = service.operation(name) if service else None
        if operation is not None:
            return Call(operation, "smithy-rpc-v2-cbor")
    raise UnidentifiedError(
        ServiceError("UnknownOperationException", "", status=404), "smithy-rpc-v2-cbor", signing_name
    )


def _by_action(models: _Models, action: str, version: str | None, signing_name: str | None) -> Call:
    wire_format: WireFormat = "query"
    for service in models.candidates(signing_name) if signing_name else models.of_version(version):
        if "ec2" in service.protocols:
            wire_format = "ec2"
        elif not service.speaks_query:
            continue
        if version is not None and service.api_version != version and not signing_name:
            continue
        operation = service.operation(action)
        if operation is not None:
            return Call(operation, wire_format)
    message = (
        f"The action {action} is not valid for this web service."
        if wire_format == "ec2" or version is None
        else f"Could not find operation {action} for version {version}"
    )
    raise UnidentifiedError(ServiceError("InvalidAction", message), wire_format, signing_name)


def _by_route(models: _Models, request: Request, signing_name: str | None) -> Call:
    wire_format: WireFormat = "rest-json"
    nearest: Call | None = None
    for service in models.candidates(signing_name):
        found = next((each for each in REST_FORMATS if each in service.protocols), None)
        if found is None:
            continue
        wire_format = found
        operation = router(service.name).find(request)
        if operation is not None:
            return Call(operation, wire_format)
        if nearest is None and (incomplete := router(service.name).nearest(request)) is not None:
            nearest = Call(incomplete, wire_format)
    if nearest is not None:
        return nearest
    # The answer of the authorisation layer, which is the first to ask which operation is meant.
    error = ServiceError(
        "AccessDeniedException", "Unable to determine service/operation name to be authorized", status=403
    )
    raise UnidentifiedError(error, wire_format, signing_name)
