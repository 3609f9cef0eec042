"""Messages: what may be published, and what of it queues get."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.services.sns.conftest import Client, MakeQueue, outcome, subscribe


@pytest.fixture
def topic(sns: Client) -> str:
    return str(sns.create_topic(Name="t")["TopicArn"])


ATTRIBUTES = {
    "n": {"DataType": "Number", "StringValue": "1"},
    "b": {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"},
}

NOT_VALID = "The request includes MessageDeduplicationId parameter that is not valid for this topic type"
EMPTY = "The message attribute 'a' must contain non-empty message attribute value for message attribute type 'String'."
KIND = (
    "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary,"
    " Number, and String."
)
LETTER = (
    "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric"
    " characters, hyphens, underscores, or dots."
)
DEDUPLICATION = (
    "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
)


def test_a_queue_gets_a_notification_with_aws_members_in_aws_order(
    sns: Client, topic: str, make_queue: MakeQueue
) -> None:
    queue = make_queue()
    subscription = subscribe(sns, topic, queue)
    sent = sns.publish(TopicArn=topic, Message="hé\nllo", Subject="A subject", MessageAttributes=ATTRIBUTES)
    (message,) = queue.receive()
    assert message["Body"].startswith('{\n  "Type" : "Notification",\n  "MessageId" : "')
    assert '    "n" : {"Type":"Number","Value":"1"}' in message["Body"]
    body = json.loads(message["Body"])
    assert list(body) == [
        "Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature",
        "SigningCertURL", "UnsubscribeURL", "MessageAttributes",
    ]  # fmt: skip
    assert body["MessageId"] == sent["MessageId"]
    assert (body["TopicArn"], body["Subject"], body["Message"]) == (topic, "A subject", "hé\nllo")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["Timestamp"])
    assert body["UnsubscribeURL"].endswith(f"/?Action=Unsubscribe&SubscriptionArn={subscription}")
    assert body["MessageAttributes"] == {
        "n": {"Type": "Number", "Value": "1"},
        "b": {"Type": "Binary", "Value": "AgME"},
    }
    assert "MessageAttributes" not in message


def test_raw_delivery_passes_text_attributes_and_trace(sns: Client, topic: str, make_queue: MakeQueue) -> None:
    queue = make_queue()
    subscribe(sns, topic, queue, RawMessageDelivery="true")
    trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"

    def add(params: dict[str, Any], **_: object) -> None:  # Any: botocore's request
        params["headers"]["X-Amzn-Trace-Id"] = trace

    sns.meta.events.register("before-call.sns.Publish", add)
    sns.publish(TargetArn=topic, Message="hello", MessageAttributes=ATTRIBUTES)
    (message,) = queue.receive()
    assert message["Body"] == "hello"
    assert message["MessageAttributes"] == ATTRIBUTES
    assert message["Attributes"]["AWSTraceHeader"] == trace


def test_each_protocol_gets_its_own_text(sns: Client, topic: str, make_queue: MakeQueue) -> None:
    queue = make_queue()
    subscribe(sns, topic, queue)
    for texts in ({"default": "d", "sqs": "s"}, {"default": "d", "lambda": "l", "sqs": 1}):
        sns.publish(TopicArn=topic, Message=json.dumps(texts), MessageStructure="json")
    assert sorted(queue.texts(2)) == ["d", "s"]


@pytest.mark.parametrize(
    ("parameters", "refusal"),
    [
        ({"Message": ""}, "Empty message"),
        ({"Message": "m", "Subject": ""}, "Subject"),
        ({"Message": "m", "Subject": "two\nlines"}, "Subject"),
        ({"Message": "m", "Subject": "x" * 101}, "Subject"),
        ({"Message": "x" * 262_145}, "Message too long"),
        ({"Message": "x" * 262_140, "MessageAttributes": ATTRIBUTES}, "Message too long"),
        ({"Message": "{", "MessageStructure": "json"}, "Message Structure - JSON message body failed to parse"),
        ({"Message": '{"sqs": "x"}', "MessageStructure": "json"},
         "Message Structure - No default entry in JSON message body"),
        ({"Message": "m", "MessageDeduplicationId": "1"},
         f"MessageDeduplicationId Reason: {NOT_VALID}"),
    ],
)  # fmt: skip
def test_messages_that_cannot_be_are_refused(
    sns: Client, topic: str, parameters: dict[str, object], refusal: str
) -> None:
    refused = outcome(sns.publish, TopicArn=topic, **parameters)
    assert refused == (400, "InvalidParameter", f"Invalid parameter: {refusal}")


@pytest.mark.parametrize(
    ("name", "attribute", "message"),
    [
        ("a", {"DataType": "String", "StringValue": ""},
         EMPTY),
        ("a", {"DataType": "String"},
         EMPTY),
        ("a", {"DataType": "String", "BinaryValue": b"x"},
         "The message attribute 'a' with type 'String' must use field 'String'."),
        ("a", {"DataType": "Binary", "StringValue": "x"},
         "The message attribute 'a' with type 'Binary' must use field 'Binary'."),
        ("a", {"DataType": "Text", "StringValue": "x"},
         KIND),
        ("a^", {"DataType": "String", "StringValue": "x"},
         LETTER),
        (".a", {"DataType": "String", "StringValue": "x"},
         "Invalid message attribute name starting with character '.' was found."),
        ("a..b", {"DataType": "String", "StringValue": "x"},
         "Message attribute name can not have successive '.' character."),
        ("a" * 257, {"DataType": "String", "StringValue": "x"},
         "Length of message attribute name must be less than 256 bytes."),
    ],
)  # fmt: skip
def test_attributes_that_cannot_be_are_refused_alone_and_in_batches(
    sns: Client, topic: str, name: str, attribute: dict[str, object], message: str
) -> None:
    given = {"Message": "m", "MessageAttributes": {name: attribute}}
    expected = (400, "ParameterValueInvalid", message)
    assert outcome(sns.publish, TopicArn=topic, **given) == expected
    entries = [{"Id": "1", **given}]
    assert outcome(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries) == expected


def test_a_batch_is_taken_whole_and_its_messages_have_ids(sns: Client, topic: str, make_queue: MakeQueue) -> None:
    queue = make_queue()
    subscribe(sns, topic, queue)
    entries = [{"Id": f"id-{number}", "Message": f"m{number}"} for number in range(10)]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert (answer["Failed"], [one["Id"] for one in answer["Successful"]]) == ([], [one["Id"] for one in entries])
    assert sorted(queue.texts(10)) == [one["Message"] for one in entries]


@pytest.mark.parametrize(
    ("entries", "code", "message"),
    [
        ([("1", "m")] * 2, "BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id."),
        ([(str(n), "m") for n in range(11)], "TooManyEntriesInBatchRequest",
         "The batch request contains more entries than permissible."),
        ([("a b", "m")], "InvalidBatchEntryId",
         "The Id of a batch entry in the batch request contains an impermissible character: a b"),
        ([("1", "x" * 131_073), ("2", "x" * 131_072)], "BatchRequestTooLong",
         "The length of all the messages put together is more than the limit."),
    ],
)  # fmt: skip
def test_batches_that_cannot_be_are_refused(
    sns: Client, topic: str, entries: list[tuple[str, str]], code: str, message: str
) -> None:
    given = [{"Id": one, "Message": text} for one, text in entries]
    assert outcome(sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=given) == (400, code, message)


def test_who_subscribes_later_does_not_get_what_was_published_before(
    sns: Client, topic: str, make_queue: MakeQueue
) -> None:
    sns.publish(TopicArn=topic, Message="before")
    queue = make_queue()
    subscribe(sns, topic, queue)
    sns.publish(TopicArn=topic, Message="after")
    assert queue.texts(1) == ["after"]


def test_large_messages_reach_many_subscriptions(sns: Client, topic: str, make_queue: MakeQueue) -> None:
    queues = [make_queue(f"q{number}") for number in range(3)]
    for queue in queues:
        subscribe(sns, topic, queue, RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="x" * 200_000)
    assert [len(queue.receive()[0]["Body"]) for queue in queues] == [200_000] * 3


# ── FIFO ──


@pytest.fixture
def fifo(sns: Client) -> str:
    return str(sns.create_topic(Name="t.fifo", Attributes={"FifoTopic": "true"})["TopicArn"])


def test_a_fifo_topic_numbers_its_messages_keeps_their_order_and_knows_them_again(
    sns: Client, fifo: str, make_queue: MakeQueue
) -> None:
    queue = make_queue("q.fifo", FifoQueue="true")
    subscribe(sns, fifo, queue)
    sent = [
        sns.publish(TopicArn=fifo, Message=f"m{number}", MessageGroupId="g", MessageDeduplicationId=str(number))
        for number in range(5)
    ]
    again = sns.publish(TopicArn=fifo, Message="m3", MessageGroupId="g", MessageDeduplicationId="3")
    assert (again["MessageId"], again["SequenceNumber"]) == (sent[3]["MessageId"], sent[3]["SequenceNumber"])
    numbers = [one["SequenceNumber"] for one in sent]
    assert numbers == sorted(numbers)
    assert {len(number) for number in numbers} == {20}
    messages = queue.receive(5)
    bodies = [json.loads(message["Body"]) for message in messages]
    assert [body["Message"] for body in bodies] == [f"m{number}" for number in range(5)]
    assert [body["SequenceNumber"] for body in bodies] == numbers
    assert "Signature" not in bodies[0]
    attributes = messages[2]["Attributes"]
    assert (attributes["MessageGroupId"], attributes["MessageDeduplicationId"]) == ("g", "2")


def test_a_fifo_topic_may_know_messages_by_their_content_and_by_group(sns: Client, make_queue: MakeQueue) -> None:
    attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true", "FifoThroughputScope": "MessageGroup"}
    topic = sns.create_topic(Name="c.fifo", Attributes=attributes)["TopicArn"]
    queue = make_queue()
    subscribe(sns, topic, queue)
    ids = [sns.publish(TopicArn=topic, Message="same", MessageGroupId=group)["MessageId"] for group in "aab"]
    assert (ids[0] == ids[1], ids[0] == ids[2]) == (True, False)
    messages = queue.receive(2)
    assert all("MessageGroupId" not in message["Attributes"] for message in messages)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "The MessageGroupId parameter is required for FIFO topics"),
        ({"MessageGroupId": "g"},
         DEDUPLICATION),
    ],
)  # fmt: skip
def test_a_fifo_topic_wants_groups_and_deduplication(
    sns: Client, fifo: str, parameters: dict[str, str], message: str
) -> None:
    expected = (400, "InvalidParameter", f"Invalid parameter: {message}")
    assert outcome(sns.publish, TopicArn=fifo, Message="m", **parameters) == expected
    entries = [{"Id": "1", "Message": "m", **parameters}]
    assert outcome(sns.publish_batch, TopicArn=fifo, PublishBatchRequestEntries=entries) == expected
