"""Faults on purpose of queues, topics, buckets, tables, buses, rules and schedules."""

from __future__ import annotations

import itertools
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.faults import PlatformFaults
from lambent.testing.platform import LocalPlatform
from tests.services.faults.conftest import Client, struck
from tests.services.lambda_.mapped import Mapped, Queue, Table, ids_of
from tests.waiting import eventually

_numbers = itertools.count(1)
START = {"StartingPosition": "TRIM_HORIZON"}


class Inbox:
    """A queue to which every service may send, and what it got."""

    def __init__(self, platform: LocalPlatform, name: str) -> None:
        self._queues = platform.client("sqs")
        self.arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
        allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": self.arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        self.url: str = self._queues.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
        self.got: list[dict[str, Any]] = []  # Any: as boto3

    def look(self) -> list[dict[str, Any]]:  # Any: as above
        """Return every message so far."""
        asked = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 43200, "MessageAttributeNames": ["All"]}
        self.got += self._queues.receive_message(QueueUrl=self.url, **asked).get("Messages", [])
        return self.got

    def texts(self, words: list[str]) -> list[str]:
        """Return which of the words the messages have, in the order in which they came."""
        return [word for message in self.look() for word in words if word in message["Body"]]


class Sources:
    """One of each kind of source, of a name of their own, which all send to one inbox."""

    def __init__(self, platform: LocalPlatform, name: str) -> None:
        self.platform = platform
        self.name = name
        self.inbox = Inbox(platform, f"{name}-inbox")
        self._made: dict[str, str] = {}

    def client(self, service: str) -> Client:
        return self.platform.client(service)

    def queue(self) -> str:
        self.inbox = Inbox(self.platform, f"{self.name}-{next(_numbers)}")
        return self.inbox.arn

    def topic(self) -> str:
        arn = self.client("sns").create_topic(Name=self.name)["TopicArn"]
        self.client("sns").subscribe(
            TopicArn=arn, Protocol="sqs", Endpoint=self.inbox.arn, Attributes={"RawMessageDelivery": "true"}
        )
        return str(arn)

    def bucket(self) -> str:
        self.client("s3").create_bucket(Bucket=self.name)
        rule = {"QueueArn": self.inbox.arn, "Events": ["s3:ObjectCreated:*"]}
        self.client("s3").put_bucket_notification_configuration(
            Bucket=self.name, NotificationConfiguration={"QueueConfigurations": [rule]}
        )
        eventually(self.inbox.look)  # S3's test event
        self.inbox.got.clear()
        return f"arn:aws:s3:::{self.name}"

    def bus(self) -> str:
        arn = self.client("events").create_event_bus(Name=self.name)["EventBusArn"]
        pattern = json.dumps({"source": ["shop"]})
        self.client("events").put_rule(Name="all", EventBusName=self.name, EventPattern=pattern)
        target = {"Id": "1", "Arn": self.inbox.arn}
        self.client("events").put_targets(Rule="all", EventBusName=self.name, Targets=[target])
        return str(arn)

    def rule(self) -> str:
        return f"{self.bus().replace(':event-bus/', ':rule/')}/all"

    def send(self, kind: str, word: str) -> None:
        """Send something with a word in it by a source of a kind."""
        match kind:
            case "queue":
                self.client("sqs").send_message(QueueUrl=self.inbox.url, MessageBody=word)
            case "topic":
                topic = f"arn:aws:sns:us-east-1:000000000000:{self.name}"
                self.client("sns").publish(TopicArn=topic, Message=word)
            case "bucket":
                self.client("s3").put_object(Bucket=self.name, Key=word, Body=b"")
            case _:
                event = {"Source": "shop", "DetailType": "x", "Detail": json.dumps({"word": word})}
                self.client("events").put_events(Entries=[{**event, "EventBusName": self.name}])


@pytest.fixture
def sources(world: LocalPlatform, name: str) -> Sources:
    return Sources(world, name)


def role_for_schedules(world: LocalPlatform, name: str) -> str:
    iam = world.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    allowed = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=json.dumps(allowed))
    return str(made["Role"]["Arn"])


def schedule(world: LocalPlatform, name: str, inbox: Inbox) -> None:
    """Make a schedule that is due in a minute."""
    at = datetime.fromtimestamp(world.clock.now(), UTC) + timedelta(seconds=60)
    target = {"Arn": inbox.arn, "RoleArn": role_for_schedules(world, name), "Input": "tick"}
    world.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target,
    )


