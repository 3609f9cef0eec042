"""How an init phase ends: with the runtime parked in its first `next`, or in one of several failures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from lambent.dataplane.runtime_api.messages import ErrorAnswer, InitAnswer, Parked
from lambent.dataplane.sandbox.handle import Sandbox
from lambent.dataplane.types import DataPlaneSettings, InitializationType, InvocationStatus, ProcessExit

# A process that closed its channel is ending; its exit is worth this much waiting, for its cause is the answer.
_EXIT_PATIENCE_S = 1.0


@dataclass(frozen=True, slots=True)
class InitFailure:
    """Why init did not come to its end; `payload` is the runtime's own report, if it made one."""

    status: InvocationStatus
    error_type: str
    payload: bytes | None = None
    exit: ProcessExit | None = None


CUT_OFF = InitFailure(InvocationStatus.FAILURE, "Sandbox.Failure")


def init_limit_s(settings: DataPlaneSettings, started_for: InitializationType, timeout_s: int) -> float:
    """Return how long an init may take that no invocation waits for, or that an invocation can repeat.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
    """
    if started_for is InitializationType.ON_DEMAND:
        return settings.init_timeout_s
    return max(settings.long_init_timeout_s, float(timeout_s))


async def init_end(sandbox: Sandbox, limit_s: float | None) -> InitFailure | None:
    """Return None once the runtime has parked in its first `next`, or how init failed."""
    first: asyncio.Future[InitAnswer] = sandbox.channel.first_next
    await asyncio.wait({first}, timeout=limit_s)
    if not first.done():
        return InitFailure(InvocationStatus.TIMEOUT, "Sandbox.Timedout")
    answer = first.result()
    if isinstance(answer, Parked):
        return None
    if isinstance(answer, ErrorAnswer):
        return InitFailure(InvocationStatus.ERROR, answer.error_type, answer.payload)
    await asyncio.wait({sandbox.exited}, timeout=_EXIT_PATIENCE_S)
    await sandbox.reset()
    return InitFailure(InvocationStatus.ERROR, "Runtime.ExitError", exit=sandbox.exited.result())
