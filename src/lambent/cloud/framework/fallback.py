"""The place of the bridge: who answers for services and operations that are not ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.protocol.message import Request, Response


@dataclass(frozen=True, slots=True)
class ForeignRequest:
    """A caller's request for something that is not ours, as it came in.

    `service` is the botocore name as far as it is known; `operation` is None where the model knows no such operation.
    """

    request: Request
    context: RequestContext
    service: str
    operation: str | None


class Fallback(Protocol):
    """Answers what is not ours. None from either method means that nobody does: an unknown operation."""

    async def answer(self, foreign: ForeignRequest) -> Response | None:
        """Answer a caller's request, on the wire's own terms."""

    async def call(
        self, context: RequestContext, service: str, operation: str, parameters: Parameters
    ) -> Result | None:
        """Carry out a call of one of our services; raises ServiceError as the operation does."""


class NoFallback:
    """Nobody: what is not ours is unknown."""

    async def answer(self, foreign: ForeignRequest) -> Response | None:
        """Return None."""
        return None

    async def call(
        self, context: RequestContext, service: str, operation: str, parameters: Parameters
    ) -> Result | None:
        """Return None."""
        return None
