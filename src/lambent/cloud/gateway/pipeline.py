"""The way of a request, step by step: `Pipeline.answer` is the list, and `_call` its second half, for AWS's APIs."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from lambent.aws.service_models import Operation
from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.fallback import Fallback, ForeignRequest
from lambent.cloud.framework.identity import CredentialDirectory
from lambent.cloud.framework.registry import Registry
from lambent.cloud.framework.routes import FrontDoor
from lambent.cloud.framework.service import LeftToFallback
from lambent.cloud.gateway.guard import refuse_foreign_host, refuse_other_site
from lambent.cloud.gateway.introspection import PREFIX, Introspection
from lambent.cloud.gateway.signing import Signature, identify_caller, read_signature
from lambent.cloud.protocol.codec import codec
from lambent.cloud.protocol.faults import fault
from lambent.cloud.protocol.identify import Call, NotLoadedError, UnidentifiedError, WireFormat, identify
from lambent.cloud.protocol.message import Request, Response

_log = logging.getLogger(__name__)

# What services call the platform's own failure, in the order of preference; without one of them it is InternalFailure,
# as https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html has it for all.
_FAILURE_CODES = ("ServiceException", "ServiceFailureException", "InternalServerException", "InternalServerError")
_FAILURE_MESSAGE = "The request processing has failed because of an unknown error, exception or failure."


@dataclass(frozen=True, slots=True)
class Parts:
    """What a pipeline works with."""

    registry: Registry
    directory: CredentialDirectory
    introspection: Introspection
    fallback: Fallback
    clock: Clock
    ids: IdSource


class Pipeline:
    """Turns every request into a response; made once the registry is complete."""

    def __init__(self, parts: Parts) -> None:
        self._registry = parts.registry
        self._directory = parts.directory
        self._introspection = parts.introspection
        self._fallback = parts.fallback
        self._clock = parts.clock
        self._ids = parts.ids

    async def answer(self, request: Request) -> Response:
        """Answer a request: guard, front doors, introspection, then AWS's APIs."""
        refusal = refuse_foreign_host(request)
        if refusal is not None:
            return refusal
        door = self._front_door(request)
        if door is None or not door.open_to_browsers:
            refusal = refuse_other_site(request)
            if refusal is not None:
                return refusal
        if request.path.startswith(PREFIX):
            return await self._introspection.answer(request)
        if door is not None:
            return await door.answer(request)
        return await self._call(request)

    def streams(self, head: Request) -> bool:
        """Return whether a request is answered while its body arrives: where the door that takes it in wants that."""
        door = self._front_door(head)
        return door is not None and door.streams is not None and door.streams(head)

    async def _call(self, request: Request) -> Response:
        """Answer a call of an AWS API: signing, identify, authenticate, parse, authorise, dispatch, serialise."""
        request_id = self._ids.uuid()
        try:
            signature = read_signature(request)
            try:
                call = identify(request, signature.service, loaded_only=True)
            except NotLoadedError:
                # The first request for a service: what is under way goes on while its model is loaded.
                call = await asyncio.to_thread(identify, request, signature.service)
                gc.freeze()  # a model stays until the end: the collector need not go through it again and again
        except UnidentifiedError as unknown:
            return await self._unidentified(request, signature, unknown, request_id)
        except ServiceError as error:
            return fault(None, _likely_format(request), error, request_id)
        operation = call.operation
        name, service = operation.name, operation.service.name
        try:
            context = self._context(request, signature, request_id)
            owner = self._registry.service(service) or await self._registry.wake(service)
            ours = None if owner is None else owner.operations().get(name)
            if owner is None or ours is None:
                return await self._foreign(request, context, call)
            wire = codec(operation, call.wire_format)
            parameters = wire.parse(request)
            owner.authorise(context, name, parameters)
            result = await ours(context, parameters)
            return wire.serialize(result, request_id)
        except LeftToFallback:
            return await self._left(request, signature, call, request_id)
        except ServiceError as error:
            return fault(service, call.wire_format, error, request_id)
        except Exception:  # noqa: BLE001 - the outermost guard of every operation
            _log.exception("%s.%s failed; request id %s", service, name, request_id)
            return fault(service, call.wire_format, _failure_of(operation), request_id)

    async def _left(self, request: Request, signature: Signature, call: Call, request_id: str) -> Response:
        """Answer what an operation of ours leaves to whoever answers for all that is not ours."""
        try:
            return await self._foreign(request, self._context(request, signature, request_id), call)
        except ServiceError as error:
            return fault(call.operation.service.name, call.wire_format, error, request_id)

    def _front_door(self, request: Request) -> FrontDoor | None:
        for door in self._registry.front_doors():
            if door.claims(request):
                return door
        return None

    def _context(self, request: Request, signature: Signature, request_id: str) -> RequestContext:
        """Return whom and what the request is for; raises ServiceError where its credentials no longer hold."""
        identity = identify_caller(signature, self._directory)
        headers = request.headers
        return RequestContext(
            scope=identity.scope,
            caller=identity.caller,
            request_id=request_id,
            now=self._clock.now(),
            access_key=signature.access_key,
            headers=headers,
            host=headers["host"],
            path=request.path,
        )

    async def _foreign(self, request: Request, context: RequestContext, call: Call) -> Response:
        """Answer an operation of AWS's that is not ours: by the bridge, or as unknown."""
        operation = call.operation
        service = operation.service.name
        bridged = await self._fallback.answer(ForeignRequest(request, context, service, operation.name))
        if bridged is not None:
            return bridged
        _log.warning("%s.%s is not available here; request id %s", service, operation.name, context.request_id)
        return fault(service, call.wire_format, _not_available(call), context.request_id)

    async def _unidentified(
        self, request: Request, signature: Signature, unknown: UnidentifiedError, request_id: str
    ) -> Response:
        """Answer a request that means no operation the models know."""
        service = unknown.service or signature.service
        try:
            if service is not None:
                context = self._context(request, signature, request_id)
                bridged = await self._fallback.answer(ForeignRequest(request, context, service, None))
                if bridged is not None:
                    return bridged
        except ServiceError as error:
            return fault(service, unknown.wire_format, error, request_id)
        _log.warning("unknown operation of %s: %s; request id %s", service or "no service", _meant(request), request_id)
        return fault(service, unknown.wire_format, unknown.error, request_id)


