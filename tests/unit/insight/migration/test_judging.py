"""Which answers beside others are wrong, and why."""

from __future__ import annotations

import itertools
import json

from lambent.insight.migration.candidate import Compute
from lambent.insight.migration.judging import Answer, Judge, Met, Phase, Run
from lambent.insight.migration.proof import WrongKind

EVENTS: list[object] = [{"user": "alice"}, {"user": "bobby"}]
NAMES = ["one.json", "two.json"]
_numbers = itertools.count()


def run(event: int, value: object, phase: Phase = Phase.LEVEL, *, error: str = "", at: int = 4) -> Run:
    number = next(_numbers)
    compute = Compute.ON_DEMAND if phase in {Phase.FRESH, Phase.WARM, Phase.AGAIN} else Compute.MANAGED_INSTANCES
    answer = Answer(200, json.dumps(value).encode(), f"r-{number}", "", error)
    return Run(event, phase, compute, at, answer, float(number), number + 0.5)


def echoing(*warm: tuple[int, object]) -> Judge:
    """Return a judge that knows a function which greets its user."""
    judge = Judge(NAMES, EVENTS)
    fresh = [run(i, {"hello": name}, Phase.FRESH) for i, name in enumerate(("alice", "bobby")) for _ in range(2)]
    judge.learn([*fresh, *(run(event, value, Phase.WARM) for event, value in warm)])
    return judge


def test_an_answer_as_it_is_alone_is_right() -> None:
    assert echoing().wrong(run(0, {"hello": "alice"})) is None


def test_another_event_s_data_is_told_as_such() -> None:
    judge, wrong = echoing(), run(0, {"hello": "bobby"})
    (found,) = judge.wrong_answers([run(0, {"hello": "alice"}), wrong], {}, [])
    assert (found.kind, found.expected, found.got) == (WrongKind.FOREIGN, '"alice"', '"bobby"')
    assert (found.times, found.of, found.event) == (1, 2, "one.json")
    assert "two.json" in found.cause


def test_another_event_s_data_is_found_where_the_answer_varies_too() -> None:
    judge = Judge(NAMES, EVENTS)
    judge.learn([run(i, {"text": f"{name}-{n}"}, Phase.FRESH) for i, name in enumerate("ab") for n in range(3)])
    assert judge.wrong(run(0, {"text": "x-9"})) is None
    assert judge.wrong(run(0, {"text": "bobby"})) is not None


