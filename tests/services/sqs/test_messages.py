from __future__ import annotations

import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory


def test_a_message_is_sent_received_and_deleted(aws: ClientFactory, account: str) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    assert url.endswith(f"/{account}/jobs")
    sent = sqs.send_message(QueueUrl=url, MessageBody="hello", MessageAttributes={"Hello": text("There")})
    assert sent["MD5OfMessageBody"] == hashlib.md5(b"hello").hexdigest()  # noqa: S324 - what SQS answers
    assert sent["MD5OfMessageAttributes"] == "a311262e065454b75da111d535b8dacd"
    (received,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])[
        "Messages"
    ]
    assert (received["MessageId"], received["Body"]) == (sent["MessageId"], "hello")
    assert received["MessageAttributes"] == {"Hello": text("There")}
    assert received["MD5OfMessageAttributes"] == "a311262e065454b75da111d535b8dacd"
    assert received["Attributes"]["ApproximateReceiveCount"] == "1"
    assert received["Attributes"]["SentTimestamp"] <= received["Attributes"]["ApproximateFirstReceiveTimestamp"]
    assert counts(sqs, url) == (0, 1, 0)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"])
    assert counts(sqs, url) == (0, 0, 0)


def text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def counts(sqs: Any, url: str) -> tuple[int, int, int]:  # Any: a boto3 client
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    names = ("", "NotVisible", "Delayed")
    visible, hidden, delayed = (int(found[f"ApproximateNumberOfMessages{name}"]) for name in names)
    return visible, hidden, delayed


def test_a_fifo_queue_keeps_the_order_within_a_group_and_sends_nothing_twice(aws: ClientFactory) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(
        QueueName="jobs.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    )["QueueUrl"]
    first = sqs.send_message(QueueUrl=url, MessageBody="a1", MessageGroupId="a")
    again = sqs.send_message(QueueUrl=url, MessageBody="a1", MessageGroupId="a")
    assert (first["MessageId"], first["SequenceNumber"]) == (again["MessageId"], again["SequenceNumber"])
    for body, group in (("a2", "a"), ("b1", "b"), ("a3", "a")):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)
    (held,) = receive(sqs, url, 1)
    assert held["Body"] == "a1"
    assert [message["Body"] for message in receive(sqs, url, 10)] == ["b1"]
    assert receive(sqs, url, 10) == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=held["ReceiptHandle"])
    assert [message["Body"] for message in receive(sqs, url, 10)] == ["a2", "a3"]


def receive(sqs: Any, url: str, most: int = 10, **more: Any) -> list[dict[str, Any]]:  # Any: as above
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, **more)
    messages: list[dict[str, Any]] = found.get("Messages", [])  # Any: as above
    return messages
