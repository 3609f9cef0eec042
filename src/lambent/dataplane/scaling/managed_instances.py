"""Lambda Managed Instances: how many execution environments a version is to have, by what they consume.

AWS scales on CPU utilisation and on the saturation of slots, asynchronously: a request never starts anything. It says
what comes of it, and not how: idle versions fall to their minimum, traffic that doubles within five minutes is
absorbed, faster growth may be throttled until capacity arrives, and scale-in is slow.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-scaling.html

Our reading is target tracking with room for half as much again. Environments are kept so busy that 1.5 times the load
still fits, with a tenth to spare for the chance in arrivals: 60 % of the slots and of the CPU. As growth is seen after
one evaluation and served after one launch, together under a minute, a doubling that takes five stays within that room.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

SLOT_TARGET: Final = 0.6
CPU_TARGET: Final = 0.6
"""How much of an execution environment's CPU is in use on average, under Auto."""
_LEAST_TARGET: Final = 0.01
PRESSED: Final = 0.95
"""The share of its CPU, memory or disk from which on an execution environment turns requests away."""
FIRST_ENVIRONMENTS: Final = 3
"""How many instances, and environments, the first version on a capacity provider comes up with."""
SCALE_IN_SHARE: Final = 0.1
"""How much of a version goes in one step of scale-in, and one environment at least."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a version's environments were seen to consume over one evaluation.

    `busy` is the mean of the slots taken, `peak` the most at any moment, `cpu` the sum over the environments of the
    share of their vCPUs that was in use.
    """

    busy: float
    peak: int
    cpu: float


def needed(load: Load, slots: int, target_cpu: float | None = None) -> int:
    """Return how many environments of `slots` slots the load needs for both signals to be on target.

    `target_cpu` in percent is that of a Manual scaling policy; slots are tracked all the same. The peak has to fit as
    it was, which matters where environments have few slots and chance is coarse.

    >>> needed(Load(busy=48.0, peak=60, cpu=1.2), slots=16)
    5
    >>> needed(Load(busy=8.0, peak=12, cpu=3.0), slots=16)
    5
    >>> needed(Load(busy=8.0, peak=12, cpu=3.0), slots=16, target_cpu=75.0)
    4
    """
    target = CPU_TARGET if target_cpu is None else max(_LEAST_TARGET, target_cpu / 100.0)
    by_slots = load.busy / (slots * SLOT_TARGET)
    by_peak = load.peak / slots
    by_cpu = load.cpu / target
    # What floats make of exact multiples (1.8 / 0.6) must not cost an environment.
    return math.ceil(max(by_slots, by_peak, by_cpu) - 1e-9)


@dataclass(frozen=True, slots=True)
class Scale:
    """How many environments a version has been given, and when they last became fewer (or were given at all)."""

    wanted: int
    lowered_at: float


def decide(scale: Scale, needed_now: int, needed_lately: int, every_s: float, now: float) -> Scale:
    """Return how many environments to have: more at once, fewer slowly. Bounds are for `within` to apply.

    `needed_lately` is the most that was needed for a while, which stays; above it one step goes `every_s`.

    >>> decide(Scale(10, lowered_at=0.0), needed_now=14, needed_lately=14, every_s=60.0, now=10.0)
    Scale(wanted=14, lowered_at=0.0)
    >>> decide(Scale(40, lowered_at=0.0), needed_now=3, needed_lately=3, every_s=60.0, now=400.0)
    Scale(wanted=36, lowered_at=400.0)
    >>> decide(Scale(36, lowered_at=400.0), needed_now=3, needed_lately=3, every_s=60.0, now=430.0)
    Scale(wanted=36, lowered_at=400.0)
    """
    if needed_now >= scale.wanted:
        return Scale(needed_now, scale.lowered_at)
    if needed_lately >= scale.wanted or now - scale.lowered_at < every_s:
        return scale
    step = max(1, int(scale.wanted * SCALE_IN_SHARE))
    return Scale(max(needed_lately, scale.wanted - step), now)


def within(wanted: int, minimum: int, maximum: int | None) -> int:
    """Return `wanted`, or the bound that it lies beyond.

    >>> within(2, 3, None), within(9, 3, 5), within(4, 0, 0)
    (3, 5, 0)
    """
    raised = max(wanted, minimum)
    return raised if maximum is None else min(raised, maximum)


def first_environments(minimum: int, maximum: int | None, *, is_first: bool, earlier: int) -> int:
    """Return with how many environments a new revision comes up: its minimum, or as many as serve the earlier one.

    The first version on a capacity provider comes up with three, for the Availability Zones, unless fewer are its most.

    >>> first_environments(1, None, is_first=True, earlier=0), first_environments(1, 1, is_first=True, earlier=0)
    (3, 1)
    >>> first_environments(3, 50, is_first=False, earlier=20)
    20
    """
    return within(max(earlier, FIRST_ENVIRONMENTS if is_first else 0), minimum, maximum)


def backoff_s(failures: int, first_s: float, most_s: float) -> float:
    """Return how long to wait after so many failures in a row: doubling from `first_s`, never above `most_s`.

    >>> [backoff_s(failures, 10.0, 300.0) for failures in (1, 2, 3, 9)]
    [10.0, 20.0, 40.0, 300.0]
    """
    return min(most_s, first_s * 2.0 ** min(failures - 1, 30))
