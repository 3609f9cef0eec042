"""The kinds of faults on purpose."""

from __future__ import annotations

from enum import StrEnum


class FaultKind(StrEnum):
    """What a fault does."""

    THROTTLE = "throttle"
    ERROR = "error"
    LATENCY = "latency"
    CRASH = "crash"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
