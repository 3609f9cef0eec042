from __future__ import annotations

import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory

Given = dict[str, Any]  # Any: parameters of an operation


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


def test_each_entry_of_a_batch_is_taken_or_refused_by_itself(aws: ClientFactory) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    answer = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "MessageBody": "m", "MessageAttributes": {"Hello": text("There")}},
            {"Id": "odd", "MessageBody": "\x01"},
            {"Id": "late", "MessageBody": "m", "DelaySeconds": 901},
        ],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert [(entry["Id"], entry["Code"], entry["SenderFault"]) for entry in answer["Failed"]] == [
        ("odd", "InvalidMessageContents", True),
        ("late", "InvalidParameterValue", True),
    ]
    (message,) = receive(sqs, url)
    handles = [{"Id": "1", "ReceiptHandle": message["ReceiptHandle"]}, {"Id": "2", "ReceiptHandle": "odd"}]
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[{**entry, "VisibilityTimeout": 60} for entry in handles]
    )
    deleted = sqs.delete_message_batch(QueueUrl=url, Entries=handles)
    for outcome in (changed, deleted):
        assert [entry["Id"] for entry in outcome["Successful"]] == ["1"]
        assert [entry["Code"] for entry in outcome["Failed"]] == ["ReceiptHandleIsInvalid"]
    assert counts(sqs, url) == (0, 0, 0)


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([("1", "m")] * 11, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
        ([("1", "m"), ("1", "m")], "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
        ([("a:b", "m")], "AWS.SimpleQueueService.InvalidBatchEntryId"),
        ([("1", "x" * 600_000), ("2", "x" * 600_000)], "AWS.SimpleQueueService.BatchRequestTooLong"),
    ],
)
def test_what_no_batch_may_be_is_refused_whole(aws: ClientFactory, entries: list[tuple[str, str]], code: str) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    with pytest.raises(ClientError) as raised:
        sqs.send_message_batch(
            QueueUrl=url, Entries=[{"Id": entry_id, "MessageBody": body} for entry_id, body in entries]
        )
    assert raised.value.response["Error"]["Code"] == code
    assert counts(sqs, url) == (0, 0, 0)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"MessageBody": "x" * 2000}, "Message must be shorter than 1024 bytes."),
        ({"MessageDeduplicationId": "1"}, "not valid for this queue type."),
        ({"DelaySeconds": 901}, "DelaySeconds must be >= 0 and <= 900."),
        ({"MessageAttributes": {"AWS.a": {"DataType": "String", "StringValue": "v"}}}, "reserved for internal use."),
        ({"MessageAttributes": {"a": {"DataType": "Odd", "StringValue": "v"}}}, "supported type prefixes: Binary"),
        ({"MessageAttributes": {"a": {"DataType": "Number", "StringValue": "v"}}}, "Can't cast the value"),
        ({"MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}}, "a non-empty value of type 'String'"),
    ],
)
def test_messages_that_a_queue_does_not_take_are_refused(aws: ClientFactory, more: Given, message: str) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="jobs", Attributes={"MaximumMessageSize": "1024"})["QueueUrl"]
    with pytest.raises(ClientError) as raised:
        sqs.send_message(**{"QueueUrl": url, "MessageBody": "m", **more})
    assert raised.value.response["Error"]["Code"] == "InvalidParameterValue"
    assert message in raised.value.response["Error"]["Message"]


def test_attributes_are_chosen_by_name_and_by_prefix(aws: ClientFactory) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    attributes = {"Help.Me": text("Me"), "Hello": text("There"), "General": text("Kenobi"), "raw": raw(b"\x00\xff")}
    sqs.send_message(QueueUrl=url, MessageBody="msg", MessageAttributes=attributes, MessageGroupId="fair")

    def chosen(*names: str) -> tuple[list[str], str | None]:
        (message,) = receive(sqs, url, MessageAttributeNames=list(names), MessageSystemAttributeNames=["All"])
        assert message["Attributes"]["MessageGroupId"] == "fair"
        return sorted(message.get("MessageAttributes", {})), message.get("MD5OfMessageAttributes")

    # Check sums as AWS has answered them.
    assert chosen("Hello", "General") == (["General", "Hello"], "fca026605781cb4126a1e9044df24232")
    assert chosen("Hel.*")[1] == "83fee93c1bcd8b9a5a923ffacdc636c7"
    assert chosen("nothing") == ([], None)
    assert chosen("raw")[0] == ["raw"]
    assert chosen("All")[0] == ["General", "Hello", "Help.Me", "raw"]


def raw(value: bytes) -> dict[str, Any]:  # Any: text or bytes
    return {"DataType": "Binary", "BinaryValue": value}
