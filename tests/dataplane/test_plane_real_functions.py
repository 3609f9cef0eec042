"""Real Python functions in real processes, through the whole data plane."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from lambent.dataplane import (
    Completed,
    Crashed,
    DataPlaneSettings,
    ExitKind,
    FunctionError,
    InitFailed,
    InvocationStatus,
    IsolationLevel,
    ProcessExit,
    TimedOut,
    diagnose,
)
from tests.dataplane.real_plane_harness import real_plane


async def test_a_function_is_initialized_once_and_used_again(tmp_path: Path) -> None:
    async with real_plane(tmp_path) as world:
        function = world.function()
        answers = []
        for _ in range(3):
            outcome = await world.invoke(function)
            assert isinstance(outcome, Completed), outcome
            answers.append(json.loads(outcome.payload))
    assert [answer["calls"] for answer in answers] == [1, 2, 3]
    assert answers[0]["arn"] == function.function_arn
    assert 5_000 < answers[0]["left"] <= 10_000
    cold, warm, _ = world.observer.reports
    assert cold.init_ms is not None
    assert warm.init_ms is None
    assert 15 < cold.max_memory_mb < 60  # the interpreter counts, though its pages are shared; AWS tells about 36
    assert world.observer.facts[:5] == [
        "init started",
        "output None: loading",
        "started request-1",
        "output request-1: handling ",
        "ended request-1: success",
    ]


async def test_every_ending_leaves_a_function_that_works(tmp_path: Path) -> None:
    async with real_plane(tmp_path) as world:
        # With a whole CPU: its share at 128 MB takes most of a second to encode six megabytes.
        function = replace(world.function(timeout_s=1), memory_mb=1769)
        raised = await world.invoke(function, "raise")
        assert isinstance(raised, FunctionError)
        assert raised.error_type == "KeyError"
        large = await world.invoke(function, "large")
        assert isinstance(large, FunctionError)
        assert large.error_type == "Function.ResponseSizeTooLarge"
        exited = await world.invoke(function, "exit")
        assert isinstance(exited, Crashed)
        assert exited.exit == ProcessExit(ExitKind.EXITED, 7)
        hung = await world.invoke(function, "hang")
        assert isinstance(hung, TimedOut)
        assert hung.report.duration_ms == 1000.0
        last = await world.invoke(function)
        assert isinstance(last, Completed)
        assert json.loads(last.payload)["calls"] == 1
        # One environment all along, reset twice: the inits inside invocations are in their durations.
        assert len({info.environment_id for info in world.observer.environments}) == 1
        assert [report.init_ms is None for report in world.observer.reports] == [False, True, True, True, True]


async def test_tmp_is_kept_through_a_timeout_a_crash_a_refused_answer_and_a_failed_init(tmp_path: Path) -> None:
    source = """
        import os, tempfile, time
        inits = os.path.join(tempfile.gettempdir(), "inits")
        with open(inits, "a") as file:
            file.write("x")
        number = os.path.getsize(inits)
        if number in (1, 4):
            raise ImportError(f"init {number}")
        def handler(event, context):
            match event["do"]:
                case "hang":
                    time.sleep(60)
                case "exit":
                    os._exit(7)
                case "large":
                    return "x" * 6_291_556
            return number
    """
    async with real_plane(tmp_path) as world:
        function = replace(world.function(source, timeout_s=1), memory_mb=1769)  # as above
        assert isinstance(await world.invoke(function, "hang"), TimedOut)  # its init had failed before
        assert isinstance(await world.invoke(function, "exit"), Crashed)
        assert isinstance(await world.invoke(function), InitFailed)
        assert isinstance(await world.invoke(function, "large"), FunctionError)
        last = await world.invoke(function)
        assert isinstance(last, Completed)
        assert json.loads(last.payload) == 6
        assert len({info.environment_id for info in world.observer.environments}) == 1


async def test_a_process_that_ends_while_idle_is_replaced_without_an_error(tmp_path: Path) -> None:
    async with real_plane(tmp_path) as world:
        function = world.function()
        await world.invoke(function, "die later")
        for _ in range(500):
            if not world.plane.environments():
                break
            await asyncio.sleep(0.01)  # noqa: TID251 - the kernel's news of the end
        outcome = await world.invoke(function)
        assert isinstance(outcome, Completed)
        assert json.loads(outcome.payload)["calls"] == 1


@pytest.mark.parametrize(
    ("source", "error_type", "message"),
    [
        pytest.param("import nowhere", "Runtime.ImportModuleError", "No module named 'nowhere'", id="import"),
        pytest.param("1 / 0", "ZeroDivisionError", "division by zero", id="raises"),
        pytest.param("def handler(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'", id="syntax"),
    ],
)
async def test_an_init_that_fails_is_told_in_the_runtimes_own_words(
    tmp_path: Path, source: str, error_type: str, message: str
) -> None:
    async with real_plane(tmp_path) as world:
        outcome = await world.invoke(world.function(source))
        assert isinstance(outcome, InitFailed)
        assert outcome.error_type == error_type
        assert message in json.loads(outcome.payload or b"{}")["errorMessage"]
        told = [fact for fact in world.observer.facts if fact.startswith("init failed")]
        assert told == [f"init failed: error {error_type}"] * 2
        assert outcome.report.status is InvocationStatus.ERROR


async def test_an_exit_during_init_is_told_by_its_code(tmp_path: Path) -> None:
    async with real_plane(tmp_path) as world:
        outcome = await world.invoke(world.function("import os; os._exit(9)"))
        assert isinstance(outcome, InitFailed)
        assert outcome.exit == ProcessExit(ExitKind.EXITED, 9)


async def test_the_function_sees_the_variables_that_aws_sets(tmp_path: Path) -> None:
    async with real_plane(tmp_path) as world:
        function = replace(world.function(), environment={"TABLE": "orders"})
        outcome = await world.invoke(function, "environment")
        assert isinstance(outcome, Completed)
        seen = json.loads(outcome.payload)
        (status,) = world.plane.environments()
        assert status.info is not None
        if status.info.isolation is IsolationLevel.NAMESPACE:
            assert seen["LAMBDA_TASK_ROOT"] == "/var/task"
    assert seen["TABLE"] == "orders"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "orders"
    assert seen["AWS_LAMBDA_LOG_STREAM_NAME"] == status.info.log_stream
    assert seen["AWS_SESSION_TOKEN"] == "token"
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert seen["TZ"] == ":UTC"


async def test_several_at_once_run_in_several_processes(tmp_path: Path) -> None:
    source = """
        import os, time
        def handler(event, context):
            time.sleep(0.3)
            return open("/proc/self/stat").read().split()[21] if os.path.exists("/proc/self/stat") else os.getpid()
    """
    async with real_plane(tmp_path) as world:
        function = world.function(source)
        outcomes = await asyncio.gather(*(world.invoke(function) for _ in range(4)))
        assert all(isinstance(outcome, Completed) for outcome in outcomes), outcomes
        assert len(world.plane.environments()) == 4


def test_what_holds_here_can_be_asked_without_a_running_platform(tmp_path: Path) -> None:
    diagnosis = diagnose(DataPlaneSettings(tmp_path, "http://127.0.0.1:1"))
    assert diagnosis.isolation is not None
    assert all(finding.holds or finding.reason for finding in diagnosis.findings)
    assert {runtime.runtime for runtime in diagnosis.runtimes} >= {f"python3.{minor}" for minor in range(9, 15)}
    assert any(runtime.interpreter for runtime in diagnosis.runtimes)
