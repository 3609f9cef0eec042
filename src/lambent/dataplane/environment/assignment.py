"""An invocation on its way through an environment, and the promise of its outcome."""

from __future__ import annotations

import asyncio
from typing import Protocol

from lambent.base.clock import Clock
from lambent.dataplane.environment.host import Timer
from lambent.dataplane.errors import DataPlaneError
from lambent.dataplane.metering import ColdStart
from lambent.dataplane.runtime_api.messages import InvocationHeaders, RuntimeAnswer
from lambent.dataplane.runtime_api.workers import Workers
from lambent.dataplane.types import Completed, FunctionError, Invocation, Outcome, ResponseSink


class Serving(Protocol):
    """Who serves an invocation and takes the runtime's answer to it: its environment."""

    def answered(self, assignment: Assignment, answer: RuntimeAnswer) -> None:
        """Conclude an invocation that the runtime has answered; called once per assignment, on the loop."""

    def answered_late(self) -> None:
        """Take back the slot of an invocation that had timed out, now that its code has come to an end."""


class Assignment:
    """An invocation on its way through an environment, and the promise of its outcome to whoever asked."""

    __slots__ = (
        "_environment",
        "awaits_handler",
        "cold_start",
        "invocation",
        "is_over",
        "is_told",
        "later",
        "outcome",
        "promise",
        "responding_since",
        "started",
        "started_at",
        "timer",
    )

    def __init__(self, invocation: Invocation, promise: asyncio.Future[Outcome]) -> None:
        self.invocation = invocation
        self.promise = promise
        self.is_over = False
        self.is_told = False
        """Whether its beginning has been told."""
        self.started = 0.0
        self.started_at = 0.0
        self.cold_start: ColdStart | None = None
        self.timer: Timer | None = None
        self.later: Timer | None = None
        """What a mishap still has in store for it."""
        self.awaits_handler = False
        """Whether a mishap keeps it from its handler just now."""
        self.outcome: Completed | FunctionError | None = None
        """What the runtime answered, while extensions still work on the invocation."""
        self.responding_since: float | None = None
        """When the function began to stream its answer, by the real clock; None where it comes in one piece."""
        self._environment: Serving | None = None

    def begin(self, environment: Serving, real_time: Clock) -> None:
        """Note that the invocation begins now, in this environment."""
        self._environment = environment
        self.started_at = real_time.now()
        self.started = real_time.monotonic()

    def headers(self) -> InvocationHeaders:
        """Return what the runtime is told beside the event, once it has begun."""
        invocation = self.invocation
        return InvocationHeaders(
            invocation.request_id,
            int((self.started_at + invocation.spec.timeout_s) * 1000),
            invocation.invoked_arn,
            invocation.trace_id,
            invocation.client_context,
            invocation.cognito_identity,
        )

    def sink(self, real_time: Clock) -> ResponseSink | None:
        """Return who takes the answer while it is written, which also notes when that begins."""
        sink = self.invocation.sink
        return None if sink is None else _NotingSink(self, sink, real_time)

    def answered(self, answer: asyncio.Future[RuntimeAnswer]) -> None:
        """Take the runtime's answer to the environment; called by the channel's future."""
        if self._environment is None:
            return
        if self.is_over:
            self._environment.answered_late()
        else:
            self._environment.answered(self, answer.result())

    def leaves_code_running(self, crew: Workers | None) -> bool:
        """Return whether its code goes on after its timeout; what has yet to begin is taken back from the runtime."""
        if self.awaits_handler:
            return False
        return crew is None or not crew.withdraw(self.invocation.request_id)

    def settle(self, outcome: Outcome | DataPlaneError) -> None:
        """Keep the promise; a caller that went away has cancelled it, and nobody is told."""
        if self.promise.done():
            return
        if isinstance(outcome, DataPlaneError):
            self.promise.set_exception(outcome)
        else:
            self.promise.set_result(outcome)


class _NotingSink:
    """Passes an answer on, and notes when its first byte came."""

    def __init__(self, assignment: Assignment, sink: ResponseSink, real_time: Clock) -> None:
        self._assignment = assignment
        self._real_time = real_time
        self._begin = sink.begin
        self.write = sink.write
        self.is_full = sink.is_full

    def begin(self, content_type: str) -> None:
        """The function begins to answer."""
        self._assignment.responding_since = self._real_time.monotonic()
        self._begin(content_type)
