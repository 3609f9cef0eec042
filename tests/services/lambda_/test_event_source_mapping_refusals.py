"""Event source mappings that Lambda refuses, in AWS's words."""

from __future__ import annotations

import json

import pytest

from lambent.testing.pytest_plugin import ClientFactory
from tests.recorder.cloud import Cloud
from tests.services.lambda_.conftest import Client, MakeFunction, Refusal, refusal
from tests.services.lambda_.event_sources import (
    GONE,
    UNKNOWN,
    AtRest,
    Sources,
    at_rest,
    make,
    parameter,
    role,
    sources,
)

__all__ = ["at_rest", "make", "role", "sources"]


def test_what_is_not_there_is_said(functions: Client, sources: Sources) -> None:
    for call in (functions.get_event_source_mapping, functions.delete_event_source_mapping):
        assert refusal(call, UUID=UNKNOWN) == Refusal(404, "ResourceNotFoundException", GONE)
    update = functions.update_event_source_mapping
    assert refusal(update, UUID=UNKNOWN, Enabled=False) == Refusal(404, "ResourceNotFoundException", GONE)
    create = functions.create_event_source_mapping
    assert parameter(create, FunctionName="f") == "Unrecognized event source."
    assert parameter(create, FunctionName="f", EventSourceArn=sources.queue) == "Function does not exist"
    assert (
        parameter(
            create,
            FunctionName="f",
            EventSourceArn=sources.table,
            StartingPosition="LATEST",
            DestinationConfig={"OnSuccess": {"Destination": sources.queue}},
        )
        == "Unsupported DestinationConfig parameter for given event source mapping type."
    )


def test_a_version_or_alias_has_to_be_there(functions: Client, make: MakeFunction, sources: Sources) -> None:
    make()
    create = functions.create_event_source_mapping
    for name in ("f:1", "f:live"):
        assert parameter(create, FunctionName=name, EventSourceArn=sources.queue) == "Function does not exist"


def test_sources_that_are_not_there_are_said(
    functions: Client, make: MakeFunction, sources: Sources, region: str, elsewhere: str
) -> None:
    make()
    create = functions.create_event_source_mapping
    for queue in (f"{sources.queue}2", sources.queue.replace(region, elsewhere)):
        assert parameter(create, FunctionName="f", EventSourceArn=queue) == (
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
            "SQS Error Message: The specified queue does not exist."
        )
    for stream in (f"{sources.stream}2", f"{sources.stream}/consumer/c:1", f"{sources.table}2"):
        asked = {"FunctionName": "f", "EventSourceArn": stream, "StartingPosition": "LATEST"}
        assert parameter(create, **asked) == f"Stream not found: {stream}"


