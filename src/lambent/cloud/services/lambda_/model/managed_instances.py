"""How a function uses a capacity provider: Lambda Managed Instances, as far as the function's own settings go.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambent.aws.managed_runtimes import concurrency_per_vcpu

_DEFAULT_RATIO = 2.0
_MB_PER_GIB = 1024
_CONCURRENCY_OF_AN_IMAGE = 16


@dataclass(frozen=True, slots=True)
class ManagedInstances:
    """A function's CapacityProviderConfig, with the defaults for its memory and runtime."""

    provider_arn: str
    memory_gib_per_vcpu: float
    max_concurrency: int
    vcpus: float

    @classmethod
    def of(cls, asked: Any, *, memory_mb: int, runtime: str | None) -> ManagedInstances:  # Any: a member of AWS's shape
        """Return what a CapacityProviderConfig comes to for a function.

        >>> config = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": "arn"}}
        >>> ManagedInstances.of(config, memory_mb=4096, runtime="python3.13")
        ManagedInstances(provider_arn='arn', memory_gib_per_vcpu=2.0, max_concurrency=32, vcpus=2.0)
        """
        config: Mapping[str, Any] = asked["LambdaManagedInstancesCapacityProviderConfig"]  # Any: as above
        ratio = float(config.get("ExecutionEnvironmentMemoryGiBPerVCpu") or _DEFAULT_RATIO)
        vcpus = memory_mb / (ratio * _MB_PER_GIB)
        default = int(default_concurrency(runtime) * max(vcpus, 1))
        return cls(
            provider_arn=config["CapacityProviderArn"],
            memory_gib_per_vcpu=ratio,
            max_concurrency=config.get("PerExecutionEnvironmentMaxConcurrency") or default,
            vcpus=vcpus,
        )

    @property
    def memory_mb_per_vcpu(self) -> float:
        """The share of the function's memory that goes with one vCPU."""
        return self.memory_gib_per_vcpu * _MB_PER_GIB

    def shape(self) -> dict[str, Any]:  # Any: AWS's shape
        """Return the CapacityProviderConfig as AWS shows it."""
        config = {
            "CapacityProviderArn": self.provider_arn,
            "PerExecutionEnvironmentMaxConcurrency": self.max_concurrency,
            "ExecutionEnvironmentMemoryGiBPerVCpu": self.memory_gib_per_vcpu,
        }
        return {"LambdaManagedInstancesCapacityProviderConfig": config}


def default_concurrency(runtime: str | None) -> int:
    """Return how many requests an execution environment handles at a time for each of its vCPUs.

    >>> default_concurrency("nodejs22.x")
    64
    """
    return _CONCURRENCY_OF_AN_IMAGE if runtime is None else concurrency_per_vcpu(runtime)
