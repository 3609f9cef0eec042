from __future__ import annotations

from lambent.base.clock import ManualClock
from lambent.base.tasks import TaskOwner
from lambent.cloud.framework.agenda import Agenda


async def test_things_come_at_their_moments_in_order() -> None:
    clock, came = ManualClock(), list[tuple[str, float]]()
    start = clock.now()
    tasks = TaskOwner("test", clock=clock)
    agenda: Agenda[str] = Agenda(clock, tasks, lambda thing: came.append((thing, clock.now() - start)))
    for thing, after in (("late", 90.0), ("early", 10.0), ("middle", 20.0), ("also early", 10.0)):
        agenda.add(start + after, thing)
    await clock.advance(15)
    assert came == [("early", 10.0), ("also early", 10.0)]
    agenda.add(start + 16, "earlier than what is waited for")
    await clock.advance(100)
    assert [thing for thing, _ in came[2:]] == ["earlier than what is waited for", "middle", "late"]
    assert [after for _, after in came[2:]] == [16.0, 20.0, 90.0]
    assert len(agenda) == 0
    await tasks.aclose()


async def test_one_whose_moment_has_passed_comes_at_once() -> None:
    clock, came = ManualClock(), list[str]()
    tasks = TaskOwner("test", clock=clock)
    agenda: Agenda[str] = Agenda(clock, tasks, came.append)
    agenda.add(clock.now() - 5, "past")
    await clock.advance(0)
    assert came == ["past"]
    agenda.add(clock.now(), "now")
    await clock.advance(0)
    assert came == ["past", "now"]
    await tasks.aclose()


async def test_ten_thousand_things_need_one_task() -> None:
    clock, came = ManualClock(), list[int]()
    tasks = TaskOwner("test", clock=clock)
    agenda: Agenda[int] = Agenda(clock, tasks, came.append)
    for number in range(10_000):
        agenda.add(clock.now() + 1 + number % 7, number)
    assert len(tasks) == 1
    await clock.advance(10)
    assert len(came) == 10_000
    await tasks.aclose()
