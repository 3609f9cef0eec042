"""What a fleet shows of itself: the use of instances and environments, and whether anything is under way."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lambent.dataplane.capacity.deployment import Deployment
from lambent.dataplane.capacity.placement import Host
from lambent.dataplane.capacity.routing import Environment
from lambent.dataplane.capacity.types import EnvironmentUse, InstanceState, InstanceUse, Share, Timing


def environment_use(environment: Environment, slots: int) -> EnvironmentUse:
    """Return what an environment of so many slots is and does at this moment."""
    return EnvironmentUse(
        environment.environment_id,
        environment.deployment,
        environment.instance_id,
        environment.state,
        environment.busy,
        slots,
        environment.cpu,
        environment.memory,
        environment.disk,
    )


def instance_use(host: Host, share_of: Callable[[Environment], Share]) -> InstanceUse:
    """Return the capacity of an instance, and what its environments take of it."""
    shares = [(each, share_of(each)) for each in host.environments.values()]
    return InstanceUse(
        instance=host.instance,
        vcpus=float(host.type.room_vcpus),
        vcpus_allocated=host.allocated_vcpus,
        memory_mb=host.type.room_mb,
        memory_allocated_mb=host.allocated_mb,
        cpu=sum(each.cpu * share.vcpus for each, share in shares) / host.type.room_vcpus,
        memory=sum(each.memory * share.memory_mb for each, share in shares) / host.type.room_mb,
        environments=len(shares),
    )


def quiet_until(
    deployments: Iterable[Deployment], hosts: Iterable[Host], timing: Timing, target_cpu: float | None
) -> float:
    """Return until when an evaluation finds nothing to do if nothing happens; 0 where it has something to do now."""
    if any(not each.is_quiet(target_cpu) for each in deployments):
        return 0.0
    moments = [float("inf")]
    for host in hosts:
        if host.instance.state is not InstanceState.RUNNING or host.retiring_since is not None:
            return 0.0
        moments.append(host.instance.launched_at + timing.lifetime_s - timing.replace_ahead_s)
        if host.empty_since is not None:
            moments.append(host.empty_since + timing.empty_s)
    return min(moments)
