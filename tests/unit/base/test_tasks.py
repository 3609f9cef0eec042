from __future__ import annotations

import asyncio
import logging

import pytest

from lambent.base.clock import ManualClock, SystemClock
from lambent.base.tasks import TaskOwner, periodic, shielded, wait_for_event

START = 1_767_225_600.0


async def fail() -> None:
    raise ValueError("broken")


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)  # noqa: TID251 - lets tasks run


async def test_a_failure_nobody_awaits_is_logged_kept_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    reported: list[str] = []
    owner = TaskOwner("owner", on_failure=lambda name, error: reported.append(f"{name}: {error}"))
    owner.start(fail(), name="one-shot")
    await settle()
    assert reported == ["owner: one-shot: broken"]
    assert [str(failure) for failure in owner.failures] == ["broken"]
    assert "owner: one-shot failed" in caplog.text
    assert len(owner) == 0
    await owner.aclose()


async def test_a_loop_that_ends_by_itself_has_failed() -> None:
    owner = TaskOwner("owner")
    owner.loop(asyncio.sleep(0), name="poller")  # noqa: TID251 - work that ends at once
    await settle()
    assert "the loop poller of owner ended by itself" in str(owner.failures[0])
    await owner.aclose()


async def test_closing_cancels_all_and_waits_for_their_cleanup() -> None:
    cleaned: list[str] = []
    owner = TaskOwner("owner")

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await settle()
            cleaned.append(name)

    for name in "ab":
        owner.loop(work(name), name=name)
    await settle()
    await owner.aclose()
    assert sorted(cleaned) == ["a", "b"]
    assert owner.failures == []
    with pytest.raises(RuntimeError, match="owner is closed"):
        owner.start(fail(), name="late")


async def test_closing_gives_up_at_its_deadline_and_names_what_is_left(caplog: pytest.LogCaptureFixture) -> None:
    owner = TaskOwner("owner")
    let_go = asyncio.Event()

    async def stubborn() -> None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    task = owner.start(stubborn(), name="stubborn")
    await settle()
    await owner.aclose(grace_s=0.02)
    assert "owner: stubborn did not end" in caplog.text
    let_go.set()
    await task.result()


async def test_a_cancelled_caller_still_finishes_closing_before_it_ends() -> None:
    cleaned = asyncio.Event()
    may_clean = asyncio.Event()
    owner = TaskOwner("owner")

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await may_clean.wait()
            cleaned.set()

    owner.loop(work(), name="work")
    await settle()
    async with asyncio.TaskGroup() as group:
        closing = group.create_task(owner.aclose())
        await settle()
        closing.cancel()
        await settle()
        assert not closing.done()
        may_clean.set()
    assert closing.cancelled()
    assert cleaned.is_set()


async def test_shielded_returns_and_raises_what_the_cleanup_does() -> None:
    async def seven() -> int:
        return 7

    assert await shielded(seven()) == 7
    with pytest.raises(ValueError, match="broken"):
        await shielded(fail())


async def test_a_failing_cleanup_of_a_cancelled_caller_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    go_on = asyncio.Event()

    async def clean_up() -> None:
        await go_on.wait()
        raise ValueError("broken")

    async with asyncio.TaskGroup() as group:
        caller = group.create_task(shielded(clean_up()))
        await settle()
        caller.cancel()
        await settle()
        go_on.set()
    assert caller.cancelled()
    assert "a cleanup failed" in caplog.text


async def test_periodic_goes_on_after_a_failure_and_skips_times_it_missed(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    rounds: list[float] = []
    owner = TaskOwner("owner", clock=clock)

    async def action() -> None:
        rounds.append(clock.now() - START)
        if len(rounds) == 1:
            raise ValueError("broken")
        if len(rounds) == 2:
            await clock.sleep_until(clock.now() + 25)

    owner.loop(periodic(clock, 10, action), name="rounds")
    await settle()
    await clock.advance(70)
    assert rounds == [10, 20, 45, 55, 65]
    assert "a periodic action failed" in caplog.text
    await owner.aclose()


async def test_waiting_for_an_event_on_the_real_clock_ends_by_either() -> None:
    clock, event = SystemClock(), asyncio.Event()
    assert not await wait_for_event(event, clock, clock.now() + 0.01)
    asyncio.get_running_loop().call_later(0.01, event.set)
    assert await wait_for_event(event, clock, clock.now() + 30)
    assert await wait_for_event(event, clock)


async def test_a_log_names_the_failing_task_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    owner = TaskOwner("owner")
    task = owner.start(fail(), name="awaited")
    with pytest.raises(ValueError, match="broken"):
        await task.result()
    assert caplog.text.count("owner: awaited failed") == 1
    assert task.done
    await owner.aclose()
