from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from lambent.base.tasks import TaskOwner
from lambent.cloud.services.lambda_.model.event import QueuedEvent, key_of
from lambent.cloud.services.lambda_.turns import Pace, Seen, Turns, Waiting
from lambent.cloud.store.scope import Scope

SCOPE = Scope("000000000000", "us-east-1")
QUICK = Seen(arrived=40, begun=20, took_s=0.003)
SLOW = Seen(arrived=40, begun=20, took_s=0.02)


def event(function: str = "f", number: int = 0) -> QueuedEvent:
    return QueuedEvent(f"r{number}", SCOPE, function, "", b"{}", 0.0, 0.0, number=number)


def number_of(taken: QueuedEvent | int) -> int:
    return taken if isinstance(taken, int) else taken.number


@pytest.mark.parametrize(
    ("pace", "seen", "at_once"),
    [
        (Pace(8, quickest_s=0.002), QUICK, 9),
        (Pace(8, quickest_s=0.002), Seen(), 9),
        (Pace(100, quickest_s=0.002), SLOW, 50),
        (Pace(8, quickest_s=0.002), SLOW, 8),
        (Pace(8, quickest_s=0.040), Seen(took_s=0.060), 9),  # a slow disk is no load
    ],
)
def test_more_are_tried_at_once_while_changes_are_durable_quickly_and_half_as_many_when_they_are_not(
    pace: Pace, seen: Seen, at_once: int
) -> None:
    assert pace.after(seen).at_once == at_once


@pytest.mark.parametrize(
    ("begins", "seen", "expected"),
    [
        (40, QUICK, 46),
        (40, SLOW, 10),  # half of the 20 that began
        (8, SLOW, 10),  # but one for every four that were accepted
        (8, Seen(arrived=1, begun=1, took_s=0.5), 4),
        (8, Seen(arrived=0, begun=8, took_s=0.5), 16),  # nobody is kept waiting
    ],
)
def test_fewer_events_begin_while_their_like_keep_those_waiting_who_send_others(
    begins: int, seen: Seen, expected: int
) -> None:
    assert Pace(8, begins, 0.002).after(seen).begins == expected


def test_the_quickest_change_seen_is_what_others_are_measured_by() -> None:
    pace = Pace().after(Seen(took_s=0.5)).after(Seen(took_s=0.004))
    assert pace.quickest_s == 0.004
    assert pace.after(Seen(took_s=0.1)).quickest_s > 0.004  # one lucky change does not count for ever


def test_functions_take_their_turns_in_rotation_and_events_of_one_in_their_order() -> None:
    waiting = Waiting()
    for number, function in enumerate(("a", "a", "a", "b", "c", "b")):
        waiting.add(event(function, number))
    taken = [waiting.take() for _ in range(7)]
    assert [each and number_of(each[1]) for each in taken] == [0, 3, 4, 1, 5, 2, None]


def test_one_function_has_no_more_than_a_hundred_turns() -> None:
    waiting = Waiting()
    for number in range(150):
        waiting.add(event("many", number))
    taken = [each for _ in range(150) if (each := waiting.take()) is not None]
    assert len(taken) == 100
    waiting.add(event("other"))
    assert waiting
    assert waiting.take() == (key_of(event("other")), event("other"))
    assert not waiting
    waiting.leave(taken[0][0])
    assert waiting.take() == (key_of(event("many")), event("many", 100))
    assert waiting.take() is None


def test_what_is_kept_in_memory_of_those_that_wait_has_a_bound() -> None:
    waiting = Waiting()
    for number in range(50_000):
        waiting.add(event("many", number))
    for number in range(10):
        waiting.add(replace(event("large", number), payload=bytes(1_000_000)))
    kept = [each for events in waiting._events.values() for each in events if isinstance(each, QueuedEvent)]
    assert 1000 < len(kept) < 10_000
    assert sum(len(each.payload) for each in kept) < 2_000_000
    assert waiting.count == 50_010


async def test_an_event_that_was_not_kept_in_memory_is_read_when_its_turn_comes(tasks: TaskOwner) -> None:
    attempts = Attempts()
    attempts.go_on.set()
    turns = Turns(
        attempts, tasks, read=lambda number: None if number == 1 else event(number=number), now=time.monotonic
    )
    for number in range(3):
        turns.add_number(key_of(event()), number)
    assert await reaches(attempts, 2)
    assert [each.number for each in attempts.begun] == [0, 2]  # of the other nothing is left: it is done with


