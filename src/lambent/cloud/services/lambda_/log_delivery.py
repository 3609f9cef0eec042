"""Log lines to CloudWatch Logs, through the internal client, as Lambda's service principal."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import service_principal
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters
from lambent.cloud.store.scope import Scope

_log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
_EVENTS_AT_ONCE = 10_000
_BYTES_AT_ONCE = 1_048_576
_BYTES_PER_EVENT = 26
_BYTES_OF_MESSAGE = _BYTES_AT_ONCE - _BYTES_PER_EVENT


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Lines for one log stream: epoch milliseconds and message."""

    scope: Scope
    group: str
    stream: str
    lines: Sequence[tuple[int, str]]


class LogDelivery:
    """Puts batches into log streams, and makes group and stream where they are missing."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def put(self, batch: LogBatch) -> None:
        """Deliver a batch. Raises ServiceError only if CloudWatch Logs refuses what it should take."""
        # Environments with several slots interleave; CloudWatch Logs demands events in order.
        ordered = sorted(batch.lines, key=lambda line: line[0])
        for part in parts(ordered):
            parameters = {
                "logGroupName": batch.group,
                "logStreamName": batch.stream,
                "logEvents": [{"timestamp": timestamp, "message": message} for timestamp, message in part],
            }
            try:
                await self._ask(batch.scope, "PutLogEvents", parameters)
            except ServiceError as error:
                if error.code != "ResourceNotFoundException":
                    raise
                await self._make(batch)
                await self._ask(batch.scope, "PutLogEvents", parameters)

    async def _make(self, batch: LogBatch) -> None:
        names = {"logGroupName": batch.group}
        await self._make_one(batch.scope, "CreateLogGroup", names)
        await self._make_one(batch.scope, "CreateLogStream", {**names, "logStreamName": batch.stream})

    async def _make_one(self, scope: Scope, operation: str, parameters: Parameters) -> None:
        try:
            await self._ask(scope, operation, parameters)
        except ServiceError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise

    async def _ask(self, scope: Scope, operation: str, parameters: Parameters) -> None:
        principal = service_principal("lambda.amazonaws.com", scope)
        await self._client.call("logs", operation, parameters, scope=scope, principal=principal)


def parts(lines: Sequence[tuple[int, str]]) -> Iterator[Sequence[tuple[int, str]]]:
    """Yield the lines in what CloudWatch Logs takes at once; a message that is too long for it goes on in the next."""
    part: list[tuple[int, str]] = []
    size = 0
    for line in _pieces(lines):
        needed = len(line[1].encode()) + _BYTES_PER_EVENT
        if part and (len(part) == _EVENTS_AT_ONCE or size + needed > _BYTES_AT_ONCE):
            yield part
            part, size = [], 0
        part.append(line)
        size += needed
    if part:
        yield part


def _pieces(lines: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for timestamp, message in lines:
        # No character needs more than four bytes.
        if len(message) * 4 <= _BYTES_OF_MESSAGE or len(encoded := message.encode()) <= _BYTES_OF_MESSAGE:
            yield timestamp, message
            continue
        place = 0
        while place < len(encoded):
            end = min(place + _BYTES_OF_MESSAGE, len(encoded))
            while end < len(encoded) and encoded[end] & 0xC0 == 0x80:
                end -= 1  # within a character
            yield timestamp, encoded[place:end].decode()
            place = end
