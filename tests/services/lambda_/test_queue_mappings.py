"""Queues that invoke functions: batches, windows, failures, filters, scaling, in virtual time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lambent.testing.platform import LocalPlatform, local_platform
from tests.services.lambda_.mapped import HANDLER, REPORTS, Mapped, Queue
from tests.waiting import eventually

SLOW = HANDLER.replace("    texts =", "    import time; time.sleep(0.15)\n    texts =")


@pytest.fixture(scope="module")
def virtual() -> Iterator[LocalPlatform]:
    """A platform that the tests of this file share; each makes a queue and a function of its own."""
    with local_platform(virtual_time=True) as running:
        yield running


def mapped(virtual: LocalPlatform, queue: Queue, code: str = HANDLER, **settings: object) -> Mapped:
    found = Mapped(virtual, code)
    found.to(queue.arn, **settings)
    return found


def test_messages_invoke_the_function_and_are_deleted(virtual: LocalPlatform) -> None:
    queue = Queue(virtual)
    mapping = mapped(virtual, queue)
    attribute = {"colour": {"DataType": "String", "StringValue": "red"}}
    queue.send("hello", MessageAttributes=attribute)
    (event,) = eventually(mapping.events)
    (record,) = event["Records"]
    own = record.pop("attributes")
    assert own.pop("ApproximateReceiveCount") == "1"
    assert own.keys() == {"SenderId", "SentTimestamp", "ApproximateFirstReceiveTimestamp"}
    assert record.pop("messageId")
    assert record.pop("receiptHandle")
    assert record.pop("md5OfMessageAttributes")
    assert record == {
        "body": "hello",
        "messageAttributes": {
            "colour": {"stringValue": "red", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
        },
        "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": "us-east-1",
    }
    queue.await_empty()
    counted = mapping.counts()
    assert (counted["PolledEventCount"], counted["InvokedEventCount"], counted["DeletedEventCount"]) == (1, 1, 1)
    mapping.delete()


def test_a_message_that_fails_returns_after_its_visibility_timeout_until_its_redrive_policy_ends_it(
    virtual: LocalPlatform,
) -> None:
    letters = Queue(virtual)
    redrive = json.dumps({"deadLetterTargetArn": letters.arn, "maxReceiveCount": 3})
    queue = Queue(virtual, VisibilityTimeout="1800", RedrivePolicy=redrive)
    mapping = mapped(virtual, queue)
    virtual.clock.freeze()
    try:
        queue.send("poison")
        for attempt in range(1, 4):
            mapping.await_bodies(*[["poison"]] * attempt)
            eventually(lambda: queue.left() == (0, 1))
            virtual.clock.advance(1799)
            assert len(mapping.events()) == attempt
            virtual.clock.advance(1)
        (letter,) = eventually(letters.receive)
    finally:
        virtual.clock.flow()
    assert letter["Body"] == "poison"
    assert queue.left() == (0, 0)
    mapping.delete()


def test_six_hours_of_retries(virtual: LocalPlatform) -> None:
    queue = Queue(virtual, VisibilityTimeout="3600")
    mapping = mapped(virtual, queue)
    queue.send("poison")
    mapping.await_bodies(["poison"])
    virtual.clock.advance(6 * 3600 + 10)
    eventually(lambda: len(mapping.events()) == 7)
    counts = [event["Records"][0]["attributes"]["ApproximateReceiveCount"] for event in mapping.events()]
    assert counts == ["1", "2", "3", "4", "5", "6", "7"]
    mapping.delete()


def test_only_the_messages_that_are_reported_as_failed_return(virtual: LocalPlatform) -> None:
    queue = Queue(virtual, VisibilityTimeout="60")
    mapping = mapped(virtual, queue, MaximumBatchingWindowInSeconds=5, Enabled=False, FunctionResponseTypes=REPORTS)
    queue.send("a", "bad", "c")
    mapping.update(Enabled=True)
    virtual.clock.advance(10)
    eventually(lambda: [sorted(batch) for batch in mapping.bodies()] == [["a", "bad", "c"]])
    eventually(lambda: queue.left() == (0, 1))
    virtual.clock.advance(70)
    eventually(lambda: mapping.bodies()[1:] == [["bad"]])
    mapping.delete()


def test_without_reporting_what_the_function_answers_is_no_failure(virtual: LocalPlatform) -> None:
    queue = Queue(virtual)
    mapping = mapped(virtual, queue)
    queue.send("bad")
    mapping.await_bodies(["bad"])
    queue.await_empty()
    mapping.delete()


def test_messages_that_pass_no_filter_are_deleted(virtual: LocalPlatform) -> None:
    queue = Queue(virtual)
    pattern = json.dumps({"body": {"kind": ["order"], "size": [{"numeric": [">", 10]}]}})
    mapping = mapped(virtual, queue, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    wanted = json.dumps({"kind": "order", "size": 11})
    queue.send(json.dumps({"kind": "order", "size": 10}), "plain text", wanted)
    mapping.await_bodies([wanted])
    queue.await_empty()
    assert mapping.counts()["FilteredOutEventCount"] == 2
    mapping.delete()


def test_a_window_gathers_what_comes_until_it_is_over_or_the_batch_is_full(virtual: LocalPlatform) -> None:
    queue = Queue(virtual, VisibilityTimeout="600")
    mapping = mapped(virtual, queue, BatchSize=15, MaximumBatchingWindowInSeconds=100)
    virtual.clock.freeze()
    try:
        queue.send("a", "b")
        virtual.clock.advance(99)
        assert mapping.events() == []
        virtual.clock.advance(2)
        eventually(lambda: [sorted(batch) for batch in mapping.bodies()] == [["a", "b"]])
        queue.send_together(*map(str, range(8)))
        queue.send_together(*map(str, range(8, 15)))
        eventually(lambda: len(mapping.bodies()) == 2)
        assert sorted(map(int, mapping.bodies()[1])) == list(range(15))
    finally:
        virtual.clock.flow()
    mapping.delete()


def test_a_payload_of_six_megabytes_is_the_end_of_a_batch(virtual: LocalPlatform) -> None:
    sizes = "import json\ndef handler(event, context):\n    print('got', json.dumps({'n': len(event['Records'])}))\n"
    queue = Queue(virtual)
    mapping = mapped(virtual, queue, sizes, Enabled=False)
    for _ in range(7):
        queue.send("x" * 1_000_000)
    mapping.update(Enabled=True)
    eventually(lambda: sum(event["n"] for event in mapping.events()) == 7)
    assert max(event["n"] for event in mapping.events()) == 6
    queue.await_empty()
    mapping.delete()


def test_a_group_keeps_its_order_while_others_go_on(virtual: LocalPlatform) -> None:
    queue = Queue(virtual, fifo=True, VisibilityTimeout="60")
    mapping = mapped(virtual, queue, BatchSize=1)
    queue.send("poison", MessageGroupId="one")
    mapping.await_bodies(["poison"])
    queue.send("after poison", MessageGroupId="one")
    queue.send("x", "y", "z", MessageGroupId="two")
    mapping.await_bodies(["poison"], ["x"], ["y"], ["z"])
    record = mapping.events()[1]["Records"][0]
    assert record["attributes"].keys() >= {"SequenceNumber", "MessageGroupId", "MessageDeduplicationId"}
    virtual.clock.advance(65)
    eventually(lambda: mapping.bodies()[4:] == [["poison"]])
    mapping.delete()
    assert queue.left() == (1, 1)


def test_a_disabled_mapping_leaves_messages_alone(virtual: LocalPlatform) -> None:
    queue = Queue(virtual)
    mapping = mapped(virtual, queue)
    mapping.update(Enabled=False)
    queue.send("later")
    virtual.clock.advance(60)
    assert (mapping.events(), queue.left()) == ([], (1, 0))
    mapping.update(Enabled=True)
    mapping.await_bodies(["later"])
    mapping.delete()


def test_a_change_of_the_function_takes_effect_at_once(virtual: LocalPlatform) -> None:
    queue = Queue(virtual)
    mapping, other = mapped(virtual, queue), Mapped(virtual)
    mapping.update(FunctionName=other.name)
    queue.send("for the other")
    other.await_bodies(["for the other"])
    assert mapping.events() == []
    mapping.delete()


def test_a_throttled_batch_waits_in_flight_until_there_is_concurrency(virtual: LocalPlatform) -> None:
    queue = Queue(virtual, VisibilityTimeout="300")
    mapping = mapped(virtual, queue, Enabled=False)
    mapping.functions.put_function_concurrency(FunctionName=mapping.name, ReservedConcurrentExecutions=0)
    mapping.update(Enabled=True)
    queue.send("patient")
    eventually(lambda: queue.left() == (0, 1))
    virtual.clock.advance(60)
    assert (mapping.events(), queue.left()) == ([], (0, 1))
    mapping.functions.delete_function_concurrency(FunctionName=mapping.name)
    virtual.clock.advance(100)
    (event,) = eventually(mapping.events)
    assert event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1"
    mapping.delete()


def test_a_throttled_batch_is_dropped_when_its_messages_return(virtual: LocalPlatform) -> None:
    queue = Queue(virtual, VisibilityTimeout="30")
    mapping = mapped(virtual, queue, Enabled=False)
    mapping.functions.put_function_concurrency(FunctionName=mapping.name, ReservedConcurrentExecutions=0)
    mapping.update(Enabled=True)
    queue.send("patient")
    virtual.clock.advance(100)
    mapping.functions.delete_function_concurrency(FunctionName=mapping.name)
    virtual.clock.advance(60)
    assert int(eventually(mapping.events)[0]["Records"][0]["attributes"]["ApproximateReceiveCount"]) > 1
    assert len(mapping.events()) == 1
    mapping.delete()


def test_a_mapping_that_is_disabled_gives_back_what_its_function_never_got(virtual: LocalPlatform) -> None:
    queue = Queue(virtual, VisibilityTimeout="300")
    mapping = mapped(virtual, queue, Enabled=False)
    mapping.functions.put_function_concurrency(FunctionName=mapping.name, ReservedConcurrentExecutions=0)
    mapping.update(Enabled=True)
    queue.send("another's")
    eventually(lambda: queue.left() == (0, 1))
    mapping.update(Enabled=False)
    eventually(lambda: queue.left() == (1, 0))
    assert mapping.events() == []
    mapping.delete()


def environments(virtual: LocalPlatform, name: str) -> int:
    async def count(inside: Any) -> int:  # Any: the platform inside
        return sum(name in str(each) for each in inside.registry.service("lambda")._dependencies.plane.environments())

    return virtual.on_loop(count)


def test_batches_are_handled_side_by_side_up_to_the_maximum_concurrency(virtual: LocalPlatform) -> None:
    queue = Queue(virtual)
    mapping = mapped(virtual, queue, SLOW, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2}, Enabled=False)
    queue.send_together(*map(str, range(8)))
    mapping.update(Enabled=True)
    mapping.await_handled(*map(str, range(8)))
    assert environments(virtual, mapping.name) == 2
    mapping.delete()


def test_a_queue_that_is_made_again_is_read_again(virtual: LocalPlatform) -> None:
    queue = Queue(virtual)
    mapping = mapped(virtual, queue)
    queues = virtual.client("sqs")
    queues.delete_queue(QueueUrl=queue.url)
    virtual.clock.advance(100)
    queues.create_queue(QueueName=queue.name)
    queue.send("back")
    virtual.clock.advance(100)
    mapping.await_bodies(["back"])
    mapping.delete()


def test_messages_of_a_function_that_is_gone_stay_until_it_is_made_again(virtual: LocalPlatform) -> None:
    queue = Queue(virtual)
    mapping = mapped(virtual, queue)
    mapping.functions.delete_function(FunctionName=mapping.name)
    queue.send("orphan")
    virtual.clock.advance(100)
    assert sum(queue.left()) == 1
    mapping.delete()


LOOP = """
import json, boto3
queues = boto3.client('sqs')

def handler(event, context):
    print('got', json.dumps(event))
    queues.send_message(QueueUrl=event['Records'][0]['body'], MessageBody=event['Records'][0]['body'])
"""


def test_a_function_that_feeds_its_own_queue_is_stopped(virtual: LocalPlatform) -> None:
    queue = Queue(virtual, VisibilityTimeout="3000")
    mapping = mapped(virtual, queue, LOOP)
    queue.send(queue.url)
    eventually(lambda: len(mapping.events()) == 16)
    eventually(lambda: queue.left() == (0, 1))
    mapping.delete()
    assert len(mapping.events()) == 16
