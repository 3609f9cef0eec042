"""Where execution environments go: which instance takes one, and which to launch where none has room.

AWS says that instances are chosen to suit the function, spread over Availability Zones, and shared by the versions on
one capacity provider. How it weighs these it does not say. Here: a version's first three environments stand apart, on
three instances and in as many zones as there are up to three; further ones fill the instances with least room first.
A launch takes the type that hosts what is wanted for the least money, as far as vCPUs and memory tell its price.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-scaling.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lambent.aws.instance_types import InstanceType
from lambent.dataplane.capacity.routing import Environment
from lambent.dataplane.capacity.types import (
    CapacityShortage,
    DeploymentId,
    EnvironmentId,
    EnvironmentState,
    Instance,
    InstanceId,
    InstanceState,
    Share,
    Subnet,
    Timing,
)
from lambent.dataplane.scaling.managed_instances import FIRST_ENVIRONMENTS

_WIDEST_VCPUS: Final = 32
"""Above this size no instance is launched unless one environment needs it: too much would go with one of them."""
_GIB_WEIGHT: Final = 0.09
"""What one GiB costs of a vCPU: on-demand prices of C, M and R of one generation differ by this, 2026-09."""
_FAVOURED_GENERATION: Final = 7
_FAVOURED_PROCESSORS: Final = "gia"


class Host:
    """One instance as its fleet knows it, with what stands on it."""

    __slots__ = ("allocated_mb", "allocated_vcpus", "empty_since", "environments", "instance", "retiring_since", "type")

    def __init__(self, instance: Instance, instance_type: InstanceType, now: float) -> None:
        self.instance = instance
        self.type = instance_type
        self.environments: dict[EnvironmentId, Environment] = {}
        self.allocated_vcpus = 0.0
        self.allocated_mb = 0
        self.empty_since: float | None = now
        self.retiring_since: float | None = None
        """Since when it is being replaced."""

    @property
    def instance_id(self) -> InstanceId:
        """The instance's id."""
        return self.instance.instance_id

    @property
    def zone(self) -> str:
        """The Availability Zone that it is in."""
        return self.instance.subnet.zone

    @property
    def takes_more(self) -> bool:
        """Whether environments may be placed on it, now or when it has been launched."""
        return self.instance.state in {InstanceState.PENDING, InstanceState.RUNNING} and self.retiring_since is None

    def has_room(self, share: Share) -> bool:
        """Tell whether one more environment of this size fits."""
        return (
            self.allocated_vcpus + share.vcpus <= self.type.room_vcpus
            and self.allocated_mb + share.memory_mb <= self.type.room_mb
        )

    def take(self, environment: Environment, share: Share) -> None:
        """Give an environment its place."""
        self.environments[environment.environment_id] = environment
        self.allocated_vcpus += share.vcpus
        self.allocated_mb += share.memory_mb
        self.empty_since = None

    def give_back(self, environment: Environment, share: Share, now: float) -> None:
        """Take an environment's place back."""
        del self.environments[environment.environment_id]
        self.allocated_vcpus -= share.vcpus
        self.allocated_mb -= share.memory_mb
        if not self.environments:
            self.allocated_vcpus = 0.0
            self.empty_since = now

    def cause_of_end(self, empty_s: float, now: float, *, is_closing: bool) -> str | None:
        """Return why the instance is to end now, with nothing on it; None where it is not."""
        state = self.instance.state
        if self.environments or state not in {InstanceState.PENDING, InstanceState.RUNNING}:
            return None
        if is_closing:
            return "ProviderDeleted"
        if self.retiring_since is not None:
            return "MaximumLifetime"
        is_idle = self.empty_since is not None and now - self.empty_since >= empty_s
        return "Idle" if is_idle and state is InstanceState.RUNNING else None

    def enter(self, state: InstanceState, ready_at: float | None = None) -> None:
        """Record that the instance has come to another state."""
        self.instance = replace(
            self.instance, state=state, ready_at=self.instance.ready_at if ready_at is None else ready_at
        )


