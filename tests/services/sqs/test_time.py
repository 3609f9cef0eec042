"""What SQS does as time passes: messages become visible, expire, are redriven and moved back; receivers wait."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.platform import LocalPlatform, local_platform
from tests.waiting import eventually

Sqs = Any  # Any: boto3's clients are made at run time
Given = Any  # Any: parameters of an operation
Told = dict[str, Any]  # Any: answers of an operation


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    """A platform whose time the tests of this file move."""
    with local_platform(virtual_time=True) as running:
        running.clock.freeze()
        yield running


@pytest.fixture
def sqs(platform: LocalPlatform, account: str) -> Sqs:
    return platform.client("sqs", account=account)


def made(sqs: Sqs, name: str, **attributes: str) -> str:
    return str(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def send(sqs: Sqs, url: str, *bodies: str, **more: Given) -> None:
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body, **more)


def received(sqs: Sqs, url: str, **more: Given) -> list[Told]:
    asked = {"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"], **more}
    messages: list[Told] = sqs.receive_message(QueueUrl=url, **asked).get("Messages", [])
    return messages


def bodies(sqs: Sqs, url: str, **more: Given) -> list[str]:
    return [message["Body"] for message in received(sqs, url, **more)]


def counts(sqs: Sqs, url: str) -> tuple[int, int, int]:
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    visible, hidden, delayed = (
        int(found[f"ApproximateNumberOfMessages{name}"]) for name in ("", "NotVisible", "Delayed")
    )
    return visible, hidden, delayed


def test_a_message_returns_after_its_visibility_timeout(platform: LocalPlatform, sqs: Sqs) -> None:
    url = made(sqs, "q", VisibilityTimeout="5")
    send(sqs, url, "m")
    (first,) = received(sqs, url)
    platform.clock.advance(4.9)
    assert received(sqs, url) == []
    platform.clock.advance(0.1)
    (second,) = received(sqs, url)
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    assert first["ReceiptHandle"] != second["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    assert received(sqs, url) == []  # who received it before has no say any more
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(sqs, url) == ["m"]
    with pytest.raises(ClientError, match="VisibilityTimeout must be an integer between 0 and 43200"):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=43201)
    with pytest.raises(ClientError, match='The input receipt handle "odd" is not a valid receipt handle'):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="odd")


def test_messages_are_delayed_by_the_queue_or_by_themselves(platform: LocalPlatform, sqs: Sqs) -> None:
    url = made(sqs, "q", DelaySeconds="10")
    send(sqs, url, "late")
    send(sqs, url, "later", DelaySeconds=20)
    send(sqs, url, "now", DelaySeconds=0)
    assert counts(sqs, url) == (1, 0, 2)
    assert bodies(sqs, url) == ["now"]
    platform.clock.advance(10)
    assert bodies(sqs, url) == ["late"]
    platform.clock.advance(10)
    assert bodies(sqs, url) == ["later"]


def test_messages_expire_after_the_retention_period(platform: LocalPlatform, sqs: Sqs) -> None:
    url = made(sqs, "q", MessageRetentionPeriod="60", VisibilityTimeout="0")
    send(sqs, url, "old")
    platform.clock.advance(40)
    send(sqs, url, "young")
    platform.clock.advance(20)
    assert counts(sqs, url)[0] == 1
    assert bodies(sqs, url) == ["young"]
    platform.clock.advance(3600)
    assert counts(sqs, url) == (0, 0, 0)


def test_a_receiver_waits_until_a_message_comes(sqs: Sqs, platform: LocalPlatform) -> None:
    url = made(sqs, "q", ReceiveMessageWaitTimeSeconds="20", VisibilityTimeout="7")
    with ThreadPoolExecutor(1) as background:
        waiting = background.submit(bodies, sqs, url)
        until_somebody_waits(platform, arn_of(sqs, url))
        send(sqs, url, "m")
        assert waiting.result(10) == ["m"]


def test_a_receiver_is_woken_at_the_very_moment_a_message_is_visible_again(sqs: Sqs, platform: LocalPlatform) -> None:
    url = made(sqs, "q", ReceiveMessageWaitTimeSeconds="20", VisibilityTimeout="7")
    send(sqs, url, "m")
    assert bodies(sqs, url) == ["m"]
    with ThreadPoolExecutor(1) as background:
        waiting = background.submit(bodies, sqs, url)
        until_somebody_waits(platform, arn_of(sqs, url))
        platform.clock.advance(6.5)
        assert counts(sqs, url) == (0, 1, 0)
        assert not waiting.done()
        platform.clock.advance(0.5)
        assert waiting.result(10) == ["m"]


@pytest.mark.parametrize("kind", ["standard", "fifo"])
def test_a_receiver_that_waits_gets_what_another_received_meanwhile_and_left(
    sqs: Sqs, platform: LocalPlatform, kind: str
) -> None:
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if kind == "fifo" else {}
    url = made(sqs, "q.fifo" if attributes else "q", VisibilityTimeout="3", **attributes)
    with ThreadPoolExecutor(2) as background:
        first = background.submit(bodies, sqs, url, WaitTimeSeconds=20)
        until_somebody_waits(platform, arn_of(sqs, url))
        second = background.submit(bodies, sqs, url, WaitTimeSeconds=20)
        until_somebody_waits(platform, arn_of(sqs, url), receivers=2)
        send(sqs, url, "m", **({"MessageGroupId": "g"} if attributes else {}))
        assert first.result(10) == ["m"]
        until_somebody_waits(platform, arn_of(sqs, url))
        platform.clock.advance(3)
        assert second.result(10) == ["m"]


def test_a_receiver_waits_no_longer_than_it_asks_for(sqs: Sqs, platform: LocalPlatform) -> None:
    url = made(sqs, "q")
    with ThreadPoolExecutor(1) as background:
        waiting = background.submit(bodies, sqs, url, WaitTimeSeconds=3)
        until_somebody_waits(platform, arn_of(sqs, url))
        platform.clock.advance(3)
        assert waiting.result(10) == []


def until_somebody_waits(platform: LocalPlatform, arn: str, receivers: int = 1) -> None:
    """Return once so many receivers wait for the queue's messages."""

    def look() -> bool:
        with urllib.request.urlopen(f"{platform.endpoint_url}/_lambent/queues") as answer:  # noqa: S310 - our own
            queues = json.load(answer)["queues"]
        return any(queue["arn"] == arn and queue["receivers_waiting"] >= receivers for queue in queues)

    assert eventually(look)


