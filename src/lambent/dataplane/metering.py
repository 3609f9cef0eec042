"""From the timed facts of an invocation to what is reported and billed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lambent.dataplane.types import InvocationReport, InvocationStatus

MEMORY_READING_VALID_S = 0.1
SHORT_INVOCATION_MS = 2.0


@dataclass(frozen=True, slots=True)
class ColdStart:
    """How long an environment took to be ready: by an init, or, where `billed_restore_ms` is set, by a restore."""

    took_ms: float
    billed_restore_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one invocation: when it began by the wall clock, and how long it took.

    `cold_start` is the init or restore that this invocation is the first to follow, if it is that.
    """

    request_id: str
    started_at: float
    duration_ms: float
    cold_start: ColdStart | None
    memory_mb: int
    max_memory_mb: int


def report(measured: Measured, status: InvocationStatus, error_type: str | None = None) -> InvocationReport:
    """Return the report of an invocation; durations carry the two decimals that the REPORT line shows.

    Init is billed with the invocation that follows it, and the sum is rounded up to the next millisecond.
    https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/
    Of a restore, only the runtime's part is billed, that is, its hooks.
    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-monitoring.html
    """
    duration_ms = round(measured.duration_ms, 2)
    cold = measured.cold_start
    took_ms = None if cold is None else round(cold.took_ms, 2)
    billed_restore_ms = None if cold is None else cold.billed_restore_ms
    is_restore = billed_restore_ms is not None
    return InvocationReport(
        measured.request_id,
        status,
        measured.started_at,
        measured.started_at + measured.duration_ms / 1000,
        duration_ms,
        None if is_restore else took_ms,
        billed_ms(duration_ms, billed_restore_ms if is_restore else took_ms),
        measured.memory_mb,
        measured.max_memory_mb,
        error_type,
        restore_ms=took_ms if is_restore else None,
        billed_restore_ms=billed_restore_ms,
    )


def billed_ms(duration_ms: float, init_ms: float | None) -> int:
    """Return what is billed for an invocation and the init before it, or the billed part of a restore, in whole ms.

    >>> billed_ms(3.01, 110.10)
    114
    """
    # The sum is brought back to two decimals first: 110.1 + 3.9 is a hair above 114.
    return math.ceil(round(duration_ms + (init_ms or 0.0), 2))


def memory_reading_is_due(duration_ms: float, since_last_s: float) -> bool:
    """Whether the environment's peak memory must be read anew after an invocation of this length.

    Reading it costs as much as the rest of a warm invocation. An invocation under 2 ms cannot fill much, so for those
    a peak read within the last tenth of a second stands.
    """
    return duration_ms >= SHORT_INVOCATION_MS or since_last_s >= MEMORY_READING_VALID_S
