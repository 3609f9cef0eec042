"""Which patterns filter criteria may have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.cloud.services.lambda_.model.filter_patterns import is_valid_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        '{"body": {"testItem": ["test24", "test45"], "test2": ["go"]}}',
        '{"body": {"test2": [{"exists": true}]}}',
        '{"body": {"test2": [{"numeric": [">=", 100, "<", 200]}]}}',
        '{"body": {"test2": [{"prefix": "us-1"}, {"suffix": "a"}, null, 1.5, true]}}',
        '{"a": [{"anything-but": ["b", "c"]}], "b": [{"anything-but": {"prefix": "x"}}]}',
        '{"a": [{"equals-ignore-case": "B"}], "b": [{"prefix": {"equals-ignore-case": "x"}}]}',
        '{"$or": [{"a": ["b"]}, {"c": ["d"]}]}',
    ],
)
def test_patterns_of_awss_forms_are_valid(pattern: str) -> None:
    assert is_valid_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        None, "", "null", '"simple string"', "{", "{}", '{"eventSource": "aws:sqs"}', '{"eventSource": []}',
        '{"a": {}}', '{"a": [["b"]]}', '{"a": [{}]}', '{"a": [{"wildcard": "b*"}]}', '{"a": [{"numeric": [">"]}]}',
        '{"a": [{"numeric": [">", "1"]}]}', '{"a": [{"exists": "yes"}]}', '{"a": [{"prefix": 1}]}',
        '{"a": [{"anything-but": []}]}', '{"a": [{"anything-but": ["b", 1]}]}', '{"$or": [{"a": ["b"]}]}', '{"a": [{"prefix": "a", "suffix": "b"}]}',
    ],
)  # fmt: skip
def test_other_patterns_are_not(pattern: str | None) -> None:
    assert not is_valid_pattern(pattern)


@given(st.text())
def test_no_text_is_too_odd_for_a_pattern(text: str) -> None:
    assert is_valid_pattern(text) in {True, False}