@dataclass(frozen=True, slots=True)
class Spread:
    """Where a deployment's environments stand: how many on which instance, and in which zone."""

    by_host: dict[InstanceId, int]
    by_zone: dict[str, int]

    @classmethod
    def of(cls, deployment: DeploymentId, hosts: Iterable[Host]) -> Spread:
        """Return it for one deployment; environments that leave count no more."""
        by_host: dict[InstanceId, int] = {}
        by_zone: dict[str, int] = {}
        for host in hosts:
            count = sum(
                1 for each in host.environments.values() if each.deployment == deployment and not each.is_leaving
            )
            if count:
                by_host[host.instance_id] = count
                by_zone[host.zone] = by_zone.get(host.zone, 0) + count
        return cls(by_host, by_zone)

    def add(self, host: Host) -> None:
        """Count one more environment on `host`."""
        self.by_host[host.instance_id] = self.by_host.get(host.instance_id, 0) + 1
        self.by_zone[host.zone] = self.by_zone.get(host.zone, 0) + 1

    def next_zones(self, zones: Collection[str], avoided: Collection[str]) -> set[str]:
        """Return the zones that the next environment has to choose from for the first three to stand apart.

        For a zone in which launches are refused nobody waits.
        """
        free = set(zones) - self.by_zone.keys()
        is_spread = len(self.by_zone) >= min(FIRST_ENVIRONMENTS, len(zones)) or not free - set(avoided)
        return set(zones) if is_spread else free

    @property
    def stands_apart(self) -> bool:
        """Whether three instances have one already, so that the next need not be on another."""
        return len(self.by_host) >= FIRST_ENVIRONMENTS


def choose_host(hosts: Iterable[Host], share: Share, spread: Spread, zones: Collection[str]) -> Host | None:
    """Return the instance in one of `zones` for one more environment, or None where one is to be launched for it.

    Zones are evened out first; then running instances come before those being launched, and the fullest one before
    emptier ones, which so may end.
    """
    best: Host | None = None
    best_key: tuple[int, bool, float, str] | None = None
    for host in hosts:
        if not host.takes_more or host.zone not in zones or not host.has_room(share):
            continue
        if not spread.stands_apart and host.instance_id in spread.by_host:
            continue
        key = (
            spread.by_zone.get(host.zone, 0),
            host.instance.state is not InstanceState.RUNNING,
            host.type.room_vcpus - host.allocated_vcpus,
            host.instance_id,
        )
        if best_key is None or key < best_key:
            best, best_key = host, key
    return best


def any_host(hosts: Iterable[Host], share: Share) -> Host | None:
    """Return an instance with room wherever it is: for when none can be launched where it should be."""
    fitting = [host for host in hosts if host.takes_more and host.has_room(share)]
    return min(fitting, key=lambda host: (len(host.environments), host.instance_id), default=None)


@dataclass(frozen=True, slots=True)
class Request:
    """What a launch is for: so many environments of one size, in one of these subnets, within so many vCPUs.

    `refused` are pairs of type and zone that EC2 had none of a short while ago, `avoided` zones of several such.
    """

    share: Share
    environments: int
    subnets: tuple[Subnet, ...]
    vcpus_left: int
    refused: Collection[tuple[str, str]] = ()
    avoided: Collection[str] = ()


