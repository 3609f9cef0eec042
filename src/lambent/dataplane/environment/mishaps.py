"""Mishaps: invocations whose handler begins late, does not run at all, or is killed while it does.

They have an environment as any other invocation, and its timer runs: what goes wrong on purpose is billed, logged and
counted as if it went wrong by itself. So it is with the extension by which AWS injects faults into functions:
https://docs.aws.amazon.com/fis/latest/userguide/use-lambda-actions.html
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from lambent.dataplane.environment.assignment import Assignment
from lambent.dataplane.environment.host import Timers
from lambent.dataplane.runtime_api.messages import ErrorAnswer, Response, RuntimeAnswer
from lambent.dataplane.sandbox.handle import Sandbox
from lambent.dataplane.types import Mishap


class Afflicted(Protocol):
    """The environment of an invocation with a mishap."""

    def runs(self, assignment: Assignment, sandbox: Sandbox) -> bool:
        """Whether an invocation is still under way in this sandbox."""

    def run_handler(self, assignment: Assignment, sandbox: Sandbox) -> asyncio.Future[RuntimeAnswer]:
        """Give an invocation to the runtime, and return the promise of its answer."""

    def answered(self, assignment: Assignment, answer: RuntimeAnswer) -> None:
        """Conclude an invocation that has its answer."""


class Afflicting:
    """One mishap on its way."""

    __slots__ = ("_assignment", "_environment", "_is_killed", "_mishap", "_sandbox", "_timers")

    def __init__(
        self, mishap: Mishap, assignment: Assignment, sandbox: Sandbox, environment: Afflicted, timers: Timers
    ) -> None:
        self._mishap = mishap
        self._is_killed = False
        self._assignment = assignment
        self._sandbox = sandbox
        self._environment = environment
        self._timers = timers

    def begin(self) -> None:
        """Have it happen, now or when its delay is over."""
        if self._mishap.delay_s:
            self._assignment.awaits_handler = True
            self._assignment.later = self._timers.call_later(self._mishap.delay_s, Afflicting._go_on, self)
        else:
            self._go_on()

    def _go_on(self) -> None:
        environment, mishap = self._environment, self._mishap
        self._assignment.awaits_handler = False
        if not environment.runs(self._assignment, self._sandbox):
            return
        if mishap.error is not None:
            environment.answered(self._assignment, ErrorAnswer(mishap.error.payload, mishap.error.error_type))
            return
        environment.run_handler(self._assignment, self._sandbox).add_done_callback(self._answered)
        if mishap.killed_after_s is None:
            return
        if mishap.killed_after_s:
            self._assignment.later = self._timers.call_later(mishap.killed_after_s, Afflicting._kill, self)
        else:
            self._kill()

    def _answered(self, answer: asyncio.Future[RuntimeAnswer]) -> None:
        if self._is_killed and isinstance(answer.result(), Response | ErrorAnswer):
            return  # the runtime was quicker than its end, which is the outcome all the same
        self._assignment.answered(answer)

    def _kill(self) -> None:
        if self._assignment.outcome is not None or not self._environment.runs(self._assignment, self._sandbox):
            return  # it has come to its end by itself
        self._is_killed = True
        self._sandbox.kill_runtime()
        if self._mishap.on_kill is not None:
            self._mishap.on_kill()
