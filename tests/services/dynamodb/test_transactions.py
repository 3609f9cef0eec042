"""Batches and transactions."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.services.dynamodb.conftest import Client, MakeTable
from tests.services.dynamodb.test_items import refusal

Item = dict[str, Any]  # Any: attribute values


def item(name: str, **more: Any) -> Item:  # Any: attribute values
    return {"pk": {"S": name}, **more}


def put(name: str, **more: Any) -> dict[str, Any]:  # Any: an action of a transaction
    return {"Put": {"TableName": "tab", "Item": item(name, **more)}}


@pytest.fixture(autouse=True)
def _table(make_table: MakeTable) -> None:
    make_table(key="pk:S")


def test_a_batch_writes_and_reads_several_tables(dynamodb: Client, make_table: MakeTable) -> None:
    make_table("other", key="id:N")
    dynamodb.put_item(TableName="tab", Item=item("old"))
    answer = dynamodb.batch_write_item(
        RequestItems={
            "tab": [{"PutRequest": {"Item": item("a")}}, {"DeleteRequest": {"Key": item("old")}}],
            "other": [{"PutRequest": {"Item": {"id": {"N": "1"}, "x": {"S": "y"}}}}],
        },
        ReturnConsumedCapacity="TOTAL",
    )
    assert answer["UnprocessedItems"] == {}
    assert {each["TableName"]: each["CapacityUnits"] for each in answer["ConsumedCapacity"]} == {
        "tab": 2.0,
        "other": 1.0,
    }
    found = dynamodb.batch_get_item(
        RequestItems={
            "tab": {"Keys": [item("a"), item("old")]},
            "other": {"Keys": [{"id": {"N": "1"}}], "ProjectionExpression": "x"},
        }
    )
    assert found["Responses"] == {"tab": [item("a")], "other": [{"x": {"S": "y"}}]}
    assert found["UnprocessedKeys"] == {}
    duplicates = "ValidationException: Provided list of item keys contains duplicates"
    assert refusal(dynamodb.batch_get_item, RequestItems={"tab": {"Keys": [item("a"), item("a")]}}) == duplicates
    requests = [{"PutRequest": {"Item": item("a")}}, {"DeleteRequest": {"Key": item("a")}}]
    assert refusal(dynamodb.batch_write_item, RequestItems={"tab": requests}) == duplicates


def test_a_transaction_is_carried_out_whole(dynamodb: Client) -> None:
    dynamodb.put_item(TableName="tab", Item=item("gone"))
    dynamodb.put_item(TableName="tab", Item=item("seen", n={"N": "1"}))
    dynamodb.transact_write_items(
        TransactItems=[
            put("new"),
            {"Delete": {"TableName": "tab", "Key": item("gone")}},
            {
                "Update": {
                    "TableName": "tab",
                    "Key": item("counter"),
                    "UpdateExpression": "ADD n :one",
                    "ExpressionAttributeValues": {":one": {"N": "1"}},
                }
            },
            {"ConditionCheck": {"TableName": "tab", "Key": item("seen"), "ConditionExpression": "attribute_exists(n)"}},
        ]
    )
    got = dynamodb.transact_get_items(
        TransactItems=[{"Get": {"TableName": "tab", "Key": item(name)}} for name in ("new", "gone", "counter", "seen")],
        ReturnConsumedCapacity="TOTAL",
    )
    assert [each.get("Item") for each in got["Responses"]] == [
        item("new"),
        None,
        item("counter", n={"N": "1"}),
        item("seen", n={"N": "1"}),
    ]
    assert got["ConsumedCapacity"] == [{"TableName": "tab", "CapacityUnits": 8.0, "ReadCapacityUnits": 8.0}]


def test_a_transaction_that_fails_changes_nothing_and_tells_why(dynamodb: Client) -> None:
    dynamodb.put_item(TableName="tab", Item=item("there", n={"N": "1"}))
    with pytest.raises(ClientError) as raised:
        dynamodb.transact_write_items(
            TransactItems=[
                put("new"),
                {
                    "Put": {
                        "TableName": "tab",
                        "Item": item("there"),
                        "ConditionExpression": "attribute_not_exists(pk)",
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                },
                {
                    "Update": {
                        "TableName": "tab",
                        "Key": item("absent"),
                        "UpdateExpression": "SET a = b",
                    }
                },
            ]
        )
    response: Any = raised.value.response  # Any: members of the error's shape
    assert response["Error"]["Code"] == "TransactionCanceledException"
    assert response["Error"]["Message"] == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed, "
        "ValidationError]"
    )
    assert response["CancellationReasons"] == [
        {"Code": "None"},
        {
            "Code": "ConditionalCheckFailed",
            "Message": "The conditional request failed",
            "Item": item("there", n={"N": "1"}),
        },
        {
            "Code": "ValidationError",
            "Message": "The provided expression refers to an attribute that does not exist in the item",
        },
    ]
    assert dynamodb.scan(TableName="tab")["Items"] == [item("there", n={"N": "1"})]


def test_a_token_makes_a_transaction_idempotent(dynamodb: Client) -> None:
    add = {
        "Update": {
            "TableName": "tab",
            "Key": item("c"),
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }
    for _ in range(3):
        dynamodb.transact_write_items(TransactItems=[add], ClientRequestToken="once")
    assert dynamodb.get_item(TableName="tab", Key=item("c"))["Item"]["n"] == {"N": "1"}
    assert refusal(dynamodb.transact_write_items, TransactItems=[put("x")], ClientRequestToken="once").startswith(
        "IdempotentParameterMismatchException"
    )


def test_a_request_takes_no_more_than_its_megabytes(dynamodb: Client) -> None:
    body = {"S": "x" * (399 * 1024)}
    names = [f"large-{number}" for number in range(42)]
    assert "exceeds the maximum of 4 MB" in refusal(
        dynamodb.transact_write_items, TransactItems=[put(name, body=body) for name in names[:11]]
    )
    assert dynamodb.scan(TableName="tab")["Items"] == []
    for some in (names[:21], names[21:]):
        requests = [{"PutRequest": {"Item": item(name, body=body)}} for name in some]
        assert dynamodb.batch_write_item(RequestItems={"tab": requests})["UnprocessedItems"] == {}
    asked = {"tab": {"Keys": [item(name) for name in names], "ProjectionExpression": "pk"}}
    found = dynamodb.batch_get_item(RequestItems=asked)
    assert len(found["Responses"]["tab"]) == 41  # what fits into 16 MB, before the projection
    assert found["UnprocessedKeys"]["tab"] == {**asked["tab"], "Keys": [item(names[41])]}
    keys = [{"Get": {"TableName": "tab", "Key": item(name)}} for name in names[:11]]
    assert "exceeds the maximum of 4 MB" in refusal(dynamodb.transact_get_items, TransactItems=keys)


def test_transactions_are_refused_in_the_words_of_aws(dynamodb: Client) -> None:
    assert refusal(dynamodb.transact_write_items, TransactItems=[put("a"), put("a")]) == (
        "ValidationException: Transaction request cannot include multiple operations on one item"
    )
    both = {**put("a"), "Delete": {"TableName": "tab", "Key": item("b")}}
    assert refusal(dynamodb.transact_write_items, TransactItems=[both]) == (
        "ValidationException: TransactItems can only contain one of Check, Put, Update or Delete"
    )
    many = [put(f"p{number}") for number in range(101)]
    assert "Member must have length less than or equal to 100" in refusal(
        dynamodb.transact_write_items, TransactItems=many
    )
