"""Every way in which an invocation can end, and what the observer hears of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lambent.dataplane import (
    Completed,
    Crashed,
    ExitKind,
    FunctionError,
    InitFailed,
    InvocationStatus,
    PlatformStoppingError,
    ProcessExit,
    RuntimeUnavailableError,
    SandboxError,
    TimedOut,
)
from lambent.testing.runtimes import Crash, Fail, Garble, Hang, Respond, Script
from tests.dataplane.plane_harness import SPEC, scripted_plane


async def test_the_handlers_answer_is_the_outcome_and_every_fact_is_told_in_order() -> None:
    async with scripted_plane(Script(Respond(lines=("loading",)), (Respond(lines=("one", "two")),))) as world:
        outcome = await world.invoke(b'{"n": 1}')
        assert isinstance(outcome, Completed)
        assert (outcome.payload, outcome.content_type) == (b'{"n": 1}', "application/json")
        await world.invoke()
    assert world.observer.facts == [
        "init started",
        "output None: loading",
        "started r1",
        "output r1: one",
        "output r1: two",
        "ended r1: success",
        "started r2",
        "output r2: one",
        "output r2: two",
        "ended r2: success",
    ]
    assert len(world.launcher.launched) == 1


async def test_init_is_reported_and_billed_with_the_first_invocation_alone() -> None:
    async with scripted_plane(Script(Hang(), (Hang(), Respond()))) as world:
        first = world.begin()
        await world.until(lambda: world.launcher.launched)
        await world.settle()
        await world.time.advance(0.1101)
        sandbox = world.launcher.launched[0]
        sandbox.park()
        await world.running(1)
        await world.time.advance(0.00301)
        sandbox.answer(Fail().answer())
        assert isinstance(await first, FunctionError)
        await world.invoke()
    cold, warm = world.observer.reports
    assert (cold.duration_ms, cold.init_ms, cold.billed_ms) == (3.01, 110.1, 114)
    assert (warm.init_ms, warm.billed_ms) == (None, 0)
    assert (cold.memory_mb, cold.max_memory_mb) == (128, 40)


async def test_an_error_of_the_handler_is_a_function_error() -> None:
    async with scripted_plane(Script(answers=(Fail("KeyError", "'id'"), Respond()))) as world:
        outcome = await world.invoke()
        assert isinstance(outcome, FunctionError)
        assert outcome.error_type == "KeyError"
        assert json.loads(outcome.payload)["errorMessage"] == "'id'"
        assert (outcome.report.status, outcome.report.error_type) == (InvocationStatus.ERROR, "KeyError")
        assert isinstance(await world.invoke(), Completed)
    assert len(world.launcher.launched) == 1


async def test_a_timeout_resets_the_environment_and_the_next_invocation_runs_init_inside_its_duration() -> None:
    async with scripted_plane(Script(answers=(Hang(),)), Script(Hang())) as world:
        first = world.begin()
        hung = (await world.running(1))[0]
        hung.write("before the end")
        await world.time.advance(2.9)
        assert not first.done()
        await world.time.advance(0.2)
        outcome = await first
        assert isinstance(outcome, TimedOut)
        assert outcome.timeout_s == 3
        assert (outcome.report.duration_ms, outcome.report.billed_ms) == (3000.0, 3000)
        await world.until(lambda: world.states() == ["idle"])
        second = world.begin()
        await world.until(lambda: len(world.launcher.launched) == 2)
        await world.settle()
        await world.time.advance(0.5)
        world.launcher.launched[1].park()
        assert isinstance(await second, Completed)
    assert hung.terminations
    report = world.observer.reports[1]
    assert (report.duration_ms, report.init_ms, report.billed_ms) == (500.0, None, 500)
    first_environment = world.launcher.launched[0].spec
    assert first_environment.environment_id == world.launcher.launched[1].spec.environment_id
    assert world.observer.facts == [
        "init started",
        "started r1",
        "output r1: before the end",
        "ended r1: timeout",
        "started r2",
        "ended r2: success",
    ]


@pytest.mark.parametrize(
    ("crash", "error_type"),
    [
        pytest.param(Crash(ExitKind.EXITED, 127), "Runtime.ExitError", id="exit"),
        pytest.param(Crash(ExitKind.SIGNALLED, 11), "Runtime.ExitError", id="signal"),
        pytest.param(Crash(ExitKind.OUT_OF_MEMORY, 9), "Runtime.OutOfMemory", id="memory"),
    ],
)
async def test_a_crash_in_mid_invocation_says_how_the_process_ended(crash: Crash, error_type: str) -> None:
    async with scripted_plane(Script(answers=(crash,)), Script()) as world:
        outcome = await world.invoke()
        assert isinstance(outcome, Crashed)
        assert outcome.exit == crash.exit()
        assert (outcome.report.status, outcome.report.error_type) == (InvocationStatus.ERROR, error_type)
        assert isinstance(await world.invoke(), Completed)
    assert len(world.launcher.launched) == 2


async def test_a_crash_while_idle_costs_nobody_an_error() -> None:
    async with scripted_plane() as world:
        await world.invoke()
        world.launcher.launched[0].crash(ProcessExit(ExitKind.SIGNALLED, 9))
        # The next one comes before anything could be noticed.
        assert isinstance(await world.invoke(), Completed)
        await world.settle()
        world.launcher.launched[1].crash(ProcessExit(ExitKind.SIGNALLED, 9))
        await world.until(lambda: world.states() == [])
        assert isinstance(await world.invoke(), Completed)
    assert len(world.launcher.launched) == 3
    assert {fact for fact in world.observer.facts if fact.startswith("ended")} == {
        f"ended r{number}: success" for number in (1, 2, 3)
    }


async def test_a_failed_init_is_tried_again_inside_the_invocation() -> None:
    again = Script(Respond(lines=("loading again",)))
    async with scripted_plane(Script(Fail("Runtime.ImportModuleError")), again) as world:
        outcome = await world.invoke()
        assert isinstance(outcome, Completed)
        assert outcome.report.init_ms is None
    assert world.observer.facts == [
        "init started",
        "init failed: error Runtime.ImportModuleError",
        "output r1: loading again",
        "started r1",
        "ended r1: success",
    ]


async def test_an_init_that_fails_again_is_the_outcome_and_each_later_invocation_tries_anew() -> None:
    broken = Script(Fail("Runtime.ImportModuleError", "Unable to import module 'app'"))
    async with scripted_plane(broken, broken, broken, Script()) as world:
        for number in (1, 2):
            outcome = await world.invoke()
            assert isinstance(outcome, InitFailed), number
            assert outcome.error_type == "Runtime.ImportModuleError"
            assert json.loads(outcome.payload or b"")["errorMessage"] == "Unable to import module 'app'"
            assert outcome.exit is None
            assert outcome.report.status is InvocationStatus.ERROR
            assert outcome.report.max_memory_mb == 40
        assert isinstance(await world.invoke(), Completed)
    assert world.observer.facts[:5] == [
        "init started",
        "init failed: error Runtime.ImportModuleError",
        "init failed: error Runtime.ImportModuleError",
        "started r1",
        "ended r1: error",
    ]
    assert len({sandbox.spec.environment_id for sandbox in world.launcher.launched}) == 1


async def test_a_process_that_ends_during_init_is_told_by_its_exit() -> None:
    async with scripted_plane(Script(Crash(ExitKind.EXITED, 3))) as world:
        outcome = await world.invoke()
        assert isinstance(outcome, InitFailed)
        assert (outcome.payload, outcome.error_type) == (None, "Runtime.ExitError")
        assert outcome.exit == ProcessExit(ExitKind.EXITED, 3)


async def test_an_init_that_outlasts_its_limit_is_tried_again_under_the_functions_timeout() -> None:
    async with scripted_plane(Script(Hang())) as world:
        running = world.begin()
        await world.running(0)
        while len(world.observer.facts) < 2:  # the init limit of this plane is 50 ms of the loop's time
            await world.settle()
        assert world.observer.facts == ["init started", "init failed: timeout Sandbox.Timedout"]
        await world.until(lambda: len(world.launcher.launched) == 2)
        await world.time.advance(3.0)
        assert isinstance(await running, TimedOut)
        await world.until(lambda: world.states() == ["idle"])
    assert world.observer.facts[2:] == ["started r1", "ended r1: timeout"]


async def test_a_runtime_that_talks_nonsense_is_killed() -> None:
    async with scripted_plane(Script(answers=(Garble(),)), Script()) as world:
        outcome = await world.invoke()
        assert isinstance(outcome, Crashed)
        assert outcome.exit.kind is ExitKind.KILLED_BY_PLATFORM
        assert isinstance(await world.invoke(), Completed)


async def test_a_sandbox_that_cannot_be_built_is_the_platforms_fault(caplog: pytest.LogCaptureFixture) -> None:
    async with scripted_plane(Script(cannot_launch="no space"), Script()) as world:
        with pytest.raises(SandboxError, match="no space"):
            await world.invoke()
        assert world.states() == []
        assert isinstance(await world.invoke(), Completed)
    assert world.observer.facts[0] == "init started"
    (told,) = [record for record in caplog.records if "is of no use: no space" in record.getMessage()]
    assert told.exc_info is None


async def test_a_sandbox_that_cannot_be_built_again_after_a_crash_is_the_platforms_fault_too() -> None:
    scripts = (Script(answers=(Crash(),)), Script(cannot_launch="no space"), Script())
    async with scripted_plane(*scripts) as world:
        assert isinstance(await world.invoke(), Crashed)
        with pytest.raises(SandboxError, match="no space"):
            await world.invoke()
        assert isinstance(await world.invoke(), Completed)
    assert world.observer.facts[-3:] == ["init started", "started r3", "ended r3: success"]
    assert world.observer.reports[1].status is InvocationStatus.FAILURE


async def test_a_runtime_that_nothing_here_can_run_is_refused_before_anything_is_counted() -> None:
    async with scripted_plane() as world:
        with pytest.raises(RuntimeUnavailableError):
            await world.invoke(spec=replace(SPEC, runtime="python3.9"))
        assert world.observer.facts == []


async def test_the_runtime_is_told_who_calls_and_until_when() -> None:
    async with scripted_plane() as world:
        asked = replace(
            world.invocation(),
            invoked_arn=f"{SPEC.function_arn}:live",
            client_context='{"client":{}}',
            cognito_identity='{"cognitoIdentityId":"i"}',
            trace_id="Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
        )
        await world.plane.invoke(asked)
        headers, _ = world.launcher.launched[0].calls[0]
    assert headers.request_id == "r1"
    assert headers.deadline_ms == round((world.observer.reports[0].started_at + 3) * 1000)
    assert headers.invoked_function_arn == f"{SPEC.function_arn}:live"
    assert (headers.client_context, headers.cognito_identity) == ('{"client":{}}', '{"cognitoIdentityId":"i"}')
    assert headers.trace_id == "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"


async def test_stopping_ends_what_runs_and_what_waits_and_says_so() -> None:
    async with scripted_plane(Script(answers=(Hang(),)), Script(Hang())) as world:
        running = world.begin()
        await world.running(1)
        waiting = world.begin()
        await world.until(lambda: len(world.launcher.launched) == 2)
        await world.plane.stop()
        for task in (running, waiting):
            with pytest.raises(PlatformStoppingError):
                await task
        with pytest.raises(PlatformStoppingError):
            await world.invoke()
    assert world.observer.facts[-1] == "ended r1: failure"
