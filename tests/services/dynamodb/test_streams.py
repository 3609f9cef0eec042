"""Streams and time to live, on a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.platform import LocalPlatform, local_platform
from tests.services.dynamodb.conftest import Client, schema
from tests.waiting import eventually

DAY = 86400


@pytest.fixture(scope="module")
def virtual() -> Iterator[LocalPlatform]:
    """A platform whose clock the tests move."""
    with local_platform(virtual_time=True, seed=1) as running:
        yield running


@pytest.fixture
def dynamodb(virtual: LocalPlatform) -> Client:
    """A client of DynamoDB on that platform."""
    return virtual.client("dynamodb")


@pytest.fixture
def streams(virtual: LocalPlatform) -> Client:
    """A client of DynamoDB's streams on that platform."""
    return virtual.client("dynamodbstreams")


def make(dynamodb: Client, name: str, view: str = "NEW_AND_OLD_IMAGES") -> str:
    made = dynamodb.create_table(
        TableName=name,
        KeySchema=schema("pk"),
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
    )
    return str(made["TableDescription"]["LatestStreamArn"])


def put(dynamodb: Client, name: str, key: str, **more: Any) -> None:  # Any: attribute values
    dynamodb.put_item(TableName=name, Item={"pk": {"S": key}, **more})


def iterator(streams: Client, arn: str, kind: str = "TRIM_HORIZON", **more: str) -> str:
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    asked = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": kind, **more}
    return str(streams.get_shard_iterator(**asked)["ShardIterator"])


def records(streams: Client, at: str) -> list[Any]:  # Any: records
    return list(streams.get_records(ShardIterator=at)["Records"])


def code_of(call: Any, **parameters: Any) -> str:  # Any: a method of a client, and what it takes
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return str(raised.value.response["Error"]["Code"])


def test_every_change_is_a_record_with_its_images(dynamodb: Client, streams: Client) -> None:
    arn = make(dynamodb, "changes")
    latest = iterator(streams, arn, "LATEST")
    key = {"pk": {"S": "a"}}
    put(dynamodb, "changes", "a", n={"N": "1"}, raw={"B": b"\x01"})
    put(dynamodb, "changes", "a", n={"N": "1"}, raw={"B": b"\x01"})  # changes nothing, and is no record
    dynamodb.update_item(
        TableName="changes", Key=key, UpdateExpression="ADD n :n", ExpressionAttributeValues={":n": {"N": "1"}}
    )
    dynamodb.delete_item(TableName="changes", Key=key)
    found = records(streams, latest)
    assert [each["eventName"] for each in found] == ["INSERT", "MODIFY", "REMOVE"]
    images = [(each["dynamodb"].get("OldImage"), each["dynamodb"].get("NewImage")) for each in found]
    first, second = ({**key, "n": {"N": n}, "raw": {"B": b"\x01"}} for n in ("1", "2"))
    assert images == [(None, first), (first, second), (second, None)]
    numbers = [each["dynamodb"]["SequenceNumber"] for each in found]
    assert numbers == sorted(numbers)
    assert all(each["dynamodb"]["Keys"] == key and each["eventSource"] == "aws:dynamodb" for each in found)
    for kind, expected in (("AT_SEQUENCE_NUMBER", 2), ("AFTER_SEQUENCE_NUMBER", 1)):
        at = iterator(streams, arn, kind, SequenceNumber=numbers[1])
        assert len(records(streams, at)) == expected


@pytest.mark.parametrize(
    ("view", "images"),
    [("KEYS_ONLY", set()), ("NEW_IMAGE", {"NewImage"}), ("OLD_IMAGE", {"OldImage"})],
)
def test_a_record_holds_the_images_of_its_view(dynamodb: Client, streams: Client, view: str, images: set[str]) -> None:
    arn = make(dynamodb, f"view-{view}", view)
    put(dynamodb, f"view-{view}", "a", n={"N": "1"})
    put(dynamodb, f"view-{view}", "a", n={"N": "2"})
    last = records(streams, iterator(streams, arn))[-1]["dynamodb"]
    assert last.keys() & {"NewImage", "OldImage"} == images
    assert last["StreamViewType"] == view