def call(sources: Sources, kind: str) -> None:
    """Have something done with a source that faults strike."""
    match kind:
        case "queue":
            sources.client("sqs").receive_message(QueueUrl=sources.inbox.url)
        case "table":
            sources.client("dynamodb").batch_get_item(RequestItems={sources.name: {"Keys": [{"id": {"S": "a"}}]}})
        case _:
            sources.send(kind, "word")


def table(sources: Sources) -> str:
    made = sources.client("dynamodb").create_table(
        TableName=sources.name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return str(made["TableDescription"]["TableArn"])


def make(sources: Sources, kind: str) -> str:
    return table(sources) if kind == "table" else str(getattr(sources, kind)())


@pytest.mark.parametrize(
    ("kind", "throttle", "failure"),
    [
        ("queue", ("RequestThrottled", 403), ("InternalFailure", 500)),
        ("topic", ("Throttled", 429), ("InternalError", 500)),
        ("bucket", ("SlowDown", 503), ("InternalError", 500)),
        ("table", ("ProvisionedThroughputExceededException", 400), ("InternalServerError", 500)),
        ("bus", ("ThrottlingException", 400), ("InternalException", 500)),
    ],
)
def test_a_source_answers_its_service_s_own_errors(
    sources: Sources, faults: PlatformFaults, kind: str, throttle: tuple[str, int], failure: tuple[str, int]
) -> None:
    arn = make(sources, kind)
    call(sources, kind)
    for fault, expected in (("throttle", throttle), ("error", failure)):
        begun = faults.begin(fault, arn)
        with pytest.raises(ClientError) as refused:
            call(sources, kind)
        answer = refused.value.response
        assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == expected
        faults.clear(begun["id"])
        call(sources, kind)


def test_a_fault_strikes_neither_other_sources_nor_what_sets_the_source_up(
    sources: Sources, faults: PlatformFaults
) -> None:
    first, inbox = sources.queue(), sources.inbox
    sources.queue()
    faults.begin("error", first)
    sources.send("queue", "other")
    queues = sources.client("sqs")
    assert queues.get_queue_attributes(QueueUrl=inbox.url)
    queues.set_queue_attributes(QueueUrl=inbox.url, Attributes={"VisibilityTimeout": "1"})
    assert struck(faults) == {"error": 0}


def test_a_slow_source_takes_real_time(sources: Sources, faults: PlatformFaults) -> None:
    faults.begin("latency", table(sources), delay_s=0.15)
    began = time.monotonic()
    call(sources, "table")
    assert time.monotonic() - began >= 0.15
    assert struck(faults) == {"latency": 1}


@pytest.mark.parametrize("kind", ["queue", "topic", "bucket", "bus", "rule"])
def test_what_comes_of_a_source_comes_twice(sources: Sources, faults: PlatformFaults, kind: str) -> None:
    arn = make(sources, kind)
    faults.begin("duplicate", arn)
    sources.send(kind, "twice")
    eventually(lambda: len(sources.inbox.look()) >= 2)
    faults.clear()
    sources.send(kind, "once")
    eventually(lambda: len(sources.inbox.look()) >= 3)
    assert sources.inbox.texts(["twice", "once"]) == ["twice", "twice", "once"]
    if kind == "queue":
        assert len({message["MessageId"] for message in sources.inbox.got}) == 2
        assert len({message["ReceiptHandle"] for message in sources.inbox.got}) == 3


@pytest.mark.parametrize("kind", ["queue", "topic", "bucket", "bus", "rule"])
def test_what_is_held_back_is_overtaken(sources: Sources, faults: PlatformFaults, kind: str) -> None:
    arn = make(sources, kind)
    faults.begin("reorder", arn, delay_s=60)
    sources.send(kind, "first")
    eventually(lambda: struck(faults) == {"reorder": 1})
    faults.clear()
    sources.send(kind, "second")
    eventually(lambda: sources.inbox.texts(["first", "second"]) == ["second"])
    sources.platform.clock.advance(60)
    eventually(lambda: sources.inbox.texts(["first", "second"]) == ["second", "first"])


def test_a_batch_of_a_table_s_stream_comes_twice(world: LocalPlatform, faults: PlatformFaults) -> None:
    source, mapping = Table(world), Mapped(world)
    mapping.to(source.arn, **START)
    faults.begin("duplicate", source.arn.partition("/stream/")[0])
    source.put("a")
    eventually(lambda: [ids_of(event) for event in mapping.events()] == [["a"], ["a"]])
    faults.clear()
    source.put("b")
    eventually(lambda: [ids_of(event) for event in mapping.events()] == [["a"], ["a"], ["b"]])
    mapping.delete()


def test_a_poller_backs_off_from_a_throttled_queue_and_loses_nothing(
    world: LocalPlatform, faults: PlatformFaults
) -> None:
    source, mapping = Queue(world), Mapped(world)
    mapping.to(source.arn)
    source.send("before")
    mapping.await_handled("before")
    faults.begin("throttle", f"queue:{source.name}", lasts_s=30)
    with pytest.raises(ClientError, match="RequestThrottled"):
        source.send("refused")
    world.clock.advance(31)
    source.send("after")
    world.clock.advance(120)
    mapping.await_handled("before", "after")
    mapping.delete()


def test_a_throttled_rule_s_target_gets_its_event_when_that_is_over(
    world: LocalPlatform, sources: Sources, faults: PlatformFaults
) -> None:
    sources.rule()
    faults.begin("throttle", f"rule:{sources.name}/all", lasts_s=10)
    sources.send("rule", "late")
    eventually(lambda: struck(faults) == {"throttle": 1})
    assert sources.inbox.look() == []
    world.clock.advance(60)
    eventually(lambda: sources.inbox.texts(["late"]) == ["late"])


def test_what_a_failing_rule_does_not_deliver_is_a_dead_letter(
    world: LocalPlatform, sources: Sources, faults: PlatformFaults
) -> None:
    arn, letters = sources.rule(), Inbox(world, f"{sources.name}-letters")
    target = {
        "Id": "1",
        "Arn": sources.inbox.arn,
        "DeadLetterConfig": {"Arn": letters.arn},
        "RetryPolicy": {"MaximumRetryAttempts": 0},
    }
    sources.client("events").put_targets(Rule="all", EventBusName=sources.name, Targets=[target])
    faults.begin("error", arn)
    sources.send("rule", "lost")
    (letter,) = eventually(letters.look)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "InternalException"
    assert "lost" in letter["Body"]


def test_a_throttled_schedule_is_carried_out_when_that_is_over(
    world: LocalPlatform, sources: Sources, faults: PlatformFaults
) -> None:
    schedule(world, sources.name, sources.inbox)
    faults.begin("throttle", f"scheduler:default/{sources.name}", lasts_s=90)
    world.clock.advance(80)
    assert sources.inbox.look() == []
    assert struck(faults)["throttle"] > 1
    world.clock.advance(120)
    eventually(lambda: len(sources.inbox.look()) == 1)


def test_a_schedule_s_occurrence_comes_twice(world: LocalPlatform, sources: Sources, faults: PlatformFaults) -> None:
    schedule(world, sources.name, sources.inbox)
    faults.begin("duplicate", f"schedule:{sources.name}")
    world.clock.advance(61)
    eventually(lambda: len(sources.inbox.look()) == 2)


@pytest.mark.parametrize("fault", ["throttle", "error"])
def test_notifications_wait_for_a_queue_that_does_not_take_them(
    world: LocalPlatform, sources: Sources, faults: PlatformFaults, fault: str
) -> None:
    sources.bucket()
    faults.begin(fault, sources.inbox.arn)
    sources.send("bucket", "owed")
    eventually(lambda: struck(faults)[fault] >= 1)
    faults.clear()
    world.clock.advance(600)
    eventually(lambda: sources.inbox.texts(["owed"]) == ["owed"])


@pytest.mark.parametrize("fault", ["throttle", "error"])
def test_records_of_events_wait_for_a_destination_that_does_not_take_them(
    world: LocalPlatform, sources: Sources, faults: PlatformFaults, fault: str
) -> None:
    function = Mapped(world)
    function.functions.put_function_event_invoke_config(
        FunctionName=function.name, DestinationConfig={"OnSuccess": {"Destination": sources.inbox.arn}}
    )
    faults.begin(fault, sources.inbox.arn)
    event = json.dumps({"Records": []})
    function.functions.invoke(FunctionName=function.name, InvocationType="Event", Payload=event)
    eventually(lambda: struck(faults)[fault] >= 1)
    faults.clear()
    world.clock.advance(600)
    eventually(lambda: sources.inbox.texts(["Success"]))
