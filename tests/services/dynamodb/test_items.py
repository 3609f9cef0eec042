"""Items: what is put comes back, conditions hold where they are written, refusals are AWS's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

from tests.services.dynamodb.conftest import Client, MakeTable, index


def refusal(call: Any, **parameters: Any) -> str:  # Any: a method of a client, and what it takes
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    error = raised.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def test_what_is_set_beyond_the_end_of_a_list_is_added_in_the_order_of_its_places(table: Any) -> None:  # Any: as below
    key = {"pk": "a", "sk": 1}
    table.put_item(Item={**key, "l": ["first"]})
    answer = table.update_item(
        Key=key,
        UpdateExpression="SET l[9] = :nine, l[5] = :five, l[1] = :one",
        ExpressionAttributeValues={":nine": "nine", ":five": "five", ":one": "one"},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"]["l"] == ["first", "one", "five", "nine"]


def test_an_item_of_every_type_comes_back_as_it_was_put(table: Any) -> None:  # Any: a boto3 Table
    item = {
        "pk": "a",
        "sk": Decimal("-1.5"),
        "text": "ü",
        "empty": "",
        "bytes": b"\x00\xff",
        "number": Decimal("123456789012345678901234567890.12345678"),
        "yes": True,
        "nothing": None,
        "list": [1, "x", {"deep": [b"y"]}],
        "map": {},
        "texts": {"a", "b"},
        "numbers": {1, Decimal("2.5")},
        "binaries": {b"1"},
    }
    table.put_item(Item=item)
    assert table.get_item(Key={"pk": "a", "sk": Decimal("-1.50")})["Item"] == item
    assert "Item" not in table.get_item(Key={"pk": "a", "sk": 1})


def test_numbers_are_shown_normalised(dynamodb: Client, make_table: MakeTable) -> None:
    make_table(key="pk:S")
    given = {"1.50E+3": "1500", "-0.0": "0", ".5": "0.5", "1e-130": "0." + "0" * 129 + "1", "007": "7"}
    numbers = {"L": [{"N": each} for each in given]}
    dynamodb.put_item(TableName="tab", Item={"pk": {"S": "n"}, "numbers": numbers})
    found = dynamodb.get_item(TableName="tab", Key={"pk": {"S": "n"}})["Item"]["numbers"]["L"]
    assert [each["N"] for each in found] == list(given.values())
    for number, words in (
        ("1e126", "Number overflow. Attempting to store a number with magnitude larger than supported range"),
        ("1e-131", "Number underflow. Attempting to store a number with magnitude smaller than supported range"),
        ("1" * 39, "Attempting to store more than 38 significant digits in a Number"),
        ("x", "The parameter cannot be converted to a numeric value: x"),
    ):
        told = refusal(dynamodb.put_item, TableName="tab", Item={"pk": {"S": "n"}, "number": {"N": number}})
        assert told == f"ValidationException: {words}"


def test_updates_change_nested_parts_and_give_back_what_is_asked(table: Any) -> None:  # Any: a boto3 Table
    key = {"pk": "a", "sk": 1}
    table.put_item(Item={**key, "list": [1, 2, 3], "map": {"a": 1, "b": 2}, "count": 1, "tags": {"x", "y"}})
    answer = table.update_item(
        Key=key,
        UpdateExpression=(
            "SET #l[1] = :two, #m.c = if_not_exists(#m.c, :one), n = #c + :one, more = list_append(#l, :list)"
            " REMOVE #l[0], #m.a ADD #c :one, fresh :tags DELETE tags :gone"
        ),
        ExpressionAttributeNames={"#l": "list", "#m": "map", "#c": "count"},
        ExpressionAttributeValues={":two": "two", ":one": 1, ":list": [9], ":tags": {"z"}, ":gone": {"x"}},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == {
        **key,
        "list": ["two", 3],
        "map": {"b": 2, "c": 1},
        "count": 2,
        "n": 2,
        "more": [1, 2, 3, 9],
        "tags": {"y"},
        "fresh": {"z"},
    }
    changed = {"UpdateExpression": "SET #m.b = :v", "ExpressionAttributeNames": {"#m": "map"}}
    values = {"ExpressionAttributeValues": {":v": 5}}
    assert table.update_item(Key=key, **changed, **values, ReturnValues="UPDATED_OLD")["Attributes"] == {
        "map": {"b": 2}
    }
    assert table.update_item(Key=key, **changed, **values, ReturnValues="UPDATED_NEW")["Attributes"] == {
        "map": {"b": 5}
    }
    assert table.update_item(Key={"pk": "new", "sk": 1}, ReturnValues="ALL_NEW")["Attributes"] == {"pk": "new", "sk": 1}
    assert table.delete_item(Key={"pk": "new", "sk": 1}, ReturnValues="ALL_OLD")["Attributes"]["pk"] == "new"


UPDATES = {
    "SET a = :v, a.b = :v": "Invalid UpdateExpression: Two document paths overlap with each other; must remove or "
    "rewrite one of these paths; path one: [a], path two: [a, b]",
    "SET a.b = :v, a[0] = :v": "Invalid UpdateExpression: Two document paths conflict with each other; must remove or "
    "rewrite one of these paths; path one: [a, b], path two: [a, [0]]",
    "SET size = :v": "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: size",
    "SET #x = :v": "Invalid UpdateExpression: An expression attribute name used in the document path is not defined; "
    "attribute name: #x",
    "SET a = :w": "Invalid UpdateExpression: An expression attribute value used in expression is not defined; "
    "attribute value: :w",
    "SET a = :v SET b = :v": 'Invalid UpdateExpression: The "SET" section can only be used once in an update '
    "expression;",
    "SET a = ": 'Invalid UpdateExpression: Syntax error; token: "<EOF>", near: "="',
    "SET a = nope(:v)": "Invalid UpdateExpression: Invalid function name; function: nope",
    "ADD a :v": "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand "
    "type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND",
    "SET a = b + :v": "Invalid UpdateExpression: Incorrect operand type for operator or function; operator or "
    "function: +, operand type: S",
    "SET sk = :v": "One or more parameter values were invalid: Cannot update attribute sk. This attribute is part of "
    "the key",
    "SET b.c = :v": "The document path provided in the update expression is invalid for update",
    "SET a = absent, c = :v": "The provided expression refers to an attribute that does not exist in the item",
    "SET a = list_append(b, b), c = :v": "The provided expression refers to an attribute that does not exist in the "
    "item",
    "REMOVE a": "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}",
}


def test_updates_are_refused_in_the_words_of_aws(table: Any) -> None:  # Any: a boto3 Table
    table.put_item(Item={"pk": "a", "sk": 1, "a": "x"})
    values = {":v": "v"}
    found = {
        text: refusal(
            table.update_item, Key={"pk": "a", "sk": 1}, UpdateExpression=text, ExpressionAttributeValues=values
        )
        for text in UPDATES
    }
    assert found == {text: f"ValidationException: {words}" for text, words in UPDATES.items()}


def test_keys_and_items_that_do_not_suit_the_schema_are_refused(table: Any) -> None:  # Any: a boto3 Table
    invalid = "ValidationException: One or more parameter values were invalid:"
    schema = "ValidationException: The provided key element does not match the schema"
    assert refusal(table.get_item, Key={"pk": "a"}) == schema
    assert refusal(table.get_item, Key={"pk": "a", "sk": "1"}) == schema
    assert refusal(table.put_item, Item={"pk": "a"}) == f"{invalid} Missing the key sk in the item"
    assert refusal(table.put_item, Item={"pk": 1, "sk": 1}) == (
        f"{invalid} Type mismatch for key pk expected: S actual: N"
    )
    assert refusal(table.put_item, Item={"pk": "", "sk": 1}) == (
        "ValidationException: One or more parameter values are not valid. The AttributeValue for a key attribute "
        "cannot contain an empty string value. Key: pk"
    )
    assert refusal(table.put_item, Item={"pk": "a", "sk": 1, "x": "y" * 400 * 1024}) == (
        "ValidationException: Item size has exceeded the maximum allowed size"
    )
    assert refusal(table.put_item, Item={"pk": "a" * 2049, "sk": 1}) == (
        f"{invalid} Size of hashkey has exceeded the maximum size limit of2048 bytes"
    )
    client = table.meta.client
    assert refusal(client.get_item, TableName="other", Key={"pk": "a"}) == (
        "ResourceNotFoundException: Requested resource not found"
    )


def test_values_that_are_none_are_refused(dynamodb: Client, make_table: MakeTable) -> None:
    make_table(key="pk:S")
    for value, words in (
        ({}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        ({"SS": []}, "One or more parameter values were invalid: An string set  may not be empty"),
        (
            {"SS": ["a", "a"]},
            "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
        ),
        (
            {"NULL": False},
            "One or more parameter values were invalid: Null attribute value types must have the value of true",
        ),
    ):
        told = refusal(dynamodb.put_item, TableName="tab", Item={"pk": {"S": "a"}, "v": value})
        assert told == f"ValidationException: {words}"


def test_conditions_decide_inside_the_write(table: Any) -> None:  # Any: a boto3 Table
    key = {"pk": "a", "sk": 1}

    def increment(_: int) -> None:
        while True:
            seen = table.get_item(Key=key, ConsistentRead=True)["Item"]["n"]
            try:
                table.update_item(
                    Key=key,
                    UpdateExpression="SET n = :next",
                    ConditionExpression=Attr("n").eq(seen),
                    ExpressionAttributeValues={":next": seen + 1},
                )
            except table.meta.client.exceptions.ConditionalCheckFailedException:
                continue
            return

    table.put_item(Item={**key, "n": 0})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(increment, range(20)))
    assert table.get_item(Key=key)["Item"]["n"] == 20


def test_a_failed_condition_shows_the_item_where_it_is_asked_for(table: Any) -> None:  # Any: a boto3 Table
    item = {"pk": "a", "sk": 1, "state": "paid"}
    table.put_item(Item=item)
    with pytest.raises(ClientError) as raised:
        table.put_item(
            Item=item,
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    response: Any = raised.value.response  # Any: members of the error's shape
    assert response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert response["Error"]["Message"] == "The conditional request failed"
    assert response["Item"]["state"] in ("paid", {"S": "paid"})


def test_capacity_is_counted_as_aws_counts_it(dynamodb: Client, make_table: MakeTable) -> None:
    make_table(more="g:S", GlobalSecondaryIndexes=[index("by_g", "g", projection="KEYS_ONLY")])
    item = {"pk": {"S": "a"}, "sk": {"N": "1"}, "g": {"S": "g"}, "x": {"S": "y" * 5000}}
    put = dynamodb.put_item(TableName="tab", Item=item, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
    assert (put["CapacityUnits"], put["Table"], put["GlobalSecondaryIndexes"]) == (
        6.0,
        {"CapacityUnits": 5.0},
        {"by_g": {"CapacityUnits": 1.0}},
    )
    key = {"pk": item["pk"], "sk": item["sk"]}
    for is_consistent, units in ((True, 2.0), (False, 1.0)):
        got = dynamodb.get_item(TableName="tab", Key=key, ConsistentRead=is_consistent, ReturnConsumedCapacity="TOTAL")
        assert got["ConsumedCapacity"]["CapacityUnits"] == units
    moved = dynamodb.update_item(
        TableName="tab", Key=key, UpdateExpression="SET g = :g", ExpressionAttributeValues={":g": {"S": "h"}},
        ReturnConsumedCapacity="INDEXES",
    )["ConsumedCapacity"]  # fmt: skip
    assert moved["GlobalSecondaryIndexes"] == {"by_g": {"CapacityUnits": 2.0}}


def test_parameters_from_before_expressions_do_what_they_did(dynamodb: Client, make_table: MakeTable) -> None:
    make_table()
    key = {"pk": {"S": "a"}, "sk": {"N": "1"}}
    dynamodb.put_item(TableName="tab", Item=key, Expected={"pk": {"Exists": False}})
    dynamodb.update_item(
        TableName="tab",
        Key=key,
        AttributeUpdates={"n": {"Action": "ADD", "Value": {"N": "2"}}, "x": {"Value": {"S": "y"}}},
        Expected={"n": {"ComparisonOperator": "NULL"}},
    )
    found = dynamodb.query(
        TableName="tab",
        KeyConditions={
            "pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]},
            "sk": {"ComparisonOperator": "GE", "AttributeValueList": [{"N": "1"}]},
        },
        QueryFilter={"x": {"ComparisonOperator": "IN", "AttributeValueList": [{"S": "y"}]}},
        AttributesToGet=["n"],
    )
    assert found["Items"] == [{"n": {"N": "2"}}]
    assert "ConditionalCheckFailedException" in refusal(
        dynamodb.delete_item, TableName="tab", Key=key, Expected={"n": {"Value": {"N": "3"}}}
    )
    assert "Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}" in refusal(
        dynamodb.delete_item,
        TableName="tab",
        Key=key,
        Expected={"n": {"Value": {"N": "3"}}},
        ConditionExpression="attribute_exists(pk)",
    )
