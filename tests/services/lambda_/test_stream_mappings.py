"""Streams that invoke functions: order, retries, halves, ages, windows, destinations, in virtual time."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lambent.testing.platform import LocalPlatform, local_platform
from tests.services.lambda_.mapped import HANDLER, REPORTS, Mapped, Queue, Table, ids_of
from tests.waiting import eventually

START = {"StartingPosition": "TRIM_HORIZON"}
_names = itertools.count(1)


@pytest.fixture(scope="module")
def virtual() -> Iterator[LocalPlatform]:
    """A platform that the tests of this file share; each makes a table and a function of its own."""
    with local_platform(virtual_time=True) as running:
        yield running


def mapped(virtual: LocalPlatform, source: Table, code: str = HANDLER, **settings: object) -> Mapped:
    found = Mapped(virtual, code)
    found.to(source.arn, **{**START, **settings})
    return found


def batches(mapping: Mapped) -> list[list[str]]:
    return [ids_of(event) for event in mapping.events()]


def result_of(mapping: Mapped) -> str:
    return str(mapping.functions.get_event_source_mapping(UUID=mapping.uuid)["LastProcessingResult"])


def test_changes_invoke_the_function_in_order(virtual: LocalPlatform) -> None:
    table = Table(virtual)
    table.put("a", "b", "c")
    mapping = mapped(virtual, table)
    eventually(lambda: batches(mapping) == [["a", "b", "c"]])
    eventually(lambda: result_of(mapping) == "OK")
    record = mapping.events()[0]["Records"][0]
    assert record.keys() == {
        "eventID", "eventName", "eventVersion", "eventSource", "awsRegion", "dynamodb", "eventSourceARN",
    }  # fmt: skip
    assert (record["eventName"], record["eventSourceARN"]) == ("INSERT", table.arn)
    table.put("d")
    eventually(lambda: batches(mapping) == [["a", "b", "c"], ["d"]])
    mapping.delete()


def test_a_mapping_that_begins_at_the_latest_record_gets_what_comes_from_then_on(virtual: LocalPlatform) -> None:
    table = Table(virtual)
    table.put("before")
    mapping = mapped(virtual, table, StartingPosition="LATEST")
    table.put("after")
    eventually(lambda: batches(mapping) == [["after"]])
    mapping.delete()


def test_a_batch_holds_no_more_than_its_size_and_waits_for_its_window(virtual: LocalPlatform) -> None:
    table = Table(virtual)
    table.put("a", "b", "c")
    mapping = mapped(virtual, table, BatchSize=2, MaximumBatchingWindowInSeconds=100)
    eventually(lambda: batches(mapping) == [["a", "b"]])
    virtual.clock.advance(50)
    assert batches(mapping) == [["a", "b"]]
    virtual.clock.advance(60)
    eventually(lambda: batches(mapping) == [["a", "b"], ["c"]])
    mapping.delete()


def test_records_that_pass_no_filter_are_skipped(virtual: LocalPlatform) -> None:
    table = Table(virtual)
    pattern = json.dumps({"dynamodb": {"NewImage": {"kind": {"S": ["wanted"]}}}})
    mapping = mapped(virtual, table, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    table.put("a", kind="other")
    table.put("b", kind="wanted")
    eventually(lambda: batches(mapping) == [["b"]])
    assert mapping.counts()["FilteredOutEventCount"] == 1
    mapping.delete()


def test_a_failing_batch_blocks_its_shard_until_its_retries_are_used_up_and_is_told_of(virtual: LocalPlatform) -> None:
    table, failures = Table(virtual), Queue(virtual)
    destination = {"OnFailure": {"Destination": failures.arn}}
    mapping = mapped(virtual, table, BatchSize=1, MaximumRetryAttempts=2, DestinationConfig=destination)
    table.put("poison", "b")
    eventually(lambda: batches(mapping)[:1] == [["poison"]])
    eventually(lambda: result_of(mapping) == "PROBLEM: Function call failed")
    virtual.clock.advance(60)
    eventually(lambda: batches(mapping) == [["poison"], ["poison"], ["poison"], ["b"]])
    (letter,) = eventually(failures.receive)
    told = json.loads(letter["Body"])
    about = told.pop("DDBStreamBatchInfo")
    assert told.pop("requestContext").items() >= {
        "functionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{mapping.name}",
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 3,
    }.items()  # fmt: skip
    assert told.pop("responseContext") == {
        "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled",
    }  # fmt: skip
    assert told.keys() == {"version", "timestamp"}
    sequence = mapping.events()[0]["Records"][0]["dynamodb"]["SequenceNumber"]
    assert (about["startSequenceNumber"], about["endSequenceNumber"]) == (sequence, sequence)
    assert (about["batchSize"], about["streamArn"]) == (1, table.arn)
    mapping.delete()


def test_a_bucket_keeps_the_records_that_were_given_up(virtual: LocalPlatform) -> None:
    table, buckets = Table(virtual), virtual.client("s3")
    bucket = f"failures-{next(_names)}"
    buckets.create_bucket(Bucket=bucket)
    destination = {"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}}
    mapping = mapped(virtual, table, MaximumRetryAttempts=0, DestinationConfig=destination)
    table.put("poison")
    (kept,) = eventually(lambda: buckets.list_objects_v2(Bucket=bucket).get("Contents"))
    assert kept["Key"].startswith(f"aws/lambda/{mapping.uuid}/shardId-")
    told = json.loads(buckets.get_object(Bucket=bucket, Key=kept["Key"])["Body"].read())
    assert ids_of(told["payload"]) == ["poison"]
    mapping.delete()


def test_halves_isolate_the_record_that_fails(virtual: LocalPlatform) -> None:
    table = Table(virtual)
    table.put("a", "b", "poison", "d")
    mapping = mapped(virtual, table, MaximumRetryAttempts=0, BisectBatchOnFunctionError=True)
    virtual.clock.advance(60)
    eventually(lambda: batches(mapping)[-1:] == [["d"]])
    assert batches(mapping) == [["a", "b", "poison", "d"], ["a", "b"], ["poison", "d"], ["poison"], ["d"]]
    mapping.delete()


def test_records_are_tried_again_from_the_first_that_is_reported(virtual: LocalPlatform) -> None:
    table = Table(virtual)
    table.put("a", "bad", "c", "bad too")
    mapping = mapped(virtual, table, MaximumRetryAttempts=1, FunctionResponseTypes=REPORTS)
    virtual.clock.advance(60)
    eventually(lambda: len(batches(mapping)) == 3)
    assert batches(mapping) == [["a", "bad", "c", "bad too"], ["bad", "c", "bad too"], ["bad", "c", "bad too"]]
    table.put("e")
    eventually(lambda: batches(mapping)[3:] == [["e"]])
    mapping.delete()


def test_records_that_grow_too_old_are_given_up(virtual: LocalPlatform) -> None:
    table, failures = Table(virtual), Queue(virtual)
    mapping = mapped(
        virtual, table, MaximumRecordAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": failures.arn}}
    )
    table.put("poison")
    eventually(lambda: batches(mapping)[:1] == [["poison"]])
    virtual.clock.advance(120)
    (letter,) = eventually(failures.receive)
    told = json.loads(letter["Body"])
    assert (told["requestContext"]["condition"], "responseContext" in told) == ("RecordAgeExceeded", False)
    table.put("young")
    eventually(lambda: batches(mapping)[-1:] == [["young"]])
    mapping.delete()


def test_a_throttled_shard_waits_and_uses_up_no_retries(virtual: LocalPlatform) -> None:
    table = Table(virtual)
    table.put("a")
    mapping = mapped(virtual, table, MaximumRetryAttempts=0, Enabled=False)
    mapping.functions.put_function_concurrency(FunctionName=mapping.name, ReservedConcurrentExecutions=0)
    mapping.update(Enabled=True)
    virtual.clock.advance(120)
    assert batches(mapping) == []
    mapping.functions.delete_function_concurrency(FunctionName=mapping.name)
    virtual.clock.advance(120)
    eventually(lambda: batches(mapping) == [["a"]])
    mapping.delete()


def test_a_mapping_that_is_enabled_again_goes_on_where_it_was(virtual: LocalPlatform) -> None:
    table = Table(virtual)
    table.put("a")
    mapping = mapped(virtual, table)
    eventually(lambda: batches(mapping) == [["a"]])
    mapping.update(Enabled=False)
    table.put("b")
    virtual.clock.advance(10)
    assert batches(mapping) == [["a"]]
    mapping.update(Enabled=True, ParallelizationFactor=2)
    eventually(lambda: batches(mapping) == [["a"], ["b"]])
    mapping.delete()


def test_batches_of_one_shard_side_by_side_keep_the_order_of_each_item(virtual: LocalPlatform) -> None:
    table = Table(virtual)
    for version in range(3):
        table.put(*map(str, range(6)), version=str(version))
    mapping = mapped(virtual, table, ParallelizationFactor=3, BatchSize=2)
    eventually(lambda: sum(map(len, batches(mapping))) == 18)
    seen: dict[str, list[str]] = {}
    for event in mapping.events():
        for record in event["Records"]:
            image = record["dynamodb"]["NewImage"]
            seen.setdefault(image["id"]["S"], []).append(image["version"]["S"])
    assert seen == {str(item): ["0", "1", "2"] for item in range(6)}
    mapping.delete()


COUNTING = """
import json

