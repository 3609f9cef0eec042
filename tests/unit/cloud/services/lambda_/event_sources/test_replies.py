"""What a function's answer means for the records it was given: the table of AWS's documentation, and what is recorded.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#sqs-batchfailurereporting-syntax
"""

from __future__ import annotations

import json

import pytest

from lambent.cloud.services.lambda_.event_sources.replies import Reply, failed_items, state_of

ITEMS = ["a", "b", "c"]


def failed(answer: object, *, reports: bool = True) -> list[str]:
    payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return sorted(failed_items(Reply("id", payload, "$LATEST"), ITEMS, reports=reports))


@pytest.mark.parametrize(
    "answer",
    [{"batchItemFailures": []}, {"batchItemFailures": None}, {}, None, b"", {"state": {}}],
)
def test_nothing_failed(answer: object) -> None:
    assert failed(answer) == []


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"foo": "a"}]},
        {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
        {"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "unknown"}]},
        {"batchItemFailures": ["a"]},
        {"batchItemFailures": "a"},
        {"batchItemFailures": {}},
        b"no JSON",
        "text",
        3,
    ],
)
def test_the_whole_batch_failed(answer: object) -> None:
    assert failed(answer) == ITEMS


def test_what_is_named_failed() -> None:
    named = {"batchItemFailures": [{"itemIdentifier": "c"}, {"itemIdentifier": "b"}, {"itemIdentifier": "b"}]}
    assert failed(named) == ["b", "c"]


def test_without_reports_only_an_error_of_the_function_fails_a_batch() -> None:
    assert failed({"batchItemFailures": [{"itemIdentifier": "a"}]}, reports=False) == []
    error = Reply("id", b'{"errorMessage": "no"}', "$LATEST", "Unhandled")
    for reports in (True, False):
        assert failed_items(error, ITEMS, reports=reports) == frozenset(ITEMS)


def test_a_window_needs_a_state() -> None:
    assert state_of(Reply("id", b'{"state": {"n": 1}}', "1")) == {"n": 1}
    for payload in (b"{}", b"null", b'{"state": 3}', b"no JSON"):
        assert state_of(Reply("id", payload, "1")) is None
    assert state_of(Reply("id", b'{"state": {}}', "1", "Unhandled")) is None
