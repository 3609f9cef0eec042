from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from lambent.cloud.services.lambda_.turns import Pace, Turns
from lambent.cloud.store.scope import Scope

SCOPE = Scope("000000000000", "us-east-1")


@pytest.mark.parametrize(
    ("pace", "took_s", "width"),
    [
        (Pace(8, 0.002), 0.003, 10),
        (Pace(8, 0.002), None, 10),
        (Pace(100, 0.002), 0.02, 50),
        (Pace(8, 0.002), 0.02, 8),
        (Pace(8, 0.040), 0.060, 10),  # a slow disk is no load
    ],
)
def test_turns_grow_while_changes_are_durable_quickly_and_halve_when_they_are_not(
    pace: Pace, took_s: float | None, width: int
) -> None:
    assert pace.after(took_s).width == width


def test_the_quickest_change_seen_is_what_others_are_measured_by() -> None:
    pace = Pace().after(0.5).after(0.004)
    assert pace.quickest_s == 0.004
    assert pace.after(0.1).quickest_s > 0.004  # one lucky change does not count for ever


async def hold(turns: Turns, function: str, held: list[str], go_on: asyncio.Event) -> None:
    async with turns.of(SCOPE, function):
        held.append(function)
        await go_on.wait()


async def reaches(held: list[str], count: int) -> bool:
    for _ in range(500):
        if len(held) >= count:
            return True
        await asyncio.sleep(0.01)  # noqa: TID251 - turns are given in real time
    return False


async def test_more_and_more_events_that_only_wait_are_tried_at_once_up_to_a_hundred_of_one_function() -> None:
    turns, held, go_on = Turns(), list[str](), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(120):
            tasks.create_task(hold(turns, "waits", held, go_on))
        await asyncio.sleep(0)  # noqa: TID251 - lets them ask
        assert len(held) == 8
        assert await reaches(held, 100)
        tasks.create_task(hold(turns, "other", held, go_on))
        assert await reaches(held, 101)
        assert (held.count("waits"), held.count("other")) == (100, 1)
        go_on.set()
    assert len(held) == 121


async def test_a_slow_change_keeps_turns_from_growing() -> None:
    turns, held, go_on = Turns(), list[str](), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(hold(turns, "computes", held, go_on))
        await asyncio.sleep(0)  # noqa: TID251 - lets them ask
        for _ in range(20):
            turns.note(30.0)
            turns._look_back()  # by hand: a busy machine could let a look come before the note
        await asyncio.sleep(0)  # noqa: TID251 - as above
        assert len(held) == 8
        go_on.set()
    assert len(held) == 20


async def test_whoever_stops_waiting_for_a_turn_takes_none() -> None:
    turns, held, go_on = Turns(), list[str](), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(hold(turns, "f", held, go_on))
        await asyncio.sleep(0)  # noqa: TID251 - lets them ask
        late = [tasks.create_task(hold(turns, "f", held, go_on)) for _ in range(2)]
        await asyncio.sleep(0)  # noqa: TID251 - as above
        late[0].cancel()
        go_on.set()
    assert len(held) == 9
    async with AsyncExitStack() as all_of_them:
        for _ in range(8):
            await all_of_them.enter_async_context(turns.of(SCOPE, "f"))
