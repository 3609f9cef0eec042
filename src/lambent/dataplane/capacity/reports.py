"""What those are told who watch capacity providers: instances as they come and go, and what stands where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from lambent.dataplane.capacity.types import (
    Bounds,
    DeploymentId,
    EnvironmentUse,
    Instance,
    InstanceUse,
    ProviderSpec,
)
from lambent.dataplane.types import FunctionSpec


class InstanceEventKind(StrEnum):
    """What befalls an instance, in the words of a capacity provider's log.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-monitoring.html
    """

    LAUNCHING = "Launching"
    LAUNCHED = "Launched"
    LAUNCH_FAILED = "LaunchFailed"
    TERMINATING = "Terminating"
    TERMINATED = "Terminated"
    TERMINATE_FAILED = "TerminateFailed"
    HEALTH_CHECK_FAILED = "HealthCheckFailed"


@dataclass(frozen=True, slots=True)
class InstanceEvent:
    """One event of an instance; `at` is platform time, `cause` says why where there is more to say."""

    kind: InstanceEventKind
    instance: Instance
    at: float
    cause: str = ""


class CapacityObserver(Protocol):
    """Is told what becomes of instances as it occurs, on the loop; must return at once."""

    def instance_changed(self, provider: ProviderSpec, event: InstanceEvent) -> None:
        """An instance is being launched, is there, or is going."""


class NobodyWatches:
    """Takes no notice."""

    def instance_changed(self, provider: ProviderSpec, event: InstanceEvent) -> None:
        """Take no notice."""


@dataclass(frozen=True, slots=True)
class DeploymentStatus:
    """One revision of a version on a capacity provider, with the bounds that it is kept within."""

    spec: FunctionSpec
    bounds: Bounds
    is_ready: bool
    """Whether as many of its environments serve as must."""


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """A capacity provider with all its instances, what of the running ones is in use, and every environment."""

    provider: ProviderSpec
    instances: tuple[Instance, ...]
    use: tuple[InstanceUse, ...]
    environments: tuple[EnvironmentUse, ...]
    deployments: Mapping[DeploymentId, DeploymentStatus]
