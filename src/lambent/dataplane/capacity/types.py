"""Capacity providers as the data plane knows them: what is asked for, what is to be done, and what there is.

Nothing here acts. A `Fleet` decides in these words, whoever carries them out: the running platform, in whatever time
its clock keeps, or a replay. https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-scaling.html
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import NewType

from lambent.dataplane.types import CapacityThrottle

__all__ = [
    "Action",
    "Bounds",
    "CapacityShortage",
    "CapacityThrottle",
    "DeploymentId",
    "EnvironmentId",
    "EnvironmentState",
    "EnvironmentUse",
    "Instance",
    "InstanceId",
    "InstanceState",
    "InstanceUse",
    "Launch",
    "ProviderArn",
    "ProviderSpec",
    "Share",
    "StartEnvironment",
    "StopEnvironment",
    "Subnet",
    "Terminate",
    "Timing",
]

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


@dataclass(frozen=True, slots=True)
class Timing:
    """How long what AWS does takes, in seconds; measured of AWS where that could be, chosen where AWS does not say.

    `launch_s` is until a host takes environments, `first_launch_s` the same where a version that is being published
    waits for it: 0 here, so that deploying takes no minute. A host is ended `empty_s` after its last environment, and
    replaced at `lifetime_s`, which begins `replace_ahead_s` sooner so that nothing is missing meanwhile. What failed is
    tried again after `retry_s`, doubling up to `retry_most_s`.
    """

    launch_s: float = 33.0
    first_launch_s: float = 0.0
    evaluation_s: float = 10.0
    sample_s: float = 1.0
    empty_s: float = 300.0
    scale_in_after_s: float = 300.0
    scale_in_every_s: float = 60.0
    lifetime_s: float = 14 * 86_400.0
    replace_ahead_s: float = 3_600.0
    retry_s: float = 10.0
    retry_most_s: float = 300.0

    def scaled(self, factor: float) -> Timing:
        """Return the same at another pace: every span times `factor`."""
        return Timing(*(getattr(self, field.name) * factor for field in fields(self)))


class EnvironmentState(StrEnum):
    """Where an execution environment on a managed instance stands, as its fleet sees it."""

    PLANNED = "planned"
    """Its instance is being launched."""
    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"
    """It has been told to end, and finishes what it serves."""

    @property
    def serves(self) -> bool:
        """Whether requests may be given to it."""
        return self is EnvironmentState.SERVING


@dataclass(frozen=True, slots=True)
class EnvironmentUse:
    """One execution environment at this moment; the shares are of its own vCPUs, memory and disk, 0 to 1."""

    environment_id: EnvironmentId
    deployment: DeploymentId
    instance_id: InstanceId
    state: EnvironmentState
    busy: int
    slots: int
    cpu: float
    memory: float
    disk: float


@dataclass(frozen=True, slots=True)
class InstanceUse:
    """One running instance's capacity for execution environments, and what of it they take.

    `cpu` and `memory` are in use, as shares of what there is for them. `vcpus` and `memory_mb` are without what the
    system keeps. https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-monitoring.html
    """

    instance: Instance
    vcpus: float
    vcpus_allocated: float
    memory_mb: int
    memory_allocated_mb: int
    cpu: float
    memory: float
    environments: int
