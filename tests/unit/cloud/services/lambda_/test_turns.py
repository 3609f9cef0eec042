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


class Askers:
    """Tasks that ask for turns, and keep those they are given until they may go on."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self.turns = Turns()
        self.held: list[str] = []
        self.go_on = asyncio.Event()
        self._tasks = tasks

    async def ask(self, function: str, count: int) -> list[asyncio.Task[None]]:
        """Ask so many times for a turn of this function."""
        asking = [self._tasks.create_task(self._hold(function)) for _ in range(count)]
        await asyncio.sleep(0)  # noqa: TID251 - lets them ask
        return asking

    async def _hold(self, function: str) -> None:
        async with self.turns.of(SCOPE, function):
            self.held.append(function)
            await self.go_on.wait()

    async def reach(self, count: int) -> bool:
        """Wait until so many turns were given; return whether they were."""
        for _ in range(500):
            if len(self.held) >= count:
                return True
            await asyncio.sleep(0.01)  # noqa: TID251 - turns are given in real time
        return False


async def test_more_and_more_events_that_only_wait_are_tried_at_once_up_to_a_hundred_of_one_function() -> None:
    async with asyncio.TaskGroup() as tasks:
        askers = Askers(tasks)
        await askers.ask("waits", 120)
        assert len(askers.held) == 8
        assert await askers.reach(100)
        await askers.ask("other", 1)
        assert await askers.reach(101)
        assert (askers.held.count("waits"), askers.held.count("other")) == (100, 1)
        askers.go_on.set()
    assert len(askers.held) == 121


async def test_a_slow_change_keeps_turns_from_growing() -> None:
    async with asyncio.TaskGroup() as tasks:
        askers = Askers(tasks)
        await askers.ask("computes", 20)
        for _ in range(20):
            askers.turns.note(30.0)
            askers.turns._look_back()  # by hand: a busy machine could let a look come before the note
        await asyncio.sleep(0)  # noqa: TID251 - lets those go on that may
        assert len(askers.held) == 8
        askers.go_on.set()
    assert len(askers.held) == 20


async def test_whoever_stops_waiting_for_a_turn_takes_none() -> None:
    async with asyncio.TaskGroup() as tasks:
        askers = Askers(tasks)
        await askers.ask("f", 8)
        late, _ = await askers.ask("f", 2)
        late.cancel()
        askers.go_on.set()
    assert len(askers.held) == 9
    async with AsyncExitStack() as all_of_them:
        for _ in range(8):
            await all_of_them.enter_async_context(askers.turns.of(SCOPE, "f"))
