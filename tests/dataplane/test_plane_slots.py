"""Environments with several slots: AWS's client forks as many workers, and each serves one request at a time."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambent.dataplane import (
    Bounds,
    CapacityThrottle,
    Completed,
    Crashed,
    EnvironmentState,
    ExitKind,
    FunctionError,
    FunctionSpec,
    IsolationLevel,
    Outcome,
    ProcessExit,
    Throttled,
    TimedOut,
)
from lambent.guest import workers
from tests.dataplane.managed_harness import PROVIDER, managed_world
from tests.dataplane.real_plane_harness import World, real_plane
from tests.dataplane.sandbox_harness import until

SOURCE = """
    import json, logging, os, pathlib, sys, time

    print("loading")
    logging.getLogger().setLevel("INFO")
    place = pathlib.Path(os.environ.get("TMPDIR", "/tmp"))
    calls = 0

    def handler(event, context):
        global calls
        calls += 1
        name = event["do"]
        print("printed by", name)
        print("complained by", name, file=sys.stderr)
        logging.info("logged by %s", name)
        place.joinpath(name).write_text(context.aws_request_id)
        while not all(place.joinpath(wanted).exists() for wanted in event.get("wait", ())):
            time.sleep(0.005)
        print("over with", name)
        if "exit" in event:
            os._exit(event["exit"])
        if "signal" in event:
            os.kill(os.getpid(), event["signal"])
        if name == "raise":
            raise KeyError("id")
        if name == "large":
            return "x" * 6_291_557
        return {
            "pid": os.getpid(),
            "calls": calls,
            "seen": sorted(path.name for path in place.iterdir()),
            "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"],
            "most": os.environ["AWS_LAMBDA_MAX_CONCURRENCY"],
            "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        }
