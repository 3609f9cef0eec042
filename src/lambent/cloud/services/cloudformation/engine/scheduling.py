"""Steps in the order that dependencies allow, as many at the same time as may be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from lambent.cloud.services.cloudformation.engine.steps import StepFailedError

AT_ONCE = 16
Step = Callable[[str], Awaitable[None]]


async def in_dependency_order(needs: Mapping[str, frozenset[str]], step: Step) -> list[str]:
    """Carry out a step for each name once those it needs are done; return the names whose step failed.

    After a failure nothing new begins; what is under way comes to its end. `needs` has no circles.
    """
    waiting = {name: set(needed) & set(needs) for name, needed in needs.items()}
    dependents: dict[str, list[str]] = {name: [] for name in needs}
    for name, needed in waiting.items():
        for one in needed:
            dependents[one].append(name)
    ready = [name for name, needed in waiting.items() if not needed]
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
        while (ready and not failed) or running:
            while ready and running < AT_ONCE and not failed:
                group.create_task(run(ready.pop(0)))
                running += 1
            if not running:
                break
            name = await finished.get()
            running -= 1
            for dependent in dependents[name]:
                waiting[dependent].discard(name)
                if not waiting[dependent]:
                    ready.append(dependent)
    return failed


def reversed_needs(needs: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return the needs for taking down: each name after all that need it."""
    users: dict[str, set[str]] = {name: set() for name in needs}
    for name, needed in needs.items():
        for one in needed & users.keys():
            users[one].add(name)
    return {name: frozenset(found) for name, found in users.items()}
