"""How an init phase ends: with the runtime parked in its first `next`, or in one of several failures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from lambent.dataplane.runtime_api.messages import ErrorAnswer, InitAnswer, Parked, Snapshot
from lambent.dataplane.sandbox.handle import Sandbox
from lambent.dataplane.types import FunctionSpec, InvocationStatus, ProcessExit

# A process that closed its channel is ending; its exit is worth this much waiting, for its cause is the answer.
_EXIT_PATIENCE_S = 1.0


@dataclass(frozen=True, slots=True)
class InitFailure:
    """Why init did not come to its end; `payload` is the runtime's own report, if it made one."""

    status: InvocationStatus
    error_type: str
    payload: bytes | None = None
    exit: ProcessExit | None = None
    of_restore: bool = False


# AWS gives init that long where it is not part of an invocation, or as long as the function may run.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
_LEAST_APART_S: Final = 130.0


def init_limit_s(spec: FunctionSpec) -> float:
    """Return how long an init may take that is no part of an invocation."""
    return max(_LEAST_APART_S, float(spec.timeout_s))


CUT_OFF = InitFailure(InvocationStatus.FAILURE, "Sandbox.Failure")


async def init_end(sandbox: Sandbox, limit_s: float | None) -> InitFailure | None:
    """Return None once the runtime has parked in its first `next`, or how init failed."""
    first: asyncio.Future[InitAnswer] = sandbox.channel.first_next
    await asyncio.wait({first}, timeout=limit_s)
    if not first.done():
        return InitFailure(InvocationStatus.TIMEOUT, "Sandbox.Timedout")
    answer = first.result()
    if isinstance(answer, (Parked, Snapshot)):
        return None
    if isinstance(answer, ErrorAnswer):
        return InitFailure(InvocationStatus.ERROR, answer.error_type, answer.payload)
    await asyncio.wait({sandbox.exited}, timeout=_EXIT_PATIENCE_S)
    await sandbox.reset()
    return InitFailure(InvocationStatus.ERROR, "Runtime.ExitError", exit=sandbox.exited.result())
