"""The instances and execution environments of one capacity provider: what there is, and what is to be done about it.

A `Fleet` acts on nothing and waits for nothing. It is told what happened and what time it is, and answers with actions;
who carries them out (the running platform, or a replay on virtual time) tells it in turn what came of them. The same
calls at the same times lead to the same actions.

>>> from itertools import count
>>> from lambent.dataplane.capacity.types import ProviderArn, Subnet
>>> numbers = count(1)
>>> zones = (Subnet("subnet-a", "eu-west-1a"), Subnet("subnet-b", "eu-west-1b"), Subnet("subnet-c", "eu-west-1c"))
>>> provider = ProviderSpec(ProviderArn("arn"), "web", zones, allowed_types=("m7i.large",))
>>> fleet = Fleet(provider, Timing(), ids=lambda kind: f"{kind}-{next(numbers)}")
>>> orders = DeploymentId("orders:1")
>>> launches = fleet.deploy(orders, "arn:orders:1", Share(1.0, 2048, slots=16), Bounds(), now=0.0)
>>> [(each.instance.instance_type, each.instance.subnet.zone) for each in launches]
[('m7i.large', 'eu-west-1a'), ('m7i.large', 'eu-west-1b'), ('m7i.large', 'eu-west-1c')]
>>> starts = [action for each in launches for action in fleet.launched(each.instance.instance_id, now=33.0)]
>>> for each in starts: _ = fleet.started(each.environment_id, now=34.0)
>>> fleet.is_ready(orders), fleet.admit(orders, now=35.0)
(True, 'environment-2')

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-scaling.html
"""

from __future__ import annotations

from collections.abc import Callable

from lambent.aws.instance_types import InstanceType, matching
from lambent.dataplane.capacity import placement, views
from lambent.dataplane.capacity.deployment import Deployment
from lambent.dataplane.capacity.placement import Host
from lambent.dataplane.capacity.refusals import Refusals
from lambent.dataplane.capacity.routing import Environment
from lambent.dataplane.capacity.types import (
    Action,
    Bounds,
    CapacityShortage,
    CapacityThrottle,
    DeploymentId,
    EnvironmentId,
    EnvironmentState,
    EnvironmentUse,
    Instance,
    InstanceId,
    InstanceState,
    InstanceUse,
    Launch,
    ProviderSpec,
    Share,
    StartEnvironment,
    StopEnvironment,
    Terminate,
    Timing,
)
from lambent.dataplane.scaling.managed_instances import backoff_s, first_environments


class UnknownDeploymentError(LookupError):
    """A deployment is asked for that this fleet does not have, or no more."""


