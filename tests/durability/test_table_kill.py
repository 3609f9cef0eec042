"""A platform killed while tables are written: items, indexes and streams hold what was acknowledged, and agree."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from lambent.base.identifiers import SystemIds
from lambent.testing.clients import Clients
from tests.durability.test_platform_kill import keep_writing, platform

Client = Any  # Any: boto3's clients are made at run time
WRITERS = 4


def make_table(tables: Client) -> str:
    """Make a table with an index and a stream; return the stream's ARN."""
    made = tables.create_table(
        TableName="kept",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "of")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-writer",
                "KeySchema": [{"AttributeName": "of", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return str(made["TableDescription"]["LatestStreamArn"])


def write_pair(tables: Client, writer: int, number: int) -> str:
    """Put an item and count it, in one transaction; return the item's key."""
    name = f"{writer}-{number}"
    count = {
        "TableName": "kept",
        "Key": {"pk": {"S": f"count-{writer}"}},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    item = {"pk": {"S": name}, "of": {"S": str(writer)}}
    tables.transact_write_items(TransactItems=[{"Put": {"TableName": "kept", "Item": item}}, {"Update": count}])
    return name


def records_of(streams: Client, arn: str) -> list[Any]:  # Any: records
    """Return every record of a stream."""
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    asked = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    at, found = streams.get_shard_iterator(**asked)["ShardIterator"], list[Any]()  # Any: as boto3 and the API have it
    while page := streams.get_records(ShardIterator=at):
        if not page["Records"]:
            break
        found += page["Records"]
        at = page["NextShardIterator"]
    return found


@pytest.mark.timeout(90)
def test_a_killed_platform_keeps_items_indexes_and_streams_in_step(tmp_path: Path, free_port: int) -> None:
    acknowledged: list[list[str]] = [[] for _ in range(WRITERS)]
    with platform(tmp_path / "data", free_port) as child:
        clients, stopped = Clients(f"http://127.0.0.1:{free_port}"), threading.Event()
        tables = clients.get("dynamodb")
        arn = make_table(tables)
        threads = [
            threading.Thread(
                target=keep_writing,
                args=(lambda number, writer=writer: write_pair(tables, writer, number), names, stopped),
            )
            for writer, names in enumerate(acknowledged)
        ]
        for thread in threads:
            thread.start()
        stopped.wait(0.5 + SystemIds().fraction())
        child.send_signal(signal.SIGKILL)
        child.wait()
        stopped.set()
        for thread in threads:
            thread.join()
        clients.close()
    assert all(acknowledged)
    with platform(tmp_path / "data", free_port):
        clients = Clients(f"http://127.0.0.1:{free_port}")
        tables = clients.get("dynamodb")
        items = {item["pk"]["S"]: item for page in pages(tables) for item in page["Items"]}
        indexed = {item["pk"]["S"] for page in pages(tables, IndexName="by-writer") for item in page["Items"]}
        records = records_of(clients.get("dynamodbstreams"), arn)
        clients.close()
    for writer, names in enumerate(acknowledged):
        of_writer = {name for name in items if name.startswith(f"{writer}-")}
        assert set(names) <= of_writer
        assert items[f"count-{writer}"]["n"]["N"] == str(len(of_writer))
    assert indexed == {name for name in items if not name.startswith("count-")}
    inserted = [each["dynamodb"]["Keys"]["pk"]["S"] for each in records if each["eventName"] == "INSERT"]
    assert sorted(inserted) == sorted(items)


def pages(tables: Client, **more: str) -> Any:  # Any: pages of a scan
    """Return the pages of a scan."""
    return tables.get_paginator("scan").paginate(TableName="kept", **more)
