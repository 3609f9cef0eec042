"""Versions with SnapStart through the whole data plane, in real processes: when restores happen, and how they fail."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from lambent.dataplane import (
    Completed,
    Crashed,
    FunctionSpec,
    PlatformStoppingError,
    RestoreFailed,
)
from tests.dataplane.real_plane_harness import World, real_plane
from tests.waiting import eventually

_SOURCE = """
import os, time, uuid
from snapshot_restore_py import register_after_restore
BORN = uuid.uuid4().hex
def handler(event, context):
    if event["do"] == "exit":
        os._exit(7)
    return BORN
"""


async def born(world: World, spec: FunctionSpec) -> str:
    outcome = await world.invoke(spec)
    assert isinstance(outcome, Completed), outcome
    return str(json.loads(outcome.payload))


async def test_init_runs_at_publishing_and_every_environment_is_restored(tmp_path: Path) -> None:
    async with real_plane(tmp_path) as world:
        version = world.version(_SOURCE)
        assert await world.plane.snapshot(version) is None
        first = await born(world, version)
        assert isinstance(await world.invoke(version, "exit"), Crashed)
        assert await born(world, version) == first
    assert [fact for fact in world.observer.facts if "init" in fact or "restore" in fact] == [
        "init started",
        "init ended",
        "restore started",
        "restore ended",
        # A reset restores the same environment anew, as part of the invocation that follows.
        "restore started",
        "restore ended",
    ]
    cold, _, again = world.observer.reports
    assert cold.init_ms is None
    assert cold.restore_ms is not None
    assert cold.billed_restore_ms is not None
    assert again.restore_ms is None
    assert {each.started_by for each in world.observer.environments} == {"fork", "snapshot"}
    assert [each.notices for each in world.observer.environments] == [(), (), ()]


async def test_a_hook_that_takes_too_long_fails_the_invocation(tmp_path: Path) -> None:
    async with real_plane(tmp_path, restore_timeout_s=0.3) as world:
        version = world.version(_SOURCE + "register_after_restore(time.sleep, 60)\n")
        assert await world.plane.snapshot(version) is None
        outcome = await world.invoke(version)
        assert isinstance(outcome, RestoreFailed)
        assert outcome.is_timeout
    assert world.observer.facts.count("restore failed: timeout Sandbox.Timedout") == 1


async def test_a_failed_restore_that_nobody_waited_for_is_told_to_nobody_later(tmp_path: Path) -> None:
    awaiting = """
root = os.environ["LAMBDA_TASK_ROOT"]
def wait_for(name):
    while not os.path.exists(f"{root}/{name}"):
        time.sleep(0.005)
def check():
    if os.path.exists(f"{root}/broken"):
        print("breaking", flush=True)
        wait_for("break")
        raise ValueError("broken")
register_after_restore(check)
def handler(event, context):
    print("holding", event["do"], flush=True)
    wait_for(event["do"])
"""
    async with real_plane(tmp_path) as world:
        version = world.version(_SOURCE + awaiting)

        async def written(text: str) -> None:
            await asyncio.to_thread(eventually, lambda: any(each.endswith(text) for each in world.observer.facts))

        assert await world.plane.snapshot(version) is None
        first = asyncio.gather(world.invoke(version, "one"))
        await written("holding one")
        (version.code / "broken").touch()
        second = asyncio.gather(world.invoke(version, "one"))
        await written("breaking")
        (version.code / "one").touch()  # the first environment serves the second invocation, too
        await asyncio.gather(first, second)
        (version.code / "break").touch()
        await written("restore failed: error Runtime.AfterRestoreError")
        await asyncio.to_thread(eventually, lambda: {each.state for each in world.plane.environments()} == {"idle"})
        (version.code / "broken").unlink()
        third = asyncio.gather(world.invoke(version, "three"))
        await written("holding three")
        fourth = asyncio.gather(world.invoke(version, "four"))
        for name in ("three", "four"):
            (version.code / name).touch()
        outcomes = [*await third, *await fourth]
        assert [type(each) for each in outcomes] == [Completed, Completed]
        assert len({each.environment_id for each in world.observer.environments}) == 3  # the snapshot's own is one


async def test_a_template_that_is_kept_from_answering_is_given_up(tmp_path: Path) -> None:
    # What waits for a restore does so in the function's interpreter, which the function can hold up.
    stuck = """
forks = []
def late(fork=os.fork):
    forks.append(None)
    if len(forks) > 1:
        time.sleep(60)
    return fork()
