"""A data plane of scripted runtimes, whose real time stands still until it is moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from lambent.base.clock import ManualClock
from lambent.base.identifiers import SeededIds
from lambent.dataplane import (
    CapacityObserver,
    DataPlane,
    DataPlaneSettings,
    EnvironmentState,
    FunctionArn,
    FunctionSpec,
    Invocation,
    Outcome,
    RealWorld,
    VersionArn,
)
from lambent.testing.runtimes import (
    ManualTime,
    RecordingObserver,
    Script,
    ScriptedLauncher,
    ScriptedSandbox,
    StaticCredentials,
)

ARN = FunctionArn("arn:aws:lambda:eu-west-1:123456789012:function:orders")
SPEC = FunctionSpec(
    function_arn=ARN,
    version_arn=VersionArn(f"{ARN}:$LATEST"),
    revision="1",
    account="123456789012",
    region="eu-west-1",
    function_name="orders",
    version="$LATEST",
    runtime="python3.13",
    handler="app.handler",
    role_arn="arn:aws:iam::123456789012:role/orders",
    code=Path("/code"),
    log_group="/aws/lambda/orders",
)


def named(name: str, spec: FunctionSpec = SPEC) -> FunctionSpec:
    """Return the same function under another name."""
    arn = FunctionArn(ARN.replace("orders", name))
    return replace(spec, function_arn=arn, version_arn=VersionArn(f"{arn}:{spec.version}"), function_name=name)


@dataclass
class Harness:
    """The plane, and what a test may look at or move."""

    plane: DataPlane
    launcher: ScriptedLauncher
    time: ManualTime
    clock: ManualClock
    observer: RecordingObserver
    spec: FunctionSpec = SPEC
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def invocation(self, payload: bytes = b"{}", spec: FunctionSpec | None = None) -> Invocation:
        """Return the next invocation: r1, r2, …"""
        spec = spec or self.spec
        return Invocation(f"r{next(self._numbers)}", spec, payload, spec.function_arn)

    async def invoke(self, payload: bytes = b"{}", spec: FunctionSpec | None = None) -> Outcome:
        """Invoke and wait for the outcome."""
        return await self.plane.invoke(self.invocation(payload, spec))

    def begin(self, payload: bytes = b"{}", spec: FunctionSpec | None = None) -> asyncio.Task[Outcome]:
        """Invoke without waiting."""
        work = self.plane.invoke(self.invocation(payload, spec))
        return asyncio.get_running_loop().create_task(work)

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the loop turn until `condition` holds; nothing scripted needs more than a few turns."""
        for _ in range(200):
            if condition():
                return
            await asyncio.sleep(0)  # noqa: TID251 - a turn of the loop, no wait
        raise AssertionError("the condition did not come about")

    async def settle(self) -> None:
        """Let everything that is on its way arrive."""
        for _ in range(30):
            await asyncio.sleep(0)  # noqa: TID251 - as above

    async def running(self, number: int) -> list[ScriptedSandbox]:
        """Wait until so many environments are busy; return every sandbox launched."""
        await self.until(lambda: self.states().count(EnvironmentState.BUSY) == number)
        return self.launcher.launched

    def states(self) -> list[EnvironmentState]:
        """Return the state of each environment."""
        return [status.state for status in self.plane.environments()]


@asynccontextmanager
async def scripted_plane(
    *scripts: Script,
    spec: FunctionSpec = SPEC,
    account_concurrency: int = 1000,
    capacity_observer: CapacityObserver | None = None,
    first_instance_launch_s: float = 0.0,
    long_init_timeout_s: float = 130.0,
) -> AsyncIterator[Harness]:
    """A running plane; afterwards it is stopped, and nothing may be left of it."""
    settings = DataPlaneSettings(
        Path("/scratch"),
        "http://127.0.0.1:4566",
        account_concurrency=account_concurrency,
        init_timeout_s=0.05,
        long_init_timeout_s=long_init_timeout_s,
        first_instance_launch_s=first_instance_launch_s,
    )
    launcher, time, clock, observer = ScriptedLauncher(*scripts), ManualTime(), ManualClock(), RecordingObserver()
    plane = DataPlane(
        settings,
        clock=clock,
        ids=SeededIds(1),
        credentials=StaticCredentials(),
        observer=observer,
        capacity_observer=capacity_observer,
        world=RealWorld(launcher, time.clock, time),
    )
    await plane.start()
    try:
        yield Harness(plane, launcher, time, clock, observer, spec)
    finally:
        await plane.stop()
    assert launcher.alive == []
    assert plane.environments() == []
    assert time.timers_running == 0
    assert not launcher.is_running
