"""What can have which faults, and how that is named."""

from __future__ import annotations

from typing import Any

import pytest

from lambent.testing.faults import FaultRefusedError, PlatformFaults
from lambent.testing.platform import LocalPlatform

QUEUE = "arn:aws:sqs:us-east-1:000000000000:"


@pytest.fixture(scope="module", autouse=True)
def _named(world: LocalPlatform) -> None:
    """What these tests name."""
    queues = world.client("sqs")
    queues.create_queue(QueueName="target-jobs")
    queues.create_queue(QueueName="target-jobs.fifo", Attributes={"FifoQueue": "true"})
    world.client("sns").create_topic(Name="target-news.fifo", Attributes={"FifoTopic": "true"})
    for name in ("target-jobs", "target-orders"):
        world.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )


@pytest.mark.parametrize(
    ("named", "arn"),
    [
        ("sqs:target-jobs", f"{QUEUE}target-jobs"),
        ("queue:target-jobs", f"{QUEUE}target-jobs"),
        (f"{QUEUE}target-jobs", f"{QUEUE}target-jobs"),
        ("target-jobs.fifo", f"{QUEUE}target-jobs.fifo"),
        ("target-orders", "arn:aws:dynamodb:us-east-1:000000000000:table/target-orders"),
        ("bus:default", "arn:aws:events:us-east-1:000000000000:event-bus/default"),
    ],
)
def test_a_target_is_named_as_people_call_it(faults: PlatformFaults, named: str, arn: str) -> None:
    assert faults.begin("throttle", named)["target"] == arn


@pytest.mark.parametrize(
    ("kind", "target", "words"),
    [
        ("throttle", "target-order", "There is no 'target-order' here that could have a fault. Did you mean dynamodb:"),
        ("throttle", "sqs:target-job", "Did you mean sqs:target-jobs"),
        ("throttle", f"{QUEUE}target-job", "Did you mean sqs:target-jobs"),
        ("throttle", "target-jobs", "Say which: dynamodb:target-jobs or sqs:target-jobs."),
        ("throttle", "rule:zzz", "There is no 'rule:zzz' here that could have a fault."),
        ("throttle", "table:zzz", "dynamodb:target-jobs, dynamodb:target-orders"),
        ("throttle", "arn:aws:kinesis:us-east-1:000000000000:stream/s", "can have no faults. Name a function, or a"),
        ("throttle", "arn:nonsense", "'arn:nonsense' is no ARN."),
        ("crash", "sqs:target-jobs", "only functions crash: no process of its own stands behind a queue."),
        (
            "duplicate",
            "target-jobs.fifo",
            "cannot have the fault duplicate: what is sent to a FIFO queue is there once",
        ),
        ("reorder", "target-jobs.fifo", "AWS keeps the order of messages of one group"),
        ("duplicate", "target-news.fifo", "what is sent to a FIFO topic is there once"),
        ("reorder", "target-orders", "AWS keeps the order of a table's stream for each item"),
        ("nonsense", "target-orders", "There are: throttle, error, latency, crash, duplicate, reorder."),
    ],
)
def test_what_cannot_be_struck_is_refused_with_the_reason(
    faults: PlatformFaults, kind: str, target: str, words: str
) -> None:
    with pytest.raises(FaultRefusedError) as refused:
        faults.begin(kind, target)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"percentage": 0}, "percentage is a whole number from 1 to 100."),
        ({"percentage": True}, "percentage is a whole number from 1 to 100."),
        ({"percentage": 12.5}, "percentage is a whole number from 1 to 100."),
        ({"lasts_s": 0}, "lasts_s is more than 0."),
        ({"lasts_s": 50_000}, "lasts_s is a number of seconds, at most 43200."),
        ({"delay_s": 1}, "throttle has no delay; latency, crash, reorder have one."),
    ],
)
def test_what_a_fault_cannot_be_is_refused(
    faults: PlatformFaults,
    said: dict[str, Any],  # Any: parameters
    words: str,
) -> None:
    with pytest.raises(FaultRefusedError) as refused:
        faults.begin("throttle", "sqs:target-jobs", **said)
    assert str(refused.value) == words


def test_a_target_that_is_gone_can_still_be_cleared(world: LocalPlatform, faults: PlatformFaults) -> None:
    queues = world.client("sqs")
    url = queues.create_queue(QueueName="target-gone")["QueueUrl"]
    faults.begin("throttle", "target-gone")
    queues.delete_queue(QueueUrl=url)
    assert [each["name"] for each in faults.clear("sqs:target-gone")] == ["sqs:target-gone"]
