"""The front door of function URLs: an HTTP request to an invocation, and its answer to an HTTP response.

Like every invocation it goes by the routing snapshot alone. What a URL's cross-origin rules say is on every answer.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import orjson

from lambent.aws.quotas import SYNCHRONOUS_PAYLOAD_BYTES
from lambent.cloud.errors import CutShortError, ServiceError
from lambent.cloud.framework.identity import Signer
from lambent.cloud.framework.routes import FrontDoor
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.services.lambda_.authorisation import is_let_in_by_url
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.invocation import Call, check_waited_for, resolve
from lambent.cloud.services.lambda_.model.cors import Cors, Header
from lambent.cloud.services.lambda_.model.url import Place, domain_of, place_of
from lambent.cloud.services.lambda_.model.url_event import UrlCall, event_of
from lambent.cloud.services.lambda_.model.url_reply import UNSTREAMED, MalformedReplyError, Reply, head_of, reply_of
from lambent.cloud.services.lambda_.routing import Routes, UrlRoute, VersionRoute
from lambent.cloud.services.lambda_.streams import Opened, Streams
from lambent.cloud.services.lambda_.tracing import Loops, trace_of

_log = logging.getLogger(__name__)

_SIGNING_NAME = "lambda"
_FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
_JSON: Header = ("Content-Type", "application/json")
# By its path a URL has the platform's own origin: a page that a function sends must not act as the platform's.
_SANDBOXED: Header = ("Content-Security-Policy", "sandbox")
_WITHOUT_BODY = frozenset({204, 304})
_FAILED = Reply(502, (("Content-Type", "text/plain"),), b"Internal Server Error")


class UrlFrontDoor:
    """Answers requests to function URLs."""

    def __init__(self, dependencies: Dependencies, routes: Routes, streams: Streams, loops: Loops) -> None:
        self._dependencies = dependencies
        self._routes = routes
        self._streams = streams
        self._loops = loops

    def door(self) -> FrontDoor:
        """Return the door: open to browsers, since a URL has cross-origin rules of its own."""
        return FrontDoor("function-urls", _claims, self.answer, open_to_browsers=True)

    async def answer(self, request: Request) -> Response:
        """Answer a request to a function URL, be there such a URL or not."""
        request_id = self._dependencies.ids.uuid()
        place = place_of(request.headers["host"], request.path)
        route = None if place is None else self._routes.find_url(place.url_id)
        if place is None or route is None or place.region not in {None, route.function.scope.region}:
            is_known = place is not None and self._routes.is_orphaned(place.url_id)
            return _response(_denied(_FORBIDDEN if is_known else None), request_id)
        preflight = _preflight(request, route.url.cors)
        if preflight is not None:
            return _response(preflight, request_id)
        response = await self._answered(request, place, route, request_id)
        added = [] if route.url.cors is None else route.url.cors.answer_headers(request.headers.get("origin", ""))
        if place.region is None:
            added.append(_SANDBOXED)
        return Response(response.status, (*response.headers, *added), response.body, response.stream)

    async def _answered(self, request: Request, place: Place, route: UrlRoute, request_id: str) -> Response:
        try:
            signer = self._signer(request, route)
            if not is_let_in_by_url(route, signer, request.peer):
                return _response(_denied(_FORBIDDEN), request_id)
            ids = self._dependencies.ids
            version = resolve(route.function, route.qualifier or None, ids.fraction())
            if version is None:
                return _response(_denied(_FORBIDDEN), request_id)
            now = self._dependencies.clock.now()
            trace = self._loops.enter(route.function, trace_of(request.headers, version, ids, now))
            scope = route.function.scope
            call = UrlCall(
                request=request,
                path=place.path,
                url_id=place.url_id,
                domain=domain_of(place.url_id, scope.region, self._dependencies.port),
                request_id=request_id,
                trace_root=trace.partition(";")[0],
                now=now,
                signer=signer,
            )
            invocation = _call(route, version, call, trace)
            named = (("x-amzn-RequestId", request_id), ("X-Amzn-Trace-Id", trace))
            if route.url.streams:
                return await self._streamed(invocation, *named, is_head=request.method == "HEAD")
            return await self._buffered(invocation, *named)
        except ServiceError as error:
            return _response(_error(error), request_id)

    def _signer(self, request: Request, route: UrlRoute) -> Signer | None:
        """Return who signed a request that must be signed; raises ServiceError for a signature that does not hold."""
        if route.url.auth_type == "NONE":
            return None
        signer = self._dependencies.signers.signer_of(request)
        if signer is None:
            return None
        if signer.service != _SIGNING_NAME:
            raise _invalid_signature(f"Credential should be scoped to correct service: '{_SIGNING_NAME}'.")
        if signer.region != route.function.scope.region:
            raise _invalid_signature(f"Credential should be scoped to a valid region, not '{signer.region}'.")
        return signer

    async def _buffered(self, call: Call, *headers: Header) -> Response:
        answer = await self._streams.invoker.run(call)
        try:
            reply = _FAILED if answer.function_error is not None else reply_of(answer.payload)
        except MalformedReplyError as problem:
            _log.warning("%s returned no HTTP response (%s); request id %s", call.version.arn, problem, call.request_id)
            reply = _FAILED
        return Response(reply.status, (*reply.headers, *headers), reply.body)

    async def _streamed(self, call: Call, *headers: Header, is_head: bool) -> Response:
        opened = await self._streams.open(call)
        if not opened.is_streamed:
            reply = UNSTREAMED if opened.end().function_error is None else _FAILED
            body = opened.end().payload if reply is UNSTREAMED else reply.body
            return Response(reply.status, (*reply.headers, *headers), body)
        try:
            head, rest = await head_of(opened.content_type, opened.chunks)
        except MalformedReplyError as problem:
            opened.abandon()
            _log.warning("%s streamed no HTTP response (%s); request id %s", call.version.arn, problem, call.request_id)
            return Response(_FAILED.status, (*_FAILED.headers, *headers), _FAILED.body)
        if is_head or head.status in _WITHOUT_BODY:
            opened.abandon()  # nobody iterates a body that is not sent
        return Response(head.status, (*head.headers, *headers), stream=_closing(rest, opened))


async def _closing(body: AsyncIterator[bytes], opened: Opened) -> AsyncIterator[bytes]:
    # What was put around the chunks would only let go of them when it is collected.
    try:
        async for chunk in body:
            yield chunk
        if opened.end().function_error is not None:
            # The head has left: all that can tell the reader is a body without its end.
            raise CutShortError("the function failed while it streamed")
    finally:
        opened.abandon()


def _call(route: UrlRoute, version: VersionRoute, call: UrlCall, trace: str) -> Call:
    check_waited_for(version)
    payload = orjson.dumps(event_of(call))
    if len(payload) > SYNCHRONOUS_PAYLOAD_BYTES:
        raise ServiceError(
            "RequestEntityTooLargeException",
            f"Request must be smaller than {SYNCHRONOUS_PAYLOAD_BYTES} bytes for the InvokeFunction operation",
            status=413,
        )
    return Call(
        request_id=call.request_id,
        version=version,
        invoked_arn=route.function.arn_of(route.qualifier),
        payload=payload,
        trace_id=trace,
    )


def _claims(request: Request) -> bool:
    return place_of(request.headers.get("host", ""), request.path) is not None


def _preflight(request: Request, cors: Cors | None) -> Reply | None:
    """Return the answer to a preflight request, which the function never sees; None for any other."""
    headers = request.headers
    origin, wanted = headers.get("origin"), headers.get("access-control-request-method")
    if cors is None or request.method != "OPTIONS" or not origin or not wanted:
        return None
    asked = headers.get("access-control-request-headers", "")
    return Reply(200, (_JSON, *cors.preflight_headers(origin, wanted, asked)), b"")


def _response(reply: Reply, request_id: str, *more: Header) -> Response:
    return Response(reply.status, (*reply.headers, ("x-amzn-RequestId", request_id), *more), reply.body)


def _denied(message: str | None) -> Reply:
    headers = (_JSON, ("x-amzn-ErrorType", "AccessDeniedException"))
    return Reply(403, headers, orjson.dumps({"Message": message}))


def _error(error: ServiceError) -> Reply:
    headers = (_JSON, ("x-amzn-ErrorType", error.code))
    return Reply(error.status, headers, orjson.dumps({**error.members, "message": error.message}))


def _invalid_signature(message: str) -> ServiceError:
    return ServiceError("InvalidSignatureException", message, status=403)
