"""Asynchronous invocations: durable before they are acknowledged, then run, with AWS's retries.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import orjson

from lambent.base.tasks import TaskOwner
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.dead_letters import DeadLetters
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.events import delete_event, put_event, waiting_events
from lambent.cloud.services.lambda_.invocation import Answer, Call, Invoker, resolve
from lambent.cloud.services.lambda_.model.event import (
    MAXIMUM_AGE_S,
    QueuedEvent,
    retry_after_function_error,
    retry_after_system_error,
)
from lambent.cloud.services.lambda_.routing import FunctionRoute, Routes, VersionRoute

_log = logging.getLogger(__name__)

# How many events of one function are tried at the same time, as AWS's pollers would: enough to fill any pool here,
# without starting an environment for each of ten thousand waiting events.
_AT_ONCE_PER_FUNCTION = 100


class AsyncQueue:
    """Owns every event that was accepted, until its function has handled it or nobody will."""

    def __init__(self, dependencies: Dependencies, routes: Routes, invoker: Invoker, dead_letters: DeadLetters) -> None:
        self._dependencies = dependencies
        self._routes = routes
        self._invoker = invoker
        self._dead_letters = dead_letters
        self._turns: dict[tuple[str, str, str], asyncio.Semaphore] = {}
        self._tasks = TaskOwner("lambda events", clock=dependencies.clock)

    def resume(self) -> None:
        """Take up the events that were waiting when the platform stopped."""
        for event in waiting_events(self._dependencies.store.read):
            self._begin(event)

    async def stop(self) -> None:
        """Stop trying; what is under way is tried again after the next start."""
        await self._tasks.aclose()

    async def accept(self, event: QueuedEvent) -> None:
        """Return once the event is durable; it is tried as soon as it is due."""
        await self._dependencies.store.write(lambda transaction: put_event(transaction, event))
        self._begin(event)

    def _begin(self, event: QueuedEvent) -> None:
        self._tasks.start(self._see_through(event), name=event.request_id)

    async def _see_through(self, event: QueuedEvent) -> None:
        waiting: QueuedEvent | None = event
        while waiting is not None:
            await self._dependencies.clock.sleep_until(waiting.due_at)
            waiting = await self._attempt(waiting)
        await self._dependencies.store.write(lambda transaction: delete_event(transaction, event.request_id))

    async def _attempt(self, event: QueuedEvent) -> QueuedEvent | None:
        """Try an event once; return it as it waits for its next attempt, or None when it is done with."""
        function = self._routes.find(event.scope.account, event.scope.region, event.function)
        version = None if function is None else self._version(function, event)
        if function is None or version is None:
            _log.warning("event %s dropped: %s:%s is gone", event.request_id, event.function, event.qualifier)
            return None
        if self._dependencies.clock.now() - event.accepted_at > MAXIMUM_AGE_S:
            await self._give_up(event, version, "The event's maximum age was exceeded.")
            return None
        if function.reserved_concurrency == 0:
            await self._give_up(event, version, "The function's reserved concurrency is zero.")
            return None
        try:
            async with self._turn(event):
                answer = await self._invoker.run(_call(event, function, version))
        except ServiceError as error:
            return await self._after_system_error(event, error)
        if answer.function_error is None:
            return None
        return await self._after_function_error(event, version, answer)

    def _version(self, function: FunctionRoute, event: QueuedEvent) -> VersionRoute | None:
        return resolve(function, event.qualifier or None, self._dependencies.ids.fraction())

    def _turn(self, event: QueuedEvent) -> asyncio.Semaphore:
        key = (event.scope.account, event.scope.region, event.function)
        return self._turns.setdefault(key, asyncio.Semaphore(_AT_ONCE_PER_FUNCTION))

    async def _after_function_error(
        self, event: QueuedEvent, version: VersionRoute, answer: Answer
    ) -> QueuedEvent | None:
        failures = event.function_errors + 1
        delay = retry_after_function_error(failures)
        if delay is None:
            await self._give_up(event, version, _message_of(answer))
            return None
        return await self._wait(replace(event, function_errors=failures), delay)

    async def _after_system_error(self, event: QueuedEvent, error: ServiceError) -> QueuedEvent:
        failures = event.system_errors + 1
        if failures == 1:
            _log.info("event %s waits: %s", event.request_id, error)
        return await self._wait(replace(event, system_errors=failures), retry_after_system_error(failures))

    async def _wait(self, event: QueuedEvent, delay_s: float) -> QueuedEvent:
        waiting = replace(event, due_at=self._dependencies.clock.now() + delay_s)
        await self._dependencies.store.write(lambda transaction: put_event(transaction, waiting))
        return waiting

    async def _give_up(self, event: QueuedEvent, version: VersionRoute, error: str) -> None:
        if version.dead_letter_target is not None:
            await self._dead_letters.send(event, version.dead_letter_target, error)


def _call(event: QueuedEvent, function: FunctionRoute, version: VersionRoute) -> Call:
    return Call(
        request_id=event.request_id,
        version=version,
        invoked_arn=f"{function.arn}:{event.qualifier}" if event.qualifier else function.arn,
        payload=event.payload,
        client_context=event.client_context,
        trace_id=event.trace_id,
    )


def _message_of(answer: Answer) -> str:
    try:
        return str(orjson.loads(answer.payload).get("errorMessage", ""))
    except (orjson.JSONDecodeError, AttributeError):
        return answer.payload.decode(errors="replace")
