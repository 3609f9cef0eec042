"""An engine that ends in the middle of anything: the next one brings it to the same end, and nothing is made twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from lambent.base.clock import ManualClock
from lambent.cloud.services.cloudformation import repository
from lambent.cloud.services.cloudformation.model.states import StackStatus
from tests.unit.cloud.services.cloudformation.bench import Bench, Fields, new_bench

_S = StackStatus
FIRST: Fields = {"A": {"P": "1"}, "B": {"Name": "1", "P": {"Ref": "A"}}, "D": {"P": "1"}}
SECOND: Fields = {"A": {"P": "2"}, "B": {"Name": "2", "P": {"Ref": "A"}}, "C": {"P": {"Ref": "B"}}}


async def creation(bench: Bench) -> None:
    await bench.begin(_S.CREATE_IN_PROGRESS, **FIRST)


async def creation_that_fails(bench: Bench) -> None:
    bench.handler.broken = {"create B"}
    await bench.begin(_S.CREATE_IN_PROGRESS, **FIRST)


async def update(bench: Bench) -> None:
    await bench.begin(_S.UPDATE_IN_PROGRESS, **SECOND)


async def update_that_fails(bench: Bench) -> None:
    bench.handler.broken = {"create C"}
    await bench.begin(_S.UPDATE_IN_PROGRESS, **SECOND)


async def update_that_preserves(bench: Bench) -> None:
    bench.handler.broken = {"create C"}
    await bench.begin(_S.UPDATE_IN_PROGRESS, stack={"disable_rollback": True}, **SECOND)


async def deletion(bench: Bench) -> None:
    await bench.begin(_S.DELETE_IN_PROGRESS)


async def deletion_that_fails(bench: Bench) -> None:
    bench.handler.broken = {"delete A"}
    await bench.begin(_S.DELETE_IN_PROGRESS)


Story = tuple[Callable[[Bench], Awaitable[None]], bool, StackStatus]
STORIES: list[Story] = [
    (creation, False, _S.CREATE_COMPLETE),
    (creation_that_fails, False, _S.ROLLBACK_COMPLETE),
    (update, True, _S.UPDATE_COMPLETE),
    (update_that_fails, True, _S.UPDATE_ROLLBACK_COMPLETE),
    (update_that_preserves, True, _S.UPDATE_FAILED),
    (deletion, True, _S.DELETE_COMPLETE),
    (deletion_that_fails, True, _S.DELETE_FAILED),
]


async def told(story: Story, cut_at: int | None) -> tuple[Fields, int]:
    """Return what there is when a story is over, and at how many points it could have been cut off."""
    begin, after_a_creation, ends = story
    bench = await new_bench()
    try:
        if after_a_creation:
            await bench.create(**FIRST)
        bench.handler.points, bench.handler.cut_at = 0, cut_at
        await begin(bench)
        if cut_at is not None:
            await bench.handler.at_work.wait()
            await bench.restart()
        found = await bench.rested()
        assert found.status is ends
        bench_things = {name: dict(one) for name, one in _without_tokens(bench).items()}
        assert repository.leftovers(bench.store.read, found.id) == [] or ends is _S.UPDATE_FAILED
        return bench_things, bench.handler.points
    finally:
        await bench.engine.stop()
        await bench.store.close()


def _without_tokens(bench: Bench) -> Fields:
    numbers: dict[str, int] = {}
    found = {}
    for name, thing in bench.handler.things.items():
        logical_id = name.partition("-")[0]
        numbers[logical_id] = numbers.get(logical_id, 0) + 1
        found[f"{logical_id}{numbers[logical_id]}"] = {**thing, "P": str(thing.get("P", "")).partition("-")[0]}
    return dict(sorted(found.items()))


@pytest.mark.parametrize("story", STORIES, ids=[begin.__name__ for begin, _, _ in STORIES])
async def test_wherever_it_is_cut_off_it_comes_to_the_same_end(story: Story) -> None:
    whole, points = await told(story, None)
    assert points > 3
    for point in range(1, points + 1):
        assert (point, (await told(story, point))[0]) == (point, whole)


async def test_an_update_that_was_cancelled_stays_cancelled(bench: Bench) -> None:
    await bench.create(A={"P": "1"}, B={"P": "1"})
    bench.handler.held = {"A"}
    await bench.begin(_S.UPDATE_IN_PROGRESS, A={"P": "2"}, B={"P": {"Ref": "A"}})
    await bench.handler.at_work.wait()
    await bench.engine.cancel_update(bench.stack.id)
    await bench.engine.stop()
    bench.handler.held = set()
    await bench.restart()
    assert (await bench.rested()).status is _S.UPDATE_ROLLBACK_COMPLETE
    assert bench.made() == {"A": {"P": "1"}, "B": {"P": "1"}}
    assert ("s", "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated") in bench.reasons()


async def test_the_time_for_a_creation_runs_on_while_nothing_runs() -> None:
    clock = ManualClock()
    bench = await new_bench(clock)
    bench.handler.held = {"A"}
    await bench.begin(_S.CREATE_IN_PROGRESS, stack={"timeout_minutes": 1}, A={"P": "1"}, B={"P": {"Ref": "A"}})
    await bench.handler.at_work.wait()
    await bench.engine.stop()
    await clock.advance(61)
    bench.handler.held = set()
    await bench.restart()
    found = await bench.rested()
    assert found.status is _S.ROLLBACK_COMPLETE
    reason = "Stack creation time exceeded the specified timeout. Rollback requested by user."
    assert ("s", "ROLLBACK_IN_PROGRESS", reason) in bench.reasons()
    assert bench.made() == {}
    await bench.engine.stop()
    await bench.store.close()


async def test_signals_that_came_before_a_restart_count_after_it(timed: Bench) -> None:
    policy = {"CreationPolicy": {"ResourceSignal": {"Count": "2", "Timeout": "PT10M"}}, "Properties": {"P": "1"}}
    await timed.begin(_S.CREATE_IN_PROGRESS, A=policy)
    await timed.until_told("A", "Resource creation Initiated")
    await timed.engine.signal(timed.stack, "A", "one", "SUCCESS")
    await timed.restart()
    assert timed.stack.status is _S.CREATE_IN_PROGRESS
    await timed.engine.signal(timed.stack, "A", "two", "SUCCESS")
    assert (await timed.rested()).status is _S.CREATE_COMPLETE
    assert [verb for verb, _, _ in timed.handler.log] == ["create"]