def test_a_reader_follows_a_stream_to_its_end(dynamodb: Client, streams: Client) -> None:
    arn = make(dynamodb, "followed")
    at = iterator(streams, arn)
    for name in ("a", "b", "c"):
        put(dynamodb, "followed", name)
    page = streams.get_records(ShardIterator=at, Limit=2)
    assert len(page["Records"]) == 2
    dynamodb.update_table(TableName="followed", StreamSpecification={"StreamEnabled": False})
    put(dynamodb, "followed", "unseen")
    described = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert described["StreamStatus"] == "DISABLED"
    assert "EndingSequenceNumber" in described["Shards"][0]["SequenceNumberRange"]
    page = streams.get_records(ShardIterator=page["NextShardIterator"])
    assert [each["dynamodb"]["Keys"]["pk"]["S"] for each in page["Records"]] == ["c"]
    page = streams.get_records(ShardIterator=page["NextShardIterator"])
    assert (page["Records"], "NextShardIterator" in page) == ([], False)
    enable = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    again = dynamodb.update_table(TableName="followed", StreamSpecification=enable)["TableDescription"]
    assert again["LatestStreamArn"] != arn
    assert len(streams.list_streams(TableName="followed")["Streams"]) == 2


def test_streams_forget_after_a_day_and_iterators_after_a_quarter_of_an_hour(
    virtual: LocalPlatform, dynamodb: Client, streams: Client
) -> None:
    arn = make(dynamodb, "old")
    put(dynamodb, "old", "a")
    start = iterator(streams, arn)
    (first,) = records(streams, start)
    virtual.clock.advance(16 * 60)
    assert code_of(streams.get_records, ShardIterator=start) == "ExpiredIteratorException"
    virtual.clock.advance(DAY)
    put(dynamodb, "old", "b")
    assert [each["dynamodb"]["Keys"]["pk"]["S"] for each in records(streams, iterator(streams, arn))] == ["b"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    told = code_of(
        streams.get_shard_iterator,
        StreamArn=arn,
        ShardId=shard,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=first["dynamodb"]["SequenceNumber"],
    )
    assert told == "TrimmedDataAccessException"
    dynamodb.delete_table(TableName="old")
    assert streams.describe_stream(StreamArn=arn)["StreamDescription"]["StreamStatus"] == "DISABLED"
    virtual.clock.advance(DAY + 3600)
    assert code_of(streams.describe_stream, StreamArn=arn) == "ResourceNotFoundException"


def test_items_expire_at_their_time_and_their_removal_is_told(
    virtual: LocalPlatform, dynamodb: Client, streams: Client
) -> None:
    arn = make(dynamodb, "expiring")
    now = int(virtual.clock.now())
    put(dynamodb, "expiring", "before", ttl={"N": str(now + 600)})  # written before the attribute means anything
    specification = {"AttributeName": "ttl", "Enabled": True}
    dynamodb.update_time_to_live(TableName="expiring", TimeToLiveSpecification=specification)
    put(dynamodb, "expiring", "soon", ttl={"N": str(now + 600)})
    put(dynamodb, "expiring", "later", ttl={"N": str(now + DAY)})
    put(dynamodb, "expiring", "kept", ttl={"S": "never"})
    put(dynamodb, "expiring", "moved", ttl={"N": str(now + 600)})
    put(dynamodb, "expiring", "moved", ttl={"N": str(now + DAY)})
    put(dynamodb, "expiring", "ancient", ttl={"N": "1"})

    def left() -> set[str]:
        return {item["pk"]["S"] for item in dynamodb.scan(TableName="expiring")["Items"]}

    virtual.clock.advance(500)
    assert left() == {"before", "soon", "later", "kept", "moved", "ancient"}
    virtual.clock.advance(200)
    eventually(lambda: left() == {"later", "kept", "moved", "ancient"})
    removed = [each for each in records(streams, iterator(streams, arn)) if each["eventName"] == "REMOVE"]
    assert {each["dynamodb"]["OldImage"]["pk"]["S"] for each in removed} == {"before", "soon"}
    identity = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
    assert all(each["userIdentity"] == identity for each in removed)
