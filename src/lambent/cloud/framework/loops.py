"""Background work a service declares: what to do, and how often; the platform runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from lambent.base.clock import Clock
from lambent.base.tasks import TaskOwner, periodic


@dataclass(frozen=True, slots=True)
class Loop:
    """Work to be done every `period_s` seconds of the platform's time, the first time after one period.

    `step` may fail: the failure is logged, and the next round comes at its time.
    """

    name: str
    period_s: float
    step: Callable[[], Awaitable[None]]


def start_loops(owner: TaskOwner, clock: Clock, loops: Iterable[Loop]) -> None:
    """Run every loop as a task of `owner` until it is closed."""
    for loop in loops:
        owner.loop(periodic(clock, loop.period_s, loop.step), name=loop.name)
