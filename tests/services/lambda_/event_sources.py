"""What the tests of event source mappings share: sources that a function may read, and mappings at rest."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Protocol

import pytest

from lambent.testing.builders import create_function, ensure_role
from lambent.testing.pytest_plugin import ClientFactory
from tests.recorder.cloud import Cloud
from tests.services.lambda_.conftest import ECHO, Client, MakeFunction, refusal
from tests.waiting import eventually

UNKNOWN = "11111111-2222-3333-4444-555555555555"
GONE = "The resource you requested does not exist."
CLUSTER = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["kafka:1000"]}}
ACCESS = [{"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:us-east-1:123456789012:secret:s"}]
KAFKA = {"SelfManagedEventSource": CLUSTER, "Topics": ["topic"], "SourceAccessConfigurations": ACCESS}

Shown = dict[str, Any]  # Any: a mapping, as AWS shows it


# The managed policies for event sources let functions make log groups, too, which would stay in an account.
MAY_READ = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
                *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
                *("dynamodb:ListStreams", "kinesis:DescribeStream", "kinesis:DescribeStreamSummary"),
                *("kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:ListStreams"),
                *("kinesis:SubscribeToShard", "sqs:SendMessage"),
            ],
            "Resource": "*",
        }
    ],
}


class Sources(NamedTuple):
    """What a function may read."""

    queue: str
    fifo: str
    stream: str
    table: str


class AtRest(Protocol):
    """Looks at a mapping until nothing is under way."""

    def __call__(self, uuid: str) -> Shown | None:
        """Return the mapping at rest; None once it is gone."""


@pytest.fixture
def role(aws: ClientFactory) -> str:
    """The ARN of a role of the test's own that may read event sources, and write no logs."""
    arn = ensure_role(aws("iam"), "reader")
    aws("iam").put_role_policy(RoleName="reader", PolicyName="read", PolicyDocument=json.dumps(MAY_READ))
    return arn


@pytest.fixture
def make(aws: ClientFactory, role: str) -> MakeFunction:
    def make_function(name: str = "f", code: bytes = ECHO, **parameters: object) -> str:
        wanted = {"Role": role, **parameters}
        return str(create_function(aws("lambda"), None, name, code, **wanted)["FunctionArn"])

    return make_function


@pytest.fixture
def sources(aws: ClientFactory, cloud: Cloud) -> Sources:
    """Event sources that the tests' role may read."""
    queues, streams = aws("sqs"), aws("kinesis")
    queues.create_queue(QueueName="q")
    queues.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})
    streams.create_stream(StreamName="s", ShardCount=1)
    streams.get_waiter("stream_exists").wait(StreamName="s", WaiterConfig={"Delay": 0.02})
    table = aws("dynamodb").create_table(
        TableName="tab",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    where = f"{cloud.place.scope}"
    return Sources(
        f"arn:aws:sqs:{where}:q",
        f"arn:aws:sqs:{where}:q.fifo",
        f"arn:aws:kinesis:{where}:stream/s",
        str(table["TableDescription"]["LatestStreamArn"]),
    )


def look_until_at_rest(functions: Client, uuid: str) -> Shown | None:
    """Return a mapping once nothing is under way; None once it is gone."""

    def look() -> list[Shown | None]:
        try:
            found: Shown = functions.get_event_source_mapping(UUID=uuid)
        except functions.exceptions.ResourceNotFoundException:
            return [None]
        return [found] if found["State"] in {"Enabled", "Disabled"} else []

    return eventually(look)[0]


@pytest.fixture
def at_rest(functions: Client) -> AtRest:
    return lambda uuid: look_until_at_rest(functions, uuid)


def plain(shown: Shown | None) -> Shown:
    """Return what AWS shows, without what differs from run to run."""
    assert shown is not None
    return {name: value for name, value in shown.items() if name not in {"ResponseMetadata", "LastModified"}}


def parameter(call: Any, **parameters: object) -> str:  # Any: a client's method
    """Return what AWS says of a parameter that is wrong."""
    status, code, message = refusal(call, **parameters)
    assert (status, code) == (400, "InvalidParameterValueException")
    return message
