"""The services that are not ours, answered by moto in a process of its own, started on first use.

What changes state is journalled before its answer leaves, and replayed into a fresh process after a restart or a
crash of moto's. So is the first request for a service in an account and region, whatever it asks and however it ends:
moto then makes what AWS gives an account (default VPC, subnets, keys), whose identifiers must not change either.
Requests run one at a time: their order in the journal is the order in which moto saw them, and each carries the seed
that moto's identifiers are drawn from, so a replay makes the same identifiers. What a replay cannot bring back as it
was is named in `docs/coverage.md`.
"""

from __future__ import annotations

import asyncio
import logging

from lambent.base.identifiers import IdSource
from lambent.base.tasks import shielded
from lambent.cloud.bridge.coverage import OWN_SERVICES, Coverage
from lambent.cloud.bridge.journal import Journal
from lambent.cloud.bridge.messages import Message, decode_value, encode_value
from lambent.cloud.bridge.process import BridgeProcess, BridgeUnavailableError
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.fallback import ForeignRequest
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.protocol.message import Response
from lambent.cloud.store.scope import Scope

logger = logging.getLogger(__name__)

_SEED_BITS = 53  # as many as a fraction has: two requests of one seed would make one identifier twice
_Place = tuple[str, str, str]  # service, account, region: what moto keeps apart
# Headers of the hop between client and gateway; moto gets its own.
_HOP_HEADERS = frozenset({"connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding"})
# AWS names an operation by its verb: these only read, whatever the service.
_READING_VERBS = (
    "BatchGet", "Describe", "Estimate", "Filter", "Get", "Head", "List", "Lookup", "Preview", "Query", "Scan",
    "Search", "Select", "Simulate", "Test", "Validate",
)  # fmt: skip
# The gateway dates every answer itself: a second Date header is none that a client can read.
_NOT_PASSED_ON = _HOP_HEADERS | {"date", "server"}


class Bridge:
    """Moto behind the platform: raw requests from the gateway, calls by name from our services."""

    def __init__(self, journal: Journal, coverage: Coverage, ids: IdSource) -> None:
        self._journal = journal
        self._coverage = coverage
        self._ids = ids
        self._turn = asyncio.Lock()
        self._process: BridgeProcess | None = None
        self._begun: set[_Place] = set()

    async def answer(self, foreign: ForeignRequest) -> Response | None:
        """Have moto answer a caller's request; None where moto has no such operation.

        Raises ServiceError if moto cannot be had, or broke.
        """
        request, operation = foreign.request, foreign.operation
        if operation is None or not self._coverage.bridges(foreign.service, operation):
            return None
        target = request.path if not request.query else f"{request.path}?{request.query}"
        headers = {name: value for name, value in request.headers.items() if name not in _HOP_HEADERS}
        answer = await self._carry_out(
            Message(
                {
                    **self._stamp(foreign.service, operation, foreign.context.scope),
                    "kind": "http",
                    "method": request.method,
                    "target": target,
                    "headers": headers,
                    "host": foreign.context.host,
                },
                request.body,
            )
        )
        headers_out = [(name, value) for name, value in answer.header["headers"] if name.lower() not in _NOT_PASSED_ON]
        return Response(answer.header["status"], headers_out, answer.body)

    async def call(
        self, context: RequestContext, service: str, operation: str, parameters: Parameters
    ) -> Result | None:
        """Have moto carry out an operation by name; None where it has no such operation.

        Raises ServiceError as the operation does, or if moto cannot be had, or broke.
        """
        if not self._coverage.bridges(service, operation):
            return None
        stamp = self._stamp(service, operation, context.scope)
        message = Message({**stamp, "kind": "call"}, encode_value(parameters))
        # What the platform measures of itself, every minute, is no promise to anybody: a journal of it would only grow.
        is_kept = not (operation == "PutMetricData" and context.caller.kind == "service")
        answer = await self._carry_out(message, is_kept=is_kept)
        if "error" in answer.header:
            error = answer.header["error"]
            raise ServiceError(error["code"], error["message"], status=error["status"])
        result: Result = decode_value(answer.body)
        return result

    async def stop(self) -> None:
        """End moto's process, after the request under way."""
        async with self._turn:
            if self._process is not None:
                await self._process.stop()
                self._process = None

    def _stamp(self, service: str, operation: str, scope: Scope) -> dict[str, object]:
        return {
            "service": service,
            "operation": operation,
            "account": scope.account,
            "region": scope.region or "us-east-1",
            "mended": True,  # rows of journals from before moto was mended lack it, and replay as they were
            "seed": int(self._ids.fraction() * (1 << _SEED_BITS)),
        }

    async def _carry_out(self, message: Message, *, is_kept: bool = True) -> Message:
        async with self._turn:
            # A caller that gives up leaves no answer behind, which the next would take for its own.
            return await shielded(self._in_turn(message, is_kept=is_kept))

    async def _in_turn(self, message: Message, *, is_kept: bool) -> Message:
        try:
            process = await self._running()
            answer = await process.exchange(message)
        except BridgeUnavailableError as error:
            await self._give_up()
            raise ServiceError(
                "ServiceUnavailable", f"{message.header['service']} is bridged to moto: {error}.", status=503
            ) from error
        if not is_kept:
            pass
        elif _succeeded(answer) and not _only_reads(message):
            await self._journal.append(message)
        elif _place(message) not in self._begun:
            await self._journal.append(Message({**message.header, "begins": True}, message.body))
        if is_kept:
            self._begun.add(_place(message))
        if "broken" in answer.header:
            raise ServiceError(
                "InternalFailure",
                f"moto failed on {message.header['service']}:{message.header['operation']}: {answer.header['broken']}",
                status=500,
            )
        return answer

    async def _running(self) -> BridgeProcess:
        if self._process is not None and self._process.is_running:
            return self._process
        await self._give_up()
        process = await BridgeProcess.start()
        self._process = process
        replayed = left = 0
        self._begun.clear()
        async for message in self._journal.replay():
            if message.header["service"] in OWN_SERVICES:
                left += 1  # of a version that still bridged the service; moto's copy would have no readers
                continue
            answer = await process.exchange(message)
            self._begun.add(_place(message))
            replayed += 1
            if not _succeeded(answer) and not message.header.get("begins"):
                header = message.header
                logger.error("moto no longer accepts %s.%s: its effect is lost", header["service"], header["operation"])
        logger.info("moto's process has started; %d requests were replayed", replayed)
        if left:
            logger.warning("%d requests are of services that are bridged no more: what they made is not there", left)
        return process

    async def _give_up(self) -> None:
        if self._process is not None:
            await self._process.stop()
            self._process = None


def _only_reads(request: Message) -> bool:
    operation: str = request.header["operation"]
    return operation.startswith(_READING_VERBS)


def _succeeded(answer: Message) -> bool:
    status: int = answer.header.get("status", 200)
    return status < 400 and not {"error", "broken"} & answer.header.keys()


def _place(message: Message) -> _Place:
    header = message.header
    return header["service"], header["account"], header["region"]
