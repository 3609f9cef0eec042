"""How an init phase ends: with the runtime parked in its first `next`, or in one of several failures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

from lambent.dataplane.environment.companions import Companions, ExtensionFailure
from lambent.dataplane.runtime_api.messages import ErrorAnswer, InitAnswer, Parked, Snapshot
from lambent.dataplane.sandbox.handle import Sandbox
from lambent.dataplane.types import (
    DataPlaneSettings,
    InitFailed,
    InitializationType,
    InvocationReport,
    InvocationStatus,
    ProcessExit,
    RestoreFailed,
)

# A process that closed its channel is ending; its exit is worth this much waiting, for its cause is the answer.
_EXIT_PATIENCE_S = 1.0


@dataclass(frozen=True, slots=True)
class InitFailure:
    """Why init did not come to its end; `payload` is the runtime's own report, `extension` what an extension did."""

    status: InvocationStatus
    error_type: str
    payload: bytes | None = None
    exit: ProcessExit | None = None
    extension: ExtensionFailure | None = None
    of_restore: bool = False

    def outcome(self, report: InvocationReport) -> InitFailed | RestoreFailed:
        """Return how the invocation ends that this is told to."""
        if self.of_restore:
            return RestoreFailed(self.status is InvocationStatus.TIMEOUT, report)
        if self.extension is None:
            return InitFailed(self.payload, self.error_type, self.exit, report)
        payload, report = self.extension.payload(report.request_id), replace(report, fault=self.extension.message)
        return InitFailed(payload, self.error_type, self.exit, report)


CUT_OFF = InitFailure(InvocationStatus.FAILURE, "Sandbox.Failure")
_TIMED_OUT = InitFailure(InvocationStatus.TIMEOUT, "Sandbox.Timedout")


def init_limit_s(settings: DataPlaneSettings, started_for: InitializationType, timeout_s: int) -> float:
    """Return how long an init may take that no invocation waits for, or that an invocation can repeat.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
    """
    if started_for is InitializationType.ON_DEMAND:
        return settings.init_timeout_s
    return max(settings.long_init_timeout_s, float(timeout_s))


async def init_end(sandbox: Sandbox, companions: Companions | None, limit_s: float | None) -> InitFailure | None:
    """Return None once the runtime and every extension wait in `next`, or how init failed."""
    loop = asyncio.get_running_loop()
    deadline = None if limit_s is None else loop.time() + limit_s
    first: asyncio.Future[InitAnswer] = sandbox.channel.first_next
    if companions is None or not companions.is_active:
        # An internal extension may register until the runtime is ready.
        await asyncio.wait({first}, timeout=limit_s)
    else:
        await _first_of(limit_s, first, companions.failed)
    failure = await _runtime_failure(sandbox, companions)
    if companions is None:
        return failure
    companions.runtime_initialized(None if failure is None else failure.error_type)
    if failure is not None or not companions.is_active:
        return failure
    rest_s = None if deadline is None else max(0.0, deadline - loop.time())
    await _first_of(rest_s, companions.ready, companions.failed, sandbox.left)
    if companions.failed.done():
        return _of_extension(companions.failed.result())
    if sandbox.left.done():
        return InitFailure(InvocationStatus.ERROR, "Runtime.ExitError", exit=sandbox.left.result())
    return None if companions.ready.done() else _TIMED_OUT


async def _first_of(limit_s: float | None, *ends: asyncio.Future[Any]) -> None:  # Any: whatever they resolve to
    await asyncio.wait(set(ends), timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)


async def _runtime_failure(sandbox: Sandbox, companions: Companions | None) -> InitFailure | None:
    if companions is not None and companions.failed.done():
        return _of_extension(companions.failed.result())
    first = sandbox.channel.first_next
    if not first.done():
        return _TIMED_OUT
    answer = first.result()
    if isinstance(answer, (Parked, Snapshot)):
        return None
    if isinstance(answer, ErrorAnswer):
        return InitFailure(InvocationStatus.ERROR, answer.error_type, answer.payload)
    await asyncio.wait({sandbox.left}, timeout=_EXIT_PATIENCE_S)
    if not sandbox.left.done():
        await sandbox.reset()
    # The process above the workers ends with the last of them, and well; it is they who say why.
    early_end = None if sandbox.workers is None else sandbox.workers.early_end
    return InitFailure(InvocationStatus.ERROR, "Runtime.ExitError", exit=early_end or sandbox.left.result())


def _of_extension(failure: ExtensionFailure) -> InitFailure:
    return InitFailure(InvocationStatus.ERROR, failure.error_type, extension=failure)
