"""Invocations with a mishap, of scripted runtimes: a late handler, an error in its place, an end in its middle."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace

from lambent.dataplane import (
    Completed,
    Crashed,
    EnvironmentState,
    ExitKind,
    FunctionError,
    InvocationStatus,
    Mishap,
    Outcome,
    ProcessExit,
    ReportedError,
    TimedOut,
)
from lambent.testing.runtimes import Hang, Respond, Script
from tests.dataplane.managed_harness import managed_plane
from tests.dataplane.plane_harness import Harness, scripted_plane

KILLED = ProcessExit(ExitKind.SIGNALLED, signal.SIGKILL)


def begin(harness: Harness, mishap: Mishap) -> asyncio.Task[Outcome]:
    invocation = replace(harness.invocation(b'"event"'), mishap=mishap)
    return asyncio.get_running_loop().create_task(harness.plane.invoke(invocation))


async def test_a_late_handler_begins_when_its_delay_is_over_and_the_delay_counts() -> None:
    async with scripted_plane() as harness:
        await harness.invoke()
        outcome = begin(harness, Mishap(delay_s=2.0))
        (sandbox,) = await harness.running(1)
        await harness.time.advance(1.9)
        await harness.settle()
        assert len(sandbox.calls) == 1
        await harness.time.advance(0.1)
        done = await outcome
        assert isinstance(done, Completed)
        assert (done.payload, done.report.duration_ms) == (b'"event"', 2000.0)


async def test_a_delay_beyond_the_timeout_is_a_timeout_and_the_handler_never_begins() -> None:
    async with scripted_plane() as harness:
        await harness.invoke()
        outcome = begin(harness, Mishap(delay_s=20.0))
        (sandbox,) = await harness.running(1)
        await harness.time.advance(3.0)
        assert isinstance(await outcome, TimedOut)
        await harness.time.advance(20.0)
        await harness.settle()
        assert len(sandbox.calls) == 1
        assert harness.time.timers_running == 0
        assert isinstance(await harness.invoke(), Completed)


async def test_a_slot_whose_handler_never_began_is_free_after_the_timeout() -> None:
    async with managed_plane() as pool:
        await pool.deployed(minimum=1, maximum=1)
        harness = pool.world
        outcome = begin(harness, Mishap(delay_s=20.0))
        await harness.running(1)
        await harness.time.advance(3.0)
        assert isinstance(await outcome, TimedOut)
        await harness.until(lambda: harness.states() == [EnvironmentState.IDLE])
        assert [status.busy_slots for status in harness.plane.environments()] == [0]


async def test_an_error_is_the_answer_in_the_handler_s_place() -> None:
    async with scripted_plane() as harness:
        outcome = await begin(harness, Mishap(error=ReportedError(b"{}", "Some.Fault")))
        assert isinstance(outcome, FunctionError)
        assert (outcome.payload, outcome.error_type) == (b"{}", "Some.Fault")
        assert (outcome.report.status, outcome.report.error_type) == (InvocationStatus.ERROR, "Some.Fault")
        assert harness.launcher.launched[0].calls == []
        assert isinstance(await harness.invoke(), Completed)
        assert len(harness.launcher.launched) == 1


async def test_a_kill_ends_the_handler_that_runs_and_is_told() -> None:
    told: list[str] = []
    async with scripted_plane(Script(answers=(Hang(),)), Script()) as harness:
        outcome = begin(harness, Mishap(killed_after_s=1.0, on_kill=lambda: told.append("killed")))
        (sandbox,) = await harness.running(1)
        await harness.until(lambda: sandbox.calls)
        assert told == []
        await harness.time.advance(1.0)
        done = await outcome
        assert isinstance(done, Crashed)
        assert (done.exit, told) == (KILLED, ["killed"])
        assert isinstance(await harness.invoke(), Completed)


async def test_what_is_over_is_not_killed() -> None:
    told: list[str] = []
    async with scripted_plane() as harness:
        mishap = Mishap(killed_after_s=1.0, on_kill=lambda: told.append("killed"))
        assert isinstance(await begin(harness, mishap), Completed)
        await harness.time.advance(5.0)
        await harness.settle()
        assert (told, harness.launcher.alive) == ([], harness.launcher.launched)


async def test_a_kill_at_once_is_the_outcome_though_the_handler_were_quicker() -> None:
    async with scripted_plane(Script(answers=(Respond(b"1"),)), Script()) as harness:
        assert isinstance(await begin(harness, Mishap(killed_after_s=0.0)), Crashed)
        assert isinstance(await harness.invoke(), Completed)