def _meant(request: Request) -> str:
    return request.headers.get("x-amz-target") or f"{request.method} {request.path}"


def _likely_format(request: Request) -> WireFormat:
    # A signature that cannot be read names no service, but the request's form tells what its sender understands.
    if "x-amz-target" in request.headers:
        return "json"
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return "query" if is_form or "Action=" in request.query else "rest-json"


def _failure_of(operation: Operation) -> ServiceError:
    code = next((code for code in _FAILURE_CODES if operation.service.error(code) is not None), "InternalFailure")
    return ServiceError(code, _FAILURE_MESSAGE, status=500)


def _not_available(call: Call) -> ServiceError:
    """Return how a service that lacks an operation answers it, in each format."""
    name, service = call.operation.name, call.operation.service
    code, status = _NOT_AVAILABLE[call.wire_format]
    if code == "InvalidAction":
        return ServiceError(code, f"Could not find operation {name} for version {service.api_version}", status=status)
    return ServiceError(code, f"The operation {service.service_id}.{name} is not available here.", status=status)


_NOT_AVAILABLE: Mapping[WireFormat, tuple[str, int]] = {
    "json": ("UnknownOperationException", 400),
    "query": ("InvalidAction", 400),
    "ec2": ("InvalidAction", 400),
    "rest-json": ("UnknownOperationException", 404),  # https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
    "rest-xml": ("NotImplemented", 501),  # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    "smithy-rpc-v2-cbor": ("UnknownOperationException", 404),
}
