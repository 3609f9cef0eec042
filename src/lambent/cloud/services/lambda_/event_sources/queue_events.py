"""Messages of a queue as the records of an event.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

Members = Mapping[str, Any]  # Any: a message as SQS answers it


@dataclass(frozen=True, slots=True)
class QueueRecord:
    """One message: what identifies it, and its record as JSON."""

    message_id: str
    receipt_handle: str
    trace: str | None
    json: bytes


def queue_record(message: Members, queue_arn: str, region: str) -> dict[str, Any]:  # Any: JSON
    """Return a message's record."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes") or {}),
        "messageAttributes": {
            name: _attribute(value) for name, value in (message.get("MessageAttributes") or {}).items()
        },
        "md5OfMessageAttributes": message.get("MD5OfMessageAttributes"),
        "md5OfBody": message.get("MD5OfBody"),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }


def rendered(record: Mapping[str, Any]) -> QueueRecord:  # Any: JSON
    """Return a record as it goes into an event."""
    return QueueRecord(
        message_id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        trace=record["attributes"].get("AWSTraceHeader"),
        json=orjson.dumps(record),
    )


def _attribute(value: Members) -> dict[str, Any]:  # Any: JSON
    shown: dict[str, Any] = {}  # Any: JSON
    if value.get("StringValue") is not None:
        shown["stringValue"] = value["StringValue"]
    if value.get("BinaryValue") is not None:
        shown["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return {**shown, "stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
