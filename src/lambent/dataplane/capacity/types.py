"""Capacity providers as the data plane knows them: what is asked for, what is to be done, and what there is.

Nothing here acts. A `Fleet` decides in these words, whoever carries them out: the running platform, in whatever time
its clock keeps, or a replay. https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-scaling.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

ProviderArn = NewType("ProviderArn", str)
DeploymentId = NewType("DeploymentId", str)
"""One revision of one function version on a capacity provider."""
InstanceId = NewType("InstanceId", str)
"""As EC2 writes it: `i-` and 17 hexadecimal digits."""
EnvironmentId = NewType("EnvironmentId", str)


@dataclass(frozen=True, slots=True)
class Subnet:
    """Where instances may be launched, and the Availability Zone that it lies in."""

    subnet_id: str
    zone: str


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """A capacity provider: where its instances run, of which types they may be, and how far it grows.

    Types are patterns as EC2 knows them (`m7i.*`); of the two tuples one is empty at least. `target_cpu` in percent is
    a policy of Manual scaling; None is Auto.
    """

    arn: ProviderArn
    name: str
    subnets: tuple[Subnet, ...]
    architecture: str = "x86_64"
    allowed_types: tuple[str, ...] = ()
    excluded_types: tuple[str, ...] = ()
    max_vcpus: int = 400
    target_cpu: float | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many execution environments a version has at least and at most; 0 and 0 are none at all."""

    minimum: int = 3
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What one execution environment takes of its instance, and how many requests it serves at once."""

    vcpus: float
    memory_mb: int
    slots: int


class CapacityThrottle(StrEnum):
    """Why every execution environment of a version refused a request, as the metric that counts it is named.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-monitoring.html
    """

    CONCURRENCY = "ConcurrencyThrottles"
    CPU = "CPUThrottles"
    MEMORY = "MemoryThrottles"
    DISK = "DiskThrottles"


class CapacityShortage(StrEnum):
    """Why there is no room for another execution environment, as a function's StateReasonCode says it."""

    VCPU_LIMIT = "VcpuLimitExceeded"
    INSUFFICIENT = "InsufficientCapacity"


class InstanceState(StrEnum):
    """Where an instance stands, in EC2's words."""

    PENDING = "pending"
    RUNNING = "running"
    SHUTTING_DOWN = "shutting-down"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class Instance:
    """One virtual instance; times are the platform's, in seconds."""

    instance_id: InstanceId
    instance_type: str
    subnet: Subnet
    state: InstanceState
    launched_at: float
    ready_at: float | None = None
    """When it began to take execution environments."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Launch an instance; it is there when `Fleet.launched` is told so, `after_s` from now."""

    instance: Instance
    after_s: float


@dataclass(frozen=True, slots=True)
class Terminate:
    """End an instance on which nothing runs any more; `Fleet.terminated` is told when it is gone."""

    instance_id: InstanceId
    cause: str


@dataclass(frozen=True, slots=True)
class StartEnvironment:
    """Start an execution environment on a running instance; `started`, `start_failed` and `gone` tell the rest."""

    environment_id: EnvironmentId
    deployment: DeploymentId
    instance_id: InstanceId


@dataclass(frozen=True, slots=True)
class StopEnvironment:
    """Let an execution environment finish what it serves, and end it; it takes no request any more. `gone` follows."""

    environment_id: EnvironmentId
    cause: str


Action = Launch | Terminate | StartEnvironment | StopEnvironment
