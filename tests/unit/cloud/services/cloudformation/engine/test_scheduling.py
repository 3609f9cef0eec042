"""Steps in the order of their needs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.base.clock import SystemClock
from lambent.cloud.services.cloudformation.engine.scheduling import (
    Queue,
    in_dependency_order,
    reversed_needs,
    without_circles,
)
from lambent.cloud.services.cloudformation.engine.steps import StepFailedError

NEEDS = {"a": frozenset[str](), "b": frozenset({"a"}), "c": frozenset({"b"}), "d": frozenset({"a"})}
graphs = st.dictionaries(st.sampled_from("abcdef"), st.frozensets(st.sampled_from("abcdef")))


async def carried_out(broken: set[str], *, goes_on: bool = False) -> tuple[list[str], list[str]]:
    """Return which steps were begun, and which failed."""
    begun: list[str] = []

    async def step(name: str) -> None:
        begun.append(name)
        if name in broken:
            raise StepFailedError(name)

    failed = await in_dependency_order(NEEDS, step, SystemClock(), goes_on=goes_on)
    return begun, failed


async def test_each_comes_after_what_it_needs() -> None:
    begun, failed = await carried_out(set())
    assert failed == []
    assert begun.index("a") < begun.index("b") < begun.index("c")
    assert sorted(begun) == list("abcd")


async def test_after_a_failure_nothing_new_begins() -> None:
    assert await carried_out({"a"}) == (["a"], ["a"])


async def test_going_on_leaves_out_only_what_needs_the_failed() -> None:
    begun, failed = await carried_out({"b"}, goes_on=True)
    assert (sorted(begun), failed) == (["a", "b", "d"], ["b"])


def test_taking_down_goes_the_other_way_round() -> None:
    assert reversed_needs(NEEDS) == {
        "a": frozenset({"b", "d"}),
        "b": frozenset({"c"}),
        "c": frozenset(),
        "d": frozenset(),
    }


@given(graphs)
def test_without_circles_everything_comes_to_its_turn(needs: dict[str, frozenset[str]]) -> None:
    queue, done = Queue(without_circles(needs)), []
    while queue.ready:
        done.append(queue.ready.pop(0))
        queue.done(done[-1])
    assert sorted(done) == sorted(needs)


@pytest.mark.parametrize("needs", [NEEDS, {"a": frozenset({"b"}), "b": frozenset[str]()}])
def test_needs_that_have_no_circle_stay_as_they_are(needs: dict[str, frozenset[str]]) -> None:
    assert without_circles(needs) == needs
