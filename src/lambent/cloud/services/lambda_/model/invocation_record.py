"""The record of an asynchronous invocation that came to its end, as its destination gets it.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from lambent.cloud.services.lambda_.model.event import Condition, QueuedEvent
from lambent.cloud.services.lambda_.model.function import LATEST, JsonValue, function_arn


@dataclass(frozen=True, slots=True)
class Response:
    """What the last attempt answered: `version` is the one that ran."""

    payload: bytes
    function_error: str | None
    version: str


def qualified_arn(event: QueuedEvent) -> str:
    """Return the ARN an event was sent to, with its qualifier, `$LATEST` without one."""
    return f"{function_arn(event.scope, event.function)}:{event.qualifier or LATEST}"


def record(event: QueuedEvent, condition: Condition, response: Response | None, now: float) -> bytes:
    """Return the record as JSON; one of an event that was never run tells of no response.

    The payloads stand in it as they came: written anew, great numbers would not be the same.
    """
    shown: dict[str, JsonValue | orjson.Fragment] = {
        "version": "1.0",
        "timestamp": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": qualified_arn(event),
            "condition": str(condition),
            "approximateInvokeCount": event.function_errors + (response is not None),
        },
        "requestPayload": _verbatim(event.payload),
    }
    if response is not None:
        context: dict[str, JsonValue] = {"statusCode": 200, "executedVersion": response.version}
        if response.function_error is not None:
            context["functionError"] = response.function_error
        shown["responseContext"] = context
        shown["responsePayload"] = _verbatim(response.payload)
    return orjson.dumps(shown)


def object_key(event: QueuedEvent, now: float, unique: str) -> str:
    """Return the key under which a bucket keeps the record."""
    moment = datetime.fromtimestamp(now, UTC)
    return f"aws/lambda/async/{event.function}/{moment:%Y/%m/%d}/{moment:%Y-%m-%dT%H.%M.%S}-{unique}"


def error_message(response: Response) -> str:
    """Return what an error's payload says of itself, or all of it."""
    said = _json(response.payload)
    return str(said.get("errorMessage", "")) if isinstance(said, dict) else response.payload.decode(errors="replace")


def _verbatim(payload: bytes) -> JsonValue | orjson.Fragment:
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload.decode(errors="replace")
    return orjson.Fragment(payload)


def _json(payload: bytes) -> JsonValue:
    try:
        parsed: JsonValue = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload.decode(errors="replace")
    return parsed
