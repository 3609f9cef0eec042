"""Asynchronous invocations: durable before they are acknowledged, then run, with AWS's retries and destinations.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from lambent.base.clock import SystemClock
from lambent.base.tasks import TaskOwner, let_others_run
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.agenda import Agenda
from lambent.cloud.framework.faults.kind import FaultKind
from lambent.cloud.framework.faults.strikes import NEVER
from lambent.cloud.services.lambda_.deliveries import dead_letter_for, record_for
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.events import Done, WaitingEvent, event_of, waiting_events, write_changes
from lambent.cloud.services.lambda_.invocation import Answer, Call, Invoker, resolve
from lambent.cloud.services.lambda_.model.event import (
    Condition,
    QueuedEvent,
    after_function_error,
    after_system_error,
    is_too_old,
    key_of,
)
from lambent.cloud.services.lambda_.model.function import LATEST, function_arn
from lambent.cloud.services.lambda_.model.invocation_record import Response
from lambent.cloud.services.lambda_.model.invoke_config import DEFAULT, InvokeConfig
from lambent.cloud.services.lambda_.routing import FunctionRoute, Routes, VersionRoute
from lambent.cloud.services.lambda_.tracing import Loops
from lambent.cloud.services.lambda_.turns import Turns
from lambent.cloud.store.errors import StoreClosed
from lambent.cloud.store.unit_of_work import OutboxEffect

_log = logging.getLogger(__name__)
_Keeper = asyncio.Future[None]
"""Of an event that its caller keeps: told when that need not be any more."""
_OVER_SOON_S: Final = 0.01
"""So long a caller keeps an event without anything of it being written."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """An attempt that was made, or was not to be made any more: what served, and what follows."""

    version: VersionRoute
    config: InvokeConfig
    verdict: QueuedEvent | Condition
    response: Response | None = None
    trace_id: str | None = None
    """The trace that it ran in, which goes on with what is told of it."""


class AsyncQueue:
    """Owns every event that was accepted, until its function has handled it or nobody will."""

    def __init__(self, dependencies: Dependencies, routes: Routes, invoker: Invoker, loops: Loops) -> None:
        self.loops = loops
        self.strikes = NEVER
        """The faults on purpose by which events come twice, or out of their order."""
        self._dependencies = dependencies
        self._routes = routes
        self._invoker = invoker
        self._real_now = SystemClock().monotonic
        self._tasks = TaskOwner("lambda events", clock=dependencies.clock)
        self._turns = Turns(
            self._attempt,
            self._tasks,
            read=lambda number: event_of(dependencies.store.read, number),
            now=self._real_now,
        )
        self._agenda: Agenda[WaitingEvent] = Agenda(dependencies.clock, self._tasks, self._take_up)
        self._numbers = itertools.count(1)
        self._done: list[Done] = []
        self._kept: dict[int, _Keeper] = {}  # by event: those whose callers keep them, as nothing of them is written
        self._told: list[_Keeper] = []  # once what is done is written
        self._is_settling = False
        self._has_stopped = False

    def resume(self) -> None:
        """Take up the events that were waiting when the platform stopped."""
        events = waiting_events(self._dependencies.store.read)
        if events:
            self._numbers = itertools.count(events[-1].number + 1)
        now = self._now()
        for event in events:
            if event.due_at <= now:
                self._take_up(event)
            else:
                self._agenda.add(event.due_at, event)

    async def stop(self) -> None:
        """Stop trying; what is under way is tried again after the next start."""
        self._has_stopped = True
        self._turns.stop()
        await self._tasks.aclose()
        await self._settle()

    def next_number(self) -> int:
        """Return the number of the next event to be accepted."""
        return next(self._numbers)

    async def accept(self, event: QueuedEvent) -> None:
        """Return once the event is durable; it is tried as soon as it has its turn."""
        events = self._befallen(event) if self.strikes.active else (event,)
        began = self._real_now()
        self._turns.expect(began)
        try:
            await self._dependencies.store.write_with_others(write_changes, *events)
        except BaseException:
            self._turns.refused()
            raise
        self._turns.accepted(began, self._real_now())
        if not self._has_stopped:  # else it is durable, and tried after the next start
            # No task waits with it: the collector would look through thousands of those over and over.
            for each in events:
                if each.due_at > event.due_at:
                    self._agenda.add(each.due_at, WaitingEvent(each.number, key_of(each), each.due_at))
                else:
                    self._turns.add(each)

    def _befallen(self, event: QueuedEvent) -> tuple[QueuedEvent, ...]:
        """Return an event as faults on purpose have it: once more, or held back while others go ahead.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html has an event delivered at least once.
        """
        function = function_arn(event.scope, event.function)
        targets = (function, f"{function}:{event.qualifier}") if event.qualifier else (function,)
        held_back = replace(event, due_at=event.due_at + self.strikes.spread_s(*targets))
        if self.strikes.strike(FaultKind.DUPLICATE, *targets) is None:
            return (held_back,)
        return held_back, replace(held_back, number=self.next_number())

    async def take(self, event: QueuedEvent) -> None:
        """Return once the event is durable or over, for a caller that keeps it until then and else brings it again.

        It is tried at once. A function that is quick about it spares the disk all that `accept` has it write.
        """
        if self._has_stopped or self._turns.are_full:
            await self.accept(event)
            return
        keeper: _Keeper = asyncio.get_running_loop().create_future()
        self._kept[event.number] = keeper
        self._turns.add(event)
        try:
            await asyncio.wait((keeper,), timeout=_OVER_SOON_S)
        finally:
            is_untold = self._kept.pop(event.number, None) is not None
        if is_untold:
            await self._dependencies.store.write_with_others(write_changes, event)
        else:
            await keeper  # it is over, or what follows is being written

    def _take_up(self, event: WaitingEvent) -> None:
        self._turns.add_number(event.function, event.number)

    async def _attempt(self, event: QueuedEvent) -> None:
        """Try an event once, and see to what follows: another attempt when that is due, or its end."""
        # Looked up only now: what was changed while it waited for its turn holds.
        tried = await self._try(event)
        if tried is None or tried.response is None:
            await let_others_run()  # nothing has run: it may be the first of thousands of which nothing will
        if tried is None:
            _log.warning("event %s dropped: %s:%s is gone", event.request_id, event.function, event.qualifier)
            self._end(event, ())
        elif isinstance(tried.verdict, QueuedEvent):
            self._tasks.start(self._wait(tried.verdict), name=event.request_id)
        else:
            self._end(event, self._deliveries(event, tried, tried.verdict))

    async def _try(self, event: QueuedEvent) -> _Tried | None:
        function = self._routes.find(event.scope.account, event.scope.region, event.function)
        version = None if function is None else self._version(function, event)
        if function is None or version is None:
            return None
        config = function.invoke_configs.get(event.qualifier or LATEST, DEFAULT)
        refused = self._refused(event, function, config)
        if refused is not None:
            return _Tried(version, config, refused, trace_id=event.trace_id)
        try:
            trace_id = self.loops.enter(function, event.trace_id or "")
        except ServiceError:
            return _Tried(version, config, Condition.RETRIES_EXHAUSTED, trace_id=event.trace_id)
        try:
            answer = await self._invoker.run(_call(event, function, version, trace_id))
        except ServiceError as error:
            if event.system_errors == 0:
                _log.info("event %s waits: %s", event.request_id, error)
            return _Tried(version, config, after_system_error(event, config, self._now()))
        except Exception:  # noqa: BLE001 - whatever it was, the event was accepted: it is tried again
            _log.exception("event %s could not be tried", event.request_id)
            return _Tried(version, config, after_system_error(event, config, self._now()))
        return _Tried(version, config, self._judge(event, config, answer), _response(answer, version), trace_id)

    def _judge(self, event: QueuedEvent, config: InvokeConfig, answer: Answer) -> QueuedEvent | Condition:
        if answer.function_error is None:
            return Condition.SUCCESS
        return after_function_error(event, config, self._now())

    def _refused(self, event: QueuedEvent, function: FunctionRoute, config: InvokeConfig) -> Condition | None:
        if function.reserved_concurrency == 0:
            return Condition.ZERO_RESERVED_CONCURRENCY
        return Condition.EVENT_AGE_EXCEEDED if is_too_old(event, config, self._now()) else None

    def _version(self, function: FunctionRoute, event: QueuedEvent) -> VersionRoute | None:
        return resolve(function, event.qualifier or None, self._dependencies.ids.fraction())

    def _deliveries(self, event: QueuedEvent, tried: _Tried, condition: Condition) -> Sequence[OutboxEffect]:
        """Return what goes out for an event that came to its end: a failure may go to both of its targets."""
        target = tried.config.on_success if condition is Condition.SUCCESS else tried.config.on_failure
        if target is None and tried.version.dead_letter_target is None:
            return ()
        traced = replace(event, trace_id=tried.trace_id)
        found = [] if target is None else [record_for(target, traced, condition, tried.response, self._now())]
        letters = tried.version.dead_letter_target
        if condition is not Condition.SUCCESS and letters is not None:
            found.append(dead_letter_for(letters, traced, condition, tried.response))
        return found

    async def _wait(self, event: QueuedEvent) -> None:
        keeper = self._kept.pop(event.number, None)
        with _telling(() if keeper is None else (keeper,)):
            await self._dependencies.store.write_with_others(write_changes, event)
        self._agenda.add(event.due_at, WaitingEvent(event.number, key_of(event), event.due_at))

    def _end(self, event: QueuedEvent, deliveries: Sequence[OutboxEffect]) -> None:
        """Have an event removed, and what goes out for it sent; its turn is over, whoever comes next need not wait."""
        keeper = self._kept.pop(event.number, None)
        if keeper is not None:
            if not deliveries:
                keeper.set_result(None)
                return
            self._told.append(keeper)
        self._done.append(Done(event.number, deliveries))
        if not self._is_settling:
            self._is_settling = True
            self._tasks.start(self._settle(), name="removal")

    async def _settle(self) -> None:
        """Write that events are done with, and then of those that came to their end meanwhile."""
        try:
            while done := self._done:
                self._done, told, self._told = [], self._told, []
                began = self._real_now()
                with _telling(told):
                    await self._dependencies.store.write_with_others(write_changes, *done)
                self._turns.note(self._real_now() - began)
        finally:
            self._is_settling = False

    def _now(self) -> float:
        return self._dependencies.clock.now()


@contextmanager
def _telling(keepers: Sequence[_Keeper]) -> Iterator[None]:
    """Tell those who keep events what came of the write that makes it needless."""
    try:
        yield
    except BaseException as error:
        failure = error if isinstance(error, Exception) else StoreClosed("The platform stops.")
        for keeper in keepers:
            if not keeper.done():  # its caller was cancelled
                keeper.set_exception(failure)
        raise
    for keeper in keepers:
        if not keeper.done():
            keeper.set_result(None)


def _call(event: QueuedEvent, function: FunctionRoute, version: VersionRoute, trace_id: str) -> Call:
    return Call(
        request_id=event.request_id,
        version=version,
        invoked_arn=function.arn_of(event.qualifier),
        payload=event.payload,
        client_context=event.client_context,
        trace_id=trace_id,
        is_event=True,
    )


def _response(answer: Answer, version: VersionRoute) -> Response:
    return Response(answer.payload, answer.function_error, version.version)