"""


@pytest.fixture(params=list(IsolationLevel))
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with managed_world(tmp_path, request.param) as made:
        yield made


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[World]:
    async with real_plane(tmp_path) as made:
        await made.plane.open_provider(PROVIDER)
        yield made


async def several(
    world: World,
    slots: int,
    source: str = SOURCE,
    *,
    timeout_s: int = 20,
    **more: Any,  # Any: members of the spec
) -> FunctionSpec:  # Any: members of the spec
    """Return a function of which one environment stands on a capacity provider, with so many slots."""
    spec = managed(world, slots, source, timeout_s=timeout_s, **more)
    assert await world.plane.deploy(spec, PROVIDER.arn, Bounds(1, 1)) is None
    return spec


def managed(
    world: World,
    slots: int,
    source: str = SOURCE,
    *,
    timeout_s: int = 20,
    **more: Any,  # Any: members of the spec
) -> FunctionSpec:  # Any: as above
    spec = world.function(source, timeout_s=timeout_s)
    return replace(spec, slots=slots, is_managed=True, log_format="JSON", memory_mb=2048, vcpus=1.0, **more)


def begun(world: World, spec: FunctionSpec, do: str, **more: object) -> asyncio.Task[Outcome]:
    """Invoke without waiting."""
    return asyncio.get_running_loop().create_task(world.invoke(spec, do, **more))


def answer(outcome: Outcome) -> dict[str, Any]:  # Any: what the handler returns
    assert isinstance(outcome, Completed), outcome
    found: dict[str, Any] = json.loads(outcome.payload)  # Any: as above
    return found


async def replaced(world: World) -> None:
    """Wait until another environment serves: one that has ended soon after its start has to wait for that a little."""
    await until(lambda: not world.plane.environments(), "the environment has ended")
    await world.clock.advance(15)
    await until(lambda: [each.state for each in world.plane.environments()] == ["idle"], "another one serves")


async def told(world: World, fact: str) -> None:
    """Wait until a function has been observed to do something."""
    await until(lambda: any(fact in each for each in world.observer.facts), f"{fact}: {world.observer.facts}")


async def test_requests_overlap_in_one_environment_with_one_tmp_and_a_process_each(world: World) -> None:
    function = await several(world, 4)
    names = [f"n{number}" for number in range(4)]
    answers = [answer(each) for each in await asyncio.gather(*(begun(world, function, n, wait=names) for n in names))]
    assert len({each["pid"] for each in answers}) == 4
    assert [each["seen"] for each in answers] == [names] * 4
    assert {(each["type"], each["most"], each["calls"]) for each in answers} == {("lambda-managed-instances", "4", 1)}
    assert len(world.plane.environments()) == 1
    facts = world.observer.facts
    assert facts[:2] == ["init started", "output None: loading"]
    assert facts.count("output None: loading") == 4
    for number, name in enumerate(names, 1):
        own = [fact for fact in facts if fact.startswith(f"output request-{number}:") and "{" not in fact]
        expected = [f"output request-{number}: {said} {name}" for said in ("printed by", "complained by", "over with")]
        assert sorted(own) == sorted(expected)
        (record,) = [json.loads(fact.split(": ", 1)[1]) for fact in facts if f"logged by {name}" in fact]
        assert (record["requestId"], record["level"]) == (f"request-{number}", "INFO")
        # All it wrote has been told when its end is.
        assert max(facts.index(fact) for fact in own) < facts.index(f"ended request-{number}: success")


async def test_a_request_that_finds_all_workers_busy_is_refused(own: World) -> None:
    function = await several(own, 2)
    held = [begun(own, function, name, wait=["later"]) for name in ("a", "b")]
    await told(own, "printed by a")
    await told(own, "printed by b")
    assert await own.invoke(function, "c") == Throttled(CapacityThrottle.CONCURRENCY)
    assert [status.busy_slots for status in own.plane.environments()] == [2]
    await own.plane.stop()
    await asyncio.gather(*held, return_exceptions=True)


@pytest.mark.parametrize(
    ("end", "cause"),
    [
        ({"exit": 7}, ProcessExit(ExitKind.EXITED, 7)),
        ({"signal": signal.SIGSEGV}, ProcessExit(ExitKind.SIGNALLED, signal.SIGSEGV)),
    ],
)
async def test_the_crash_of_a_worker_fails_its_own_request_only(
    world: World, end: dict[str, int], cause: ProcessExit
) -> None:
    function = await several(world, 3)
    held = begun(world, function, "held", wait=["later"])
    await told(world, "printed by held")
    crashed = await world.invoke(function, "crash", **end)
    assert isinstance(crashed, Crashed)
    assert (crashed.exit, crashed.report.error_type) == (cause, "Runtime.ExitError")
    assert "output request-2: over with crash" in world.observer.facts
    # The one that is left serves whoever comes, and the one that is held goes on.
    pids = {answer(await world.invoke(function, f"n{number}"))["pid"] for number in range(3)}
    assert len(pids) == 1
    assert len(world.plane.environments()) == 1
    await world.invoke(function, "later")
    assert answer(await held)["calls"] == 1
    (status,) = world.plane.environments()
    assert (status.state, len(world.observer.environments)) == (EnvironmentState.IDLE, 1)


async def test_an_environment_whose_workers_have_all_ended_is_replaced(own: World) -> None:
    function = await several(own, 2)
    ends = await asyncio.gather(*(begun(own, function, f"n{number}", exit=1, wait=["n0", "n1"]) for number in range(2)))
    assert [type(each) for each in ends] == [Crashed, Crashed]
    await replaced(own)
    assert answer(await own.invoke(function, "next"))["seen"] == ["next"]
    assert len(own.observer.environments) == 2


async def test_the_end_of_the_process_above_the_workers_ends_every_request_and_the_environment(
    world: World,
) -> None:
    source = """
        import os, pathlib, time
        place = pathlib.Path(os.environ.get("TMPDIR", "/tmp"))

        def handler(event, context):
            place.joinpath(event["do"]).touch()
            if event["do"] == "end":
                while not place.joinpath("held").exists():
                    time.sleep(0.005)
                os.kill(os.getppid(), 9)
            if event["do"] in ("end", "held"):
                time.sleep(20)
            return sorted(path.name for path in place.iterdir())
    """
    function = await several(world, 2, source)
    ends = await asyncio.gather(begun(world, function, "held"), begun(world, function, "end"))
    assert [each.exit for each in ends if isinstance(each, Crashed)] == [ProcessExit(ExitKind.SIGNALLED, 9)] * 2
    await replaced(world)
    again = await world.invoke(function, "again")
    assert isinstance(again, Completed)
    assert json.loads(again.payload) == ["again"]  # nothing of an environment that failed is used again
    assert len(world.observer.environments) == 2


async def test_a_timed_out_request_keeps_its_worker_until_its_code_comes_to_an_end(own: World) -> None:
    function = await several(own, 1, timeout_s=1)
    late = await own.invoke(function, "late", wait=["go"])
    assert isinstance(late, TimedOut)
    assert late.report.duration_ms == 1000.0
    (status,) = own.plane.environments()
    assert (status.state, status.busy_slots) == (EnvironmentState.BUSY, 1)
    assert await own.invoke(function, "other") == Throttled(CapacityThrottle.CONCURRENCY)
    assert "output request-1: over with late" not in own.observer.facts


async def test_a_late_answer_is_told_to_nobody_and_gives_the_slot_back(own: World) -> None:
    function = await several(own, 2, timeout_s=1)
    assert isinstance(await own.invoke(function, "late", wait=["go"]), TimedOut)
    assert answer(await own.invoke(function, "go"))["seen"] == ["go", "late"]
    await told(own, "output request-1: over with late")
    await until(lambda: own.plane.environments()[0].state is EnvironmentState.IDLE, "the slot comes back")
    pids = {answer(await own.invoke(function, f"n{number}"))["pid"] for number in range(2)}
    assert len(pids) == 2
    assert len(own.plane.environments()) == 1
    assert [fact for fact in own.observer.facts if "ended request-1" in fact] == ["ended request-1: timeout"]


@pytest.mark.parametrize("is_late_already", [True, False])
async def test_a_request_that_never_comes_to_an_end_keeps_no_retired_environment(
    own: World, *, is_late_already: bool
) -> None:
    function = await several(own, 2, timeout_s=1)
    late = begun(own, function, "late", wait=["never"])
    await told(own, "printed by late")
    if is_late_already:
        await late
    own.plane.retire(function.version_arn)
    assert isinstance(await late, TimedOut)
    await until(lambda: not own.plane.environments(), "the environment has ended")


async def test_errors_and_answers_that_are_too_large_end_no_worker(own: World) -> None:
    function = await several(own, 1)
    first = answer(await own.invoke(function, "first"))["pid"]
    raised = await own.invoke(function, "raise")
    assert isinstance(raised, FunctionError)
    assert raised.error_type == "KeyError"
    large = await own.invoke(function, "large")
    assert isinstance(large, FunctionError)
    assert large.error_type == "Function.ResponseSizeTooLarge"
    last = answer(await own.invoke(function, "last"))
    assert (last["pid"], last["calls"]) == (first, 4)


async def test_a_function_that_cannot_be_loaded_says_so_once(own: World) -> None:
    failure = await own.plane.deploy(managed(own, 3, "import nowhere\n"), PROVIDER.arn, Bounds(1, 1))
    assert failure is not None
    assert failure.code == "FunctionError.RuntimeInitError"
    assert failure.reason == "Runtime.ImportModuleError: Unable to import module 'app': No module named 'nowhere'"
    assert sum("init failed" in fact for fact in own.observer.facts) == 1


EXTENSION_THAT_ENDS = """#!/usr/bin/env python3
import http.client, json, os, time

