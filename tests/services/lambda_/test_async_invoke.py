"""Invoke with type Event: accepted durably, tried again by AWS's rules, given up to a dead-letter queue."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.services.queue_policies import FROM_SERVICES
from tests.waiting import eventually

FAILING = zip_of(
    {
        "handler.py": "def handler(event, context):\n"
        "    print('attempt', context.aws_request_id)\n"
        "    raise RuntimeError('never works')\n"
    }
)

SLOW = zip_of(
    {
        "handler.py": "import time\n"
        "def handler(event, context):\n"
        "    print('attempt', context.aws_request_id)\n"
        "    time.sleep(event * 1.5)\n"
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


def waiting(platform: LocalPlatform) -> list[tuple[int, int, float]]:
    """Return the events that wait: attempts that failed by the function and by the system, and when the next is due."""

    async def read(inside: Any) -> list[tuple[int, int, float]]:  # Any: the platform inside
        rows = inside.registry.service("lambda")._dependencies.store.read.all(
            "SELECT function_errors, system_errors, due_at - accepted_at FROM lambda_events"
        )
        return [(functions, systems, round(due, 3)) for functions, systems, due in rows]

    return platform.on_loop(read)


class Failures:
    """A queue that gets the records of events that failed."""

    def __init__(self, platform: LocalPlatform, name: str = "f") -> None:
        self._queues = platform.client("sqs")
        self._url = self._queues.create_queue(QueueName="failures")["QueueUrl"]
        platform.client("lambda").put_function_event_invoke_config(
            FunctionName=name, DestinationConfig={"OnFailure": {"Destination": queue_arn(self._queues, self._url)}}
        )

    def only(self) -> dict[str, Any]:  # Any: JSON
        """Return the only record, once it is there."""
        (message,) = eventually(lambda: self._queues.receive_message(QueueUrl=self._url).get("Messages"))
        found: dict[str, Any] = json.loads(message["Body"])  # Any: JSON
        return found


def queue_arn(queues: Any, url: str) -> str:  # Any: a boto3 client
    asked = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(asked["Attributes"]["QueueArn"])


def test_the_times_of_each_attempt_are_awss() -> None:
    with local_platform(virtual_time=True) as platform:
        platform.create_function("f", FAILING)
        platform.clock.freeze()
        begun = platform.clock.now()
        platform.client("lambda").invoke(FunctionName="f", InvocationType="Event")
        for number, due in enumerate((60.0, 180.0), start=1):
            eventually(lambda: waiting(platform) == [(number, 0, due)])  # noqa: B023 - looked at before the next round
            platform.clock.advance(begun + due - 0.001 - platform.clock.now())
            assert len(attempts(platform)) <= number
            platform.clock.advance(0.001)
        eventually(lambda: waiting(platform) == [])
        eventually(lambda: len(attempts(platform)) == 3)


def test_six_hours_of_system_errors_back_off_from_a_second_to_five_minutes() -> None:
    with local_platform(virtual_time=True) as platform:
        # A runtime that is not run here: each attempt is answered with a 502.
        platform.create_function("f", FAILING, Runtime="java21")
        failures = Failures(platform)
        platform.clock.freeze()
        begun = platform.clock.now()
        platform.client("lambda").invoke(FunctionName="f", InvocationType="Event")
        eventually(lambda: waiting(platform) == [(0, 1, 1.0)])
        dues = [1.0]
        while found := waiting(platform):
            ((_, attempt, due),) = found
            assert attempt == len(dues)
            platform.clock.advance(begun + due - platform.clock.now())
            if later := waiting(platform):
                dues.append(later[0][2])
        expected = [1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 127.0, 255.0, 511.0]
        while expected[-1] + 300.0 <= 6 * 3600:
            expected.append(expected[-1] + 300.0)
        assert dues == expected
        record = failures.only()
        assert record["requestContext"]["condition"] == "EventAgeExceeded"
        assert "responseContext" not in record


def test_a_throttled_event_waits_until_there_is_concurrency_for_it() -> None:
    with local_platform(virtual_time=True) as platform:
        functions = platform.client("lambda")
        platform.create_function("f", SLOW, Timeout=30)
        functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
        platform.clock.freeze()
        busy = threading.Thread(target=lambda: functions.invoke(FunctionName="f", Payload=b"1"))
        busy.start()
        eventually(lambda: attempts(platform))  # it has begun
        answer = functions.invoke(FunctionName="f", InvocationType="Event", Payload=b"0")
        eventually(lambda: waiting(platform) == [(0, 1, 1.0)])
        busy.join()
        platform.clock.advance(1)
        assert waiting(platform) == []
        eventually(lambda: attempts(platform)[1:] == [answer["ResponseMetadata"]["RequestId"]])


def test_attempts_are_counted_on_after_a_restart(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path, virtual_time=True) as first:
        first.create_function("f", FAILING)
        first.clock.freeze()
        answer = first.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b'{"n": 1}')
        eventually(lambda: waiting(first) == [(1, 0, 60.0)])
        eventually(lambda: len(attempts(first)) == 1)  # logs are not promised across an end
    with local_platform(data_dir=tmp_path, virtual_time=True) as second:
        second.clock.advance(61)
        eventually(lambda: [each[:2] for each in waiting(second)] == [(2, 0)])
        second.clock.advance(121)
        eventually(lambda: waiting(second) == [])
        eventually(lambda: attempts(second) == [answer["ResponseMetadata"]["RequestId"]] * 3)


def test_a_dead_letter_topic_gets_the_event_and_why_it_failed() -> None:
    with local_platform() as platform:
        topics, queues = platform.client("sns"), platform.client("sqs")
        topic = topics.create_topic(Name="letters")["TopicArn"]
        url = queues.create_queue(QueueName="read", Attributes=FROM_SERVICES)["QueueUrl"]
        topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn(queues, url))
        platform.create_function("f", FAILING, DeadLetterConfig={"TargetArn": topic})
        platform.client("lambda").put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
        answer = platform.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b'{"order": 7}')
        (message,) = eventually(lambda: queues.receive_message(QueueUrl=url).get("Messages"))
        queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        # Without any concurrency it is not even tried.
        platform.client("lambda").put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
        platform.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b'{"order": 8}')
        (second,) = eventually(lambda: queues.receive_message(QueueUrl=url).get("Messages"))
    assert json.loads(json.loads(second["Body"])["Message"]) == {"order": 8}
    notification = json.loads(message["Body"])
    assert (notification["TopicArn"], json.loads(notification["Message"])) == (topic, {"order": 7})
    assert notification["MessageAttributes"] == {
        "RequestID": {"Type": "String", "Value": answer["ResponseMetadata"]["RequestId"]},
        "ErrorCode": {"Type": "Number", "Value": "200"},
        "ErrorMessage": {"Type": "String", "Value": "never works"},
    }


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