def test_a_message_received_too_often_goes_to_the_dead_letter_queue_and_back(platform: LocalPlatform, sqs: Sqs) -> None:
    dead = made(sqs, "dead")
    dead_arn = arn_of(sqs, dead)
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    url = made(sqs, "q", VisibilityTimeout="1", RedrivePolicy=policy)
    send(sqs, url, "poison")
    sent_at = received(sqs, url)[0]["Attributes"]["SentTimestamp"]
    platform.clock.advance(1)
    assert bodies(sqs, url) == ["poison"]
    platform.clock.advance(1)
    assert bodies(sqs, url) == []
    (letter,) = received(sqs, dead)
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == arn_of(sqs, url)
    assert letter["Attributes"]["ApproximateReceiveCount"] == "3"  # counted over both, as AWS does
    assert letter["Attributes"]["SentTimestamp"] == sent_at
    sqs.change_message_visibility(QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"], VisibilityTimeout=0)
    sqs.start_message_move_task(SourceArn=dead_arn)

    def completed() -> Told | None:
        task: Told = sqs.list_message_move_tasks(SourceArn=dead_arn)["Results"][0]
        return task if task["Status"] == "COMPLETED" else None

    task = eventually(completed)
    assert (task["ApproximateNumberOfMessagesMoved"], task["ApproximateNumberOfMessagesToMove"]) == (1, 1)
    (back,) = received(sqs, url)
    assert back["Attributes"]["ApproximateReceiveCount"] == "1"
    assert back["MessageId"] != letter["MessageId"]
    assert counts(sqs, dead) == (0, 0, 0)


def test_messages_are_moved_as_slowly_as_is_asked_for_until_it_is_cancelled(platform: LocalPlatform, sqs: Sqs) -> None:
    dead, other = made(sqs, "dead"), made(sqs, "other")
    dead_arn = arn_of(sqs, dead)
    made(sqs, "q", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2}))
    with pytest.raises(ClientError, match="Source queue must be configured as a Dead Letter Queue"):
        sqs.start_message_move_task(SourceArn=arn_of(sqs, other))
    send(sqs, dead, "1", "2", "3", "4", "5", "6")
    task = {"SourceArn": dead_arn, "DestinationArn": arn_of(sqs, other), "MaxNumberOfMessagesPerSecond": 2}
    handle = sqs.start_message_move_task(**task)["TaskHandle"]
    with pytest.raises(ClientError, match="There is already a task running"):
        sqs.start_message_move_task(**task)
    platform.clock.advance(1)
    assert (counts(sqs, dead)[0], counts(sqs, other)[0]) == (2, 4)
    sqs.cancel_message_move_task(TaskHandle=handle)
    platform.clock.advance(5)
    (listed,) = sqs.list_message_move_tasks(SourceArn=dead_arn)["Results"]
    assert (listed["Status"], listed["ApproximateNumberOfMessagesMoved"]) == ("CANCELLED", 4)


