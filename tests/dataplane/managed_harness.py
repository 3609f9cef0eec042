"""A data plane with a capacity provider, and versions deployed on it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from lambent.dataplane import (
    Bounds,
    DataPlane,
    DeployFailure,
    FunctionSpec,
    InstanceEvent,
    InstanceState,
    IsolationLevel,
    ProviderArn,
    ProviderSpec,
    ProviderStatus,
    Subnet,
    diagnose,
)
from lambent.dataplane.types import DataPlaneSettings
from lambent.testing.runtimes import Script, ScriptedSandbox
from tests.dataplane.plane_harness import SPEC, Harness, scripted_plane
from tests.dataplane.real_plane_harness import World, real_plane

PROVIDER = ProviderSpec(
    ProviderArn("arn:aws:lambda:eu-west-1:123456789012:capacity-provider:pool"),
    "pool",
    tuple(Subnet(f"subnet-{zone}", f"eu-west-1{zone}") for zone in "abc"),
    allowed_types=("m7i.large",),
)
MANAGED = replace(SPEC, is_managed=True, slots=2, memory_mb=2048, vcpus=1.0, log_format="JSON")


@dataclass
class RecordingCapacity:
    """Keeps every event of an instance."""

    events: list[InstanceEvent] = field(default_factory=list)

    def instance_changed(self, provider: ProviderSpec, event: InstanceEvent) -> None:
        assert provider.arn == PROVIDER.arn
        self.events.append(event)

    @property
    def kinds(self) -> list[str]:
        return [str(event.kind) for event in self.events]


@dataclass
class ManagedHarness:
    """What a test of Managed Instances asks for and looks at."""

    world: Harness
    capacity: RecordingCapacity

    @property
    def plane(self) -> DataPlane:
        return self.world.plane

    @property
    def status(self) -> ProviderStatus:
        (found,) = self.plane.capacity()
        return found

    @property
    def running(self) -> int:
        """How many instances run."""
        return sum(each.state is InstanceState.RUNNING for each in self.status.instances)

    def deploying(
        self, spec: FunctionSpec = MANAGED, minimum: int = 3, maximum: int | None = None
    ) -> asyncio.Task[DeployFailure | None]:
        work = self.plane.deploy(spec, PROVIDER.arn, Bounds(minimum, maximum))
        return asyncio.get_running_loop().create_task(work)

    async def deployed(self, spec: FunctionSpec = MANAGED, minimum: int = 3, maximum: int | None = None) -> None:
        assert await self.deploying(spec, minimum, maximum) is None

    def sandboxes(self, revision: str = MANAGED.revision) -> list[ScriptedSandbox]:
        """Return the sandboxes of a revision whose process has not ended."""
        return [each for each in self.world.launcher.alive if each.spec.function.revision == revision]

    def served(self) -> Counter[str]:
        """Return how many requests each environment has been given."""
        return Counter({each.spec.environment_id: len(each.calls) for each in self.world.launcher.launched})


@asynccontextmanager
async def managed_plane(
    *scripts: Script,
    provider: ProviderSpec = PROVIDER,
    first_instance_launch_s: float = 0.0,
    long_init_timeout_s: float = 130.0,
) -> AsyncIterator[ManagedHarness]:
    """A running plane with an open capacity provider; afterwards nothing may be left of either."""
    capacity = RecordingCapacity()
    async with scripted_plane(
        *scripts,
        spec=MANAGED,
        capacity_observer=capacity,
        first_instance_launch_s=first_instance_launch_s,
        long_init_timeout_s=long_init_timeout_s,
    ) as world:
        await world.plane.open_provider(provider)
        yield ManagedHarness(world, capacity)


@asynccontextmanager
async def managed_world(folder: Path, level: IsolationLevel) -> AsyncIterator[World]:
    """Give a data plane of real processes with PROVIDER open, of that isolation; skips where it does not hold here."""
    settings = DataPlaneSettings(folder / "unused", "http://127.0.0.1:1", isolation=level)
    if diagnose(settings).isolation is not level:
        pytest.skip("namespaces cannot be used here")
    async with real_plane(folder, level) as made:
        await made.plane.open_provider(PROVIDER)
        yield made
