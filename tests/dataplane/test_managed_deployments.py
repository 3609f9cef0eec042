"""Versions on a capacity provider: how they come, are replaced, bounded and withdrawn."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from lambent.dataplane import (
    Bounds,
    CapacityThrottle,
    Completed,
    EnvironmentState,
    ExitKind,
    InitFailed,
    ProviderArn,
    Response,
    RuntimeUnavailableError,
    Throttled,
    UnknownProviderError,
)
from lambent.testing.runtimes import Crash, Fail, Hang, Script, Step
from tests.dataplane.managed_harness import MANAGED, PROVIDER, managed_plane

DONE = Response(b'"done"', "application/json")
NEXT = replace(MANAGED, revision="2")


async def test_first_version_comes_with_three_environments_on_instances_in_three_zones() -> None:
    async with managed_plane() as pool:
        await pool.deployed()
        assert [instance.subnet.zone for instance in pool.status.instances] == [
            "eu-west-1a",
            "eu-west-1b",
            "eu-west-1c",
        ]
        assert pool.capacity.kinds.count("Launching") == pool.capacity.kinds.count("Launched") == 3
        shown = pool.plane.environments()
        assert [status.state for status in shown] == [EnvironmentState.IDLE] * 3
        places = [status.place for status in shown if status.place is not None]
        assert {place.zone for place in places} == {"eu-west-1a", "eu-west-1b", "eu-west-1c"}
        assert {(place.instance_type, place.provider_arn) for place in places} == {("m7i.large", PROVIDER.arn)}
        assert {place.instance_id for place in places} == {each.instance_id for each in pool.status.instances}
        assert all(len(place.instance_id) == 19 and place.instance_id.startswith("i-") for place in places)
        assert {use.instance_id for use in pool.status.environments} == {place.instance_id for place in places}
        assert isinstance(await pool.world.invoke(), Completed)


async def test_instances_take_the_time_that_they_are_said_to_take_on_the_platforms_clock() -> None:
    async with managed_plane(first_instance_launch_s=30.0) as pool:
        deploying = pool.deploying()
        await pool.world.clock.advance(29)
        assert (pool.running, len(pool.world.launcher.launched)) == (0, 0)
        await pool.world.clock.advance(1)
        assert await deploying is None
        assert pool.running == 3
        launched = pool.capacity.events[-3:]
        assert [event.at for event in launched] == [pool.world.clock.now()] * 3
        assert [str(event.instance.state) for event in launched] == ["running"] * 3


@pytest.mark.parametrize(
    ("init", "code", "reason"),
    [
        (Fail("Runtime.ImportModuleError", "no such module"), "RuntimeInitError", "no such module"),
        (Fail("Runtime.InvalidEntrypoint", "no bootstrap"), "InvalidEntryPoint", "no bootstrap"),
        (Crash(code=3), "RuntimeInitError", "Runtime.ExitError"),
        (Crash(ExitKind.OUT_OF_MEMORY, 9), "InitResourceExhausted", "need more memory"),
        (Hang(), "InitTimeout", "timed out"),
    ],
)
async def test_version_whose_init_fails_is_not_deployed_and_the_reason_is_told(
    init: Step, code: str, reason: str
) -> None:
    # The limit of init is the function's own timeout where that is longer.
    spec = replace(MANAGED, timeout_s=0)
    async with managed_plane(Script(init=init), long_init_timeout_s=0.02) as pool:
        failure = await pool.deploying(spec)
        assert failure is not None
        assert failure.code == f"FunctionError.{code}"
        assert reason in failure.reason
        assert failure.init is not None
        await pool.world.until(lambda: not pool.plane.environments())
        assert pool.sandboxes() == []


async def test_version_for_which_there_is_no_room_says_why() -> None:
    small = replace(PROVIDER, max_vcpus=3)
    async with managed_plane(provider=small) as pool:
        failure = await pool.deploying()
        assert failure is not None
        assert (failure.code, failure.init) == ("VcpuLimitExceeded", None)
        assert pool.plane.environments() == []
        # More room, and it is deployed.
        await pool.plane.open_provider(replace(PROVIDER, max_vcpus=16))
        await pool.deployed()
    nothing = replace(PROVIDER, allowed_types=("x9.*",))
    async with managed_plane(provider=nothing) as pool:
        failure = await pool.deploying()
        assert failure is not None
        assert failure.code == "InsufficientCapacity"


async def test_environment_that_cannot_be_built_is_told() -> None:
    async with managed_plane(Script(cannot_launch="no room in /tmp")) as pool:
        failure = await pool.deploying()
        assert failure is not None
        assert (failure.code, failure.reason) == ("InternalError", "no room in /tmp")


async def test_unknown_provider_and_unavailable_runtime_are_refused() -> None:
    async with managed_plane() as pool:
        with pytest.raises(UnknownProviderError):
            await pool.plane.deploy(MANAGED, ProviderArn("arn:other"), Bounds())
        with pytest.raises(RuntimeUnavailableError):
            await pool.deploying(replace(MANAGED, runtime="python3.99"))
        assert pool.plane.environments() == []


async def test_earlier_revision_serves_until_the_next_is_up_and_what_it_serves_comes_to_its_end() -> None:
    held = Script(answers=(Hang(),))
    async with managed_plane(held, held, held, Script(init=Hang())) as pool:
        await pool.deployed()
        running = pool.world.begin()
        await pool.world.until(lambda: sum(pool.served().values()) == 1)
        deploying = pool.deploying(NEXT)
        await pool.world.until(lambda: len(pool.sandboxes("2")) == 3)
        meanwhile = pool.world.begin()
        await pool.world.until(lambda: sum(pool.served().values()) == 2)
        assert not deploying.done()
        for sandbox in pool.sandboxes("2"):
            sandbox.park()
        assert await deploying is None
        # Those that serve nobody end at once; the others once they do not.
        await pool.world.until(lambda: len(pool.sandboxes("1")) == 2)
        assert not running.done()
        later = pool.world.begin()  # of the earlier revision still, as routes may lag behind
        await pool.world.until(lambda: sum(len(each.calls) for each in pool.sandboxes("2")) == 1)
        for sandbox in pool.sandboxes("1"):
            for _ in sandbox.calls:
                sandbox.answer(DONE)
        outcomes = await asyncio.gather(running, meanwhile, later)
        assert [type(outcome) for outcome in outcomes] == [Completed] * 3
        await pool.world.until(lambda: pool.sandboxes("1") == [])
        assert len(pool.sandboxes("2")) == 3


async def test_revision_that_fails_leaves_the_earlier_one_serving() -> None:
    async with managed_plane(Script(), Script(), Script(), Script(init=Fail())) as pool:
        await pool.deployed()
        failure = await pool.deploying(NEXT)
        assert failure is not None
        assert failure.code == "FunctionError.RuntimeInitError"
        await pool.world.until(lambda: len(pool.plane.environments()) == 3)
        assert isinstance(await pool.world.invoke(), Completed)
        assert len(pool.sandboxes("1")) == 3


async def test_deploying_the_same_revision_again_changes_nothing() -> None:
    async with managed_plane() as pool:
        await pool.deployed()
        await pool.deployed()
        assert len(pool.world.launcher.launched) == 3


async def test_retired_version_ends_what_it_serves_first_and_its_instances_go_when_they_have_been_empty() -> None:
    async with managed_plane(Script(answers=(Hang(),))) as pool:
        await pool.deployed()
        running = pool.world.begin()
        await pool.world.until(lambda: sum(pool.served().values()) == 1)
        pool.plane.retire(MANAGED.version_arn)
        await pool.world.until(lambda: len(pool.sandboxes()) == 1)
        pool.sandboxes()[0].answer(DONE)
        assert isinstance(await running, Completed)
        await pool.world.until(lambda: not pool.plane.environments())
        assert pool.running == 3
        await pool.world.clock.advance(400)
        assert pool.status.instances == ()
        assert pool.capacity.kinds[-3:] == ["Terminated"] * 3
        assert {event.cause for event in pool.capacity.events if str(event.kind) == "Terminating"} == {"Idle"}
        # Nothing is left to look at: nobody is woken up any more.
        await pool.world.settle()
        deadline = pool.world.clock.next_deadline()
        assert deadline is None or deadline > pool.world.clock.now() + 100


async def test_zero_and_zero_end_all_environments_and_more_brings_them_back() -> None:
    async with managed_plane() as pool:
        await pool.deployed()
        await pool.plane.bound(MANAGED.version_arn, Bounds(0, 0))
        assert await pool.plane.settled(MANAGED.version_arn) is None
        assert pool.plane.environments() == []
        assert await pool.world.invoke() == Throttled(CapacityThrottle.CONCURRENCY)
        await pool.plane.bound(MANAGED.version_arn, Bounds(2, 2))
        assert await pool.plane.settled(MANAGED.version_arn) is None
        assert len(pool.plane.environments()) == 2
        assert isinstance(await pool.world.invoke(), Completed)


async def test_invocation_after_a_restart_waits_until_its_version_is_deployed_again() -> None:
    async with managed_plane(Script(init=Hang())) as pool:
        early = pool.world.begin()
        await pool.world.settle()
        deploying = pool.deploying()
        await pool.world.until(lambda: len(pool.sandboxes()) == 3)
        later = pool.world.begin()
        await pool.world.settle()
        assert not early.done()
        for sandbox in pool.sandboxes():
            sandbox.park()
        assert await deploying is None
        assert [type(outcome) for outcome in await asyncio.gather(early, later)] == [Completed] * 2


async def test_invocation_that_waits_for_a_deployment_is_told_how_that_failed() -> None:
    async with managed_plane(Script(init=Fail("Runtime.ImportModuleError", "gone"))) as pool:
        early = pool.world.begin()
        await pool.world.settle()
        assert await pool.deploying() is not None
        outcome = await early
        assert isinstance(outcome, InitFailed)
        assert outcome.error_type == "Runtime.ImportModuleError"
        assert isinstance(await pool.world.invoke(), InitFailed)  # and so is whoever comes later, at once


async def test_invocation_of_a_version_that_nothing_here_runs_is_told_so_at_once() -> None:
    async with managed_plane() as pool:
        with pytest.raises(RuntimeUnavailableError):
            await pool.world.invoke(spec=replace(MANAGED, runtime="python3.99"))


async def test_closed_provider_ends_its_environments_and_instances() -> None:
    async with managed_plane() as pool:
        await pool.deployed()
        await pool.plane.close_provider(PROVIDER.arn)
        assert pool.plane.capacity() == []
        assert pool.plane.environments() == []
        assert pool.capacity.kinds[-3:] == ["Terminated"] * 3
        await pool.plane.close_provider(PROVIDER.arn)


async def test_provider_is_closed_only_when_what_runs_on_it_has_come_to_its_end() -> None:
    async with managed_plane(Script(answers=(Hang(),))) as pool:
        await pool.deployed()
        running = pool.world.begin()
        await pool.world.until(lambda: sum(pool.served().values()) == 1)
        closing = asyncio.get_running_loop().create_task(pool.plane.close_provider(PROVIDER.arn))
        await pool.world.until(lambda: len(pool.sandboxes()) == 1)
        assert not closing.done()
        pool.sandboxes()[0].answer(DONE)
        assert isinstance(await running, Completed)
        await closing
        assert pool.plane.environments() == []


async def test_two_versions_share_instances_and_neither_takes_the_others_slots() -> None:
    arn = MANAGED.version_arn.replace("$LATEST", "7")
    other = replace(MANAGED, version="7", version_arn=type(MANAGED.version_arn)(arn))
    async with managed_plane(
        Script(answers=(Hang(),)), provider=replace(PROVIDER, allowed_types=("m7i.xlarge",))
    ) as pool:
        await pool.deployed(maximum=3)
        await pool.deployed(other, maximum=3)
        assert pool.running == 3
        tasks = [pool.world.begin() for _ in range(6)]
        await pool.world.until(lambda: sum(pool.served().values()) == 6)
        assert isinstance(await pool.world.invoke(), Throttled)
        taken = pool.world.begin(spec=other)
        await pool.world.until(lambda: sum(pool.served().values()) == 7)
        await pool.plane.stop()
        await asyncio.gather(*tasks, taken, return_exceptions=True)
