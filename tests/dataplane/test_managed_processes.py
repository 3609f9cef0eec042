"""Managed Instances with real processes: what they use is measured, and what they cost stays small."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.dataplane import Bounds, Completed, DeployFailure, FunctionSpec, IsolationLevel
from lambent.dataplane.sandbox import processes
from tests.dataplane.managed_harness import PROVIDER, managed_world
from tests.dataplane.real_plane_harness import World
from tests.dataplane.sandbox_harness import until

SPINNING = """
    import time

    def handler(event, context):
        end = time.process_time() + float(event["do"])
        while time.process_time() < end:
            pass
"""
HUNGRY = """
    held = bytearray(200 * 1024 * 1024)
    for place in range(0, len(held), 4096):
        held[place] = 1

    def handler(event, context):
        return len(held)
"""


@pytest.fixture(params=list(IsolationLevel))
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with managed_world(tmp_path, request.param) as made:
        yield made


def managed(world: World, source: str, slots: int) -> FunctionSpec:
    return replace(world.function(source), slots=slots, is_managed=True, log_format="JSON", memory_mb=2048, vcpus=1.0)


async def deployed(world: World, spec: FunctionSpec) -> DeployFailure | None:
    return await world.plane.deploy(spec, PROVIDER.arn, Bounds(1, 1))


async def test_cpu_and_memory_are_those_of_the_processes(world: World) -> None:
    spec = managed(world, SPINNING, 4)
    assert await deployed(world, spec) is None

    def seen() -> tuple[float, float]:
        (status,) = world.plane.capacity()
        (use,) = status.environments
        return use.cpu, use.memory

    (status,) = world.plane.capacity()
    assert [use.cpu for use in status.environments] == [0.0]
    await until(lambda: seen()[1] > 0.005, "its memory is known before it serves anybody")
    outcomes = [asyncio.get_running_loop().create_task(world.invoke(spec, "0.7")) for _ in range(2)]
    await until(lambda: seen()[0] > 0.3, f"work is seen: {seen()}")
    assert 0.3 < seen()[0] <= 1.0
    assert 0.005 < seen()[1] < 0.5
    assert all(isinstance(outcome, Completed) for outcome in await asyncio.gather(*outcomes))
    await until(lambda: seen()[0] < 0.05, f"nobody works any more: {seen()}")


async def test_workers_that_need_more_memory_than_there_is_fail_the_deployment(world: World) -> None:
    failure = await deployed(world, replace(managed(world, HUNGRY, 4), memory_mb=160))
    assert failure is not None
    assert failure.code == "FunctionError.InitResourceExhausted"


def test_cpu_of_processes_is_counted_also_of_those_that_have_ended() -> None:
    spin = "import time\nwhile time.process_time() < 0.2: pass"
    above = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}]); print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", above], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"1\n"
        used = processes.cpu_s(os.getpid())
        child.communicate(b"\n")
    assert used is not None
    assert used >= 0.2  # its own child has ended
    assert processes.cpu_s(child.pid) is None