def call(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    named = {"Lambda-Extension-" + name: value for name, value in headers.items()}
    connection.request(method, "/2020-01-01/extension/" + path, body and json.dumps(body), named)
    answer = connection.getresponse()
    return answer.getheader("Lambda-Extension-Identifier"), answer.read()

me, _ = call("POST", "register", {"events": ["SHUTDOWN"]}, Name="frail")
import threading
threading.Thread(target=call, args=("GET", "event/next"), kwargs={"Identifier": me}, daemon=True).start()
time.sleep(0.3)
os._exit(5)
"""


async def test_an_environment_whose_extension_ends_is_replaced(own: World, tmp_path: Path) -> None:
    layer = tmp_path / "layer" / "extensions"
    layer.mkdir(parents=True)
    (layer / "frail").write_text(EXTENSION_THAT_ENDS)
    (layer / "frail").chmod(0o755)
    function = await several(own, 2, layers=(tmp_path / "layer",))
    outcome = await own.invoke(function, "held", wait=["never"])
    assert isinstance(outcome, FunctionError)
    assert outcome.error_type == "Extension.Crash"
    await replaced(own)
    assert len(own.observer.environments) == 2


def of_late_workers(awaited: str, then: str = "pass") -> str:
    """Return code whose first worker is ready at once, and the others once `awaited` is invoked; they do `then`."""
    return f"""
        import os, pathlib, time
        place = pathlib.Path(os.environ.get("TMPDIR", "/tmp"))

        def wait_for(*names):
            while not all(place.joinpath(name).exists() for name in names):
                time.sleep(0.005)

        try:
            place.joinpath("first").touch(exist_ok=False)
        except FileExistsError:
            wait_for("{awaited}")
            {then}

        def handler(event, context):
            place.joinpath(event["do"]).touch()
            wait_for(*event.get("wait", ()))
            return {{"pid": os.getpid()}}
    """


async def test_init_is_over_with_the_first_worker_and_the_others_join_as_they_come(own: World) -> None:
    function = await several(own, 2, of_late_workers("go"))
    outcomes = [begun(own, function, "a"), begun(own, function, "go")]
    first, second = [answer(each) for each in await asyncio.gather(*outcomes)]
    assert first["pid"] == second["pid"]  # the only one there was, twice
    both = [begun(own, function, name, wait=["b", "c"]) for name in "bc"]
    assert len({answer(each)["pid"] for each in await asyncio.gather(*both)}) == 2
    assert len(own.plane.environments()) == 1


async def test_the_first_worker_initializes_alone_and_the_others_when_it_is_ready_or_has_ended(own: World) -> None:
    source = """
        import os, pathlib, time
        place = pathlib.Path(os.environ.get("TMPDIR", "/tmp"))
        try:
            place.joinpath("first").touch(exist_ok=False)
            time.sleep(0.2)
            if os.environ.get("THEN") == "end":
                os._exit(3)
            place.joinpath("loaded").touch()
        except FileExistsError:
            place.joinpath("after" if place.joinpath("loaded").exists() else "beside").touch()

        def handler(event, context):
            return {"pid": os.getpid(), "seen": sorted(path.name for path in place.iterdir())}
    """
    function = await several(own, 3, source)
    await until(lambda: own.plane.environments()[0].state == "idle", "it serves")
    seen: list[str] = []
    while "after" not in seen and "beside" not in seen:
        seen = answer(await own.invoke(function, "x"))["seen"]
    assert seen == ["after", "first", "loaded"]
    began = asyncio.get_running_loop().time()
    ending = await several(own, 3, source, environment={"THEN": "end"})
    assert "beside" in answer(await own.invoke(ending, "x"))["seen"]
    assert asyncio.get_running_loop().time() - began < workers.FIRST_ALONE_S


async def test_a_worker_that_fails_to_load_leaves_the_others_to_serve(own: World) -> None:
    function = await several(own, 3, of_late_workers("a", then='raise RuntimeError("too late")'))
    answers = [answer(each) for each in await asyncio.gather(*(begun(own, function, name) for name in "abc"))]
    assert len({each["pid"] for each in answers}) <= 2
    await until(lambda: sum("too late" in fact for fact in own.observer.facts) >= 2, "both failures are logged")


EXTENSION = """#!/usr/bin/env python3
import http.client, json, os

def call(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    named = {"Lambda-Extension-" + name: value for name, value in headers.items()}
    connection.request(method, "/2020-01-01/extension/" + path, body and json.dumps(body), named)
    answer = connection.getresponse()
    return answer.status, answer.getheader("Lambda-Extension-Identifier"), answer.read()

print("refused", call("POST", "register", {"events": ["INVOKE"]}, Name="watcher")[0], flush=True)
_, me, _ = call("POST", "register", {"events": ["SHUTDOWN"]}, Name="watcher")
print("registered", flush=True)
call("GET", "event/next", Identifier=me)
"""


async def test_an_extension_stands_beside_the_workers_and_hears_of_no_invocation(own: World, tmp_path: Path) -> None:
    layer = tmp_path / "layer" / "extensions"
    layer.mkdir(parents=True)
    (layer / "watcher").write_text(EXTENSION)
    (layer / "watcher").chmod(0o755)
    function = await several(own, 2, layers=(tmp_path / "layer",))
    names = ["a", "b"]
    for number in range(2):
        outcomes = await asyncio.gather(*(begun(own, function, f"{n}{number}", wait=[f"a{number}"]) for n in names))
        assert len({answer(each)["pid"] for each in outcomes}) <= 2
    crashed = await own.invoke(function, "crash", exit=3)
    assert isinstance(crashed, Crashed)
    assert answer(await own.invoke(function, "last"))["seen"] == ["a0", "a1", "b0", "b1", "crash", "last"]
    assert "output None: refused 403" in own.observer.facts
    assert "output None: registered" in own.observer.facts


async def test_workers_serve_where_the_interpreter_is_executed_afresh(own: World) -> None:
    function = await several(own, 2, environment={"PYTHONHASHSEED": "1"})
    names = ["a", "b"]
    answers = [answer(each) for each in await asyncio.gather(*(begun(own, function, n, wait=names) for n in names))]
    assert len({each["pid"] for each in answers}) == 2
    (info,) = own.observer.environments
    assert info.started_by == "exec"


async def test_nothing_of_a_function_reaches_another_environments_doors(own: World) -> None:
    source = """
        import glob, os
        def handler(event, context):
            return {"doors": os.environ["_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET"], "files": glob.glob("/**/workers")}
    """
    found = answer(await own.invoke(await several(own, 1, source), "x"))
    assert found == {"doors": "/proc/self/fd/9", "files": []}
