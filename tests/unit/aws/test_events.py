"""Events hold together: what one part of them says of another is so, and options take the place of defaults."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer

from lambent.aws.arn import Arn
from lambent.aws.events.catalogue import KINDS, find
from lambent.aws.events.kind import Kind
from lambent.base.identifiers import SeededIds

_NOW = 1_767_225_600.5


def made(source: str, name: str, seed: int = 1, **given: str) -> Any:  # Any: a JSON value
    """Return an event."""
    kind = find(source, name)
    assert kind is not None
    return kind.event({key.replace("_", "-"): value for key, value in given.items()}, SeededIds(seed), _NOW)


def _texts(value: Any) -> list[str]:  # Any: a JSON value
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.source}-{kind.name}")
def test_an_event_is_the_same_for_a_seed_and_another_for_another_region(kind: Kind) -> None:
    first, again = (kind.event({}, SeededIds(7), _NOW) for _ in range(2))
    assert first == again
    assert json.loads(json.dumps(first)) == first
    elsewhere = kind.event({"region": "eu-west-1", "account": "123456789012"}, SeededIds(7), _NOW)
    arns = [Arn.parse(text) for text in _texts(elsewhere) if text.startswith("arn:aws:")]
    assert {arn.region for arn in arns} <= {"eu-west-1", ""}
    assert {arn.account for arn in arns} <= {"123456789012", ""}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.source}-{kind.name}")
def test_every_field_has_an_effect(kind: Kind) -> None:
    usual = kind.event({}, SeededIds(7), _NOW)
    numbers = {"size", "count", "partition", "offset"}
    for name, default in kind.fields.items():
        other = "5" if name in numbers else '{"other": 1}' if default.startswith("{") else f"{default}other"
        assert kind.event({name: other}, SeededIds(7), _NOW) != usual, name


def test_an_objects_key_is_encoded_as_in_a_form() -> None:
    record = made("s3", "put", bucket="raw", key="a/b c+d.csv", region="eu-west-1")["Records"][0]
    assert (record["s3"]["object"]["key"], record["s3"]["bucket"]["arn"]) == ("a/b+c%2Bd.csv", "arn:aws:s3:::raw")
    assert (record["awsRegion"], record["eventTime"]) == ("eu-west-1", "2026-01-01T00:00:00.500Z")
    assert "size" not in made("s3", "delete")["Records"][0]["s3"]["object"]


def test_a_batch_of_messages_has_as_many_as_asked_for_and_their_digests() -> None:
    records = made("sqs", "message", body="hello", count="3")["Records"]
    assert len({one["messageId"] for one in records}) == 3
    assert records[0]["md5OfBody"] == hashlib.md5(b"hello", usedforsecurity=False).hexdigest()
    assert made("sqs", "fifo")["Records"][0]["attributes"]["MessageGroupId"] == "group-1"


def test_items_are_written_as_dynamodb_writes_them() -> None:
    item = {"Id": 1, "tags": ["a", {"deep": None}], "on": True}
    told = made("dynamodb", "modify", item=json.dumps(item), old_item='{"Id": 1, "on": false}')["Records"][0][
        "dynamodb"
    ]
    read = TypeDeserializer().deserialize
    assert {name: read(one) for name, one in told["NewImage"].items()} == item
    assert read(told["OldImage"]["on"]) is False
    assert told["Keys"] == {"Id": {"N": "1"}}
    assert "OldImage" not in made("dynamodb", "insert")["Records"][0]["dynamodb"]


def test_a_subscriptions_data_can_be_unpacked() -> None:
    packed = made("logs", "subscription", message="oh no", log_group="/aws/lambda/f")["awslogs"]["data"]
    told = json.loads(gzip.decompress(base64.b64decode(packed)))
    assert (told["messageType"], told["logGroup"]) == ("DATA_MESSAGE", "/aws/lambda/f")
    assert told["logEvents"][0]["message"] == "oh no"


def test_a_request_of_both_formats_tells_the_same_query() -> None:
    first = made("apigateway", "rest", path="/orders/1", query="a=1&a=2&b=%20")
    second = made("apigateway", "http", path="/orders/1", query="a=1&a=2&b=%20", method="POST", body="{}")
    assert first["queryStringParameters"] == {"a": "2", "b": " "}
    assert first["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [" "]}
    assert second["queryStringParameters"] == {"a": "1,2", "b": " "}
    assert (second["routeKey"], second["body"]) == ("POST /orders/1", "{}")
    assert second["requestContext"]["time"] == "01/Jan/2026:00:00:00 +0000"
    assert made("url", "request")["requestContext"]["stage"] == "$default"


def test_an_authorizer_is_asked_about_the_method() -> None:
    told = made("authorizer", "token", method="GET", path="/orders", token="Bearer x")
    assert told["methodArn"].endswith("/prod/GET/orders")
    assert (told["type"], told["authorizationToken"]) == ("TOKEN", "Bearer x")
    assert "body" not in made("authorizer", "http")


def test_a_custom_resource_is_told_what_it_was() -> None:
    told = made("cloudformation", "update", properties='{"Size": "2"}', old_properties='{"Size": "1"}')
    assert (told["ResourceProperties"]["Size"], told["OldResourceProperties"]["Size"]) == ("2", "1")
    assert "PhysicalResourceId" not in made("cloudformation", "create")