class Fleet:
    """One capacity provider's instances and environments. `ids("instance")` and `ids("environment")` name new ones.

    Every method that changes something returns the actions to carry out, in order. Times are seconds of one clock and
    never go back.
    """

    def __init__(self, provider: ProviderSpec, timing: Timing, ids: Callable[[str], str]) -> None:
        self.provider = provider
        self.timing = timing
        self.next_evaluation = float("inf")
        """When `evaluate` is to be called next; never, as long as there is nothing."""
        self._ids = ids
        self._types: tuple[InstanceType, ...] = ()
        self._zones: frozenset[str] = frozenset()
        self._adopt(provider)
        self._deployments: dict[DeploymentId, Deployment] = {}
        """Each by its own id, until its last environment is gone."""
        self._routes: dict[DeploymentId, Deployment] = {}
        """What requests are for: also by the ids of earlier revisions, until those are withdrawn."""
        self._environments: dict[EnvironmentId, Environment] = {}
        self._hosts: dict[InstanceId, Host] = {}
        self._refusals = Refusals(timing)
        self._is_closed = False

    # ── What is asked for ──

    def deploy(
        self,
        deployment: DeploymentId,
        version_arn: str,
        share: Share,
        bounds: Bounds,
        now: float,
    ) -> list[Action]:
        """Bring up one revision of a version. The earlier revision of the version serves until this one is up.

        On a provider without instances three are launched. As soon as the new revision is up, the earlier one's
        environments are stopped, and its id stands for the new one until it is withdrawn. Repeating it does nothing.
        """
        if deployment in self._routes or self._is_closed:
            return []
        earlier = self._current(version_arn)
        for superseded in [each for each in self._revisions(version_arn) if not each.is_ready]:
            # A revision that never came up has nothing to hand over.
            self._end(superseded)
        found = Deployment(deployment, version_arn, share, bounds, now)
        is_first = not any(host.takes_more for host in self._hosts.values())
        serving = earlier.wanted if earlier is not None else 0
        found.come_up_with(first_environments(bounds.minimum, bounds.maximum, is_first=is_first, earlier=serving), now)
        self._deployments[deployment] = self._routes[deployment] = found
        return self._settle(now)

    def withdraw(self, deployment: DeploymentId, now: float) -> list[Action]:
        """Stop a deployment's environments; what they serve they finish. An unknown one is gone already."""
        found = self._routes.pop(deployment, None)
        if found is None or found.deployment_id != deployment:
            return []
        self._end(found)
        return self._settle(now)

    def bound(self, deployment: DeploymentId, bounds: Bounds, now: float) -> list[Action]:
        """Heed other bounds, at once; 0 and 0 stop everything, and only others bring it back."""
        self._named(deployment).rebound(bounds, now)
        return self._settle(now)

    def change(self, provider: ProviderSpec, now: float) -> list[Action]:
        """Heed what changed of the provider. What runs already stays, also above a lower maximum of vCPUs."""
        self._adopt(provider)
        return self._settle(now)

    def close(self, now: float) -> list[Action]:
        """End everything: the provider is being deleted. Instances end as soon as nothing runs on them."""
        self._is_closed = True
        for each in self._deployments.values():
            self._end(each)
        return self._settle(now)

    # ── What came of the actions ──

    def launched(self, instance_id: InstanceId, now: float) -> list[Action]:
        """An instance is there: the environments that waited for it start."""
        host = self._hosts.get(instance_id)
        if host is None or host.instance.state is not InstanceState.PENDING:
            return []
        host.enter(InstanceState.RUNNING, ready_at=now)
        host.empty_since = now if not host.environments else None
        self._refusals.succeeded(host.type.name, host.zone)
        actions: list[Action] = []
        for each in host.environments.values():
            self._start(each, actions)
        return self._settle(now, actions)

    def launch_failed(self, instance_id: InstanceId, shortage: CapacityShortage, now: float) -> list[Action]:
        """EC2 had no such instance: another type or zone is tried, at growing intervals."""
        host = self._hosts.pop(instance_id, None)
        if host is None:
            return []
        self._refusals.failed(host.type.name, host.zone, now)
        for each in list(host.environments.values()):
            found = self._forget(each, host, now)
            if found is not None:
                found.shortage = shortage
        return self._settle(now)

    def terminated(self, instance_id: InstanceId, now: float) -> list[Action]:
        """An instance is gone, as it should or not; what was lost with it is replaced."""
        host = self._hosts.pop(instance_id, None)
        if host is None:
            return []
        for each in list(host.environments.values()):
            self._forget(each, host, now)
        return self._settle(now)

    def started(self, environment_id: EnvironmentId, now: float) -> list[Action]:
        """An environment takes requests from now on."""
        environment = self._environments.get(environment_id)
        if environment is None or environment.state is not EnvironmentState.STARTING:
            return []
        environment.state = EnvironmentState.SERVING
        environment.started_at = now
        self._of(environment).router.add(environment)
        return self._settle(now)

    def start_failed(self, environment_id: EnvironmentId, now: float) -> list[Action]:
        """An environment did not come up: it is tried again, at growing intervals."""
        return self._lost(environment_id, now, has_failed=True)

    def gone(self, environment_id: EnvironmentId, now: float) -> list[Action]:
        """An environment has ended. One that was to serve on is replaced: at once, unless it had only just started."""
        return self._lost(environment_id, now, has_failed=False)

    # ── The path of a request ──

    def admit(self, deployment: DeploymentId, now: float) -> EnvironmentId | CapacityThrottle:
        """Take a slot of the least busy environment and return which; or return the one reason why there is none.

        Raises UnknownDeploymentError.
        """
        found = self._routes.get(deployment)
        if found is None:
            raise UnknownDeploymentError(deployment)
        return found.router.take(now)

    def release(self, environment_id: EnvironmentId, now: float) -> None:
        """Give a slot back: when the code is done, which is later than its caller's timeout.

        An environment that is gone has none. Raises ValueError where none was taken.
        """
        environment = self._environments.get(environment_id)
        if environment is not None:
            self._of(environment).router.release(environment, now)

    def sample(
        self, environment_id: EnvironmentId, cpu: float, now: float, *, memory: float = 0.0, disk: float = 0.0
    ) -> None:
        """Say what an environment used of its vCPUs since the last sample, and of its memory and disk now: 0 to 1."""
        environment = self._environments.get(environment_id)
        if environment is None or environment.state in {EnvironmentState.PLANNED, EnvironmentState.STARTING}:
            # What it takes to come up is no load.
            return
        found = self._of(environment)
        found.cpu += cpu - environment.cpu
        environment.cpu, environment.memory, environment.disk = cpu, memory, disk
        found.router.repress(environment)

    # ── Time ──

    def evaluate(self, now: float) -> list[Action]:
        """Scale every deployment, end what is no longer needed, and try again what failed."""
        for each in self._deployments.values():
            if not each.is_withdrawn:
                each.observe(self.timing, self.provider.target_cpu, now)
        actions: list[Action] = []
        self._retire(now, actions)
        self.next_evaluation = now + self.timing.evaluation_s
        return self._settle(now, actions)

    # ── Views ──

    def is_ready(self, deployment: DeploymentId) -> bool:
        """Tell whether a deployment came up: as many environments as it began with have served at one time."""
        return self._named(deployment).is_ready

    def shortage(self, deployment: DeploymentId) -> CapacityShortage | None:
        """Return why a deployment lacks environments that it should have; None where none is lacking for room."""
        return self._named(deployment).shortage

    def serving(self, version_arn: str) -> DeploymentId | None:
        """Return the revision of a version that is up; None where none is yet."""
        found = self._current(version_arn)
        return None if found is None else found.deployment_id

    def meets_minimum(self, deployment: DeploymentId) -> bool:
        """Tell whether a deployment's bounds are met: its minimum serves, which of 0 and 0 is nothing."""
        found = self._named(deployment)
        return found.serving() >= found.bounds.minimum

    def wanted(self, deployment: DeploymentId) -> int:
        """Return how many environments a deployment is to have at this moment."""
        return self._named(deployment).wanted

    def instances(self) -> list[Instance]:
        """Return every instance that is not gone, in the order of their launches."""
        return [host.instance for host in self._hosts.values()]

    def deployments(self) -> list[DeploymentId]:
        """Return every deployment that has environments or is to have them, those that end included."""
        return list(self._deployments)

    def environments(self, deployment: DeploymentId) -> list[EnvironmentUse]:
        """Return every environment of a deployment that is not gone, in the order in which they were planned."""
        found = self._deployments.get(deployment) or self._named(deployment)
        return [views.environment_use(each, found.share.slots) for each in found.environments.values()]

    def use(self) -> list[InstanceUse]:
        """Return the capacity of every running instance, and what of it is taken."""
        running = [host for host in self._hosts.values() if host.instance.state is InstanceState.RUNNING]
        return [views.instance_use(host, lambda each: self._of(each).share) for host in running]

    @property
    def vcpus(self) -> int:
        """The vCPUs of all instances that count towards the provider's maximum: those that end do no more."""
        return sum(
            host.type.vcpus
            for host in self._hosts.values()
            if host.instance.state in {InstanceState.PENDING, InstanceState.RUNNING}
        )

    @property
    def quiet_until(self) -> float:
        """Until when `evaluate` has nothing to do as long as no other method is called; 0 where it has.

        A driver on virtual time may sleep that long where it looks here again after each call.
        """
        return views.quiet_until(
            self._deployments.values(), self._hosts.values(), self.timing, self.provider.target_cpu
        )

    # ── Inside ──

    def _adopt(self, provider: ProviderSpec) -> None:
        self.provider = provider
        self._types = matching(provider.architecture, allowed=provider.allowed_types, excluded=provider.excluded_types)
        self._zones = frozenset(subnet.zone for subnet in provider.subnets)

    def _of(self, environment: Environment) -> Deployment:
        return self._deployments[environment.deployment]

    def _named(self, deployment: DeploymentId) -> Deployment:
        found = self._routes.get(deployment) or self._deployments.get(deployment)
        if found is None:
            raise UnknownDeploymentError(deployment)
        return found

    def _revisions(self, version_arn: str) -> list[Deployment]:
        return [
            each for each in self._deployments.values() if each.version_arn == version_arn and not each.is_withdrawn
        ]

    def _current(self, version_arn: str) -> Deployment | None:
        return next((each for each in reversed(self._revisions(version_arn)) if each.is_ready), None)

    def _hand_over(self, found: Deployment) -> None:
        """Let a deployment that has come up take over from the earlier revision of its version."""
        if found.is_ready or found.is_withdrawn or not found.is_up():
            return
        for earlier in self._revisions(found.version_arn):
            if earlier is not found:
                # Requests on their way to the earlier revision find the new one.
                names = [name for name, each in self._routes.items() if each is earlier]
                self._end(earlier)
                self._routes.update(dict.fromkeys(names, found))
        found.is_ready = True

    def _end(self, found: Deployment) -> None:
        found.is_withdrawn = True
        self._routes = {name: each for name, each in self._routes.items() if each is not found}

    def _settle(self, now: float, actions: list[Action] | None = None) -> list[Action]:
        """Make what there is what is wanted, as far as that goes now."""
        actions = [] if actions is None else actions
        for each in self._deployments.values():
            self._hand_over(each)
        for each in list(self._deployments.values()):
            self._shrink(each, now, actions)
            self._grow(each, now, actions)
            if each.is_withdrawn and not each.environments:
                del self._deployments[each.deployment_id]
        self._end_hosts(now, actions)
        if not self._deployments and not self._hosts:
            self.next_evaluation = float("inf")
        elif self.next_evaluation == float("inf"):
            self.next_evaluation = now + self.timing.evaluation_s
        return actions

    def _shrink(self, found: Deployment, now: float, actions: list[Action]) -> None:
        surplus = found.count - found.wanted
        if surplus > 0:
            for each in placement.choose_victims(list(found.standing()), surplus, self._hosts):
                self._stop(each, "ScaleIn" if not found.is_withdrawn else "Withdrawn", now, actions)
        if found.leaving_count:
            leaving = found.leaving()
            spare = found.serving() - found.wanted
            over = [each for each in leaving if not each.state.serves]
            over += [each for each in leaving if each.state.serves][: max(0, spare)]
            for each in over:
                self._stop(each, "InstanceReplaced", now, actions)

    def _grow(self, found: Deployment, now: float, actions: list[Action]) -> None:
        lacking = found.wanted - found.count
        if lacking <= 0 or self._is_closed:
            found.shortage = None
            return
        if now < found.retry_at:
            return
        spread = placement.Spread.of(found.deployment_id, self._hosts.values())
        avoided = self._refusals.avoided(now)
        for left in range(lacking, 0, -1):
            zones = spread.next_zones(self._zones, avoided)
            host = placement.choose_host(self._hosts.values(), found.share, spread, zones)
            if host is None:
                host = self._launch(found, left, spread, now, actions)
            if host is None:
                host = placement.any_host(self._hosts.values(), found.share)
            if host is None:
                return
            self._place(found, host, actions)
            spread.add(host)
        found.shortage = None

    def _place(self, found: Deployment, host: Host, actions: list[Action]) -> None:
        name = EnvironmentId(self._ids("environment"))
        environment = Environment(name, found.deployment_id, host.instance_id)
        self._environments[name] = environment
        found.enter(environment)
        host.take(environment, found.share)
        if host.instance.state is InstanceState.RUNNING:
            self._start(environment, actions)

    @staticmethod
    def _start(environment: Environment, actions: list[Action]) -> None:
        environment.state = EnvironmentState.STARTING
        actions.append(StartEnvironment(environment.environment_id, environment.deployment, environment.instance_id))

    def _stop(self, environment: Environment, cause: str, now: float, actions: list[Action]) -> None:
        if environment.state is EnvironmentState.DRAINING:
            return
        found = self._of(environment)
        found.router.remove(environment)
        if environment.state is EnvironmentState.PLANNED:
            # It is nowhere yet: there is nothing to stop.
            self._forget(environment, self._hosts[environment.instance_id], now)
            return
        found.drain(environment)
        actions.append(StopEnvironment(environment.environment_id, cause))

    def _launch(
        self, found: Deployment, wanted: int, spread: placement.Spread, now: float, actions: list[Action]
    ) -> Host | None:
        if not self._refusals.may_launch(now):
            found.shortage = found.shortage or CapacityShortage.INSUFFICIENT
            return None
        request = placement.Request(
            found.share,
            # Room for a quarter more at a time: what grows by one and one would else stand on the smallest instances.
            max(wanted, found.wanted // 4) if found.is_ready else wanted,
            self.provider.subnets,
            self.provider.max_vcpus - self.vcpus,
            self._refusals.current(now),
            self._refusals.avoided(now),
        )
        chosen = placement.choose_launch(self._types, request, self._hosts.values(), spread)
        if isinstance(chosen, CapacityShortage):
            found.shortage = chosen
            return None
        kind, subnet = chosen
        instance = Instance(
            InstanceId(self._ids("instance")), kind.name, subnet, InstanceState.PENDING, launched_at=now
        )
        host = self._hosts[instance.instance_id] = Host(instance, kind, now)
        # What is being published, or comes back from nothing, is waited for.
        is_growth = found.is_ready and found.serving() > 0
        after_s = self.timing.launch_s if is_growth else self.timing.first_launch_s
        actions.append(Launch(instance, after_s))
        return host

    def _lost(self, environment_id: EnvironmentId, now: float, *, has_failed: bool) -> list[Action]:
        environment = self._environments.get(environment_id)
        if environment is None:
            return []
        found = self._of(environment)
        was_serving = environment.state.serves
        if environment.state is not EnvironmentState.DRAINING:
            is_young = was_serving and now - environment.started_at < self.timing.retry_s
            if has_failed or is_young:
                is_new = now - found.retry_at > self.timing.retry_most_s
                found.failures = 1 if is_new else found.failures + 1
                wait_s = backoff_s(found.failures, self.timing.retry_s, self.timing.retry_most_s)
                found.retry_at = now + wait_s
        self._forget(environment, self._hosts[environment.instance_id], now)
        return self._settle(now)

    def _forget(self, environment: Environment, host: Host, now: float) -> Deployment | None:
        del self._environments[environment.environment_id]
        found = self._of(environment)
        found.router.drop(environment, now)
        found.leave(environment)
        host.give_back(environment, found.share, now)
        return found

    def _retire(self, now: float, actions: list[Action]) -> None:
        """Replace instances before they are too old: a few at a time, and in the end whatever is missing then."""
        running = [host for host in self._hosts.values() if host.instance.state is InstanceState.RUNNING]
        for host in placement.choose_retiring(running, self.timing, now):
            host.retiring_since = now
            for each in host.environments.values():
                self._of(each).let_leave(each)
        for host in running:
            if host.retiring_since is not None and now - host.retiring_since >= self.timing.replace_ahead_s / 2:
                # There was no room for others meanwhile: from here on something may be missing.
                for each in list(host.environments.values()):
                    self._stop(each, "InstanceReplaced", now, actions)
                if now - host.instance.launched_at >= self.timing.lifetime_s:
                    # No instance lives longer, whatever it still serves.
                    host.enter(InstanceState.SHUTTING_DOWN)
                    actions.append(Terminate(host.instance_id, "MaximumLifetime"))

    def _end_hosts(self, now: float, actions: list[Action]) -> None:
        for host in self._hosts.values():
            cause = host.cause_of_end(self.timing.empty_s, now, is_closing=self._is_closed)
            if cause is not None:
                host.enter(InstanceState.SHUTTING_DOWN)
                actions.append(Terminate(host.instance_id, cause))