class Attempts:
    """Attempts that last until they are let go, and which of them have begun."""

    def __init__(self) -> None:
        self.begun: list[QueuedEvent] = []
        self.go_on = asyncio.Event()

    async def __call__(self, tried: QueuedEvent) -> None:
        self.begun.append(tried)
        await self.go_on.wait()


def turns_of(attempt: Callable[[QueuedEvent], Awaitable[None]], owner: TaskOwner) -> Turns:
    return Turns(attempt, owner, read=lambda number: event(number=number), now=time.monotonic)


@pytest.fixture
async def tasks() -> AsyncIterator[TaskOwner]:
    owner = TaskOwner("attempts")
    yield owner
    await owner.aclose()
    assert not owner.failures


async def reaches(attempts: Attempts, count: int) -> bool:
    for _ in range(500):
        if len(attempts.begun) >= count:
            return True
        await asyncio.sleep(0.01)  # noqa: TID251 - turns are given in real time
    return False


async def test_more_and_more_events_that_only_wait_are_tried_at_once_up_to_a_hundred_of_one_function(
    tasks: TaskOwner,
) -> None:
    attempts = Attempts()
    turns = turns_of(attempts, tasks)
    for number in range(120):
        turns.add(event("waits", number))
    await asyncio.sleep(0)  # noqa: TID251 - lets them begin
    assert len(attempts.begun) == 8
    assert await reaches(attempts, 100)
    turns.add(event("other"))
    assert await reaches(attempts, 101)
    assert [each.function for each in attempts.begun].count("waits") == 100
    attempts.go_on.set()
    assert await reaches(attempts, 121)


async def test_no_more_is_set_to_work_than_there_is_to_do(tasks: TaskOwner) -> None:
    attempts = Attempts()
    turns = turns_of(attempts, tasks)
    for number in range(3):
        turns.add(event("waits", number))
    assert len(tasks) == 3
    await asyncio.sleep(0)  # noqa: TID251 - lets them begin
    turns.add(event("other"))
    assert len(tasks) == 4
    attempts.go_on.set()
    assert await reaches(attempts, 4)


async def test_a_slow_change_keeps_more_from_being_tried_at_once(tasks: TaskOwner) -> None:
    attempts = Attempts()
    turns = turns_of(attempts, tasks)
    for number in range(20):
        turns.add(event("computes", number))
    await asyncio.sleep(0)  # noqa: TID251 - lets them begin
    for _ in range(20):
        turns.note(30.0)
        turns._look_back()  # by hand: a busy machine could let a look come before the note
    await asyncio.sleep(0)  # noqa: TID251 - as above
    assert len(attempts.begun) == 8
    attempts.go_on.set()
    assert await reaches(attempts, 20)


async def test_events_that_are_over_at_once_give_way_to_those_that_arrive_and_all_have_their_turn(
    tasks: TaskOwner,
) -> None:
    attempts = Attempts()
    attempts.go_on.set()
    turns = turns_of(attempts, tasks)
    for number in range(200):
        turns.add(event(number=number))
    for _ in range(40):
        turns.expect(0.0)
        turns.accepted(0.0, 30.0)
    turns._look_back()  # by hand, as above: what was accepted took long, so that few may begin until the next look
    await asyncio.sleep(0)  # noqa: TID251 - lets them begin
    assert len(attempts.begun) == 10
    assert await reaches(attempts, 200)
    assert sorted(each.number for each in attempts.begun) == list(range(200))


async def test_an_attempt_that_fails_takes_no_turn_from_others(tasks: TaskOwner) -> None:
    begun: list[int] = []

    async def attempt(tried: QueuedEvent) -> None:
        begun.append(tried.number)
        raise RuntimeError(tried.number)

    turns = turns_of(attempt, tasks)
    for number in range(120):
        turns.add(event(number=number))
    async with asyncio.timeout(10):
        while tasks:  # noqa: ASYNC110 - nothing tells when they have all failed
            await asyncio.sleep(0)  # noqa: TID251 - lets them fail
    assert begun == list(range(120))


async def test_nothing_begins_once_turns_have_stopped() -> None:
    owner, attempts, wrong = TaskOwner("attempts"), Attempts(), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: wrong.append(context))
    turns = turns_of(attempts, owner)
    for number in range(20):
        turns.add(event(number=number))
    await asyncio.sleep(0)  # noqa: TID251 - lets them begin
    turns.stop()
    await owner.aclose()
    turns.add(event(number=20))
    await asyncio.sleep(0.05)  # noqa: TID251 - a look would come by then
    assert len(attempts.begun) == 8
    assert not wrong
