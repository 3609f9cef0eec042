"""Invoke with type Event: accepted durably, tried again by AWS's rules, given up to a dead-letter queue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.waiting import eventually

FAILING = zip_of(
    {
        "handler.py": "def handler(event, context):\n"
        "    print('attempt', context.aws_request_id)\n"
        "    raise RuntimeError('never works')\n"
    }
)


@pytest.fixture
def virtual() -> Iterator[LocalPlatform]:
    with local_platform(virtual_time=True) as running:
        yield running


def attempts(platform: LocalPlatform) -> list[str]:
    logs = platform.client("logs")
    try:
        events = logs.filter_log_events(logGroupName="/aws/lambda/f", filterPattern="attempt")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"].split()[1] for event in events]


def test_failed_event_is_tried_after_one_and_two_more_minutes_with_the_same_id(virtual: LocalPlatform) -> None:
    virtual.create_function("f", FAILING)
    answer = virtual.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b"{}")
    assert answer["StatusCode"] == 202
    assert "ExecutedVersion" not in answer
    request_id = answer["ResponseMetadata"]["RequestId"]
    eventually(lambda: attempts(virtual) == [request_id])
    virtual.clock.advance(50)
    assert len(attempts(virtual)) == 1
    virtual.clock.advance(20)
    eventually(lambda: attempts(virtual) == [request_id] * 2)
    virtual.clock.advance(100)
    assert len(attempts(virtual)) == 2
    virtual.clock.advance(30)
    eventually(lambda: attempts(virtual) == [request_id] * 3)
    virtual.clock.advance(3600)
    assert len(attempts(virtual)) == 3


def test_accepted_event_survives_a_restart(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path) as first:
        first.create_function("f", FAILING)
        first.client("lambda").put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
        first.client("lambda").delete_function_concurrency(FunctionName="f")
        answer = first.client("lambda").invoke(FunctionName="f", InvocationType="Event")
        request_id = answer["ResponseMetadata"]["RequestId"]
        eventually(lambda: attempts(first) == [request_id])
    with local_platform(data_dir=tmp_path) as second:
        waiting = second.on_loop(_waiting_events)
    assert waiting == [(request_id, 1)]


async def _waiting_events(platform: Any) -> list[tuple[str, int]]:  # Any: the platform inside
    store = platform.registry.service("lambda")._dependencies.store
    return [tuple(row) for row in store.read.all("SELECT request_id, function_errors FROM lambda_events")]


def test_event_nobody_could_handle_reaches_the_dead_letter_queue() -> None:
    with local_platform(virtual_time=True) as platform:
        queues = platform.client("sqs")
        url = queues.create_queue(QueueName="failed")["QueueUrl"]
        arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        platform.create_function("f", FAILING, DeadLetterConfig={"TargetArn": arn})
        answer = platform.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b'{"order": 7}')
        eventually(lambda: len(attempts(platform)) == 1)
        platform.clock.advance(61)
        eventually(lambda: len(attempts(platform)) == 2)
        platform.clock.advance(121)
        received: list[Any] = []  # Any: botocore's messages

        def arrived() -> bool:
            received.extend(queues.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages", []))
            return bool(received)

        eventually(arrived)
    (message,) = received
    assert json.loads(message["Body"]) == {"order": 7}
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes == {
        "RequestID": answer["ResponseMetadata"]["RequestId"],
        "ErrorCode": "200",
        "ErrorMessage": "never works",
    }
