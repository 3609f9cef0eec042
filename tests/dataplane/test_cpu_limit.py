"""Functions get the CPU that their memory brings, once their init is over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.dataplane import Completed, diagnose
from lambent.dataplane.types import DataPlaneSettings
from tests.dataplane.real_plane_harness import World, real_plane
from tests.requirements import missing

_SOURCE = """
    import os, tempfile, time
    def share(cpu_s):
        wall, cpu = time.monotonic(), time.process_time()
        while time.process_time() - cpu < cpu_s:
            pass
        return (time.process_time() - cpu) / (time.monotonic() - wall)
    of_init = share(0.1)
    def handler(event, context):
        if event["do"] == "exit":
            os._exit(1)
        return [of_init, share(0.06 if int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) < 200 else 0.2)]
"""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    findings = diagnose(DataPlaneSettings(tmp_path, "")).findings
    if not any(finding.name == "cgroup cpu limit" and finding.holds for finding in findings):
        missing("a control group whose CPU can be limited")
    async with real_plane(tmp_path) as made:
        yield made


async def _shares(world: World, memory_mb: int) -> tuple[float, float]:
    function = replace(world.function(_SOURCE), memory_mb=memory_mb)
    outcome = await world.invoke(function)
    assert isinstance(outcome, Completed), outcome
    of_init, of_handler = json.loads(outcome.payload)
    return of_init, of_handler


@pytest.mark.parametrize(
    ("memory_mb", "least", "most"),
    # Below by what other work on the machine may take, above by the kernel's grain. One thread uses one CPU at most.
    [(128, 0.03, 0.11), (442, 0.12, 0.34), (1769, 0.36, 1.0)],
)
async def test_a_handler_gets_the_share_of_a_cpu_that_its_memory_brings(
    world: World, memory_mb: int, least: float, most: float
) -> None:
    _, of_handler = await _shares(world, memory_mb)
    assert least < of_handler <= most


async def test_init_has_all_the_cpu_there_is_also_after_a_reset(world: World) -> None:
    function = replace(world.function(_SOURCE), memory_mb=128)
    first = await world.invoke(function)
    await world.invoke(function, "exit")
    second = await world.invoke(function)
    assert isinstance(first, Completed)
    assert isinstance(second, Completed)
    for outcome in (first, second):
        of_init, of_handler = json.loads(outcome.payload)
        assert of_init > 0.25
        assert of_handler < 0.11


async def test_functions_run_beside_each_other_each_with_its_own_share(world: World) -> None:
    shares = await asyncio.gather(*(_shares(world, 128) for _ in range(3)))
    assert all(of_handler < 0.11 for _, of_handler in shares)
