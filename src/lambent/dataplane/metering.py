"""From the timed facts of an invocation to what is reported and billed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lambent.dataplane.types import InvocationReport, InvocationStatus

MEMORY_READING_VALID_S = 0.1
SHORT_INVOCATION_MS = 2.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one invocation: when it began by the wall clock, and how long it took.

    `init_ms` is the init phase that this invocation is the first to follow, if it is that.
    """

    request_id: str
    started_at: float
    duration_ms: float
    init_ms: float | None
    memory_mb: int
    max_memory_mb: int


def report(measured: Measured, status: InvocationStatus, error_type: str | None = None) -> InvocationReport:
    """Return the report of an invocation; durations carry the two decimals that the REPORT line shows.

    Init is billed with the invocation that follows it, and the sum is rounded up to the next millisecond.
    https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/
    """
    duration_ms = round(measured.duration_ms, 2)
    init_ms = None if measured.init_ms is None else round(measured.init_ms, 2)
    return InvocationReport(
        measured.request_id,
        status,
        measured.started_at,
        measured.started_at + measured.duration_ms / 1000,
        duration_ms,
        init_ms,
        billed_ms(duration_ms, init_ms),
        measured.memory_mb,
        measured.max_memory_mb,
        error_type,
    )


def billed_ms(duration_ms: float, init_ms: float | None) -> int:
    """Return what is billed for an invocation and the init before it, in whole milliseconds.

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
