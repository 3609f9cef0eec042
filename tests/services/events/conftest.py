"""What tests of EventBridge share: a platform on a clock of its own, and queues that take events."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lambent.testing.platform import LocalPlatform, local_platform

Client = Any  # Any: boto3 makes its clients at run time
QueueFactory = Callable[..., str]
_names = itertools.count(1)


@pytest.fixture(scope="package")
def world() -> Iterator[LocalPlatform]:
    """A platform whose clock the tests move."""
    with local_platform(virtual_time=True) as running:
        yield running


@pytest.fixture
def events(world: LocalPlatform) -> Client:
    """A client of EventBridge."""
    return world.client("events")


@pytest.fixture
def sqs(world: LocalPlatform) -> Client:
    """A client of SQS."""
    return world.client("sqs")


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"t{next(_names)}"


@pytest.fixture
def queue(sqs: Client, name: str) -> Callable[..., str]:
    """Makes queues, which EventBridge may send to unless told otherwise; returns their ARN."""

    def make(suffix: str = "", *, is_open: bool = True, **attributes: str) -> str:
        full = f"{name}{suffix}"
        url = sqs.create_queue(QueueName=full, Attributes=attributes)["QueueUrl"]
        arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        if is_open:
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": open_policy(arn)})
        return arn

    return make


class Keeper:
    """A log group that is a target."""

    def __init__(self, world: LocalPlatform, name: str) -> None:
        self._world = world
        self._logs = world.client("logs")
        self._group = f"/aws/events/{name}"
        self._logs.create_log_group(logGroupName=self._group)
        self.arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{self._group}"

    def kept(self) -> list[str]:
        """Return the texts that it was sent, a second later."""
        self._world.clock.advance(1)
        found = self._logs.filter_log_events(logGroupName=self._group)["events"]
        return [each["message"] for each in found]


@pytest.fixture
def keeper(world: LocalPlatform, name: str) -> Keeper:
    """A log group that takes events."""
    return Keeper(world, name)


def open_policy(arn: str) -> str:
    """Return the policy of a queue that EventBridge may send to."""
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": arn}]})


def taken(sqs: Client, arn: str) -> list[dict[str, Any]]:  # Any: messages as ReceiveMessage returns them
    """Return the messages that are in a queue, and remove them."""
    url = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    found = []
    while messages := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    ).get("Messages"):
        found += messages
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def bodies(sqs: Client, arn: str) -> list[Any]:  # Any: JSON
    """Return what is in a queue as JSON, and remove it."""
    return [json.loads(message["Body"]) for message in taken(sqs, arn)]


def rule_to(events: Client, name: str, target: dict[str, Any], **rule: Any) -> str:  # Any: as PutRule takes them
    """Make a rule with one target; return its ARN."""
    asked = {"EventPattern": json.dumps({"source": [name]}), **rule} if "ScheduleExpression" not in rule else rule
    arn: str = events.put_rule(Name=name, **asked)["RuleArn"]
    bus = {"EventBusName": rule["EventBusName"]} if "EventBusName" in rule else {}
    events.put_targets(Rule=name, Targets=[{"Id": "1", **target}], **bus)
    return arn


def put(events: Client, source: str, **entry: Any) -> str:  # Any: members of an entry
    """Put one event; return its id."""
    whole = {"Source": source, "DetailType": "Order", "Detail": '{"n": 1}', **entry}
    (answer,) = events.put_events(Entries=[whole])["Entries"]
    return str(answer["EventId"])