def test_expired_messages_do_not_end_the_moving_of_those_behind_them(platform: LocalPlatform, sqs: Sqs) -> None:
    dead, other = made(sqs, "dead", MessageRetentionPeriod="60"), made(sqs, "other")
    made(sqs, "q", RedrivePolicy=json.dumps({"deadLetterTargetArn": arn_of(sqs, dead), "maxReceiveCount": 2}))
    send(sqs, dead, "1", "2", "3")
    platform.clock.advance(50)
    send(sqs, dead, "fresh")
    platform.clock.advance(15)
    sqs.start_message_move_task(
        SourceArn=arn_of(sqs, dead), DestinationArn=arn_of(sqs, other), MaxNumberOfMessagesPerSecond=2
    )
    platform.clock.advance(3)
    assert bodies(sqs, other) == ["fresh"]


def test_a_fifo_group_goes_on_when_its_message_is_deleted_or_visible_again(platform: LocalPlatform, sqs: Sqs) -> None:
    url = made(sqs, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true", VisibilityTimeout="5")
    send(sqs, url, "a1", "a2", MessageGroupId="a")
    (first,) = received(sqs, url, MaxNumberOfMessages=1)
    assert received(sqs, url) == []
    platform.clock.advance(5)
    with pytest.raises(ClientError, match="The receipt handle has expired"):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    again = received(sqs, url, ReceiveRequestAttemptId="one")
    assert [message["Body"] for message in again] == ["a1", "a2"]
    assert [message["Attributes"]["MessageGroupId"] for message in again] == ["a", "a"]
    assert bodies(sqs, url, ReceiveRequestAttemptId="one") == ["a1", "a2"]
    assert received(sqs, url, ReceiveRequestAttemptId="other") == []
    platform.clock.advance(300)
    send(sqs, url, "a1", MessageGroupId="a")  # five minutes later it is a message of its own
    assert bodies(sqs, url) == ["a1", "a2", "a1"]


def test_deduplication_is_within_a_group_where_that_is_the_scope(sqs: Sqs) -> None:
    url = made(sqs, "q.fifo", FifoQueue="true", DeduplicationScope="messageGroup")
    for group in ("a", "a", "b"):
        send(sqs, url, "m", MessageGroupId=group, MessageDeduplicationId="one")
    assert counts(sqs, url)[0] == 2
    with pytest.raises(ClientError, match="The request must contain the parameter MessageGroupId"):
        send(sqs, url, "m", MessageDeduplicationId="two")
    with pytest.raises(ClientError, match="ContentBasedDeduplication enabled or MessageDeduplicationId provided"):
        send(sqs, url, "m", MessageGroupId="a")


def arn_of(sqs: Sqs, url: str) -> str:
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