def handler(event, context):
    print('got', json.dumps(event))
    return {'state': {'n': event['state'].get('n', 0) + len(event['Records'])}}
"""


def test_a_tumbling_window_carries_its_state_to_its_end(virtual: LocalPlatform) -> None:
    table = Table(virtual)
    virtual.clock.freeze()
    try:
        now = virtual.clock.now()
        virtual.clock.advance(120 - now % 120 + 5)
        mapping = mapped(virtual, table, COUNTING, TumblingWindowInSeconds=120)
        table.put("a", "b")
        virtual.clock.advance(5)
        eventually(lambda: sum(len(event["Records"]) for event in mapping.events()) == 2)
        table.put("c")
        virtual.clock.advance(5)
        eventually(lambda: sum(len(event["Records"]) for event in mapping.events()) == 3)
        assert not any(event["isFinalInvokeForWindow"] for event in mapping.events())
        virtual.clock.advance(120)
        last = eventually(lambda: [event for event in mapping.events() if event["isFinalInvokeForWindow"]])[0]
        assert (last["Records"], last["state"], last["isWindowTerminatedEarly"]) == ([], {"n": 3}, False)
        assert last["eventSourceARN"] == table.arn
        table.put("d")
        virtual.clock.advance(5)
        eventually(lambda: mapping.events()[-1]["Records"])
        assert mapping.events()[-1]["state"] == {}
    finally:
        virtual.clock.flow()
    mapping.delete()


def test_without_a_state_an_invocation_of_a_window_has_failed(virtual: LocalPlatform) -> None:
    table = Table(virtual)
    table.put("a")
    mapping = mapped(virtual, table, TumblingWindowInSeconds=10, MaximumRetryAttempts=1)
    virtual.clock.advance(30)
    eventually(lambda: len(mapping.events()) >= 2)
    assert result_of(mapping) == "PROBLEM: Function call failed"
    mapping.delete()


def test_a_shard_is_read_on_from_its_checkpoint_after_a_restart(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path, virtual_time=True) as first:
        # All in one second, so that no moment tells what came before a mapping from what came after it.
        first.clock.freeze()
        table, empty = Table(first), Table(first)
        table.put("a")
        mapping = mapped(first, table)
        eventually(lambda: batches(mapping) == [["a"]])
        eventually(lambda: result_of(mapping) == "OK")
        latest = [mapped(first, each, StartingPosition="LATEST") for each in (table, empty)]
    with local_platform(data_dir=tmp_path) as again:
        for each in (mapping, *latest):
            each.platform, each._logs = again, again.client("logs")
        for source in (table, empty):
            again.client("dynamodb").put_item(TableName=source.name, Item={"id": {"S": "b"}})
        eventually(lambda: batches(mapping) == [["a"], ["b"]])
        eventually(lambda: [batches(each) for each in latest] == [[["b"]], [["b"]]])


def test_a_mapping_reads_on_though_the_last_record_that_it_read_was_trimmed(virtual: LocalPlatform) -> None:
    table = Table(virtual)
    table.put("a")
    mapping = mapped(virtual, table)
    eventually(lambda: batches(mapping) == [["a"]])
    mapping.update(Enabled=False)
    virtual.clock.advance(25 * 3600)
    table.put("b")
    mapping.update(Enabled=True)
    eventually(lambda: batches(mapping) == [["a"], ["b"]])
    mapping.delete()


def kinesis(virtual: LocalPlatform, shards: int = 1) -> tuple[Any, str, str]:  # Any: a boto3 client
    streams, name = virtual.client("kinesis"), f"stream-{next(_names)}"
    streams.create_stream(StreamName=name, ShardCount=shards)
    streams.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 0.02})
    return streams, name, f"arn:aws:kinesis:us-east-1:000000000000:stream/{name}"


def data_of(mapping: Mapped) -> list[str]:
    return [record["kinesis"]["partitionKey"] for event in mapping.events() for record in event["Records"]]


def test_records_of_a_kinesis_stream_invoke_the_function(virtual: LocalPlatform) -> None:
    streams, name, arn = kinesis(virtual)
    streams.put_record(StreamName=name, Data=b"hello", PartitionKey="p")
    mapping = Mapped(virtual)
    mapping.to(arn, **START)
    virtual.clock.advance(2)
    (event,) = eventually(mapping.events)
    (record,) = event["Records"]
    about = record.pop("kinesis")
    assert about.pop("approximateArrivalTimestamp") > 1_700_000_000
    sequence = about.pop("sequenceNumber")
    assert about == {"kinesisSchemaVersion": "1.0", "partitionKey": "p", "data": "aGVsbG8="}
    assert record == {
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/lambent-test",
        "awsRegion": "us-east-1",
        "eventSourceARN": arn,
    }
    mapping.delete()


def test_a_consumer_of_a_kinesis_stream_reads_all_its_shards(virtual: LocalPlatform) -> None:
    streams, name, arn = kinesis(virtual, shards=3)
    consumer = streams.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    mapping = Mapped(virtual)
    mapping.to(consumer, **START)
    for key in map(str, range(9)):
        streams.put_record(StreamName=name, Data=b"{}", PartitionKey=key)
    virtual.clock.advance(3)
    eventually(lambda: sorted(data_of(mapping)) == [str(key) for key in range(9)])
    assert {record["eventSourceARN"] for event in mapping.events() for record in event["Records"]} == {consumer}
    mapping.delete()


def test_children_of_a_shard_are_read_after_it(virtual: LocalPlatform) -> None:
    streams, name, arn = kinesis(virtual)
    mapping = Mapped(virtual)
    mapping.to(arn, **START)
    streams.put_record(StreamName=name, Data=b"{}", PartitionKey="parent")
    half = str(2**127)
    streams.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=half)
    for key in map(str, range(4)):
        streams.put_record(StreamName=name, Data=b"{}", PartitionKey=key)
    virtual.clock.advance(10)
    eventually(lambda: sorted(data_of(mapping)) == ["0", "1", "2", "3", "parent"])
    assert data_of(mapping)[0] == "parent"
    mapping.delete()
