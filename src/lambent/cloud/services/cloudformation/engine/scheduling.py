"""Steps in the order that dependencies allow, as many at the same time as may be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from lambent.base.clock import Clock, VirtualClock
from lambent.base.tasks import resting
from lambent.cloud.services.cloudformation.engine.steps import StepFailedError

AT_ONCE = 16
Step = Callable[[str], Awaitable[None]]


async def in_dependency_order(
    needs: Mapping[str, frozenset[str]], step: Step, clock: Clock, *, goes_on: bool = False
) -> list[str]:
    """Carry out a step for each name once those it needs are done; return the names whose step failed, as they did.

    After a failure nothing new begins, or, with `goes_on`, nothing that needs what failed; what is under way comes to
    its end. `needs` has no circles.
    """
    queue = Queue(needs)
    failed: list[str] = []
    finished: asyncio.Queue[str] = asyncio.Queue()

    async def run(name: str) -> None:
        try:
            await step(name)
        except StepFailedError:
            failed.append(name)
        finished.put_nowait(name)

    running = 0
    async with asyncio.TaskGroup() as group:
        while running or (queue.ready and (goes_on or not failed)):
            while queue.ready and running < AT_ONCE and (goes_on or not failed):
                task = group.create_task(run(queue.ready.pop(0)), name="a step with a resource")
                if isinstance(clock, VirtualClock):
                    clock.attend(task)
                running += 1
            with resting(clock):  # the steps are what is at work
                name = await finished.get()
            running -= 1
            if name not in failed:
                queue.done(name)
    return failed


class Queue:
    """Names and what they still wait for: `ready` are those that wait for nothing, in their order."""

    def __init__(self, needs: Mapping[str, frozenset[str]]) -> None:
        self._waiting = {name: set(needed) & set(needs) for name, needed in needs.items()}
        self._dependents: dict[str, list[str]] = {name: [] for name in needs}
        for name, needed in self._waiting.items():
            for one in needed:
                self._dependents[one].append(name)
        self.ready = [name for name, needed in self._waiting.items() if not needed]

    def done(self, name: str) -> None:
        """Let those that waited for this name alone be ready."""
        for dependent in self._dependents[name]:
            self._waiting[dependent].discard(name)
            if not self._waiting[dependent]:
                self.ready.append(dependent)


def reversed_needs(needs: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return the needs for taking down: each name after all that need it."""
    users: dict[str, set[str]] = {name: set() for name in needs}
    for name, needed in needs.items():
        for one in needed & users.keys():
            users[one].add(name)
    return {name: frozenset(found) for name, found in users.items()}


def without_circles(needs: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return the needs without those that close a circle, of which the later names keep theirs.

    What several updates left over may need one another: A of one generation B of the next, and the other way round.

    >>> without_circles({"a": frozenset({"b"}), "b": frozenset({"a"})})
    {'a': frozenset(), 'b': frozenset({'a'})}
    """
    kept: dict[str, set[str]] = {name: set() for name in needs}
    for name in reversed(list(needs)):
        for needed in sorted(needs[name] & kept.keys()):
            if not _reaches(kept, needed, name):
                kept[name].add(needed)
    return {name: frozenset(found) for name, found in kept.items()}


def _reaches(needs: Mapping[str, set[str]], start: str, end: str) -> bool:
    """Return whether `start` needs `end`, be it through others, or is it."""
    seen, left = set[str](), [start]
    while left:
        name = left.pop()
        if name == end:
            return True
        if name not in seen:
            seen.add(name)
            left.extend(needs[name])
    return False