os.fork = late
"""
    async with real_plane(tmp_path, restore_timeout_s=0.3) as world:
        version = world.version(_SOURCE + stuck)
        await world.plane.snapshot(version)
        outcome = await asyncio.wait_for(world.invoke(version), 20)
        assert isinstance(outcome, Completed)
        (notices,) = {each.notices for each in world.observer.environments if each.notices}
        assert any("init runs again" in notice for notice in notices)


async def test_the_end_of_the_platform_does_not_wait_for_a_snapshot_in_the_making(tmp_path: Path) -> None:
    async with real_plane(tmp_path) as world:
        calls = asyncio.gather(world.invoke(world.version("import time\ntime.sleep(60)\n")), return_exceptions=True)
        await asyncio.to_thread(eventually, lambda: "init started" in world.observer.facts)
        await asyncio.wait_for(world.plane.stop(), 10)
        assert [type(outcome) for outcome in await calls] == [PlatformStoppingError]


async def test_who_waits_for_the_snapshot_of_a_version_that_is_deleted_is_served_without_one(tmp_path: Path) -> None:
    patient = "while not os.path.exists(os.environ['LAMBDA_TASK_ROOT'] + '/go'): time.sleep(0.01)\n"
    async with real_plane(tmp_path) as world:
        version = world.version(_SOURCE + patient)
        call = asyncio.gather(world.invoke(version))
        await asyncio.to_thread(eventually, lambda: "init started" in world.observer.facts)
        world.plane.retire(version.version_arn)
        (version.code / "go").touch()
        (outcome,) = await asyncio.wait_for(call, 20)
        assert isinstance(outcome, Completed)
        await asyncio.to_thread(eventually, lambda: world.plane.environments() == [])
    ended = "init runs again in place of a restore: the version was deleted or changed"
    assert [(each.started_by, each.notices) for each in world.observer.environments] == [
        ("fork", ()),
        ("fork", (ended,)),
    ]


async def test_a_version_that_has_the_name_of_a_deleted_one_is_not_restored_from_its_snapshot(tmp_path: Path) -> None:
    patient = "while not os.path.exists(os.environ['LAMBDA_TASK_ROOT'] + '/go'): time.sleep(0.01)\n"
    async with real_plane(tmp_path) as world:
        deleted = world.version("import os, time\n" + patient)
        recreated = world.version(_SOURCE)
        call = asyncio.gather(world.plane.snapshot(deleted))
        await asyncio.to_thread(eventually, lambda: "init started" in world.observer.facts)
        world.plane.retire(deleted.version_arn)
        assert await world.plane.snapshot(recreated) is None
        await asyncio.wait_for(call, 20)
        assert isinstance(await world.invoke(recreated), Completed)
    assert world.observer.environments[-1].started_by == "snapshot"
    assert world.observer.environments[-1].notices == ()


_REGISTERS = """
import http.client
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
headers = {"Lambda-Extension-Name": "internal"}
api.request("POST", "/2020-01-01/extension/register", '{"events": []}', headers)
api.getresponse().read()
"""


async def test_an_init_that_is_cut_off_because_an_extension_registers_is_told_as_no_success(tmp_path: Path) -> None:
    async with real_plane(tmp_path) as world:
        assert await world.plane.snapshot(world.version(_SOURCE + _REGISTERS)) is None
        assert world.observer.facts == ["init started"]


async def test_where_a_layer_brings_an_extension_publishing_tells_of_no_init(tmp_path: Path) -> None:
    extension = tmp_path / "layer" / "extensions" / "watcher"
    extension.parent.mkdir(parents=True)
    extension.write_text("#!/bin/sh\nexec sleep 60\n")
    extension.chmod(0o755)
    async with real_plane(tmp_path) as world:
        version = replace(world.version("print('loading', flush=True)\n"), layers=(tmp_path / "layer",))
        assert await world.plane.snapshot(version) is None
        assert world.observer.facts == []


async def test_a_failed_init_leaves_no_snapshot(tmp_path: Path) -> None:
    async with real_plane(tmp_path) as world:
        failure = await world.plane.snapshot(world.version("raise RuntimeError('no')"))
        assert failure is not None
        assert failure.error_type == "RuntimeError"
        assert world.observer.facts[-1] == "init failed: error RuntimeError"


async def test_a_snapshot_that_was_not_kept_is_made_anew_when_needed(tmp_path: Path) -> None:
    async with real_plane(tmp_path) as world:  # as after a restart of the platform
        version = world.version(_SOURCE)
        first = await born(world, version)
        assert isinstance(await world.invoke(version, "exit"), Crashed)
        assert await born(world, version) == first
    (notice,) = world.observer.environments[1].notices
    assert notice == "the snapshot was made anew: it had not been kept"


async def test_the_snapshot_not_used_for_longest_makes_room(tmp_path: Path) -> None:
    async with real_plane(tmp_path, most_snapshots=1) as world:
        one, other = world.version(_SOURCE, number="1"), world.version(_SOURCE, number="2")
        await world.plane.snapshot(one)
        await world.plane.snapshot(other)
        await born(world, other)
        await born(world, one)
    restored = [each for each in world.observer.environments if each.started_by == "snapshot"]
    assert [(each.spec.version, each.notices != ()) for each in restored] == [("2", False), ("1", True)]


async def test_several_environments_wait_for_one_init(tmp_path: Path) -> None:
    async with real_plane(tmp_path) as world:
        version = world.version(_SOURCE)
        assert await world.plane.snapshot(version) is None
        assert await world.plane.snapshot(version) is None
    assert world.observer.facts.count("init started") == 1