def test_errors_timeouts_and_crashes_beside_others_are_wrong() -> None:
    judge = echoing()
    kinds = {
        WrongKind.ERROR: {"errorType": "KeyError", "errorMessage": "'x'"},
        WrongKind.TIMEOUT: {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 3.00 seconds"},
        WrongKind.CRASH: {"errorType": "Runtime.ExitError", "errorMessage": "Error: exit status 1"},
        WrongKind.MEMORY: {"errorType": "Runtime.OutOfMemory", "errorMessage": "Error: signal: killed"},
    }
    for kind, payload in kinds.items():
        (found,) = judge.wrong_answers([run(0, payload, error="Unhandled")], {}, [])
        assert (found.kind, found.expected) == (kind, "an answer")


def test_an_error_that_comes_alone_too_is_not_wrong() -> None:
    payload = {"errorType": "ValueError", "errorMessage": "no", "stackTrace": ["line 1"]}
    judge = Judge(NAMES, EVENTS)
    judge.learn([run(0, payload, Phase.FRESH, error="Unhandled") for _ in range(2)])
    assert judge.wrong(run(0, {**payload, "stackTrace": ["line 2"]}, error="Unhandled")) is None
    assert judge.failing == ["one.json"]


def test_throttles_are_not_wrong_answers() -> None:
    throttled = Run(0, Phase.LEVEL, Compute.MANAGED_INSTANCES, 4, Answer(429, b"{}"), 0.0, 1.0)
    assert echoing().wrong(throttled) is None


def test_an_answer_that_owes_to_earlier_requests_is_told_once_as_that() -> None:
    judge = echoing((0, {"hello": "alice"}), (1, {"hello": "alice"}), (0, {"hello": "alice"}))
    (effect,) = judge.history()
    assert (effect.path, effect.expected, effect.got, effect.leaks) == (".hello", '"bobby"', '"alice"', True)
    assert not effect.is_first_only
    assert judge.wrong(run(1, {"hello": "alice"})) is None


def test_what_only_the_first_answer_has_is_told_apart() -> None:
    judge = Judge(NAMES[:1], EVENTS[:1])
    fresh = [run(0, {"cold": True}, Phase.FRESH) for _ in range(2)]
    judge.learn([*fresh, run(0, {"cold": True}, Phase.WARM), *(run(0, {"cold": False}, Phase.WARM) for _ in range(3))])
    (effect,) = judge.history()
    assert effect.is_first_only
    assert not effect.leaks


def test_what_differs_alone_on_managed_instances_is_the_model_s_and_not_an_error() -> None:
    judge = echoing()
    judge.learn_model([run(0, {"hello": "ALICE"}, Phase.ALONE) for _ in range(2)])
    assert judge.wrong(run(0, {"hello": "ALICE"})) is None
    assert len(judge.by_model()) == 1
    failed = [run(1, {"errorType": "ImportError", "errorMessage": "x"}, Phase.ALONE, error="Unhandled")] * 2
    judge.learn_model(failed)
    assert judge.wrong(failed[0]) is not None


def test_what_differs_alone_only_now_and_then_stays_wrong() -> None:
    judge = echoing()
    alone = [run(0, {"hello": ""}, Phase.ALONE), run(0, {"hello": "alice"}, Phase.ALONE)]
    judge.learn_model(alone)
    assert judge.wrong(alone[0]) is not None


def test_what_differs_when_asked_again_alone_varies_by_itself() -> None:
    judge, seemed = echoing(), run(0, {"hello": "Alice"})
    assert judge.wrong(seemed) is not None
    judge.learn_again([run(0, {"hello": "ALICE"}, Phase.AGAIN)])
    assert judge.wrong(seemed) is None


def test_measurements_and_moments_are_not_compared_unless_they_are_the_event_s() -> None:
    judge = Judge(["e"], [{"at": "2020-01-01T00:00:00Z", "took_ms": 7}])
    told = {"at": "2020-01-01T00:00:00Z", "now": "2026-11-22T03:00:00Z", "took_ms": 7, "wait_ms": 0}
    judge.learn([run(0, told, Phase.FRESH) for _ in range(2)])
    assert judge.wrong(run(0, {**told, "now": "2026-11-22T03:00:09Z", "wait_ms": 12})) is None
    assert judge.wrong(run(0, {**told, "at": "2021-01-01T00:00:00Z"})) is not None
    assert judge.wrong(run(0, {**told, "took_ms": 8})) is not None


def test_an_id_that_two_requests_share_is_found_where_each_has_its_own_alone() -> None:
    judge = Judge(["e"], [{}])
    ids = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(9)]
    judge.learn(
        [
            *(run(0, {"id": ids[n]}, Phase.FRESH) for n in (0, 1)),
            *(run(0, {"id": ids[n]}, Phase.WARM) for n in (2, 3, 4)),
        ]
    )
    beside = [run(0, {"id": ids[n]}) for n in (5, 6, 6)]
    twice = list(judge.repeated(beside))
    assert [value for _, value in twice] == [ids[6]]
    assert [one.kind for one in judge.wrong_answers(beside, {}, twice)] == [WrongKind.SAME_ID]


def test_an_id_of_an_environment_may_come_twice() -> None:
    judge = Judge(["e"], [{}])
    ids = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(9)]
    judge.learn(
        [
            *(run(0, {"boot": ids[n]}, Phase.FRESH) for n in (0, 1)),
            *(run(0, {"boot": ids[2]}, Phase.WARM) for _ in "abc"),
        ]
    )
    assert list(judge.repeated([run(0, {"boot": ids[5]}) for _ in "abc"])) == []


def test_the_files_that_a_request_met_another_at_are_its_likely_cause() -> None:
    judge, wrong = echoing(), run(0, {"hello": ""})
    met = {wrong.answer.request_id: Met("It met another at /tmp/x.")}
    assert judge.wrong_answers([wrong], met, [])[0].cause == "It met another at /tmp/x."
    same = {wrong.answer.request_id: Met("It met its like at /tmp/alice.", same_event=True)}
    assert judge.wrong_answers([wrong], same, [])[0].same_event


def test_a_name_that_an_error_tells_of_is_its_likely_cause() -> None:
    payload = {"errorType": "FileExistsError", "errorMessage": "[Errno 17] File exists: '/tmp/job'"}
    (found,) = echoing().wrong_answers([run(0, payload, error="Unhandled")], {"": Met("usual")}, [])
    assert found.cause == "It fails at /tmp/job: a name that all requests of an environment share."
