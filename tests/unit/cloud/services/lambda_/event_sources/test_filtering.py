"""Which records pass a mapping's filters.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
"""

from __future__ import annotations

import base64
import json

import pytest

from lambent.cloud.services.lambda_.event_sources.filtering import Filters, filters_of


@pytest.mark.parametrize(
    ("pattern", "body", "passes"),
    [
        ({"body": {"a": ["b"]}}, '{"a": "b"}', True),
        ({"body": {"a": ["b"]}}, '{"a": "c"}', False),
        ({"body": {"a": [{"numeric": [">", 100]}]}}, '{"a": 105}', True),
        ({"body": {"a": [{"numeric": [">", 100]}]}}, "this is a test string", False),
        ({"body": {"a": [{"exists": True}]}}, '{"a": "7411"}', True),
        ({"body": ["plain"]}, "plain", True),
        ({"body": [{"prefix": "pl"}]}, "plain", True),
        ({"body": ["plain"]}, '{"a": "plain"}', False),
        ({"messageId": ["m"]}, "whatever", True),
        ({"messageId": ["other"]}, "whatever", False),
    ],
)
def test_messages_are_compared_in_the_form_of_the_pattern(pattern: object, body: str, *, passes: bool) -> None:
    filters = Filters([json.dumps(pattern)])
    assert filters.match_message({"messageId": "m", "body": body}) is passes


def test_one_filter_of_several_is_enough_and_none_lets_all_through() -> None:
    of = {"FilterCriteria": {"Filters": [{"Pattern": '{"body": ["a"]}'}, {"Pattern": '{"body": ["b"]}'}]}}
    filters = filters_of(of)
    assert [filters.match_message({"body": body}) for body in ("a", "b", "c")] == [True, True, False]
    assert filters_of({}).match_message({"body": "c"})


def test_data_of_a_stream_is_compared_as_what_it_encodes() -> None:
    filters = Filters(['{"data": {"city": ["Berlin"]}, "partitionKey": ["p"]}'])

    def passes(data: bytes, key: str = "p") -> bool:
        about = {"partitionKey": key, "data": base64.b64encode(data).decode()}
        return filters.match_data({"eventID": "e", "kinesis": about})

    assert passes(b'{"city": "Berlin"}')
    assert not passes(b'{"city": "Berlin"}', "q")
    assert not passes(b'{"city": "Bonn"}')
    assert not passes(b"\xff\xfe")


def test_changes_of_a_table_are_compared_as_they_are() -> None:
    filters = Filters(['{"eventName": ["INSERT"], "dynamodb": {"NewImage": {"id": {"S": [{"prefix": "a"}]}}}}'])
    change = {"eventName": "INSERT", "dynamodb": {"NewImage": {"id": {"S": "abc"}}}}
    assert filters.match_change(change)
    assert not filters.match_change({**change, "eventName": "MODIFY"})
