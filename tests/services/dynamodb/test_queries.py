"""Queries and scans: order, ranges, pages, filters, indexes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr, Key

from tests.services.dynamodb.conftest import Client, MakeTable, index
from tests.services.dynamodb.test_items import refusal


@pytest.fixture
def numbers(table: Any) -> Any:  # Any: a boto3 Table
    with table.batch_writer() as batch:
        for number in ("-10", "-2.5", "-2", "0", "0.1", "3", "20", "1e20"):
            batch.put_item(Item={"pk": "a", "sk": Decimal(number), "even": Decimal(number) % 2 == 0})
        batch.put_item(Item={"pk": "b", "sk": 1})
    return table


def sort_keys(answer: Any) -> list[float]:  # Any: a result
    return [float(item["sk"]) for item in answer["Items"]]


def test_a_query_returns_a_range_of_a_partition_in_its_order(numbers: Any) -> None:  # Any: a boto3 Table
    whole = Key("pk").eq("a")
    everything = [-10.0, -2.5, -2.0, 0.0, 0.1, 3.0, 20.0, 1e20]
    assert sort_keys(numbers.query(KeyConditionExpression=whole)) == everything
    assert sort_keys(numbers.query(KeyConditionExpression=whole, ScanIndexForward=False)) == everything[::-1]
    for condition, expected in (
        (Key("sk").between(Decimal("-2.5"), 3), everything[1:6]),
        (Key("sk").gt(0), everything[4:]),
        (Key("sk").gte(0), everything[3:]),
        (Key("sk").lt(-2), everything[:2]),
        (Key("sk").lte(-2), everything[:3]),
        (Key("sk").eq(20), [20.0]),
    ):
        assert sort_keys(numbers.query(KeyConditionExpression=whole & condition)) == expected


def test_pages_join_without_gap_or_repetition_in_both_directions(numbers: Any) -> None:  # Any: a boto3 Table
    for forward in (True, False):
        asked = {"KeyConditionExpression": Key("pk").eq("a"), "ScanIndexForward": forward, "Limit": 3}
        pages = [numbers.query(**asked)]
        while "LastEvaluatedKey" in pages[-1]:
            pages.append(numbers.query(**asked, ExclusiveStartKey=pages[-1]["LastEvaluatedKey"]))
        assert [len(page["Items"]) for page in pages] == [3, 3, 2]
        joined = [number for page in pages for number in sort_keys(page)]
        assert joined == sorted(joined, reverse=not forward)
        assert len(set(joined)) == 8


def test_a_page_ends_at_one_megabyte(table: Any) -> None:  # Any: a boto3 Table
    with table.batch_writer() as batch:
        for number in range(4):
            batch.put_item(Item={"pk": "a", "sk": number, "x": "y" * 300_000})
    page = table.query(KeyConditionExpression=Key("pk").eq("a"), ReturnConsumedCapacity="TOTAL")
    assert (page["Count"], page["LastEvaluatedKey"]) == (4, {"pk": "a", "sk": 3})
    assert page["ConsumedCapacity"]["CapacityUnits"] == 146.5
    with table.batch_writer() as batch:
        batch.put_item(Item={"pk": "a", "sk": 4, "x": "y" * 300_000})
    page = table.query(KeyConditionExpression=Key("pk").eq("a"))
    assert (page["Count"], page["LastEvaluatedKey"]) == (4, {"pk": "a", "sk": 3})


def test_filters_count_what_they_leave_out(numbers: Any) -> None:  # Any: a boto3 Table
    found = numbers.query(
        KeyConditionExpression=Key("pk").eq("a"), FilterExpression=Attr("even").eq(value=True), Limit=4
    )
    assert (found["Count"], found["ScannedCount"], sort_keys(found)) == (3, 4, [-10.0, -2.0, 0.0])
    counted = numbers.scan(FilterExpression=Attr("even").exists(), Select="COUNT")
    assert (counted["Count"], counted["ScannedCount"], "Items" in counted) == (8, 9, False)


def test_segments_of_a_scan_hold_every_item_once(table: Any) -> None:  # Any: a boto3 Table
    with table.batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"pk": f"p{number}", "sk": 0})
    found: list[str] = []
    for segment in range(7):
        asked: dict[str, Any] = {"Segment": segment, "TotalSegments": 7, "Limit": 5}  # Any: as scan takes
        while True:
            page = table.scan(**asked)
            found += [item["pk"] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    assert sorted(found) == sorted(f"p{number}" for number in range(60))


def test_projections_keep_the_shape_of_what_they_take(table: Any) -> None:  # Any: a boto3 Table
    table.put_item(Item={"pk": "a", "sk": 1, "m": {"x": 1, "y": {"z": 2}}, "l": [{"k": 1}, {"k": 2}, 3], "size": 5})
    (found,) = table.scan(ProjectionExpression="m.y, l[2], l[0].k, #s, gone", ExpressionAttributeNames={"#s": "size"})[
        "Items"
    ]
    assert found == {"m": {"y": {"z": 2}}, "l": [{"k": 1}, 3], "size": 5}


def test_indexes_hold_the_items_that_have_their_keys(dynamodb: Client, make_table: MakeTable) -> None:
    make_table(
        more="g:S n:N",
        GlobalSecondaryIndexes=[index("by_g", "g", "n", projection="INCLUDE", NonKeyAttributes=["shown"])],
        LocalSecondaryIndexes=[index("by_n", "pk", "n", projection="KEYS_ONLY")],
    )
    for number in range(6):
        item = {"pk": {"S": f"p{number % 2}"}, "sk": {"N": str(number)}, "hidden": {"S": "h"}, "shown": {"S": "s"}}
        if number != 3:
            item |= {"g": {"S": "g"}, "n": {"N": str(-number // 2)}}
        dynamodb.put_item(TableName="tab", Item=item)

    def queried(name: str, key: str, value: str, **more: Any) -> Any:  # Any: as query takes and answers
        return dynamodb.query(
            TableName="tab",
            IndexName=name,
            KeyConditionExpression=f"{key} = :v",
            ExpressionAttributeValues={":v": {"S": value}},
            **more,
        )

    found = queried("by_g", "g", "g")["Items"]
    assert [item["n"]["N"] for item in found] == ["-3", "-2", "-1", "-1", "0"]
    assert all(item.keys() == {"pk", "sk", "g", "n", "shown"} for item in found)
    seen: list[str] = []
    start: dict[str, Any] = {}  # Any: as query takes
    while True:
        page = queried("by_g", "g", "g", Limit=2, **start)
        seen += [item["sk"]["N"] for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            break
        assert page["LastEvaluatedKey"].keys() == {"pk", "sk", "g", "n"}
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert sorted(seen) == ["0", "1", "2", "4", "5"]
    local = queried("by_n", "pk", "p0", Select="ALL_ATTRIBUTES", ConsistentRead=True)["Items"]
    assert [(item["n"]["N"], item["hidden"]["S"]) for item in local] == [("-2", "h"), ("-1", "h"), ("0", "h")]
    dynamodb.update_item(TableName="tab", Key={"pk": {"S": "p0"}, "sk": {"N": "0"}}, UpdateExpression="REMOVE g")
    assert dynamodb.scan(TableName="tab", IndexName="by_g")["Count"] == 4
    assert dynamodb.scan(TableName="tab", IndexName="by_n")["Count"] == 5


ONE = {":v": {"S": "a"}}
TWO = {**ONE, ":w": {"N": "1"}}
REFUSED: list[tuple[str, dict[str, Any], str]] = [  # Any: as query takes
    (
        "sk = :w",
        {"ExpressionAttributeValues": {":w": {"N": "1"}}},
        "Query condition missed key schema element: pk",
    ),
    ("pk > :v", {}, "Query key condition not supported"),
    ("pk = :v AND x = :w", {"ExpressionAttributeValues": TWO}, "Query condition missed key schema element: sk"),
    ("pk = :v OR sk = :w", {"ExpressionAttributeValues": TWO}, "Invalid operator used in KeyConditionExpression: OR"),
    (
        "pk = :v AND sk = :v",
        {},
        "One or more parameter values were invalid: Condition parameter type does not match schema type",
    ),
    (
        "g = :v",
        {"IndexName": "by_g", "ConsistentRead": True},
        "Consistent reads are not supported on global secondary indexes",
    ),
    ("g = :v", {"IndexName": "nope"}, "The table does not have the specified index: nope"),
    (
        "g = :v",
        {"IndexName": "by_g", "Select": "ALL_ATTRIBUTES"},
        (
            "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global "
            "secondary index by_g because its projection type is not ALL"
        ),
    ),
    (
        "pk = :v",
        {"FilterExpression": "sk = :v"},
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk",
    ),
    (
        "pk = :v",
        {"ExclusiveStartKey": {"pk": {"S": "b"}, "sk": {"N": "1"}}},
        "The provided starting key is outside query boundaries based on provided conditions",
    ),
    (
        "pk = :v",
        {"ExclusiveStartKey": {"pk": {"S": "a"}}},
        "The provided starting key is invalid: The provided key element does not match the schema",
    ),
    (
        "pk = :v",
        {"FilterExpression": "x BETWEEN :w AND :z", "ExpressionAttributeValues": {**TWO, ":z": {"N": "0"}}},
        (
            "Invalid FilterExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower "
            "bound; lower bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {N:0}"
        ),
    ),
]


def test_queries_are_refused_in_the_words_of_aws(dynamodb: Client, make_table: MakeTable) -> None:
    make_table(more="g:S", GlobalSecondaryIndexes=[index("by_g", "g", projection="KEYS_ONLY")])
    for condition, more, words in REFUSED:
        asked = {"KeyConditionExpression": condition, "ExpressionAttributeValues": ONE, **more}
        assert refusal(dynamodb.query, TableName="tab", **asked) == f"ValidationException: {words}", condition
