"""Filter policies of SNS: what they take, what SNS takes for one, and its texts of refusal as recorded."""

from __future__ import annotations

import json

import pytest

from lambent.aws.filter_policy import FilterPolicyError, parse_filter_policy

ODD = "Unexpected character ('i' (code 105)): was expecting double-quote to start field name"
STRING, NUMBER, ARRAY, BINARY = "String", "Number", "String.Array", "Binary"


@pytest.mark.parametrize(
    ("policy", "kind", "value", "is_taken"),
    [
        (["a", "b"], STRING, "b", True),
        (["a"], STRING, "A", False),
        (["a"], ARRAY, '["x", "a"]', True),
        (["a"], ARRAY, '["x"]', False),
        ([True], ARRAY, "[true]", True),
        ([None], ARRAY, "[null]", True),
        (["["], ARRAY, "[", True),
        ([5], NUMBER, "5.0", True),
        ([5], STRING, "5", False),
        (["5"], NUMBER, "5", False),
        ([{"numeric": [">", 0, "<=", 100]}], NUMBER, "100", True),
        ([{"numeric": [">", 0, "<=", 100]}], NUMBER, "100.01", False),
        ([{"numeric": ["=", 1.5]}], NUMBER, "1.50", True),
        ([{"prefix": "ba"}], STRING, "ball", True),
        ([{"suffix": "ll"}], STRING, "ball", True),
        ([{"equals-ignore-case": "Ball"}], STRING, "bALL", True),
        ([{"wildcard": "b*l"}], STRING, "ball", True),
        ([{"anything-but": "a"}], STRING, "b", True),
        ([{"anything-but": ["a", "b"]}], STRING, "b", False),
        ([{"anything-but": [1, 2]}], NUMBER, "3", True),
        ([{"anything-but": {"prefix": "order-"}}], STRING, "order-1", False),
        ([{"anything-but": {"suffix": "-x"}}], STRING, "a-y", True),
        ([{"anything-but": {"wildcard": "a*c"}}], STRING, "abc", False),
        ([{"exists": True}], STRING, "x", True),
        ([{"exists": False}], STRING, "x", False),
        ([{"cidr": "10.0.0.0/24"}], STRING, "10.0.0.7", True),
        ([{"cidr": "10.0.0.0/24"}], STRING, "10.0.1.7", False),
        (["a"], BINARY, "a", False),
    ],
)
def test_attributes_are_taken_by_their_type(policy: list[object], kind: str, value: str, is_taken: bool) -> None:  # noqa: FBT001 - a table's column
    parsed = parse_filter_policy(json.dumps({"key": policy}), nested=False)
    assert parsed.takes_attributes({"key": {"DataType": kind, "StringValue": value}}) is is_taken


def test_every_key_must_fit_and_an_absent_one_only_where_that_is_asked() -> None:
    both = parse_filter_policy('{"a": ["1"], "b": [{"exists": false}]}', nested=False)
    one = {"DataType": STRING, "StringValue": "1"}
    assert both.takes_attributes({"a": one})
    assert not both.takes_attributes({"a": one, "b": one})
    assert not both.takes_attributes({})


def test_either_of_two_fits() -> None:
    either = parse_filter_policy('{"$or": [{"a": ["1"]}, {"b": ["1"]}], "c": ["1"]}', nested=False)
    one = {"DataType": STRING, "StringValue": "1"}
    assert either.takes_attributes({"b": one, "c": one})
    assert not either.takes_attributes({"a": one, "b": one})


@pytest.mark.parametrize(
    ("policy", "body", "is_taken"),
    [
        ({"a": {"b": [1]}}, {"a": {"b": 1}}, True),
        ({"a": {"b": [1]}}, {"a": [{"b": 2}, {"b": 1}]}, True),
        ({"a": {"b": [1], "c": [2]}}, {"a": [{"b": 1}, {"c": 2}]}, False),
        ({"a": [{"anything-but": ["x"]}]}, {"b": 1}, False),
        ({"a": [{"exists": False}]}, {"b": 1}, True),
        ({"a": [None]}, {"a": None}, True),
    ],
)
def test_bodies_are_looked_into(policy: object, body: object, is_taken: bool) -> None:  # noqa: FBT001 - a table's column
    assert parse_filter_policy(json.dumps(policy), nested=True).takes_body(json.dumps(body)) is is_taken


@pytest.mark.parametrize("body", ["text", "[]", "1", ""])
def test_what_is_no_json_object_is_not_taken(body: str) -> None:
    assert not parse_filter_policy('{"a": [{"exists": false}]}', nested=True).takes_body(body)


@pytest.mark.parametrize(
    ("policy", "reason", "column"),
    [
        ('{"key":[["value"]]}', "Match value must be String, number, true, false, or null", 10),
        ('{"key":[{"wrong-operator":true}]}', "Unrecognized match type wrong-operator", 31),
        ('{"key":[{"suffix":"value","prefix":"value2"}]}', "Only one key allowed in match expression", 37),
        ('{"key":[{"suffix":100}]}', "suffix match pattern must be a string", 22),
        ('{"key":{"suffix":"value"}}', '"suffix" must be an object or an array', 19),
        ('{"key":[{"numeric":[]}]}', "Invalid member in numeric match: ]", 22),
        ('{"key":[{"numeric":[1,"<="]}]}', "Invalid member in numeric match: 1", 22),
        ('{"key":[{"numeric":["=","000"]}]}', "Value of equals must be numeric", 26),
        ('{"key":[{"numeric":["<",100,">",10]}]}', "Too many elements in numeric expression", 30),
        ('{"key":[{"numeric":[">=",1,">",2]}]}', "Bad numeric range operator: >", 31),
        ('{"key":[{"numeric":[">",3,"<",1]}]}', "Bottom must be less than top", 33),
        ('{"key":[{"numeric":[">",20,"<",30,"<",50]}]}', "Too many terms in numeric range expression", 36),
        ('{"key":[{"exists":"no"}]}', "exists match pattern must be either true or false.", 20),
        ('{"key_a":"value_one"}', '"key_a" must be an object or an array', 11),
        ("{invalidjson}",
         f"failed to parse JSON. {ODD}", 2),
    ],
)  # fmt: skip
def test_refusals_name_reason_and_place_as_recorded(policy: str, reason: str, column: int) -> None:
    with pytest.raises(FilterPolicyError) as refused:
        parse_filter_policy(policy, nested=False)
    place = f"[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: {column}]"
    assert str(refused.value) == f"FilterPolicy: {reason}\n at {place}"


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({f"k{n}": ["a"] for n in range(6)}, "FilterPolicy: Filter policy can not have more than 5 keys"),
        ({"a": [f"v{n}" for n in range(151)]}, "FilterPolicy: Filter policy is too complex"),
        ({"a": {"b": ["v"] * 4, "c": {"d": ["v"] * 7}}}, "FilterPolicy: Filter policy is too complex"),
        ({"$or": [{"a": ["v"] * 76}, {"b": ["v"] * 75}]}, "FilterPolicy: Filter policy is too complex"),
    ],
)
def test_a_policy_has_its_limits(policy: object, reason: str) -> None:
    with pytest.raises(FilterPolicyError) as refused:
        parse_filter_policy(json.dumps(policy), nested=True)
    assert str(refused.value) == reason


def test_nested_policies_are_for_bodies() -> None:
    with pytest.raises(FilterPolicyError, match="does not support nested filter policy"):
        parse_filter_policy('{"a": {"b": ["c"]}}', nested=False)
