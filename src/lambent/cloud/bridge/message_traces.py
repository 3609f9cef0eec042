"""The trace that a message is sent in: SQS keeps the header of the request with the message, as `AWSTraceHeader`.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

_HEADER = "x-amzn-trace-id"
_JSON = "application/x-amz-json-"


def traced_body(operation: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the body of a request to SQS, with the trace in a message that names none itself.

    Other requests are returned as they are: those of the older query format, and batches, of whose messages moto keeps
    no system attributes.
    """
    trace = headers.get(_HEADER)
    if not trace or operation != "SendMessage" or not headers.get("content-type", "").startswith(_JSON):
        return body
    try:
        message: Any = orjson.loads(body)  # Any: JSON of a stranger's, looked at only so far
    except orjson.JSONDecodeError:
        return body
    attributes = message.setdefault("MessageSystemAttributes", {}) if isinstance(message, dict) else None
    if not isinstance(attributes, dict):
        return body
    attributes.setdefault("AWSTraceHeader", {"DataType": "String", "StringValue": trace})
    return orjson.dumps(message)