def test_starting_position_is_checked_by_the_kind_of_source(
    functions: Client, make: MakeFunction, sources: Sources
) -> None:
    make()

    def ask(source: str, **more: object) -> Refusal:
        return refusal(functions.create_event_source_mapping, FunctionName="f", EventSourceArn=source, **more)

    for source in (sources.table, sources.stream):
        assert ask(source).message == (
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
        assert ask(source, StartingPosition="LATEST", StartingPositionTimestamp=1).message == (
            "Timestamp only valid with StartingPosition AT_TIMESTAMP"
        )
    for source in sources:
        assert ask(source, StartingPosition="invalid") == Refusal(
            400,
            "ValidationException",
            "1 validation error detected: Value 'invalid' at 'startingPosition' failed to satisfy constraint: "
            "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
        )
    at = {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": -1}
    assert ask(sources.table, **at).message == f"Unsupported starting position for arn type: {sources.table}"
    assert ask(sources.stream, **at).message == (
        "Received Exception while reading from provided stream. class java.lang.Long can not be converted to a "
        "Timestamp"
    )
    assert ask(sources.queue, **at).message == "StartingPosition is not valid for SQS event sources."


@pytest.mark.parametrize("pattern", [None, "simple string", {"eventSource": "aws:sqs"}, {"eventSource": []}])
def test_patterns_that_are_none_are_refused(
    functions: Client, make: MakeFunction, sources: Sources, pattern: object
) -> None:
    make()
    filters = {"Filters": [{"Pattern": json.dumps(pattern)}]}
    said = parameter(
        functions.create_event_source_mapping,
        FunctionName="f",
        EventSourceArn=sources.queue,
        FilterCriteria=filters,
    )
    assert said == "Invalid filter pattern definition."


def test_large_batches_of_a_queue_need_a_window_that_fifo_queues_cannot_have(
    functions: Client, make: MakeFunction, sources: Sources, at_rest: AtRest
) -> None:
    make()
    create = functions.create_event_source_mapping
    window = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    assert parameter(create, FunctionName="f", EventSourceArn=sources.queue, BatchSize=11) == window
    assert (
        parameter(
            create, FunctionName="f", EventSourceArn=sources.fifo, BatchSize=100, MaximumBatchingWindowInSeconds=5
        )
        == "Batching window is not supported for FIFO queues"
    )
    made = create(FunctionName="f", EventSourceArn=sources.queue)
    at_rest(made["UUID"])
    assert parameter(functions.update_event_source_mapping, UUID=made["UUID"], BatchSize=11) == window


def test_a_queue_has_to_hide_messages_for_as_long_as_the_function_may_run(
    functions: Client, make: MakeFunction, sources: Sources, at_rest: AtRest
) -> None:
    make("slow", Timeout=60)
    make("quick", Timeout=30)
    said = "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"
    create, update = functions.create_event_source_mapping, functions.update_event_source_mapping
    assert parameter(create, FunctionName="slow", EventSourceArn=sources.queue) == said
    made = create(FunctionName="quick", EventSourceArn=sources.queue)
    at_rest(made["UUID"])
    assert parameter(update, UUID=made["UUID"], FunctionName="slow") == said


def test_the_functions_role_has_to_be_let_in(
    functions: Client, make: MakeFunction, sources: Sources, aws: ClientFactory
) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    roles = aws("iam")
    role = roles.create_role(
        RoleName="plain", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    make(Role=role)
    create = functions.create_event_source_mapping

    def allow(*actions: str) -> None:
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        roles.put_role_policy(RoleName="plain", PolicyName="p", PolicyDocument=document)

    def ask(source: str, **more: object) -> str:
        return parameter(create, FunctionName="f", EventSourceArn=source, **more)

    assert ask(sources.queue) == ("The function execution role does not have permissions to call ReceiveMessage on SQS")
    assert ask(sources.table, StartingPosition="LATEST") == (
        f"Cannot access stream {sources.table}. Please ensure the role can perform the GetRecords, GetShardIterator, "
        "DescribeStream, and ListStreams Actions on your stream in IAM."
    )
    assert ask(sources.stream, StartingPosition="LATEST") == (
        f"Cannot access stream {sources.stream}. Please ensure the role can perform the GetRecords, GetShardIterator, "
        "DescribeStream, ListShards, and ListStreams Actions on your stream in IAM."
    )
    allow("sqs:ReceiveMessage")
    assert ask(sources.queue) == "The function execution role does not have permissions to call DeleteMessage on SQS"
    allow("sqs:*", "kinesis:Get*", "kinesis:Describe*", "dynamodb:*")
    for source in sources:
        position = {} if ":sqs:" in source else {"StartingPosition": "LATEST"}
        assert create(FunctionName="f", EventSourceArn=source, **position)["State"] == "Creating"


def test_a_queue_may_let_a_role_in_itself(
    functions: Client, make: MakeFunction, aws: ClientFactory, cloud: Cloud
) -> None:
    arn = f"arn:aws:sqs:{cloud.place.scope}:shared"
    role = cloud.role()
    statement = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "sqs:*", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws("sqs").create_queue(QueueName="shared", Attributes={"Policy": policy})
    make(Role=role)
    assert functions.create_event_source_mapping(FunctionName="f", EventSourceArn=arn)["State"] == "Creating"


def test_a_second_mapping_of_a_source_names_the_first(
    functions: Client, make: MakeFunction, sources: Sources, at_rest: AtRest
) -> None:
    make()
    make("g")
    create = functions.create_event_source_mapping
    queue = create(FunctionName="f", EventSourceArn=sources.queue)["UUID"]
    tail = "already exists. Please update or delete the existing mapping with UUID"
    said = f'An event source mapping with SQS arn (" {sources.queue} ") and function (" f ") {tail} {queue}'
    assert refusal(create, FunctionName="f", EventSourceArn=sources.queue) == Refusal(
        409, "ResourceConflictException", said
    )
    stream = create(FunctionName="f", EventSourceArn=sources.stream, StartingPosition="LATEST")["UUID"]
    assert refusal(create, FunctionName="f", EventSourceArn=sources.stream, StartingPosition="LATEST").message == (
        f'The event source arn (" {sources.stream} ") and function (" f ") provided mapping {tail} {stream}'
    )
    other = create(FunctionName="g", EventSourceArn=sources.queue)["UUID"]
    at_rest(other)
    assert refusal(functions.update_event_source_mapping, UUID=other, FunctionName="f").message == said