def choose_launch(
    types: Sequence[InstanceType], request: Request, hosts: Iterable[Host], spread: Spread
) -> tuple[InstanceType, Subnet] | CapacityShortage:
    """Return the type and subnet of the instance to launch next, or why there is none.

    The zone is one that need not be avoided: where the deployment has fewest environments, then fewest instances stand.
    """
    fitting = [each for each in types if capacity(each, request.share) > 0]
    within_limit = [each for each in fitting if each.vcpus <= request.vcpus_left]
    if not within_limit:
        return CapacityShortage.VCPU_LIMIT if fitting else CapacityShortage.INSUFFICIENT
    there: dict[str, int] = {}
    for host in hosts:
        if host.takes_more:
            there[host.zone] = there.get(host.zone, 0) + 1

    def order(subnet: Subnet) -> tuple[bool, int, int, str, str]:
        zone = subnet.zone
        return zone in request.avoided, spread.by_zone.get(zone, 0), there.get(zone, 0), zone, subnet.subnet_id

    for subnet in sorted(request.subnets, key=order):
        offered = [each for each in within_limit if (each.name, subnet.zone) not in request.refused]
        if offered:
            return _cheapest(offered, request), subnet
    return CapacityShortage.INSUFFICIENT


def capacity(instance_type: InstanceType, share: Share) -> int:
    """Return how many environments of this size an instance takes, beside the system's vCPU and GiB.

    >>> from lambent.aws.instance_types import instance_type
    >>> share = Share(vcpus=1.0, memory_mb=2048, slots=16)
    >>> [capacity(instance_type(name), share) for name in ("c7i.large", "c7i.xlarge", "m7i.xlarge")]
    [1, 3, 3]
    """
    return min(int(instance_type.room_vcpus / share.vcpus), instance_type.room_mb // share.memory_mb)


def _cheapest(types: Sequence[InstanceType], request: Request) -> InstanceType:
    """For all environments of the request over all its zones, at what the vCPUs and GiB of the instances come to."""
    zones = len({subnet.zone for subnet in request.subnets})
    here = -(-request.environments // zones)
    widest = max(_WIDEST_VCPUS, types[0].vcpus)

    def preference(each: InstanceType) -> tuple[float, int, int, int, str]:
        count = -(-here // capacity(each, request.share))
        weight = each.vcpus + each.memory_mb / 1_024 * _GIB_WEIGHT
        distance = abs(each.generation - _FAVOURED_GENERATION)
        return round(count * weight, 6), count, distance, _FAVOURED_PROCESSORS.index(each.name[2]), each.name

    return min((each for each in types if each.vcpus <= widest), key=preference)


def choose_retiring(running: Collection[Host], timing: Timing, now: float) -> list[Host]:
    """Return the instances to begin to replace now, as they are near the end of their life: a tenth at a time."""
    old = now - timing.lifetime_s + timing.replace_ahead_s
    under_way = sum(
        host.retiring_since is not None
        and any(each.state is not EnvironmentState.DRAINING for each in host.environments.values())
        for host in running
    )
    due = [host for host in running if host.retiring_since is None and host.instance.launched_at <= old]
    return due[: max(0, max(1, len(running) // 10) - under_way)]


def choose_victims(
    environments: Collection[Environment], count: int, hosts: dict[InstanceId, Host]
) -> list[Environment]:
    """Return which environments of a deployment end when it scales in by `count`.

    First those that do not serve yet. Then from the zone with most of them, so that zones stay even, on the largest and
    youngest instance there, until it is empty: what a peak has brought goes first.
    """
    left: dict[str, int] = {}
    for each in environments:
        zone = hosts[each.instance_id].zone
        left[zone] = left.get(zone, 0) + 1

    def order(each: Environment) -> tuple[int, int, float, str, int, str]:
        host = hosts[each.instance_id]
        launched = host.instance.launched_at
        return each.state.serves, -host.type.vcpus, -launched, each.instance_id, each.busy, each.environment_id

    queue = sorted(environments, key=order)
    chosen = []
    for _ in range(min(count, len(queue))):
        most = max(left.values())
        victim = next(each for each in queue if not each.state.serves or left[hosts[each.instance_id].zone] == most)
        queue.remove(victim)
        left[hosts[victim.instance_id].zone] -= 1
        chosen.append(victim)
    return chosen
