from __future__ import annotations

import asyncio
import time

import pytest

from lambent.base.clock import Clock, ClockStalled, ManualClock, SystemClock, VirtualClock
from lambent.base.tasks import TaskOwner, wait_for_event

START = 1_767_225_600.0


async def ring(clock: Clock, moment: float, log: list[str], name: str) -> None:
    await clock.sleep_until(moment)
    log.append(f"{name} at {clock.now() - START:g}")


async def test_deadlines_fire_in_order_each_at_its_own_moment() -> None:
    clock, log = ManualClock(), list[str]()
    async with asyncio.TaskGroup() as group:
        for name, after in (("late", 30.0), ("early", 10.0), ("same a", 20.0), ("same b", 20.0), ("beyond", 61.0)):
            group.create_task(ring(clock, START + after, log, name))
        await clock.advance(60)
        assert log == ["early at 10", "same a at 20", "same b at 20", "late at 30"]
        assert clock.now() == START + 60
        assert clock.next_deadline() == START + 61
        await clock.advance_to(START + 61)
    assert log[-1] == "beyond at 61"
    assert clock.next_deadline() is None


async def test_what_a_deadline_sets_off_is_handled_before_the_next_one() -> None:
    clock, log = ManualClock(), list[str]()
    owner = TaskOwner("test", clock=clock)

    async def slow_work() -> None:
        # Real work on another thread, which virtual time must wait for.
        await asyncio.to_thread(time.sleep, 0.05)  # noqa: TID251 - the work itself takes real time
        log.append(f"handled at {clock.now() - START:g}")
        await clock.sleep_until(clock.now() + 5)
        log.append(f"followed up at {clock.now() - START:g}")

    async def schedule() -> None:
        await clock.sleep_until(START + 10)
        owner.start(slow_work(), name="slow")

    owner.start(schedule(), name="schedule")
    owner.start(ring(clock, START + 12, log, "next"), name="next")
    await clock.advance(60)
    assert log == ["handled at 10", "next at 12", "followed up at 15"]
    await owner.aclose()


async def test_a_loop_that_waits_for_an_event_does_not_hold_up_time_and_is_heard_when_it_is_woken() -> None:
    clock, log, more = ManualClock(), list[str](), asyncio.Event()
    owner = TaskOwner("test", clock=clock)

    async def consume() -> None:
        await clock.sleep_until(START + 1)
        while True:
            woken = await wait_for_event(more, clock, START + 100)
            more.clear()
            await asyncio.to_thread(time.sleep, 0.02)  # noqa: TID251 - as above
            log.append(f"{'woken' if woken else 'too late'} at {clock.now() - START:g}")
            if not woken:
                return

    async def produce() -> None:
        await clock.sleep_until(START + 10)
        more.set()

    owner.start(consume(), name="consumer")
    owner.start(produce(), name="producer")
    owner.start(ring(clock, START + 10.5, log, "next"), name="next")
    await clock.advance(200)
    assert log == ["woken at 10", "next at 10.5", "too late at 100"]
    await owner.aclose()


async def test_what_is_never_handled_stops_time_with_its_name() -> None:
    clock = VirtualClock(START, frozen=True, patience_s=0.05)
    owner = TaskOwner("test", clock=clock)

    async def get_stuck() -> None:
        await clock.sleep_until(START + 1)
        await asyncio.Event().wait()

    owner.start(get_stuck(), name="stuck")
    with pytest.raises(ClockStalled, match="test: stuck"):
        await clock.advance(10)
    assert clock.now() == START + 1
    await owner.aclose()


async def test_time_flows_unless_frozen_and_an_advance_is_added_to_it() -> None:
    clock = VirtualClock(START)
    await clock.sleep_until(START + 0.02)
    assert START + 0.02 <= clock.now() < START + 5
    await clock.advance(3600)
    assert not clock.frozen
    flowed = clock.now()
    assert flowed >= START + 3600.02
    await clock.sleep_until(flowed + 0.01)
    assert clock.now() >= flowed + 0.01
    clock.freeze()
    held = clock.now()
    await asyncio.to_thread(time.sleep, 0.01)  # noqa: TID251 - real time passes
    assert clock.now() == held
    clock.flow()
    assert clock.now() >= held
    assert clock.monotonic() == pytest.approx(clock.now() - START, abs=0.5)


async def test_freezing_stops_a_timer_that_flowing_had_set() -> None:
    clock, log = VirtualClock(START), list[str]()
    async with asyncio.TaskGroup() as group:
        group.create_task(ring(clock, START + 0.03, log, "timer"))
        await asyncio.sleep(0)  # noqa: TID251 - lets the task begin
        clock.freeze()
        await asyncio.to_thread(time.sleep, 0.06)  # noqa: TID251 - real time passes the deadline
        assert log == []
        clock.flow()
    assert len(log) == 1


async def test_a_cancelled_sleeper_leaves_no_deadline_behind() -> None:
    clock = ManualClock()
    async with asyncio.TaskGroup() as group:
        sleeper = group.create_task(clock.sleep_until(START + 10))
        await clock.advance(1)
        assert clock.next_deadline() == START + 10
        sleeper.cancel()
    assert clock.next_deadline() is None
    await clock.advance(60)


async def test_time_does_not_go_back() -> None:
    clock = ManualClock()
    with pytest.raises(ValueError, match="cannot go back"):
        await clock.advance(-1)


def test_a_virtual_clock_belongs_to_one_loop() -> None:
    clock = VirtualClock()
    asyncio.run(clock.sleep_until(clock.now() + 0.001))
    with pytest.raises(RuntimeError, match="one event loop"):
        asyncio.run(clock.sleep_until(clock.now() + 0.001))


async def test_an_hour_of_a_timer_every_second_passes_quickly() -> None:
    clock, ticks = ManualClock(), 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await clock.sleep_until(clock.now() + 1)
            ticks += 1

    owner = TaskOwner("test", clock=clock)
    owner.start(tick(), name="tick")
    await clock.advance(3600)
    assert ticks == 3600
    await owner.aclose()


async def test_the_system_clock_waits_for_the_wall_clock() -> None:
    clock = SystemClock()
    moment = clock.now() + 0.02
    await clock.sleep_until(moment)
    assert clock.now() >= moment
    await clock.sleep_until(moment - 100)
