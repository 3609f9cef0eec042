"""How many execution environments and instances a function takes on a capacity provider, at a given rate.

An environment serves as many requests at once as it has slots; it is held at a target below that, and below its vCPUs,
so that growth finds room. Every instance keeps 1 vCPU and 1 GB for itself, and there are three at least.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-scaling.html
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from lambent.aws.instance_types import InstanceType
from lambent.aws.managed_runtimes import concurrency_per_vcpu
from lambent.insight.figures import InsightError
from lambent.insight.traffic import Traffic

LEAST_INSTANCES: Final = 3
LEAST_ENVIRONMENTS: Final = 3
AUTO_TARGET: Final = 0.6
"""The share of slots and of vCPUs at which Auto scaling holds environments. AWS publishes no figure; this is the one
that the autoscaler of the platform here holds."""
HOLD_S: Final = 3_600.0
"""How long capacity stays after a peak: scaling in is slow on purpose, and how slow AWS does not say."""

_MOST_LEVELS: Final = 240
_LEAST_MEMORY_MB: Final = 2_048
_MOST_MEMORY_MB: Final = 32_768
_RATIOS: Final = (2.0, 4.0, 8.0)
_MOST_PER_VCPU: Final = 64


@dataclass(frozen=True, slots=True)
class EnvironmentSize:
    """An execution environment on managed instances: its memory, its vCPUs, and how many requests it serves at once."""

    memory_mb: int
    vcpus: Fraction
    slots: int


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request takes: seconds of a slot, and of a vCPU where that is known; and the target share of both.

    `cpu_target` is that of vCPUs where Manual scaling says it.
    """

    slot_s: Fraction
    cpu_s: Fraction | None
    target: Fraction
    cpu_target: Fraction | None = None

    def rate_of(self, size: EnvironmentSize) -> Fraction:
        """Return the requests a second that one environment sustains at the target."""
        by_slots = size.slots * self.target / self.slot_s
        return by_slots if not self.cpu_s else min(by_slots, size.vcpus * (self.cpu_target or self.target) / self.cpu_s)


def environment_size(memory_mb: int, ratio: float, slots: int | None, runtime: str | None) -> EnvironmentSize:
    """Return the environment of a memory size and GiB per vCPU; raises InsightError where AWS would refuse it."""
    if ratio not in _RATIOS:
        raise InsightError(f"{ratio:g} GiB per vCPU is no ratio of managed instances.", "Give 2, 4 or 8.")
    step = int(ratio * 1024)
    if memory_mb < _LEAST_MEMORY_MB:
        message = "Lambda Managed Instance functions must have memory size greater than or equal to 2048"
        raise InsightError(message, f"Give {max(step, _LEAST_MEMORY_MB)} MB or more.")
    if memory_mb > _MOST_MEMORY_MB:
        raise InsightError(f"{memory_mb} MB are more than managed instances give: 32,768.", "Give 32768 or less.")
    if memory_mb < step:
        message = f"Memory ratio of {ratio * 1024:.1f}MB per CPU exceeds function's total memory"
        raise InsightError(message, f"Give {step} MB or a multiple of it, or a smaller ratio.")
    if memory_mb % step:
        above = -(-memory_mb // step) * step
        message = f"{memory_mb} MB is no multiple of {step} MB, one vCPU's share."
        raise InsightError(message, f"Give {memory_mb // step * step} or {above} MB, or another ratio.")
    vcpus = Fraction(memory_mb, step)
    most = math.floor(vcpus * _MOST_PER_VCPU)
    if slots is not None and not 1 <= slots <= most:
        raise InsightError(
            f"{slots} requests at once are not between 1 and {most}, 64 for each of {float(vcpus):g} vCPUs.",
            "Give another concurrency, or more memory.",
        )
    return EnvironmentSize(memory_mb, vcpus, slots or math.floor(vcpus * concurrency_per_vcpu(runtime or "python")))


def nearest_memory(memory_mb: int, ratio: float) -> int:
    """Return the least memory of managed instances that is no less than a function's.

    >>> nearest_memory(512, 2), nearest_memory(3008, 4), nearest_memory(512, 8)
    (2048, 4096, 8192)
    """
    step = int(ratio * 1024)
    return -(-max(memory_mb, _LEAST_MEMORY_MB) // step) * step


def environments_per_instance(instance: InstanceType, size: EnvironmentSize) -> int:
    """Return how many environments fit an instance beside what it keeps for the system; 0 where none does."""
    return max(min(math.floor(instance.room_vcpus / size.vcpus), instance.room_mb // size.memory_mb), 0)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a function lies on instances of one type: how many environments an instance takes, and what each serves."""

    instance: InstanceType
    per_instance: int
    environment_rate: Fraction
    least_environments: int = LEAST_ENVIRONMENTS

    def environments(self, rate: Fraction) -> int:
        """Return the environments for a rate in requests a second."""
        return max(self.least_environments, math.ceil(rate / self.environment_rate))

    def instances(self, rate: Fraction) -> int:
        """Return the instances for a rate in requests a second."""
        return max(LEAST_INSTANCES, -(-self.environments(rate) // self.per_instance))


@dataclass(frozen=True, slots=True)
class Shape:
    """How traffic is spread in time: pairs of a rate, as a multiple of the mean, and the share of time it holds."""

    parts: tuple[tuple[Fraction, Fraction], ...]

    @property
    def peak(self) -> Fraction:
        """The highest rate, as a multiple of the mean."""
        return max(level for level, _ in self.parts)

    def mean_instances(self, layout: Layout, mean_rate: Fraction) -> Fraction:
        """Return the instances there are on average, where the mean rate is this many requests a second."""
        counts = ((layout.instances(level * mean_rate), share) for level, share in self.parts)
        return sum((count * share for count, share in counts), Fraction(0))


def shape_of(traffic: Traffic) -> Shape:
    """Return the shape that capacity follows: in each period the highest rate since HOLD_S before it."""
    held = _held(traffic.requests, max(1, round(HOLD_S / traffic.period_s)))
    mean = Fraction(traffic.total) / len(traffic.requests)
    counted = sorted(Counter(held).items())
    return Shape(tuple((Fraction(value) / mean, Fraction(count, len(held))) for value, count in _grouped(counted)))


def _grouped(levels: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return rising levels with their counts, some hundreds at most: neighbours go together as the higher of them."""
    width = -(-len(levels) // _MOST_LEVELS)
    groups = (levels[begin : begin + width] for begin in range(0, len(levels), width))
    return [(group[-1][0], sum(count for _, count in group)) for group in groups]


def _held(requests: tuple[float, ...], periods: int) -> list[float]:
    """Return for each period the most of it and the `periods` before; the span comes round again at its end."""
    if len(requests) <= periods:
        return [max(requests)] * len(requests)
    around = (*requests[-periods:], *requests)
    return list(_running_most(around, periods + 1))[periods:]


def _running_most(values: Iterable[float], width: int) -> Iterable[float]:
    """Yield the largest of the last `width` values, for each value."""
    waiting: list[tuple[int, float]] = []
    first = 0
    for place, value in enumerate(values):
        while len(waiting) > first and waiting[-1][1] <= value:
            waiting.pop()
        waiting.append((place, value))
        if waiting[first][0] <= place - width:
            first += 1
        yield waiting[first][1]
