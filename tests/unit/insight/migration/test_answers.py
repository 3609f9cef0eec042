"""What is always the same in answers, however deep it lies, and what is not."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pytest

from lambent.insight.migration.answers import (
    Difference,
    differences,
    foreign,
    is_by_clock,
    is_comparable,
    is_measurement,
    learn,
    marks,
    parsed,
    varying,
)


def found(alone: Sequence[object], beside: object) -> list[Difference]:
    return list(differences(learn(alone), beside))


def test_an_answer_as_it_always_is_does_not_differ() -> None:
    assert found([{"n": 1, "items": ["a", {"b": None}]}] * 2, {"n": 1, "items": ["a", {"b": None}]}) == []


def test_what_differs_is_named_by_its_path() -> None:
    alone = [{"user": {"name": "alice"}, "items": [1, 2]}] * 2
    beside = {"user": {"name": "bob"}, "items": [1, 3]}
    assert found(alone, beside) == [Difference(".user.name", '"alice"', '"bob"'), Difference(".items[1]", "2", "3")]


def test_what_varies_by_itself_is_not_compared_and_the_rest_is() -> None:
    alone: list[object] = [{"id": "x1", "n": 1.5, "user": "alice"}, {"id": "y2", "n": 2.5, "user": "alice"}]
    assert found(alone, {"id": "z3", "n": 9.0, "user": "alice"}) == []
    assert [one.path for one in found(alone, {"id": "z3", "n": 9.0, "user": "bob"})] == [".user"]
    assert list(varying(learn(alone))) == [".id", ".n"]


def test_words_of_a_text_vary_apart() -> None:
    alone: list[object] = ["Hello alice, it is 10:00:01", "Hello alice, it is 10:00:02"]
    assert found(alone, "Hello alice, it is 11:30:00") == []
    assert found(alone, "Hello bob, it is 11:30:00") == [
        Difference("the answer", '"Hello alice, it is …"', '"Hello bob, it is 11:30:00"')
    ]


def test_json_inside_a_string_is_compared_by_its_parts() -> None:
    def answer(user: str, at: int) -> object:
        return {"statusCode": 200, "body": json.dumps({"user": user, "at": at})}

    alone = [answer("alice", 1), answer("alice", 2)]
    assert found(alone, answer("alice", 3)) == []
    assert found(alone, answer("bob", 3)) == [Difference(".body.user", '"alice"', '"bob"')]
    assert found(alone, {"statusCode": 200, "body": "oops"}) == [Difference(".body", "JSON", '"oops"')]


def test_items_may_come_in_any_order_where_they_do_alone() -> None:
    alone: list[object] = [["a", "b", "c"], ["c", "a", "b"]]
    assert found(alone, ["b", "c", "a"]) == []
    assert found(alone, ["b", "c", "d"]) == [Difference("the answer", '["a", "b", "c"]', '["b", "c", "d"]')]


def test_members_that_come_and_go_alone_may_be_missing() -> None:
    alone: list[object] = [{"n": 1, "warm": True}, {"n": 1}]
    assert found(alone, {"n": 1}) == []
    assert found(alone, {"n": 1, "more": 2}) == [Difference(".more", "", "2")]
    assert found(alone, {"warm": True}) == [Difference(".n", "1", "")]


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), ("1", 1), (None, "null"), ({}, [])])
def test_values_of_other_types_differ(one: object, other: object) -> None:
    assert len(found([one], other)) == 1


def test_an_answer_that_is_never_the_same_cannot_be_compared() -> None:
    assert not is_comparable(learn([0.1, 0.2]))
    assert not is_comparable(learn([{"a": 1}, {"a": 2}]))
    assert is_comparable(learn([{"a": 1, "b": 1}, {"a": 2, "b": 1}]))
    assert is_comparable(learn([{}, {}]))


def test_the_request_s_own_id_is_the_same_for_all_and_another_s_is_not() -> None:
    alone = [parsed(b'{"id": "r-1"}', {"r-1": "<request id>"}), parsed(b'{"id": "r-2"}', {"r-2": "<request id>"})]
    assert found(alone, parsed(b'{"id": "r-3"}', {"r-3": "<request id>"})) == []
    mixed_up = parsed(b'{"id": "r-3"}', {"r-4": "<request id>"})
    assert found(alone, mixed_up) == [Difference(".id", '"<request id>"', '"r-3"')]


def test_an_answer_that_is_no_json_is_its_text() -> None:
    assert parsed(b"plain \xff", {}) == "plain \\xff"


def test_marks_are_texts_that_one_event_alone_holds() -> None:
    known = marks([{"user": "alice", "kind": "buy", "n": 1}, {"user": "bobby", "kind": "buy", "n": 2}])
    assert known == [frozenset({"alice"}), frozenset({"bobby"})]
    assert foreign({"body": '{"seen": ["alice", "bobby"]}'}, 0, known) == (1, "bobby")
    assert foreign({"seen": "bobbysocks"}, 0, known) is None


@pytest.mark.parametrize(
    ("expected", "got", "is_so"),
    [
        ('"2026-11-22T03:00:00.123Z"', '"2026-11-22T03:00:07Z"', True),
        ("1795317314", "1795317315", True),
        ("1795317314123", "1795317315000", True),
        ('"alice at 03:00:00"', '"bob at 03:00:01"', False),
        ("1", "2", False),
    ],
)
def test_moments_differ_by_the_clock_alone(expected: str, got: str, is_so: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_by_clock(Difference(".at", expected, got)) is is_so


@pytest.mark.parametrize(
    ("path", "is_so"), [(".took_ms", True), (".durationMs", True), (".elapsed", True), (".items", False), (".n", False)]
)
def test_measurements_are_told_by_their_names(path: str, is_so: bool) -> None:  # noqa: FBT001 - as above
    assert is_measurement(path) is is_so


def test_a_thousand_events_are_told_apart_without_a_pattern_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    search = re.search

    def counted(pattern: str, text: str) -> re.Match[str] | None:
        tried.append(pattern)
        return search(pattern, text)

    monkeypatch.setattr(re, "search", counted)
    known = marks([{"user": f"user-{number:04}", "kind": "order"} for number in range(1000)])
    assert known[7] == {"user-0007"}
    assert foreign({"for": "user-0007"}, 7, known) is None
    assert foreign({"for": "user-0007, user-0999"}, 7, known) == (999, "user-0999")
    assert len(tried) == 1


def test_a_mark_is_none_where_another_event_holds_it_within_a_text() -> None:
    assert marks([{"a": "alice", "b": "alice-2"}, {"a": "to alice-3"}, {"a": "carol"}]) == [
        {"alice-2"}, {"to alice-3"}, {"carol"},
    ]  # fmt: skip
