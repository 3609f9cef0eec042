"""How a function uses a capacity provider: Lambda Managed Instances, as far as the function's own settings go.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DEFAULT_RATIO = 2.0
_MB_PER_GIB = 1024
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-runtimes.html: each default is for one vCPU.
_CONCURRENCY_PER_VCPU = {"python": 16, "nodejs": 64, "java": 32, "dotnet": 32, "provided": 8}
_CONCURRENCY_OF_AN_IMAGE = 16
_SUPPORTED = re.compile(
    r"(python3\.1[3-9]|nodejs(2[2-9]|[3-9]\d)\.x|java(2[1-9]|[3-9]\d)|dotnet(8|[1-9]\d)|provided\.al2023)\Z"
)


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
    if runtime is None:
        return _CONCURRENCY_OF_AN_IMAGE
    family = next((family for family in _CONCURRENCY_PER_VCPU if runtime.startswith(family)), "provided")
    return _CONCURRENCY_PER_VCPU[family]


def is_supported(runtime: str) -> bool:
    """Tell whether a runtime can serve several requests at a time, as Managed Instances want it.

    >>> [is_supported(each) for each in ("python3.12", "python3.13", "provided.al2", "java25")]
    [False, True, False, True]
    """
    return _SUPPORTED.match(runtime) is not None
