"""Background work with an owner: started here, ended here, its failures never lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Generic, TypeVar

from lambent.base.clock import Clock, VirtualClock

_log = logging.getLogger(__name__)
T = TypeVar("T")
_Work = Coroutine[Any, Any, T]  # Any: what a coroutine yields and is sent is asyncio's own business


class OwnedTask(Generic[T]):
    """A task that its owner looks after; holding on to it is for those who may have to end it or want its result."""

    __slots__ = ("_task",)

    def __init__(self, task: asyncio.Task[T]) -> None:
        self._task = task

    @property
    def done(self) -> bool:
        """Whether it has ended, in whichever way."""
        return self._task.done()

    @property
    def value(self) -> T:
        """What it returned; raises what it raised, and InvalidStateError before its end."""
        return self._task.result()

    def cancel(self) -> None:
        """Ask it to end; it may clean up first."""
        self._task.cancel()

    async def result(self) -> T:
        """Wait for its end and return its result, or raise what it raised; cancelling the wait leaves it running."""
        return await asyncio.shield(self._task)

    async def ended(self) -> None:
        """Wait for its end, however it ends; cancelling the wait leaves it running."""
        await asyncio.wait({self._task})


class TaskOwner:
    """Owns tasks that outlive the call that starts them, until `aclose`.

    A task that fails is logged at once, kept in `failures`, and reported to `on_failure`. With a virtual clock, tasks
    begun by `start` count as work to be finished before time moves on.
    """

    def __init__(
        self,
        name: str,
        *,
        clock: Clock | None = None,
        on_failure: Callable[[str, BaseException], None] | None = None,
    ) -> None:
        self._name = name
        self._clock = clock if isinstance(clock, VirtualClock) else None
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[Any]] = set()  # Any: results differ; nobody here looks at them
        self._closed = False
        self.failures: list[BaseException] = []

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: _Work[T], *, name: str) -> OwnedTask[T]:
        """Start work that comes to an end; what is returned need not be looked at."""
        task = self._begin(work, name)
        if self._clock is not None:
            self._clock.attend(task)
        return OwnedTask(task)

    def loop(self, work: _Work[None], *, name: str) -> OwnedTask[None]:
        """Start work that goes on until it is cancelled; ending by itself is logged as a failure."""
        task = self._begin(self._unending(work, name), name)
        task.add_done_callback(lambda _: work.close())  # cancelled before its first turn, it was never awaited
        return OwnedTask(task)

    async def aclose(self, grace_s: float = 5.0) -> None:
        """Cancel every task and wait until they have ended, at most `grace_s` seconds of real time.

        Later `start`s raise RuntimeError. Tasks that are still running afterwards are logged by name. If the caller is
        cancelled meanwhile, the wait is still finished before that takes effect.
        """
        self._closed = True
        tasks = {task for task in self._tasks if task is not asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await shielded(asyncio.wait(tasks, timeout=grace_s))
        for task in tasks:
            if not task.done():
                _log.error("%s: %s did not end within %.1f s of being cancelled", self._name, task.get_name(), grace_s)

    def _begin(self, work: _Work[T], name: str) -> asyncio.Task[T]:
        if self._closed:
            work.close()
            raise RuntimeError(f"{self._name} is closed; {name} cannot start")
        task = asyncio.get_running_loop().create_task(work, name=f"{self._name}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def _unending(self, work: _Work[None], name: str) -> None:
        await work
        raise RuntimeError(f"the loop {name} of {self._name} ended by itself")

    def _ended(self, task: asyncio.Task[Any]) -> None:  # Any: as in __init__
        self._tasks.discard(task)
        if task.cancelled() or (failure := task.exception()) is None:
            return
        _log.error("%s failed", task.get_name(), exc_info=failure)
        self.failures.append(failure)
        if self._on_failure is not None:
            self._on_failure(task.get_name(), failure)


async def shielded(cleanup: Awaitable[T]) -> T:
    """Await a bounded cleanup to its end, even if the caller is cancelled meanwhile; then let that take effect."""
    inner = asyncio.ensure_future(cleanup)
    interrupted: asyncio.CancelledError | None = None
    while not inner.done():
        try:
            await asyncio.wait({inner})
        except asyncio.CancelledError as cancellation:
            interrupted = cancellation
    if interrupted is not None:
        if not inner.cancelled() and (failure := inner.exception()) is not None:
            _log.error("a cleanup failed while its caller was being cancelled", exc_info=failure)
        raise interrupted
    return inner.result()


async def let_others_run() -> None:
    """Return once everything else that can go on has had its turn on the loop."""
    await asyncio.sleep(0)


async def periodic(clock: Clock, period_s: float, action: Callable[[], Awaitable[None]]) -> None:
    """Carry out `action` every `period_s` seconds until cancelled, beginning one period from now.

    A failing action is logged and tried again at its next time. Times that passed while an action was running are
    skipped, not made up for.
    """
    due = clock.now() + period_s
    while True:
        await clock.sleep_until(due)
        try:
            await action()
        except Exception:  # noqa: BLE001 - one bad round must not end the loop
            _log.exception("a periodic action failed")
        due = max(due + period_s, clock.now())


async def wait_for_event(event: asyncio.Event, clock: Clock, until: float | None = None) -> bool:
    """Wait until `event` is set (return True) or the clock has reached `until` (return False).

    This is how a loop waits for more to do: a virtual clock knows that such a loop has nothing in hand.
    """
    if event.is_set():
        return True
    loop = asyncio.get_running_loop()
    waits: set[asyncio.Task[Any]] = {loop.create_task(event.wait())}  # Any: one gives a bool, the other None
    if until is not None:
        waits.add(loop.create_task(_sleep(clock, until)))
    try:
        with resting(clock):
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await shielded(asyncio.gather(*waits, return_exceptions=True))
    return event.is_set()


async def _sleep(clock: Clock, until: float) -> None:
    await clock.sleep_until(until)  # a task needs a coroutine; the protocol promises an awaitable


def resting(clock: Clock) -> AbstractContextManager[None]:
    """Return a context in which the current task only waits to be given something to do.

    A virtual clock does not wait for such a task before it moves on; with a real clock it means nothing.
    """
    return clock.resting() if isinstance(clock, VirtualClock) else nullcontext()
