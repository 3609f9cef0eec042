"""The periodic work of services."""

from __future__ import annotations

import logging

import pytest

from lambent.base.clock import ManualClock
from lambent.base.tasks import TaskOwner
from lambent.cloud.framework.loops import Loop, start_loops


async def test_every_loop_runs_at_its_own_period_and_the_first_time_after_one() -> None:
    clock, runs = ManualClock(), list[str]()
    owner = TaskOwner("test", clock=clock)

    def named(name: str, period_s: float) -> Loop:
        async def step() -> None:
            runs.append(name)

        return Loop(name, period_s, step)

    start_loops(owner, clock, [named("often", 10), named("seldom", 25)])
    await clock.advance(9)
    assert runs == []
    await clock.advance(21)
    assert runs == ["often", "often", "seldom", "often"]
    await owner.aclose()
    await clock.advance(100)
    assert len(runs) == 4


async def test_a_round_that_fails_is_logged_and_the_next_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    clock, rounds = ManualClock(), list[float]()
    owner = TaskOwner("test", clock=clock)

    async def step() -> None:
        rounds.append(clock.now())
        if len(rounds) == 1:
            raise ValueError("the first round")

    start_loops(owner, clock, [Loop("shaky", 5, step)])
    with caplog.at_level(logging.ERROR):
        await clock.advance(11)
    await owner.aclose()
    assert len(rounds) == 2
    assert "the first round" in caplog.text
    assert owner.failures == []
