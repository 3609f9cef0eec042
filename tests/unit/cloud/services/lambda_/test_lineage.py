"""Loops, as trace headers tell of them; and the headers that functions get."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from lambent.base.identifiers import SeededIds
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.model.lineage import MOST_INVOCATIONS, lineage_with, parts_of
from lambent.cloud.services.lambda_.model.state import State
from lambent.cloud.services.lambda_.routing import FunctionRoute, VersionRoute
from lambent.cloud.services.lambda_.tracing import Loops, trace_of
from lambent.cloud.store.scope import Scope
from lambent.dataplane import FunctionArn, FunctionSpec, VersionArn

NOW: Final = 1_763_712_000.0
ROOT: Final = "1-5759e988-bd862e3fe1be46a994272793"


def arn(name: str) -> FunctionArn:
    return FunctionArn(f"arn:aws:lambda:eu-west-1:123456789012:function:{name}")


def version(name: str = "f", *, is_active: bool = False) -> VersionRoute:
    spec = FunctionSpec(
        function_arn=arn(name),
        version_arn=VersionArn(f"{arn(name)}:$LATEST"),
        revision="1",
        account="123456789012",
        region="eu-west-1",
        function_name=name,
        version="$LATEST",
        runtime="python3.13",
        handler="app.handler",
        role_arn="r",
        code=Path("/code"),
        tracing_active=is_active,
    )
    return VersionRoute("$LATEST", spec.version_arn, spec.function_arn, State.ACTIVE, spec, (), None, None)


def route(name: str = "f", *, allows_loops: bool = False) -> FunctionRoute:
    return FunctionRoute(
        scope=Scope("123456789012", "eu-west-1"),
        name=name,
        arn=arn(name),
        latest=version(name),
        versions={},
        aliases={},
        policies={},
        reserved_concurrency=None,
        allows_loops=allows_loops,
    )


def traced(given: str | None = None, *, is_active: bool = False) -> str:
    headers = {} if given is None else {"x-amzn-trace-id": given}
    return trace_of(headers, version(is_active=is_active), SeededIds(1), NOW)


def test_a_chain_counts_each_function_by_itself() -> None:
    lineage = ""
    for name in ("a", "b", "a", "c", "a"):
        lineage, before = lineage_with(lineage, arn(name))
    assert before == 2
    assert [lineage_with(lineage, arn(name))[1] for name in ("a", "b", "c", "d")] == [3, 1, 1, 0]
    assert [entry.split(":")[0::2] for entry in lineage.split("|")] == [["1", "0"], ["1", "0"], ["3", "0"]]


@pytest.mark.parametrize(
    ("lineage", "before"),
    [
        ("7:{}:0", 7),
        ("{}:7", 7),  # as it used to be written
        ("1:a87bd80c:0%7C7:{}:0", 7),  # as botocore sends it
        ("1:a87bd80c:0|7:{}:255", 7),
        ("99999999:{}:0", 0),
        ("x:{}:0", 0),
        ("{}", 0),
        ("²:{}:0", 0),
        ("|:|::", 0),
    ],
)
def test_what_others_write_is_read_with_care(lineage: str, before: int) -> None:
    own = lineage_with("", arn("f"))[0].split(":")[1]
    assert lineage_with(lineage.format(own), arn("f"))[1] == before


def test_a_chain_through_many_functions_does_not_grow_for_ever_and_keeps_what_recurs() -> None:
    lineage = ""
    for number in range(100):
        lineage, _ = lineage_with(lineage, arn(f"f{number}"))
        lineage, before = lineage_with(lineage, arn("loop"))
        assert before == number
    assert len(lineage.split("|")) <= 33


def test_the_seventeenth_invocation_in_one_chain_is_dropped_and_counted() -> None:
    loops, trace = Loops(), traced()
    for _ in range(MOST_INVOCATIONS):
        trace = loops.enter(route(), trace)
    for _ in range(2):
        with pytest.raises(ServiceError) as caught:
            loops.enter(route(), trace)
        assert caught.value.code == "RecursiveInvocationException"
    assert loops.view() == {arn("f"): 2}
    assert "Lineage=1:" in loops.enter(route("other"), trace).replace("|1:", ";Lineage=1:")
    assert loops.enter(route(allows_loops=True), trace).split(";Lineage=")[1].startswith("17:")


def test_many_calls_of_one_function_by_another_are_no_loop() -> None:
    loops = Loops()
    trace = loops.enter(route("caller"), traced())
    for _ in range(100):
        loops.enter(route("called"), trace)
    assert loops.view() == {}


def test_without_a_trace_a_new_one_begins_that_is_sampled_where_tracing_is_active() -> None:
    for is_active in (False, True):
        parts = parts_of(traced(is_active=is_active))
        assert parts["root"].startswith(f"1-{int(NOW):08x}-")
        assert (len(parts["root"]), len(parts["parent"]), parts["sampled"]) == (35, 16, str(int(is_active)))


@pytest.mark.parametrize("given", ["Parent=53995c3f42cd8ad8;Sampled=1", "nonsense", ";;=", "Root="])
def test_a_header_without_a_root_is_no_trace(given: str) -> None:
    assert parts_of(traced(given))["root"].startswith(f"1-{int(NOW):08x}-")


def test_the_callers_trace_is_passed_on_as_it_is() -> None:
    given = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"
    assert traced(given) == given
    assert traced(f"Self=1;Lineage=1:a87bd80c:0;Root={ROOT}") == f"Self=1;Root={ROOT};Lineage=1:a87bd80c:0"
    assert traced(f"root={ROOT};sampled=?") == f"Root={ROOT};Sampled=?"


@pytest.mark.parametrize(("sampled", "becomes"), [("1", "1"), ("0", "0"), ("?", "1"), ("", "1")])
def test_active_tracing_makes_a_segment_of_its_own_and_decides_what_nobody_has(sampled: str, becomes: str) -> None:
    parts = parts_of(traced(f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled={sampled}", is_active=True))
    assert (parts["root"], parts["sampled"]) == (ROOT, becomes)
    assert parts["parent"] != "53995c3f42cd8ad8"


def test_a_version_without_code_here_is_traced_too() -> None:
    image = replace(version(), spec=None)
    assert trace_of({}, image, SeededIds(1), NOW).endswith("Sampled=0")
