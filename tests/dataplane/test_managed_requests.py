"""Requests on Managed Instances: who takes them, who refuses them, and what becomes of environments that fail."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from lambent.dataplane import (
    CapacityThrottle,
    Completed,
    Crashed,
    EnvironmentState,
    ExitKind,
    Outcome,
    PlatformStoppingError,
    ProcessExit,
    Response,
    Throttled,
    ThrottleReason,
    TimedOut,
    Usage,
)
from lambent.dataplane.runtime_api.workers import Workers
from lambent.testing.runtimes import Crash, Fail, Hang, Script
from tests.dataplane.managed_harness import MANAGED, PROVIDER, ManagedHarness, managed_plane

DONE = Response(b'"done"', "application/json")
REFUSED = Throttled(CapacityThrottle.CONCURRENCY)
HELD = Script(answers=(Hang(),))


async def held(pool: ManagedHarness, count: int) -> list[asyncio.Task[Outcome]]:
    """Begin so many requests, and return when all have an environment."""
    before = sum(pool.served().values())
    tasks = [pool.world.begin() for _ in range(count)]
    await pool.world.until(lambda: sum(pool.served().values()) == before + count)
    return tasks


async def answered(pool: ManagedHarness, tasks: list[asyncio.Task[Outcome]]) -> list[Outcome]:
    for sandbox in pool.sandboxes():
        for _ in sandbox.calls:
            sandbox.answer(DONE)
    return list(await asyncio.gather(*tasks))


async def test_requests_spread_over_environments_and_the_one_too_many_is_refused_at_once() -> None:
    async with managed_plane(HELD) as pool:
        await pool.deployed()
        tasks = await held(pool, 3)
        assert sorted(pool.served().values()) == [1, 1, 1]
        tasks += await held(pool, 3)
        assert await pool.world.invoke() == REFUSED
        assert sorted(use.busy for use in pool.status.environments) == [2, 2, 2]
        assert [type(outcome) for outcome in await answered(pool, tasks)] == [Completed] * 6
        assert [use.busy for use in pool.status.environments] == [0, 0, 0]


async def test_capacity_alone_limits_requests_and_no_concurrency_of_the_account_does() -> None:
    async with managed_plane(HELD) as pool:
        pool.plane.reserve(MANAGED.function_arn, 0)
        await pool.deployed()
        tasks = await held(pool, 1)
        default = replace(MANAGED, is_managed=False, slots=1)
        assert await pool.world.invoke(spec=default) == Throttled(ThrottleReason.RESERVED)
        assert [type(outcome) for outcome in await answered(pool, tasks)] == [Completed]


async def test_timed_out_request_keeps_its_slot_until_its_code_has_come_to_its_end() -> None:
    async with managed_plane(HELD) as pool:
        await pool.deployed(minimum=1, maximum=1)
        tasks = await held(pool, 2)
        await pool.world.time.advance(3)
        assert [type(outcome) for outcome in await asyncio.gather(*tasks)] == [TimedOut] * 2
        assert [(use.busy, use.slots) for use in pool.status.environments] == [(2, 2)]
        assert await pool.world.invoke() == REFUSED
        (sandbox,) = pool.sandboxes()
        sandbox.answer(DONE)
        await pool.world.until(lambda: [use.busy for use in pool.status.environments] == [1])
        await held(pool, 1)
        assert await pool.world.invoke() == REFUSED


async def test_caller_that_goes_away_leaves_its_slot_taken_until_the_code_is_done() -> None:
    async with managed_plane(HELD) as pool:
        await pool.deployed(minimum=1, maximum=1)
        tasks = await held(pool, 2)
        tasks[0].cancel()
        await pool.world.settle()
        assert await pool.world.invoke() == REFUSED
        (sandbox,) = pool.sandboxes()
        sandbox.answer(DONE)
        await pool.world.settle()
        tasks += await held(pool, 1)


async def test_environment_that_dies_fails_its_requests_and_another_takes_its_place() -> None:
    async with managed_plane(HELD) as pool:
        await pool.deployed()
        await pool.world.clock.advance(60)
        tasks = await held(pool, 3)
        victim = pool.sandboxes()[0]
        victim.crash(ProcessExit(ExitKind.SIGNALLED, 11))
        await pool.world.until(lambda: len(pool.sandboxes()) == 3)
        assert len(pool.world.launcher.launched) == 4
        assert len(pool.world.observer.environments) == 4  # no init is repeated in an environment
        await pool.world.until(lambda: [use.state for use in pool.status.environments] == ["serving"] * 3)
        ended = [task.result() for task in tasks if task.done()]
        assert [type(outcome) for outcome in ended] == [Crashed]
        assert sorted(use.busy for use in pool.status.environments) == [0, 1, 1]
        tasks += await held(pool, 4)
        assert await pool.world.invoke() == REFUSED


async def test_idle_environment_that_dies_is_replaced() -> None:
    async with managed_plane() as pool:
        await pool.deployed()
        await pool.world.clock.advance(60)
        pool.sandboxes()[1].crash(ProcessExit(ExitKind.EXITED, 1))
        await pool.world.until(lambda: len(pool.world.launcher.launched) == 4)
        await pool.world.until(lambda: pool.world.states() == [EnvironmentState.IDLE] * 3)


async def test_environments_that_keep_failing_are_tried_again_ever_more_slowly() -> None:
    broken = Script(init=Fail())
    async with managed_plane(Script(), Script(), Script(), broken, broken, broken, Script()) as pool:
        await pool.deployed()
        await pool.world.clock.advance(60)
        pool.sandboxes()[0].crash(ProcessExit(ExitKind.EXITED, 1))
        await pool.world.settle()
        assert len(pool.world.launcher.launched) == 4
        assert isinstance(await pool.world.invoke(), Completed)  # the others serve on
        await pool.world.clock.advance(25)
        assert len(pool.world.launcher.launched) == 5
        await pool.world.clock.advance(600)
        assert pool.world.states() == [EnvironmentState.IDLE] * 3
        assert len(pool.world.launcher.launched) == 7


async def test_crash_between_two_requests_loses_none() -> None:
    async with managed_plane(Script(answers=(Crash(),)), Script()) as pool:
        await pool.deployed(minimum=2, maximum=2)
        await pool.world.clock.advance(60)
        outcomes = [await pool.world.invoke() for _ in range(6)]
        assert [type(outcome) for outcome in outcomes].count(Crashed) == 1
        assert [type(outcome) for outcome in outcomes].count(Completed) == 5


class LateWorkers(Workers):
    """Workers of which only one ever comes to its first `next`."""

    @property
    def waiting(self) -> int:
        return 0

    @property
    def alive(self) -> int:
        return self.coming


@pytest.mark.parametrize("is_replaced", [True, False])
async def test_request_that_waits_for_a_worker_of_a_withdrawn_revision_is_not_forgotten(*, is_replaced: bool) -> None:
    later = replace(MANAGED, revision="later")
    async with managed_plane(Script(init=Hang()), Script()) as pool:
        deploying = pool.deploying(minimum=1, maximum=1)
        await pool.world.until(lambda: len(pool.sandboxes()) == 1)
        (sandbox,) = pool.sandboxes()
        # Protocol of a test's own making: the real one belongs to a sandbox with processes.
        sandbox.workers = LateWorkers(asyncio.get_running_loop(), MANAGED.slots)  # type: ignore[assignment]
        sandbox.park()
        assert await deploying is None
        waiting = pool.world.begin()
        await pool.world.settle()
        if is_replaced:
            await pool.deployed(later, minimum=1, maximum=1)
        else:
            pool.plane.retire(MANAGED.version_arn)
        assert not waiting.done()
        sandbox.crash(ProcessExit(ExitKind.SIGNALLED, 11))
        outcome = await asyncio.wait_for(waiting, 5)
        assert isinstance(outcome, Completed) if is_replaced else outcome == REFUSED


async def test_saturated_slots_bring_more_environments_and_idle_ones_go_slowly() -> None:
    async with managed_plane(HELD) as pool:
        await pool.deployed()
        tasks = await held(pool, 6)
        await pool.world.clock.advance(12)
        assert pool.running == 3
        assert len(pool.status.instances) > 3
        assert await pool.world.invoke() == REFUSED
        await pool.world.clock.advance(33)
        assert pool.running == len(pool.status.instances)
        tasks += await held(pool, 3)
        grown = len(pool.plane.environments())
        assert grown >= 5
        await answered(pool, tasks)
        await pool.world.clock.advance(300)
        assert len(pool.plane.environments()) >= grown - 1
        await pool.world.clock.advance(1800)
        assert len(pool.plane.environments()) == 3
        assert pool.running == 3


def used(pool: ManagedHarness, cpu_s: float) -> None:
    """Let every environment have used so much more CPU."""
    for sandbox in pool.sandboxes():
        before = sandbox.usage_now.cpu_s or 0.0
        sandbox.usage_now = Usage(before + cpu_s, 512)


async def test_cpu_is_measured_in_real_time_and_scales_on_the_platforms_clock() -> None:
    async with managed_plane(HELD) as pool:
        await pool.deployed()
        tasks = await held(pool, 3)
        for _ in range(3):
            used(pool, 0.9)
            await pool.world.time.advance(1)
        assert [round(use.cpu, 3) for use in pool.status.environments] == [0.9] * 3
        assert [round(use.memory, 3) for use in pool.status.environments] == [0.25] * 3
        # However far virtual time goes, no more CPU has been used per real second.
        await pool.world.clock.advance(10)
        assert [round(use.cpu, 3) for use in pool.status.environments[:3]] == [0.9] * 3
        assert len(pool.status.environments) == 5  # 3 x 0.9 of the CPU, to be used at 60 %
        await answered(pool, tasks)


async def test_environment_whose_cpu_is_used_up_refuses_with_that_reason() -> None:
    async with managed_plane(HELD) as pool:
        await pool.deployed(maximum=3)
        tasks = await held(pool, 3)
        used(pool, 1.0)
        await pool.world.time.advance(1)
        assert await pool.world.invoke() == Throttled(CapacityThrottle.CPU)
        # As soon as it is not, slots are slots again.
        await pool.world.time.advance(1)
        tasks += await held(pool, 1)
        await answered(pool, tasks)


async def test_when_virtual_time_jumps_those_who_serve_nobody_use_no_cpu() -> None:
    async with managed_plane(HELD) as pool:
        await pool.deployed()
        tasks = await held(pool, 3)
        used(pool, 0.9)
        await pool.world.time.advance(1)
        await answered(pool, tasks)
        await pool.world.clock.advance(3600)
        assert [use.cpu for use in pool.status.environments] == [0.0] * 3
        assert pool.running == 3


async def test_nobody_is_woken_up_while_nothing_happens() -> None:
    async with managed_plane() as pool:
        await pool.deployed()
        await pool.world.invoke()
        await pool.world.time.advance(1)
        assert pool.world.time.timers_running == 0  # nothing is sampled that is not in use
        await pool.world.clock.advance(3600)
        deadline = pool.world.clock.next_deadline()
        assert deadline is None or deadline > pool.world.clock.now() + 60


async def test_instances_are_replaced_after_fourteen_days_while_the_version_serves() -> None:
    async with managed_plane() as pool:
        await pool.deployed()
        first = {each.instance_id for each in pool.status.instances}
        for _ in range(15):
            await pool.world.clock.advance(86_400)
            assert isinstance(await pool.world.invoke(), Completed)
            assert len(pool.plane.environments()) >= 3
        assert first.isdisjoint(each.instance_id for each in pool.status.instances)
        assert pool.running == 3
        assert {event.cause for event in pool.capacity.events if str(event.kind) == "Terminated"} == {"MaximumLifetime"}


async def test_instance_ends_at_its_age_whatever_it_still_serves() -> None:
    async with managed_plane(HELD, provider=replace(PROVIDER, max_vcpus=6)) as pool:
        await pool.deployed()
        await pool.world.clock.advance(14 * 86_400 - 4_000)
        tasks = await held(pool, 1)
        await pool.world.clock.advance(8_000)
        (ended,) = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(ended, PlatformStoppingError)
        await pool.world.until(lambda: pool.world.states() == [EnvironmentState.IDLE] * 3)
        assert pool.running == 3
        assert len(pool.sandboxes()) == 3


async def test_stop_ends_requests_and_those_who_wait_for_a_deployment() -> None:
    async with managed_plane(Script(init=Hang())) as pool:
        deploying = pool.deploying()
        await pool.world.until(lambda: len(pool.sandboxes()) == 3)
        early = pool.world.begin()
        await pool.world.settle()
        await pool.plane.stop()
        failure = await deploying
        assert failure is not None
        assert failure.reason == "the platform is stopping"
        await asyncio.gather(early, return_exceptions=True)
    assert PROVIDER.max_vcpus == 400
