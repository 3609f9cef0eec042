"""S3's own door: requests by host or path, signed, presigned or not signed at all, of programs and of browsers.

It does what the gateway does for every other service, and what S3 alone has: buckets in the host, CORS, forms, partial
answers, and errors of its own kind.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

from lambent.aws.service_models import is_loaded, service_model
from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.errors import CutShortError, ServiceError
from lambent.cloud.framework.context import ANONYMOUS, RequestContext
from lambent.cloud.framework.identity import Signers
from lambent.cloud.framework.routes import is_of_other_site
from lambent.cloud.framework.service import Service
from lambent.cloud.protocol.codec import codec
from lambent.cloud.protocol.faults import fault, host_id
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.protocol.routing import router
from lambent.cloud.services.s3 import errors, repository
from lambent.cloud.services.s3.changes import Settings
from lambent.cloud.services.s3.claims import is_signed_or_hosted
from lambent.cloud.services.s3.forms import FORM_DATA, Forms
from lambent.cloud.services.s3.model import cors
from lambent.cloud.services.s3.model.addressing import bucket_in_host, is_plain_host, path_of
from lambent.cloud.services.s3.model.presigning import check_expiry
from lambent.cloud.store.scope import DEFAULT_ACCOUNT, DEFAULT_REGION, Scope
from lambent.cloud.store.unit_of_work import Reader

_log = logging.getLogger(__name__)
_OWN_PATHS = "/_lambent/"


@dataclass(frozen=True, slots=True)
class DoorParts:
    """What the door works with; `real_time` is the machine's own, by which callers sign."""

    reader: Reader
    signers: Signers
    settings: Settings
    forms: Forms
    clock: Clock
    real_time: Clock
    ids: IdSource


class S3Door:
    """Answers whatever is meant for S3."""

    def __init__(self, service: Service, parts: DoorParts) -> None:
        self._service = service
        self._parts = parts

    def claims(self, request: Request) -> bool:
        """Whether a request is S3's: by its signature, by a bucket in its host, or, unsigned, by one in its path."""
        if is_signed_or_hosted(request):
            return True
        headers = request.headers
        name = request.path[1:].partition("/")[0]
        if not name or "authorization" in headers or "x-amz-target" in headers or request.path.startswith(_OWN_PATHS):
            return False
        return is_plain_host(headers.get("host", "")) and repository.bucket(self._parts.reader, name) is not None

    async def answer(self, request: Request) -> Response:
        """Answer a request, with the headers that all answers of S3 have."""
        parts = self._parts
        request_id = parts.ids.base32(16)
        request = replace(request, path=path_of(bucket_in_host(request.headers["host"], is_s3=True), request.path))
        granted: cors.Granted | None = None
        try:
            granted = self._granted(request)
            if request.method == "OPTIONS":
                return self._preflight(request, granted, request_id)
            if granted is None and is_of_other_site(request):
                raise errors.access_denied("Requests of web sites that no CORS rule of the bucket names are refused.")
            response = await self._call(request, request_id)
        except ServiceError as error:
            response = fault("s3", "rest-xml", error, request_id)
        except CutShortError as cause:
            _log.info("%s %s: %s", request.method, request.path, cause)
            response = fault("s3", "rest-xml", errors.incomplete_body(), request_id)
        except Exception:  # noqa: BLE001 - the outermost guard of every operation
            _log.exception("%s %s failed; request id %s", request.method, request.path, request_id)
            response = fault("s3", "rest-xml", errors.internal_error(), request_id)
        return response if granted is None else replace(response, headers=[*response.headers, *granted.headers()])

    async def _call(self, request: Request, request_id: str) -> Response:
        if not is_loaded("s3"):
            # The first request of all: what is under way goes on while the model is loaded.
            await asyncio.to_thread(service_model, "s3")
        context = self._context(request, request_id)
        if request.method == "POST" and request.headers.get("content-type", "").startswith(FORM_DATA):
            return await self._parts.forms.answer(context, request)
        operation = router("s3").find(request)
        if operation is None:
            raise errors.method_not_allowed()
        handler = self._service.operations().get(operation.name)
        if handler is None:
            raise errors.not_implemented("A header you provided implies functionality that is not implemented")
        wire = codec(operation, "rest-xml")
        parameters = wire.parse(request)
        self._service.authorise(context, operation.name, parameters)
        result = await handler(context, parameters)
        response = wire.serialize(result, request_id)
        headers = [*response.headers, ("x-amz-id-2", host_id(request_id)), ("Server", "AmazonS3")]
        return replace(response, status=206 if "ContentRange" in result else response.status, headers=headers)

    def _context(self, request: Request, request_id: str) -> RequestContext:
        parts = self._parts
        signer = parts.signers.signer_of(request)
        if signer is not None:
            check_expiry(request.query, parts.real_time.now())
        scope = (
            Scope(DEFAULT_ACCOUNT, DEFAULT_REGION) if signer is None else Scope(signer.caller.account, signer.region)
        )
        return RequestContext(
            scope=scope,
            caller=ANONYMOUS if signer is None else signer.caller,
            request_id=request_id,
            now=parts.clock.now(),
            access_key="" if signer is None else signer.access_key,
            headers=request.headers,
            host=request.headers["host"],
            peer=request.peer,
        )

    def _granted(self, request: Request) -> cors.Granted | None:
        """Return what the bucket's CORS rules grant a browser's request, None where they grant nothing."""
        origin = request.headers.get("origin")
        if origin is None:
            return None
        bucket = repository.bucket(self._parts.reader, request.path[1:].partition("/")[0])
        rules = None if bucket is None else self._parts.settings.cors_rules(self._parts.reader, bucket)
        return None if rules is None else cors.granted(rules, cors.Asked.of(request))

    def _preflight(self, request: Request, granted: cors.Granted | None, request_id: str) -> Response:
        if "origin" not in request.headers:
            raise errors.bad_request("Insufficient information. Origin request header needed.")
        if "access-control-request-method" not in request.headers:
            raise errors.bad_request(f"Invalid Access-Control-Request-Method: {None}")
        if granted is None:
            raise errors.cors_refused()
        headers = [("x-amz-request-id", request_id), ("x-amz-id-2", host_id(request_id)), *granted.headers()]
        return Response(200, headers)
