"""What is asked of SNS without a signature: the certificate of its key, and the URLs that its messages have in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from lambent.aws.service_models import service_model
from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import ANONYMOUS, RequestContext
from lambent.cloud.framework.routes import FrontDoor
from lambent.cloud.framework.service import Operation
from lambent.cloud.protocol.codec import codec
from lambent.cloud.protocol.faults import fault
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.services.sns.claims import CLAIM
from lambent.cloud.services.sns.errors import invalid_parameter
from lambent.cloud.services.sns.signing import SigningKey
from lambent.cloud.store.scope import Scope

_ARN_PARTS: Final = 6


class SnsFrontDoor:
    """Answers requests for the certificate, and visits of SubscribeURL and UnsubscribeURL."""

    def __init__(self, key: SigningKey, operations: Mapping[str, Operation], clock: Clock, ids: IdSource) -> None:
        self._key = key
        self._operations = operations
        self._clock = clock
        self._ids = ids

    def door(self) -> FrontDoor:
        """Return the door."""
        return CLAIM.door(self.answer)

    async def answer(self, request: Request) -> Response:
        """Answer a request that the door claims."""
        if request.path != "/":
            certificate = self._key.certificate(request.path)
            if certificate is None:
                return Response(404)
            return Response(200, (("Content-Type", "application/x-pem-file"),), certificate)
        asked = dict(parse_qsl(request.query, keep_blank_values=True))
        request_id = self._ids.uuid()
        try:
            action = asked["Action"]
            context = self._context(request, asked, request_id)
            needed = ("TopicArn", "Token") if action == "ConfirmSubscription" else ("SubscriptionArn",)
            for name in needed:
                if not asked.get(name):
                    raise invalid_parameter(f"{name} Reason: no value for required parameter")
            operation = service_model("sns").operation(action)
            result = await self._operations[action](context, asked)
            return codec(operation, "query").serialize(result, request_id)
        except ServiceError as error:
            return fault("sns", "query", error, request_id)

    def _context(self, request: Request, asked: Mapping[str, str], request_id: str) -> RequestContext:
        arn = asked.get("TopicArn") or asked.get("SubscriptionArn") or ""
        parts = arn.split(":")
        scope = Scope(parts[4], parts[3]) if len(parts) >= _ARN_PARTS else Scope("", "")
        return RequestContext(scope, ANONYMOUS, request_id, self._clock.now(), headers=request.headers)
