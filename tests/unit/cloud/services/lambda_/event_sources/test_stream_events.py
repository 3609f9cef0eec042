"""Records of streams in events, and what is told of those that were given up: as recorded of AWS."""

from __future__ import annotations

import json
from dataclasses import replace

from lambent.cloud.services.lambda_.event_sources.replies import Reply
from lambent.cloud.services.lambda_.event_sources.stream_events import (
    Failure,
    GivenUp,
    Shard,
    change_record,
    data_record,
    failure_key,
    failure_object,
    failure_record,
)
from lambent.cloud.services.lambda_.model.event_source import SourceKind
from tests.unit.cloud.services.lambda_.event_sources.records import record
from tests.unit.cloud.services.lambda_.mappings import DYNAMODB, FUNCTION, KINESIS, UUID, mapping

ROLE = "arn:aws:iam::123456789012:role/r"
OF_TABLE = Shard(SourceKind.DYNAMODB, "shardId-1", DYNAMODB, "us-east-1")
OF_STREAM = Shard(SourceKind.KINESIS, "shardId-000000000000", KINESIS, "us-east-1", ROLE)


def test_a_change_of_a_table_is_shown_key_for_key() -> None:
    change = {
        "ApproximateCreationDateTime": 1_728_730_000.0,
        "Keys": {"id": {"S": "a"}},
        "NewImage": {"id": {"S": "a"}, "b": {"B": b"foobar"}, "l": {"L": [{"B": b"x"}, {"BS": [b"y"]}]}},
        "SequenceNumber": "7",
        "SizeBytes": 70,
        "StreamViewType": "NEW_IMAGE",
    }
    found = change_record({"eventID": "e", "eventName": "INSERT", "eventVersion": "1.1", "dynamodb": change}, OF_TABLE)
    assert (found.sequence, found.arrived_at) == ("7", 1_728_730_000.0)
    assert json.loads(found.json) == {
        "eventID": "e",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_728_730_000,
            "Keys": {"id": {"S": "a"}},
            "NewImage": {"id": {"S": "a"}, "b": {"B": "Zm9vYmFy"}, "l": {"L": [{"B": "eA=="}, {"BS": ["eQ=="]}]}},
            "SequenceNumber": "7",
            "SizeBytes": 70,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": DYNAMODB,
    }


def test_what_time_to_live_removed_tells_who_did() -> None:
    who = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    change = {"Keys": {}, "SequenceNumber": "7", "ApproximateCreationDateTime": 1}
    found = change_record({"eventID": "e", "eventName": "REMOVE", "dynamodb": change, "userIdentity": who}, OF_TABLE)
    assert found.shown["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def test_a_record_of_a_stream_is_shown_key_for_key() -> None:
    given = {
        "SequenceNumber": "49", "PartitionKey": "p", "Data": b"hello", "ApproximateArrivalTimestamp": 1545084650.9871,
    }  # fmt: skip
    assert json.loads(data_record(given, OF_STREAM).json) == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "p",
            "sequenceNumber": "49",
            "data": "aGVsbG8=",
            "approximateArrivalTimestamp": 1545084650.987,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": "shardId-000000000000:49",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": ROLE,
        "awsRegion": "us-east-1",
        "eventSourceARN": KINESIS,
    }


EXHAUSTED = Failure([record(1), record(2)], GivenUp.RETRIES_EXHAUSTED, 2, Reply("request", b"", "$LATEST", "Unhandled"))


def test_a_batch_that_was_given_up_is_told_of_key_for_key() -> None:
    told = failure_record(mapping(SourceKind.KINESIS), OF_STREAM, EXHAUSTED, "own", 1_573_691_886.021)
    assert json.loads(told) == {
        "requestContext": {
            "requestId": "request",
            "functionArn": FUNCTION,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 2,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2019-11-14T00:38:06.021Z",
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000000",
            "startSequenceNumber": "1",
            "endSequenceNumber": "2",
            "approximateArrivalOfFirstRecord": "1970-01-01T00:00:01.000Z",
            "approximateArrivalOfLastRecord": "1970-01-01T00:00:02.000Z",
            "batchSize": 2,
            "streamArn": KINESIS,
        },
    }


def test_of_a_tables_records_the_seconds_are_told() -> None:
    told = json.loads(failure_record(mapping(SourceKind.DYNAMODB), OF_TABLE, EXHAUSTED, "own", 0.0))
    assert told["DDBStreamBatchInfo"]["approximateArrivalOfFirstRecord"] == "1970-01-01T00:00:01Z"
    assert told["DDBStreamBatchInfo"]["streamArn"] == DYNAMODB
    assert "KinesisBatchInfo" not in told


def test_records_that_grew_too_old_have_no_response() -> None:
    old = replace(EXHAUSTED, condition=GivenUp.AGE_EXCEEDED, attempts=7, reply=None)
    told = json.loads(failure_record(mapping(SourceKind.KINESIS), OF_STREAM, old, "own", 0.0))
    assert told["requestContext"] == {
        "requestId": "own", "functionArn": FUNCTION, "condition": "RecordAgeExceeded", "approximateInvokeCount": 1,
    }  # fmt: skip
    assert "responseContext" not in told


def test_a_bucket_gets_the_records_too() -> None:
    kinesis = mapping(SourceKind.KINESIS)
    told = json.loads(failure_object(kinesis, OF_STREAM, EXHAUSTED, "own", 0.0))
    assert told["payload"] == {"Records": [{"n": 1}, {"n": 2}]}
    assert failure_key(kinesis, OF_STREAM, 1_573_691_886.021, "u") == (
        f"aws/lambda/{UUID}/shardId-000000000000/2019/11/14/2019-11-14T00.38.06-u"
    )
