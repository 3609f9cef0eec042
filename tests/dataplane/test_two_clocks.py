"""One engine, two clocks: what the platform's driver lives through is what a replay says, within five percent.

Here the platform's clock is moved too, so that ten minutes pass in a second; `bench/agreement.py` lives as long on the
real clock, with real processes.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.base.clock import ManualClock
from lambent.base.identifiers import SeededIds
from lambent.dataplane import (
    Bounds,
    Completed,
    DataPlane,
    DataPlaneSettings,
    Day,
    Invocation,
    InvocationHeaders,
    Outcome,
    RealWorld,
    ReplayHandler,
    ReplayPlan,
    Response,
    RuntimeAnswer,
    SandboxSpec,
    Share,
    Throttled,
    replay,
)
from lambent.testing.runtimes import (
    ManualTime,
    RecordingObserver,
    Script,
    ScriptedLauncher,
    ScriptedSandbox,
    StaticCredentials,
)
from tests.dataplane.managed_harness import MANAGED, PROVIDER

TICK_S = 0.1
REQUEST_S = 1.0
PERIOD_S = 10.0
SHARE = Share(vcpus=1.0, memory_mb=2048, slots=2)
TRACES = {
    "a jump": (*(3.0,) * 12, *(10.0,) * 30, *(3.0,) * 18),
    "pulses": (*(2.0,) * 10, *(8.0,) * 12, *(2.0,) * 10, *(12.0,) * 12, *(4.0,) * 16),
    "a ramp": tuple(2.0 + place / 8 for place in range(60)),
}


class Slow(ScriptedSandbox):
    """Answers when it is told to, and says whose turn that is."""

    def __init__(self, spec: SandboxSpec, script: Script, running: deque[Slow]) -> None:
        super().__init__(spec, script)
        self._running = running

    def invoked(self, headers: InvocationHeaders, payload: bytes, answer: asyncio.Future[RuntimeAnswer]) -> None:
        self._held.append(answer)
        self._running.append(self)


class SlowLauncher(ScriptedLauncher):
    """Every request that runs, the oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.running: deque[Slow] = deque()

    async def launch(self, spec: SandboxSpec) -> Slow:
        await asyncio.sleep(0)  # noqa: TID251 - as the real one, it takes at least a turn of the loop
        sandbox = Slow(spec, Script(), self.running)
        self.launched.append(sandbox)
        return sandbox


class Life:
    """A data plane whose clocks are moved together, tick by tick."""

    def __init__(self) -> None:
        self.launcher, self.time, self.clock = SlowLauncher(), ManualTime(), ManualClock()
        self.plane = DataPlane(
            DataPlaneSettings(Path("/scratch"), "http://127.0.0.1:4566"),
            clock=self.clock,
            ids=SeededIds(1),
            credentials=StaticCredentials(),
            observer=RecordingObserver(),
            world=RealWorld(self.launcher, self.time.clock, self.time),
        )
        self.spec = replace(MANAGED, slots=SHARE.slots)
        self.instances: list[int] = []
        self._due: deque[float] = deque()
        self._now = 0.0

    async def live(self, rates: tuple[float, ...]) -> Counter[str]:
        """Return what became of the requests: `served`, or why they were throttled."""
        arrivals = deque(
            number * PERIOD_S + (place + 0.5) * PERIOD_S / count
            for number, rate in enumerate(rates)
            for count in [round(rate * PERIOD_S)]
            for place in range(count)
        )
        tasks: list[asyncio.Task[Outcome]] = []
        for _ in range(round(len(rates) * PERIOD_S / TICK_S)):
            while self._due and self._due[0] <= self._now + 1e-9:
                self._due.popleft()
                self.launcher.running.popleft().answer(Response(b"{}", "application/json"))
            await self._turn()
            while arrivals and arrivals[0] < self._now + TICK_S / 2:
                arrivals.popleft()
                invocation = Invocation(f"r{len(tasks)}", self.spec, b"{}", self.spec.function_arn)
                tasks.append(asyncio.get_running_loop().create_task(self.plane.invoke(invocation)))
            await self._turn()
            self._due.extend([self._now + REQUEST_S] * (len(self.launcher.running) - len(self._due)))
            (status,) = self.plane.capacity()
            self.instances.append(len(status.instances))
            self._now += TICK_S
            await self.time.advance(TICK_S)
            await self.clock.advance(TICK_S)
        while self.launcher.running:
            self.launcher.running.popleft().answer(Response(b"{}", "application/json"))
        return Counter([self._told(await task) for task in tasks])

    @staticmethod
    async def _turn() -> None:
        for _ in range(4):
            await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop, no wait

    @staticmethod
    def _told(outcome: Outcome) -> str:
        if isinstance(outcome, Throttled):
            return str(outcome.reason)
        assert isinstance(outcome, Completed)
        return "served"


def replayed(rates: tuple[float, ...]) -> Day:
    plan = ReplayPlan(
        provider=PROVIDER,
        share=SHARE,
        handler=ReplayHandler((REQUEST_S,), init_s=0.0),
        requests=tuple(round(rate * PERIOD_S) for rate in rates),
        period_s=PERIOD_S,
        evenly=True,
    )
    return replay(plan, SeededIds(1).fraction)


@pytest.mark.parametrize("trace", list(TRACES))
async def test_what_the_platform_lives_through_is_what_a_replay_says(trace: str) -> None:
    rates = TRACES[trace]
    life = Life()
    await life.plane.start()
    try:
        await life.plane.open_provider(PROVIDER)
        assert await life.plane.deploy(life.spec, PROVIDER.arn, Bounds()) is None
        outcomes = await life.live(rates)
    finally:
        await life.plane.stop()
    day = replayed(rates)
    assert outcomes.total() == day.requests
    served = outcomes.pop("served")
    mean = sum(life.instances) / len(life.instances)
    assert mean == pytest.approx(day.mean_instances, rel=0.05)
    assert outcomes.keys() == day.throttles.keys()
    assert outcomes.total() == pytest.approx(day.throttled, rel=0.05)
    assert served == day.requests - outcomes.total()


def test_the_traces_are_worth_comparing() -> None:
    found = {name: replayed(rates) for name, rates in TRACES.items()}
    assert all(each.peak_instances > 3 for each in found.values())
    assert found["a jump"].throttled > 50
    assert found["pulses"].throttled > 50
