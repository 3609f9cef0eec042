"""Managed Instances' metrics as CloudWatch takes them.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-monitoring.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NAMESPACE = "AWS/Lambda"
THROTTLE_REASONS = ("ConcurrencyThrottles", "CPUThrottles", "MemoryThrottles", "DiskThrottles")
"""Of these exactly one is 1 for each request that is throttled."""
_BYTES_PER_MB = 1024 * 1024
Datum = dict[str, Any]  # Any: AWS's shape


@dataclass(frozen=True, slots=True)
class InstanceMeasures:
    """One running instance in one minute; `cpu` and `memory` are shares of what environments may have, 0 to 1."""

    instance_type: str
    cpu: float
    memory: float
    vcpus: float
    vcpus_allocated: float
    memory_mb: float
    memory_allocated_mb: float


@dataclass(frozen=True, slots=True)
class Served:
    """The most requests that one execution environment served at once in one minute, and how many it could."""

    function: str
    version: str
    most: int
    slots: int


@dataclass(frozen=True, slots=True)
class Used:
    """What one execution environment used in one minute, as shares of its own vCPUs and memory, 0 to 1."""

    function: str
    version: str
    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Finished:
    """The requests of one version that came to their end in one minute: how many, how many in errors, how long."""

    count: int = 0
    errors: int = 0
    total_ms: float = 0.0
    least_ms: float = 0.0
    most_ms: float = 0.0

    def and_one(self, duration_ms: float, *, has_failed: bool) -> Finished:
        """Return the same and one request more."""
        return Finished(
            self.count + 1,
            self.errors + has_failed,
            self.total_ms + duration_ms,
            min(self.least_ms, duration_ms) if self.count else duration_ms,
            max(self.most_ms, duration_ms),
        )


def instance_data(provider: str, measures: Sequence[InstanceMeasures], at: float) -> Iterator[Datum]:
    """Yield a capacity provider's data, by instance type; what is available is what no environment has taken yet."""
    for instance_type in sorted({each.instance_type for each in measures}):
        those = [each for each in measures if each.instance_type == instance_type]
        dimensions = _dimensions(CapacityProviderName=provider, InstanceType=instance_type)
        series: Mapping[str, tuple[str, list[float]]] = {
            "CPUUtilization": ("Percent", [100 * each.cpu for each in those]),
            "MemoryUtilization": ("Percent", [100 * each.memory for each in those]),
            "vCPUAvailable": ("Count", [each.vcpus - each.vcpus_allocated for each in those]),
            "vCPUAllocated": ("Count", [each.vcpus_allocated for each in those]),
            "MemoryAvailable": (
                "Bytes",
                [_BYTES_PER_MB * (each.memory_mb - each.memory_allocated_mb) for each in those],
            ),
            "MemoryAllocated": ("Bytes", [_BYTES_PER_MB * each.memory_allocated_mb for each in those]),
        }
        for name, (unit, values) in series.items():
            yield _datum(name, dimensions, unit, values, at)


def environment_data(provider: str, served: Sequence[Served], used: Sequence[Used], at: float) -> Iterator[Datum]:
    """Yield the data of a capacity provider's execution environments, by function and by version."""
    versions = {(each.function, each.version) for each in served} | {(each.function, each.version) for each in used}
    for function, version in sorted(versions | {(name, "") for name, _ in versions}):
        dimensions = _dimensions(CapacityProviderName=provider, FunctionName=function)
        if version:
            dimensions += _dimensions(Resource=f"{function}:{version}")
        ran = [each for each in served if each.function == function and version in {"", each.version}]
        took = [each for each in used if each.function == function and version in {"", each.version}]
        series: Mapping[str, tuple[str, list[float]]] = {
            "ExecutionEnvironmentConcurrency": ("Count", [float(each.most) for each in ran]),
            "ExecutionEnvironmentConcurrencyLimit": ("Count", [float(each.slots) for each in ran]),
            "ExecutionEnvironmentCPUUtilization": ("Percent", [100 * each.cpu for each in took]),
            "ExecutionEnvironmentMemoryUtilization": ("Percent", [100 * each.memory for each in took]),
        }
        for name, (unit, values) in series.items():
            if values:
                yield _datum(name, dimensions, unit, values, at)


def throttle_data(function: str, version: str, reasons: Mapping[str, int], at: float) -> Iterator[Datum]:
    """Yield what requests that were throttled in one minute count as, `reasons` saying how many for each."""
    total = sum(reasons.values())
    for resource in ({}, {"Resource": f"{function}:{version}"}):
        dimensions = _dimensions(FunctionName=function, **resource)
        yield _datum("Throttles", dimensions, "Count", [1.0] * total, at)
        for name in THROTTLE_REASONS:
            met = reasons.get(name, 0)
            yield _datum(name, dimensions, "Count", [1.0] * met + [0.0] * (total - met), at)


def finished_data(function: str, version: str, finished: Finished, at: float) -> Iterator[Datum]:
    """Yield what the requests of one version count as that came to their end in one minute."""
    for resource in ({}, {"Resource": f"{function}:{version}"}):
        dimensions = _dimensions(FunctionName=function, **resource)
        yield _datum("Invocations", dimensions, "Count", [1.0] * finished.count, at)
        failed = [1.0] * finished.errors + [0.0] * (finished.count - finished.errors)
        yield _datum("Errors", dimensions, "Count", failed, at)
        duration = _datum("Duration", dimensions, "Milliseconds", [finished.total_ms], at)
        duration["StatisticValues"] |= {
            "SampleCount": float(finished.count),
            "Minimum": finished.least_ms,
            "Maximum": finished.most_ms,
        }
        yield duration


def _datum(name: str, dimensions: list[dict[str, str]], unit: str, values: Sequence[float], at: float) -> Datum:
    statistics = {
        "SampleCount": float(len(values)),
        "Sum": float(sum(values)),
        "Minimum": float(min(values)),
        "Maximum": float(max(values)),
    }
    return {"MetricName": name, "Dimensions": dimensions, "Timestamp": at, "Unit": unit, "StatisticValues": statistics}


def _dimensions(**named: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in named.items()]
