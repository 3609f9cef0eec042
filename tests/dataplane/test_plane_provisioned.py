"""Environments that are kept initialized: who they serve, when they are replaced, and when they end."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from lambent.dataplane import (
    Completed,
    Crashed,
    EnvironmentState,
    FunctionSpec,
    Provision,
    Response,
    Throttled,
    ThrottleReason,
    VersionArn,
)
from lambent.dataplane.provisioned import STARTING_AT_ONCE
from lambent.testing.runtimes import Crash, Fail, Hang, Respond, Script
from tests.dataplane.plane_harness import ARN, SPEC, Harness, named, scripted_plane

DONE = Response(b"null", "application/json")
ONE: FunctionSpec = replace(SPEC, version="1", version_arn=VersionArn(f"{ARN}:1"))


async def ready(world: Harness, count: int) -> None:
    await world.until(lambda: world.plane.provisioned(ONE.version_arn).ready == count)


async def test_they_serve_first_and_the_rest_spills_over() -> None:
    async with scripted_plane(Script(answers=(Hang(), Respond())), spec=ONE) as world:
        world.plane.provision(ONE, 2)
        await ready(world, 2)
        assert world.observer.facts.count("init ended") == 2
        tasks = [world.begin() for _ in range(3)]
        sandboxes = await world.running(3)
        assert [sandbox.spec.initialization_type.value for sandbox in sandboxes] == [
            "provisioned-concurrency", "provisioned-concurrency", "on-demand",
        ]  # fmt: skip
        for sandbox in sandboxes:
            sandbox.answer(DONE)
        assert all(isinstance(outcome, Completed) for outcome in await asyncio.gather(*tasks))
        assert [report.init_ms is None for report in world.observer.reports].count(False) == 1


async def test_some_start_at_a_time_and_one_that_is_ready_makes_room_for_the_next() -> None:
    async with scripted_plane(Script(init=Hang()), spec=ONE) as world:
        launched = world.launcher.launched
        world.plane.provision(ONE, STARTING_AT_ONCE + 2)
        await world.until(lambda: len(launched) == STARTING_AT_ONCE)
        await world.settle()
        assert len(launched) == STARTING_AT_ONCE
        launched[0].park()
        await world.until(lambda: len(launched) == STARTING_AT_ONCE + 1)
        launched[1].park()
        await world.until(lambda: len(launched) == STARTING_AT_ONCE + 2)
        for sandbox in launched[2:]:
            sandbox.park()
        await ready(world, STARTING_AT_ONCE + 2)


async def test_one_that_crashed_is_replaced() -> None:
    async with scripted_plane(Script(answers=(Crash(),)), spec=ONE) as world:
        world.plane.provision(ONE, 1)
        await ready(world, 1)
        assert isinstance(await world.invoke(), Crashed)
        await world.until(lambda: len(world.launcher.launched) == 2)
        await ready(world, 1)


async def test_an_init_that_fails_is_not_tried_for_ever() -> None:
    async with scripted_plane(Script(init=Fail()), spec=ONE) as world:
        world.plane.provision(ONE, 2)
        await world.until(lambda: world.plane.provisioned(ONE.version_arn).failure)
        await world.settle()
        assert world.plane.provisioned(ONE.version_arn) == Provision(2, 0, "FUNCTION_ERROR_INIT_FAILURE")
        assert len(world.launcher.launched) == 2
        assert world.plane.environments() == []


async def test_what_cannot_be_launched_says_why() -> None:
    async with scripted_plane(Script(cannot_launch="no room"), spec=ONE) as world:
        world.plane.provision(ONE, 1)
        await world.until(lambda: world.plane.provisioned(ONE.version_arn).failure)
        assert "no room" in str(world.plane.provisioned(ONE.version_arn).failure)


async def test_fewer_are_kept_once_they_are_free() -> None:
    async with scripted_plane(Script(answers=(Hang(),)), spec=ONE) as world:
        world.plane.provision(ONE, 2)
        await ready(world, 2)
        task = world.begin()
        await world.running(1)
        world.plane.provision(ONE, 0)
        await world.until(lambda: world.states() == [EnvironmentState.BUSY])
        (busy,) = [sandbox for sandbox in world.launcher.launched if sandbox.calls]
        busy.answer(DONE)
        assert isinstance(await task, Completed)
        await world.until(lambda: world.states() == [])
        assert world.plane.provisioned(ONE.version_arn) == Provision(0, 0)


async def test_they_are_set_aside_from_what_others_share() -> None:
    async with scripted_plane(Script(answers=(Hang(),)), spec=ONE, account_concurrency=2) as world:
        world.plane.provision(ONE, 1)
        await ready(world, 1)
        other = named("other")
        first = world.begin(spec=other)
        await world.running(1)
        assert await world.invoke(spec=other) == Throttled(ThrottleReason.ACCOUNT)
        ours = world.begin()
        await world.running(2)
        assert await world.invoke() == Throttled(ThrottleReason.ACCOUNT)
        for sandbox in world.launcher.launched:
            sandbox.answer(DONE)
        await asyncio.gather(first, ours)


async def test_they_are_set_aside_from_the_function_s_own_reservation() -> None:
    async with scripted_plane(Script(answers=(Hang(),)), spec=ONE) as world:
        world.plane.reserve(ARN, 2)
        world.plane.provision(ONE, 1)
        await ready(world, 1)
        latest = world.begin(spec=SPEC)
        await world.running(1)
        assert await world.invoke(spec=SPEC) == Throttled(ThrottleReason.RESERVED)
        (busy,) = [sandbox for sandbox in world.launcher.launched if sandbox.calls]
        busy.answer(DONE)
        await latest
        world.plane.reserve(ARN, None)


async def test_what_was_made_again_under_the_same_number_is_never_served_by_the_old() -> None:
    async with scripted_plane(Script(answers=(Hang(), Respond())), spec=ONE) as world:
        world.plane.provision(ONE, 1)
        await ready(world, 1)
        old = world.begin()
        (busy,) = await world.running(1)
        world.plane.retire(ONE.version_arn)
        new = replace(ONE, revision="2")
        world.plane.provision(new, 1)
        await world.until(lambda: world.plane.provisioned(ONE.version_arn).ready == 1)
        asked = world.begin(spec=new)
        await world.until(lambda: len(world.launcher.launched[1].calls) == 1)
        world.launcher.launched[1].answer(DONE)
        assert isinstance(await asked, Completed)
        busy.answer(DONE)
        assert isinstance(await old, Completed)
        await world.until(lambda: len(world.plane.environments()) == 1)


async def test_one_that_ends_by_itself_is_replaced_ever_more_slowly() -> None:
    async with scripted_plane(Script(), spec=ONE) as world:
        world.plane.provision(ONE, 1)
        for number in range(1, 4):
            await ready(world, 1)
            assert len(world.launcher.launched) == number
            world.launcher.launched[-1].crash(Crash().exit())
            await world.until(lambda: world.plane.environments() == [])
            await world.settle()
            assert len(world.launcher.launched) == number
            await world.time.clock.advance(0.1 * 2**number)
            await world.until(world.plane.environments)
        await ready(world, 1)


async def test_all_that_were_lost_at_once_are_replaced_after_one_pause() -> None:
    async with scripted_plane(Script(), spec=ONE) as world:
        count = 2 * STARTING_AT_ONCE + 1
        world.plane.provision(ONE, count)
        await ready(world, count)
        for sandbox in world.launcher.launched[:count]:
            sandbox.crash(Crash().exit())
        await world.until(lambda: world.plane.environments() == [])
        await world.settle()
        assert len(world.launcher.launched) == count
        await world.time.clock.advance(60)
        await ready(world, count)
        assert len(world.launcher.launched) == 2 * count
