"""How many environments there are, who gets them, and when they end."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from lambent.dataplane import (
    Completed,
    Crashed,
    EnvironmentState,
    ExitKind,
    ProcessExit,
    Response,
    Throttled,
    ThrottleReason,
    TimedOut,
)
from lambent.testing.runtimes import Crash, Hang, Respond, Script
from tests.dataplane.plane_harness import ARN, SPEC, named, scripted_plane

DONE = Response(b"null", "application/json")


async def test_twenty_at_once_get_twenty_environments_which_later_ones_reuse() -> None:
    async with scripted_plane(Script(answers=(Hang(), Respond()))) as world:
        tasks = [world.begin() for _ in range(20)]
        sandboxes = await world.running(20)
        assert len(sandboxes) == 20
        for sandbox in sandboxes:
            sandbox.answer(DONE)
        assert all(isinstance(outcome, Completed) for outcome in await asyncio.gather(*tasks))
        assert world.states() == ["idle"] * 20
        await asyncio.gather(*(world.begin() for _ in range(20)))
        assert [len(sandbox.calls) for sandbox in sandboxes] == [2] * 20
    assert len(world.launcher.launched) == 20


async def test_the_environment_that_was_busy_last_is_taken_first() -> None:
    async with scripted_plane(Script(answers=(Hang(), Respond()))) as world:
        tasks = [world.begin(), world.begin()]
        first, second = await world.running(2)
        second.answer(DONE)
        await world.settle()
        first.answer(DONE)
        await asyncio.gather(*tasks)
        for _ in range(3):
            await world.invoke()
        assert (len(first.calls), len(second.calls)) == (4, 1)


async def test_who_waits_for_a_new_environment_takes_one_that_becomes_free_before() -> None:
    async with scripted_plane(Script(answers=(Hang(), Respond())), Script(Hang())) as world:
        first = world.begin()
        (busy,) = await world.running(1)
        second = world.begin()
        await world.until(lambda: len(world.launcher.launched) == 2)
        busy.answer(DONE)
        outcomes = await asyncio.gather(first, second)
        assert [type(outcome) for outcome in outcomes] == [Completed, Completed]
        assert len(busy.calls) == 2
        world.launcher.launched[1].park()
        await world.until(lambda: world.states().count(EnvironmentState.IDLE) == 2)
        # A third waits for nobody, and nothing more is started.
        await world.invoke()
    assert len(world.launcher.launched) == 2


async def test_what_is_on_its_way_is_not_started_again_for_another() -> None:
    async with scripted_plane(Script(answers=(Hang(), Respond())), Script(Hang())) as world:
        first = world.begin()
        (busy,) = await world.running(1)
        second = world.begin()
        await world.until(lambda: len(world.launcher.launched) == 2)
        busy.answer(DONE)
        await asyncio.gather(first, second)
        # The environment started for the second one is on its way still: it covers the third, should `busy` be taken.
        busy_again, third = world.begin(), world.begin()
        await world.settle()
        assert len(world.launcher.launched) == 2
        world.launcher.launched[1].park()
        await asyncio.gather(busy_again, third)


async def test_reserved_two_throttles_the_third() -> None:
    async with scripted_plane(Script(answers=(Hang(), Respond()))) as world:
        world.plane.reserve(ARN, 2)
        running = [world.begin(), world.begin()]
        sandboxes = await world.running(2)
        assert await world.invoke() == Throttled(ThrottleReason.RESERVED)
        sandboxes[0].answer(DONE)
        await running[0]
        assert isinstance(await world.invoke(), Completed)
        sandboxes[1].answer(DONE)
        await running[1]


async def test_reserved_two_serves_twenty_requests_a_second_however_short_they_are() -> None:
    async with scripted_plane() as world:
        world.plane.reserve(ARN, 2)
        outcomes = [await world.invoke() for _ in range(21)]
        assert [type(outcome) for outcome in outcomes[:20]] == [Completed] * 20
        assert outcomes[20] == Throttled(ThrottleReason.RESERVED_RATE)
        event = replace(world.invocation(), is_event=True)
        assert isinstance(await world.plane.invoke(event), Completed)
        # What moves the platform's clock brings no request back; real time does.
        await world.clock.advance(3600)
        assert await world.invoke() == Throttled(ThrottleReason.RESERVED_RATE)
        await world.time.advance(0.075)
        assert isinstance(await world.invoke(), Completed)
        assert await world.invoke() == Throttled(ThrottleReason.RESERVED_RATE)


async def test_functions_without_a_reservation_share_the_accounts_requests() -> None:
    async with scripted_plane(account_concurrency=1) as world:
        for number in range(10):
            assert isinstance(await world.invoke(spec=named(f"f{number % 2}")), Completed)
        assert await world.invoke(spec=named("another")) == Throttled(ThrottleReason.RATE)


async def test_reserved_zero_throttles_everything_until_it_is_taken_away() -> None:
    async with scripted_plane() as world:
        world.plane.reserve(ARN, 0)
        assert await world.invoke() == Throttled(ThrottleReason.RESERVED)
        assert world.launcher.launched == []
        world.plane.reserve(ARN, None)
        assert isinstance(await world.invoke(), Completed)


async def test_versions_of_a_function_share_its_reservation() -> None:
    published = replace(SPEC, version="1", version_arn=type(SPEC.version_arn)(f"{ARN}:1"))
    async with scripted_plane(Script(answers=(Hang(),))) as world:
        world.plane.reserve(ARN, 1)
        running = world.begin()
        (sandbox,) = await world.running(1)
        assert await world.invoke(spec=published) == Throttled(ThrottleReason.RESERVED)
        sandbox.answer(DONE)
        await running


async def test_the_account_limit_holds_over_all_its_functions() -> None:
    async with scripted_plane(Script(answers=(Hang(),)), account_concurrency=2) as world:
        running = [world.begin(), world.begin(spec=named("other"))]
        sandboxes = await world.running(2)
        assert await world.invoke(spec=named("third")) == Throttled(ThrottleReason.ACCOUNT)
        for sandbox in sandboxes:
            sandbox.answer(DONE)
        await asyncio.gather(*running)


@pytest.mark.parametrize("ending", ["answer", "crash", "timeout"])
async def test_concurrency_is_released_once_however_an_invocation_ends(ending: str) -> None:
    script = Script(answers=(Crash() if ending == "crash" else Hang(),))
    async with scripted_plane(script, account_concurrency=1) as world:
        for _ in range(3):
            running = world.begin()
            if ending != "crash":
                await world.running(1)
                assert await world.invoke() == Throttled(ThrottleReason.ACCOUNT)
                if ending == "answer":
                    world.launcher.launched[-1].answer(DONE)
                else:
                    await world.time.advance(3)
            assert isinstance(await running, {"answer": Completed, "crash": Crashed, "timeout": TimedOut}[ending])
            await world.settle()


async def test_a_caller_that_goes_away_leaves_the_invocation_running_and_the_environment_whole() -> None:
    async with scripted_plane(Script(answers=(Hang(), Respond())), account_concurrency=1) as world:
        gone = world.begin()
        (sandbox,) = await world.running(1)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert world.states() == ["busy"]
        assert await world.invoke() == Throttled(ThrottleReason.ACCOUNT)
        sandbox.answer(DONE)
        await world.until(lambda: world.states() == ["idle"])
        assert isinstance(await world.invoke(), Completed)
    assert world.observer.facts[1:3] == ["started r1", "ended r1: success"]
    assert len(world.launcher.launched) == 1


async def test_a_caller_that_goes_away_during_init_has_its_invocation_run_all_the_same() -> None:
    async with scripted_plane(Script(Hang()), account_concurrency=1) as world:
        gone = world.begin()
        await world.until(lambda: world.launcher.launched)
        gone.cancel()
        await world.settle()
        world.launcher.launched[0].park()
        await world.until(lambda: world.observer.reports)
        assert isinstance(await world.invoke(), Completed)
    assert [fact for fact in world.observer.facts if "ended" in fact] == ["ended r1: success", "ended r2: success"]


async def test_a_retired_version_serves_what_it_has_and_then_ends() -> None:
    async with scripted_plane(Script(answers=(Hang(), Respond()))) as world:
        running = [world.begin(), world.begin()]
        busy, idle = await world.running(2)
        idle.answer(DONE)
        await running[1]
        world.plane.retire(SPEC.version_arn)
        await world.until(idle.exited.done)
        assert world.states() == ["busy"]
        busy.answer(DONE)
        assert isinstance(await running[0], Completed)
        await world.until(lambda: world.states() == [])
        assert busy.exited.done()


async def test_a_new_revision_takes_over_at_once_while_the_old_one_finishes() -> None:
    async with scripted_plane(Script(answers=(Hang(),)), Script()) as world:
        old = world.begin()
        (busy,) = await world.running(1)
        changed = replace(SPEC, revision="2", handler="app.other")
        assert isinstance(await world.invoke(spec=changed), Completed)
        assert world.launcher.launched[1].spec.variables["_HANDLER"] == "app.other"
        assert not old.done()
        busy.answer(DONE)
        assert isinstance(await old, Completed)
        await world.until(lambda: world.states() == ["idle"])
        assert busy.exited.done()


async def test_waiting_invocations_of_a_retired_version_are_still_served() -> None:
    async with scripted_plane(Script(Hang())) as world:
        waiting = world.begin()
        await world.until(lambda: world.launcher.launched)
        world.plane.retire(SPEC.version_arn)
        world.launcher.launched[0].park()
        assert isinstance(await waiting, Completed)
        await world.until(lambda: world.states() == [])


async def test_an_idle_environment_ends_after_its_expiry_of_platform_time() -> None:
    async with scripted_plane() as world:
        await world.invoke()
        await world.clock.advance(599)
        assert world.states() == ["idle"]
        await world.invoke()
        await world.clock.advance(300)
        assert world.states() == ["idle"]
        await world.clock.advance(301)
        assert world.states() == []
        assert world.launcher.alive == []
        assert isinstance(await world.invoke(), Completed)
    assert len(world.launcher.launched) == 2


async def test_only_the_surplus_expires() -> None:
    async with scripted_plane(Script(answers=(Hang(), Respond()))) as world:
        running = [world.begin(), world.begin()]
        for sandbox in await world.running(2):
            sandbox.answer(DONE)
        await asyncio.gather(*running)
        for _ in range(10):
            await world.clock.advance(100)
            await world.invoke()
        assert len(world.states()) == 1
        assert len(world.launcher.alive) == 1


async def test_an_environment_of_age_is_recycled_though_it_is_used_all_the_time() -> None:
    async with scripted_plane() as world:
        for _ in range(72):  # a hundred seconds each: never idle for long
            await world.invoke()
            assert len(world.launcher.launched) == 1
            await world.clock.advance(99)
            assert world.states() == ["idle"]
            await world.clock.advance(1)
        assert world.states() == []
        assert isinstance(await world.invoke(), Completed)
    assert len(world.launcher.launched) == 2


async def test_a_busy_environment_of_age_ends_after_its_invocation() -> None:
    async with scripted_plane(Script(answers=(Hang(),)), Script()) as world:
        running = world.begin()
        (sandbox,) = await world.running(1)
        await world.clock.advance(8000)
        assert world.states() == ["busy"]
        sandbox.answer(DONE)
        assert isinstance(await running, Completed)
        await world.until(lambda: world.states() == [])
        assert isinstance(await world.invoke(), Completed)
    assert len(world.launcher.launched) == 2


async def test_one_of_age_that_others_wait_for_serves_them_after_its_reset() -> None:
    async with scripted_plane(Script(answers=(Hang(),)), Script()) as world:
        running = world.begin()
        (sandbox,) = await world.running(1)
        await world.clock.advance(8000)
        sandbox.crash(ProcessExit(ExitKind.EXITED, 1))
        await running
        assert isinstance(await world.invoke(), Completed)
        await world.until(lambda: world.states() == [])
    assert len(world.launcher.launched) == 2


async def test_a_function_grows_no_faster_than_its_scaling_rate() -> None:
    async with scripted_plane(Script(Hang()), account_concurrency=5000) as world:
        tasks = [world.begin() for _ in range(1003)]
        await world.until(lambda: len(world.launcher.launched) == 1000)
        await world.settle()
        throttled = [task.result() for task in tasks if task.done()]
        assert throttled == [Throttled(ThrottleReason.ACCOUNT)] * 3
        # Each function has a rate of its own.
        tasks.append(world.begin(spec=named("other")))
        await world.until(lambda: any(each.spec.function.function_name == "other" for each in world.launcher.launched))
        assert not tasks[-1].done()
        await world.plane.stop()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_introspection_shows_every_environment_with_its_state_and_since_when() -> None:
    async with scripted_plane(Script(answers=(Hang(),))) as world:
        running = world.begin()
        (sandbox,) = await world.running(1)
        started = world.clock.now()
        (busy,) = world.plane.environments()
        assert (busy.state, busy.busy_slots, busy.slots, busy.since) == ("busy", 1, 1, started)
        assert busy.info is not None
        assert busy.info.log_stream == f"2026/01/01/[$LATEST]{busy.environment_id}"
        assert busy.info.started_by == "fork"
        await world.clock.advance(10)
        sandbox.answer(DONE)
        await running
        (idle,) = world.plane.environments()
        assert (idle.state, idle.busy_slots, idle.since) == ("idle", 0, started + 10)
