"""The platform and a replay agree: the same ten minutes of traffic, carried out by the driver and in virtual time."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, replace

import pytest

from lambent.dataplane import (
    FunctionSpec,
    InstanceState,
    ReplayHandler,
    ReplayPlan,
    Response,
    Share,
    Throttled,
    Timing,
    replay,
)
from lambent.testing.runtimes import Hang, Script
from tests.dataplane.managed_harness import MANAGED, PROVIDER, ManagedHarness, managed_plane

DONE = Response(b'"done"', "application/json")
SPEC = replace(MANAGED, slots=4, timeout_s=60)
PERIOD_S = 10.0
DURATION_S = 2.0
STEADY, HIGH = 25.0, 80.0
TRACES = {
    "a step": (STEADY,) * 15 + (HIGH,) * 25 + (STEADY,) * 20,
    "doubling within five minutes": tuple(STEADY * 2.0 ** min(1.0, place / 30.0) for place in range(60)),
    "spikes": tuple(HIGH if place % 12 in {5, 6} else STEADY for place in range(60)),
    "a long fall": (HIGH,) * 10 + (STEADY / 5,) * 110,
}


@dataclass
class Seen:
    """What became of a trace."""

    throttles: int = 0
    instance_s: float = 0.0


def arrivals(trace: tuple[float, ...]) -> list[float]:
    """Return when requests come, as a replay that spaces them evenly has it."""
    found: list[float] = []
    carried = 0.0
    for number, expected in enumerate(trace):
        carried += expected
        here = int(carried + 1e-9)
        carried -= here
        found += [(number + (place + 0.5) / here) * PERIOD_S for place in range(here)]
    return found


async def carried_out(pool: ManagedHarness, spec: FunctionSpec, trace: tuple[float, ...]) -> Seen:
    """Let the driver serve a trace, on a clock that is moved from request to request and from end to end."""
    seen, clock, launcher = Seen(), pool.world.clock, pool.world.launcher
    begin, last = clock.now(), 0.0
    ends: list[tuple[float, int]] = []
    served: dict[int, int] = {}  # how many requests of each sandbox have been answered

    async def to(moment: float) -> None:
        nonlocal last
        await clock.advance_to(begin + moment)
        seen.instance_s += (moment - last) * sum(
            each.state in {InstanceState.PENDING, InstanceState.RUNNING} for each in pool.status.instances
        )
        last = moment

    async def end_until(moment: float) -> None:
        while ends and ends[0][0] <= moment:
            due, place = heapq.heappop(ends)
            await to(due)
            served[place] = served.get(place, 0) + 1
            launcher.launched[place].answer(DONE)
            await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop, no wait

    for moment in arrivals(trace):
        await end_until(moment)
        await to(moment)
        before = [len(each.calls) for each in launcher.launched]
        request = pool.world.begin(spec=spec)
        for _ in range(3):
            await asyncio.sleep(0)  # noqa: TID251 - as above
        taken = [place for place, calls in enumerate(before) if len(launcher.launched[place].calls) > calls]
        if taken:
            heapq.heappush(ends, (moment + DURATION_S, taken[0]))
        else:
            assert isinstance(await request, Throttled)
            seen.throttles += 1
    await end_until(len(trace) * PERIOD_S)
    await to(len(trace) * PERIOD_S)
    await end_until(len(trace) * PERIOD_S + DURATION_S)
    return seen


@pytest.mark.parametrize("name", TRACES)
async def test_instances_and_throttles_of_ten_minutes_agree_with_the_replay(name: str) -> None:
    trace = TRACES[name]
    async with managed_plane(Script(answers=(Hang(),))) as pool:
        await pool.deployed(SPEC)
        ours = await carried_out(pool, SPEC, trace)
    plan = ReplayPlan(
        PROVIDER,
        Share(1.0, 2048, SPEC.slots),
        ReplayHandler((DURATION_S,), init_s=0.0),
        trace,
        PERIOD_S,
        timing=Timing(),
        evenly=True,
    )
    day = replay(plan, lambda: 0.5)
    assert day.requests == len(arrivals(trace))
    assert ours.throttles == pytest.approx(day.throttled, rel=0.05)
    assert ours.instance_s / day.span_s == pytest.approx(day.mean_instances, rel=0.05)
    assert (day.throttled > 0) == (name in {"a step", "spikes", "a long fall"})
