from __future__ import annotations

from typing import Any

from tests.recorder.normalise import Json, Place
from tests.recorder.recording import ABSENT, Call, Difference, Heard, compare, kept, without_polls

HERE = Place("210987654321", "eu-central-1")


def get(answer: Json, request: Json = None) -> Call:
    return Call("lambda.GetFunction", request or {"FunctionName": "f"}, answer)


def heard(operation: str, answer: Any, **request: object) -> Heard:  # Any: members
    return Heard(operation, request, answer)


def test_equal_calls_have_no_differences() -> None:
    found = compare([get({"State": "Active"})], [get({"State": "Active"})])
    assert (found.differences, found.unused, found.stale) == ([], [], None)


def test_a_difference_is_told_by_its_path() -> None:
    recorded = [get({"State": "Pending"}), get({"Layers": [{"Arn": "a"}]})]
    made = [get({"State": "Active"}), get({"Layers": [{"Arn": "b"}]})]
    assert compare(recorded, made).differences == [
        Difference("lambda.GetFunction#1.State", "Pending", "Active"),
        Difference("lambda.GetFunction#2.Layers[0].Arn", "a", "b"),
    ]
    assert Difference("p", ABSENT, None).told("AWS") == "p\n    AWS: (absent)\n    here: None"


def test_absent_members_and_items_count() -> None:
    assert compare([get({"a": None, "l": [1]})], [get({"l": [1, 2], "x": 0})]).differences == [
        Difference("lambda.GetFunction#1.a", None, ABSENT),
        Difference("lambda.GetFunction#1.l[1]", ABSENT, 2),
        Difference("lambda.GetFunction#1.x", ABSENT, 0),
    ]


def test_types_count() -> None:
    assert len(compare([get({"a": 1, "b": 0})], [get({"a": True, "b": 0.0})]).differences) == 2


def test_one_more_identifier_does_not_shift_the_others() -> None:
    recorded = [get({"A": "<uuid:1>", "B": "<uuid:2>"}), get({"B": "<uuid:2>"})]
    made = [get({"B": "<uuid:1>"}), get({"B": "<uuid:1>"})]
    assert [each.path for each in compare(recorded, made).differences] == ["lambda.GetFunction#1.A"]


def test_a_revision_that_should_be_new_is_seen() -> None:
    recorded = [get({"RevisionId": "<uuid:1>"}), get({"RevisionId": "<uuid:2>"})]
    made = [get({"RevisionId": "<uuid:1>"}), get({"RevisionId": "<uuid:1>"})]
    assert [each.path for each in compare(recorded, made).differences] == ["lambda.GetFunction#2.RevisionId"]


def test_deliberate_differences_are_accepted_at_and_below_their_path_and_nowhere_else() -> None:
    recorded = [get({"Vpc": {"Id": "a"}, "VpcX": 1})]
    made = [get({"Vpc": {"Id": "b"}, "VpcX": 2})]
    found = compare(recorded, made, ["lambda.GetFunction#1.Vpc"])
    assert ([each.path for each in found.differences], found.unused) == (["lambda.GetFunction#1.VpcX"], [])


def test_a_mark_that_covers_nothing_is_told() -> None:
    assert compare([get({})], [get({})], ["lambda.GetFunction#1.State"]).unused == ["lambda.GetFunction#1.State"]


def test_another_call_makes_the_recording_stale() -> None:
    other = Call("lambda.ListTags", {}, {})
    assert compare([get({})], [other]).stale == "call 1 is lambda.ListTags, lambda.GetFunction is recorded"
    assert compare([get({}), other], [get({})]).stale == "it makes 1 calls, 2 are recorded"
    changed = compare([get({}, {"FunctionName": "f"})], [get({}, {"FunctionName": "g", "Qualifier": "1"})])
    assert changed.stale == "call 1, lambda.GetFunction, asks for FunctionName 'g', 'f' is recorded"
    assert changed.differences == []


def test_answers_before_the_first_other_call_are_compared() -> None:
    found = compare([get({"a": 1}), get({})], [get({"a": 2}), get({}, {"FunctionName": "g"})])
    assert [each.path for each in found.differences] == ["lambda.GetFunction#1.a"]
    assert found.stale is not None


def test_of_a_poll_the_last_answer_is_kept() -> None:
    polls = [
        heard("lambda.GetFunction", {"State": state}, FunctionName="f") for state in ("Pending", "Pending", "Active")
    ]
    other = heard("lambda.GetFunction", {"State": "Pending"}, FunctionName="g")
    calls = [heard("lambda.Invoke", {"n": n}, FunctionName="f") for n in (1, 2)]
    assert without_polls([*polls, other, *polls, *calls]) == [polls[2], other, polls[2], *calls]


def test_how_often_was_polled_leaves_no_trace() -> None:
    revisions = [f"aaaaaaaa-bbbb-4ccc-8ddd-{number:012}" for number in range(4)]
    quick = [heard("lambda.GetFunction", {"RevisionId": revisions[each]}, FunctionName="f") for each in (0, 3)]
    slow = [heard("lambda.GetFunction", {"RevisionId": each}, FunctionName="f") for each in revisions]
    assert kept(quick, HERE) == kept(slow, HERE)
