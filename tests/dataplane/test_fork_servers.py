"""Variables that Python reads when it starts: where an interpreter that was started with them can be forked."""

from __future__ import annotations

import asyncio

import pytest

from lambent.dataplane.runtime_api.messages import Closed, Parked
from tests.dataplane.sandbox_harness import Environment, Sandboxes

_TELLS = """
import os, sys
def handler(source, context):
    return eval(source)
"""


async def _forked(place: Sandboxes, variables: dict[str, str]) -> Environment:
    """Launch until an interpreter with these variables is ready, and return the first environment forked from it."""
    while True:
        environment = await place.launch(_TELLS, variables=variables)
        assert await environment.init() == Parked(), environment.lines
        if environment.sandbox.started_by == "fork":
            return environment
        await environment.sandbox.terminate()


async def test_what_an_interpreter_reads_at_its_start_is_the_same_in_a_fork(place: Sandboxes) -> None:
    variables = {"PYTHONHASHSEED": "7", "PYTHONINTMAXSTRDIGITS": "1000"}
    question = "[hash('lambent'), sys.flags.int_max_str_digits, os.environ['PYTHONHASHSEED']]"
    executed = await place.launch(_TELLS, variables={**variables, "MALLOC_ARENA_MAX": "2"})
    assert executed.sandbox.started_by == "exec"
    assert await executed.init() == Parked(), executed.lines
    forked = await _forked(place, variables)
    assert await forked.answer(question) == await executed.answer(question)
    assert forked.sandbox.notices == ()


async def test_a_reset_starts_from_the_same_interpreter(place: Sandboxes) -> None:
    environment = await _forked(place, {"PYTHONHASHSEED": "7"})
    assert isinstance(await environment.invoke("os._exit(1)"), Closed)
    assert await environment.sandbox.reset()
    again = await place.launch_again(environment)
    assert await again.init() == Parked()
    assert again.sandbox.started_by == "fork"
    assert await again.answer("sys.flags.hash_randomization") == 1


async def test_an_interpreter_that_cannot_start_with_a_value_tells_so_in_every_environment(place: Sandboxes) -> None:
    for _ in range(2):
        environment = await place.launch(_TELLS, variables={"PYTHONHASHSEED": "none of Python's"})
        assert (await environment.exit()).code == 1
        assert "PYTHONHASHSEED must be" in "\n".join(environment.lines)


async def test_no_more_are_started_where_many_functions_start_at_once(place: Sandboxes) -> None:
    seeds = [{"PYTHONHASHSEED": str(seed)} for seed in range(1, 9)]
    first = await asyncio.gather(*(place.launch(_TELLS, variables=each) for each in seeds))
    assert [environment.sandbox.started_by for environment in first] == ["exec"] * 8
    for environment in [await _forked(place, each) for each in seeds[:4]]:
        assert await environment.answer("1") == 1
    again = await asyncio.gather(*(place.launch(_TELLS, variables=each) for each in seeds))
    assert [environment.sandbox.started_by for environment in again] == ["fork"] * 4 + ["exec"] * 4
    for environment in (*first, *again):
        assert await environment.init() == Parked()


async def test_few_interpreters_are_kept_for_variables_and_others_are_executed(place: Sandboxes) -> None:
    first = [await _forked(place, {"PYTHONHASHSEED": str(seed)}) for seed in range(1, 5)]
    fifth = await place.launch(_TELLS, variables={"PYTHONHASHSEED": "5"})
    assert fifth.sandbox.started_by == "exec"
    again = await place.launch(_TELLS, variables={"PYTHONHASHSEED": "5"})
    assert again.sandbox.started_by == "exec"
    for environment in (fifth, again):
        assert await environment.init() == Parked()
    assert [environment.sandbox.started_by for environment in first] == ["fork"] * 4


@pytest.mark.parametrize("name", ["PYTHONBREAKPOINT", "PYTHONASYNCIODEBUG"])
async def test_what_is_read_later_is_no_reason_to_execute(place: Sandboxes, name: str) -> None:
    environment = await place.launch(_TELLS, variables={name: "0"})
    assert environment.sandbox.started_by == "fork"
    assert await environment.init() == Parked()
    assert await environment.answer(f"os.environ['{name}']") == "0"
