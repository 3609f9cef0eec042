"""Messages of a queue as records of an event."""

from __future__ import annotations

from lambent.cloud.services.lambda_.event_sources.queue_events import queue_record, rendered
from tests.unit.cloud.services.lambda_.mappings import QUEUE


def test_a_message_is_shown_key_for_key() -> None:
    message = {
        "MessageId": "m",
        "ReceiptHandle": "r",
        "Body": "hello",
        "MD5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "MD5OfMessageAttributes": "x",
        "Attributes": {"ApproximateReceiveCount": "1", "AWSTraceHeader": "Root=1-a;Lineage=1:a87bd80c:0"},
        "MessageAttributes": {
            "N": {"DataType": "Number", "StringValue": "1"},
            "B": {"DataType": "Binary", "BinaryValue": b"x"},
        },
    }
    record = queue_record(message, QUEUE, "us-east-1")
    assert record == {
        "messageId": "m",
        "receiptHandle": "r",
        "body": "hello",
        "attributes": {"ApproximateReceiveCount": "1", "AWSTraceHeader": "Root=1-a;Lineage=1:a87bd80c:0"},
        "messageAttributes": {
            "N": {"stringValue": "1", "stringListValues": [], "binaryListValues": [], "dataType": "Number"},
            "B": {"binaryValue": "eA==", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
        },
        "md5OfMessageAttributes": "x",
        "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE,
        "awsRegion": "us-east-1",
    }
    assert rendered(record).trace == "Root=1-a;Lineage=1:a87bd80c:0"


def test_a_message_without_attributes_has_none() -> None:
    record = queue_record({"MessageId": "m", "ReceiptHandle": "r", "Body": "", "MD5OfBody": "d"}, QUEUE, "us-east-1")
    assert (record["messageAttributes"], record["md5OfMessageAttributes"]) == ({}, None)
    assert rendered(record).trace is None
