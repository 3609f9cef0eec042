"""Carries out what the fleet of one capacity provider decides, and tells it what has become of that.

The fleet is the same that a replay drives. It decides; here are the clock, the processes and the requests.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import assert_never

from lambent.base.tasks import resting, wait_for_event
from lambent.dataplane.capacity.fleet import Fleet, UnknownDeploymentError
from lambent.dataplane.capacity.reports import (
    CapacityObserver,
    DeploymentStatus,
    InstanceEvent,
    InstanceEventKind,
    ProviderStatus,
)
from lambent.dataplane.capacity.types import (
    Action,
    Bounds,
    CapacityThrottle,
    DeploymentId,
    EnvironmentId,
    Instance,
    InstanceId,
    InstanceState,
    Launch,
    ProviderSpec,
    StartEnvironment,
    StopEnvironment,
    Terminate,
    Timing,
)
from lambent.dataplane.environment import Assignment, Environment, EnvironmentStatus, Host, Timer
from lambent.dataplane.errors import DataPlaneError, PlatformStoppingError
from lambent.dataplane.managed import failures
from lambent.dataplane.managed.deployment import Deployment
from lambent.dataplane.managed.resident import Resident
from lambent.dataplane.types import InitializationType, InstancePlace, Invocation, Outcome, Throttled

_log = logging.getLogger(__name__)
# Each takes a whole processor while it starts; hundreds at once would hold up each other and everybody else.
STARTING_AT_ONCE = 8
_STOPPING = "the platform is stopping"


@dataclass(frozen=True, slots=True)
class Settled:
    """What has become of a deployment: it is as it should be, or there is a reason why it cannot."""

    failure: failures.DeployFailure | None


class Driver:
    """One capacity provider: its fleet, and the environments that stand for what the fleet knows."""

    def __init__(self, provider: ProviderSpec, timing: Timing, host: Host, observer: CapacityObserver) -> None:
        self.provider = provider
        self._host = host
        self._observer = observer
        self._timing = timing
        self._loop = asyncio.get_running_loop()
        self._fleet = Fleet(provider, timing, self._new_id)
        self._deployments: dict[DeploymentId, Deployment] = {}
        self._residents: dict[EnvironmentId, Resident] = {}
        self._by_environment: dict[Environment, Resident] = {}
        self._to_start: deque[StartEnvironment] = deque()
        self._starting: set[Environment] = set()
        self._due = math.inf
        self._is_quiet = False
        self._is_sooner = asyncio.Event()
        self._sampling: Timer | None = None
        self._is_stopping = False
        self._on_end: asyncio.Event = asyncio.Event()
        self._evaluating = host.tasks.loop(self._evaluate_as_due(), name=f"capacity provider {provider.name}")

    # What is asked of it.

    def change(self, provider: ProviderSpec) -> None:
        """Go by other limits and policies from now on."""
        if provider != self.provider:
            self.provider = provider
            self._act(self._fleet.change(provider, self._now()))

    def deploy(self, deployment: Deployment) -> None:
        """Begin to have environments of a version; `deployment.settled` tells how that ends."""
        self._deployments[deployment.deployment_id] = deployment
        version_arn = deployment.spec.version_arn
        self._act(
            self._fleet.deploy(deployment.deployment_id, version_arn, deployment.share, deployment.bounds, self._now())
        )

    def bound(self, deployment: Deployment, bounds: Bounds) -> None:
        """Keep within other bounds from now on."""
        deployment.bounds, deployment.failure = bounds, None
        self._act(self._fleet.bound(deployment.deployment_id, bounds, self._now()))

    def withdraw(self, deployment: Deployment) -> None:
        """Let what its environments serve come to its end, and end them with it; idempotent."""
        if not deployment.is_withdrawn:
            deployment.is_withdrawn = True
            self._act(self._fleet.withdraw(deployment.deployment_id, self._now()))

    async def settled(self, deployment: Deployment) -> failures.DeployFailure | None:
        """Wait until as many environments serve as must, or none is left where none may; return why that failed."""
        verdict = self._verdict(deployment)
        return await deployment.settled(self._host.clock) if verdict is None else verdict.failure

    async def close(self) -> None:
        """End everything, as the provider is deleted, and return when all its instances have gone."""
        for deployment in self._deployments.values():
            deployment.is_withdrawn = True
        self._act(self._fleet.close(self._now()))
        with resting(self._host.clock):
            while self._residents or self._fleet.instances():
                self._on_end.clear()
                await self._on_end.wait()
        self._evaluating.cancel()
        self._stop_sampling()

    async def stop(self) -> None:
        """End every environment now, since the platform stops."""
        self._is_stopping = True
        self._to_start.clear()
        self._evaluating.cancel()
        self._stop_sampling()
        residents = tuple(self._residents.values())
        for resident in residents:
            while resident.waiting:
                resident.waiting.popleft().settle(PlatformStoppingError(_STOPPING))
            resident.environment.retire(_STOPPING)
        await asyncio.gather(*(resident.environment.wait_gone() for resident in residents))
        for deployment in self._deployments.values():
            deployment.settle(failures.DeployFailure("InternalError", _STOPPING))

    def submit(self, deployment: Deployment, invocation: Invocation) -> asyncio.Future[Outcome] | CapacityThrottle:
        """Run an invocation and return the promise of its outcome, or why no environment takes it."""
        found = self._admit(deployment)
        if isinstance(found, CapacityThrottle):
            return found
        assignment = Assignment(invocation, self._loop.create_future())
        self._give(found, assignment)
        return assignment.promise

    def status(self) -> ProviderStatus:
        """Return all that is to be seen of it."""
        fleet, environments = self._fleet, {}
        deployments = {}
        for each in self._deployments.values():
            if not each.is_withdrawn:
                environments.update({use.environment_id: use for use in fleet.environments(each.deployment_id)})
            is_ready = not each.is_withdrawn and fleet.is_ready(each.deployment_id)
            deployments[each.deployment_id] = DeploymentStatus(each.spec, each.bounds, is_ready)
        return ProviderStatus(
            self.provider,
            tuple(fleet.instances()),
            tuple(fleet.use()),
            tuple(environments.values()),
            deployments,
        )

    def statuses(self) -> list[EnvironmentStatus]:
        """Return what introspection shows of each environment."""
        instances = {each.instance_id: each for each in self._fleet.instances()}
        shown = []
        for resident in self._residents.values():
            status, instance = resident.environment.status(), instances.get(resident.instance_id)
            shown.append(status if instance is None else replace(status, place=self._place(instance)))
        return shown

    def _new_id(self, kind: str) -> str:
        return f"i-{self._host.ids.hex(17)}" if kind == "instance" else self._host.ids.hex(32)

    def _place(self, instance: Instance) -> InstancePlace:
        return InstancePlace(self.provider.arn, instance.instance_id, instance.instance_type, instance.subnet.zone)

    # What its environments tell.

    def started(self, environment: Environment) -> None:
        """Take an environment in; one whose init failed is of no use."""
        resident = self._by_environment[environment]
        self._starting.discard(environment)
        if environment.is_initialized:
            resident.is_started = True
            resident.load.begin(environment, self._host.real_time.monotonic())
            self._act(self._fleet.started(resident.environment_id, self._now()))
            self._settle_up(resident)
            self._sample_later()  # what it uses of memory is of interest before it serves anybody
        else:
            failure = environment.init_failure
            self._forget(resident, has_failed=True)
            environment.retire("its init failed")
            if failure is not None:
                self._failed(resident.deployment, failures.of_init(failure))

    def start_failed(self, environment: Environment, error: DataPlaneError) -> None:
        """Note that one could not be built, or built again."""
        resident = self._by_environment.get(environment)
        if resident is not None:
            self._forget(resident, has_failed=not resident.is_started)
            self._failed(resident.deployment, failures.DeployFailure("InternalError", str(error)))

    def concluded(self, assignment: Assignment, outcome: Outcome | DataPlaneError) -> None:
        """Tell the caller; the slot is free only when the code has come to its end."""
        assignment.settle(outcome)

    def resetting(self, environment: Environment) -> None:
        """Count an environment as gone whose processes are being ended: another one takes its place."""
        self._forget(self._by_environment[environment])

    def freed(self, environment: Environment) -> None:
        """Give back slots whose code has come to its end, and serve who waits for a worker."""
        resident = self._by_environment.get(environment)
        if resident is None:
            return
        if environment.is_idle and not environment.is_initialized:
            environment.retire("replaced after a reset")
            return
        self._settle_up(resident)

    def leaving(self, environment: Environment) -> None:
        """Give those who wait there to others; one that leaves by itself is replaced."""
        self._starting.discard(environment)
        resident = self._by_environment[environment]
        if resident.leaves_for is None:
            self._forget(resident, has_failed=not resident.is_started)
        self._move_on(resident)

    def gone(self, environment: Environment) -> None:
        """Forget an environment of which nothing is left."""
        resident = self._by_environment.pop(environment)
        del self._residents[resident.environment_id]
        self._forget(resident)
        self._start_more()
        self._review()
        self._on_end.set()

    # Requests.

    def _admit(self, deployment: Deployment) -> Resident | CapacityThrottle:
        while True:
            answer = self._take(deployment)
            if isinstance(answer, CapacityThrottle):
                self._note_due()
                return answer
            resident = self._residents[answer]
            resident.taken += 1
            if resident.can_take():
                return resident
            # The worker of this slot has ended, and is not replaced: nobody can have it any more.

    def _take(self, deployment: Deployment) -> EnvironmentId | CapacityThrottle:
        fleet, now = self._fleet, self._now()
        try:
            return fleet.admit(deployment.deployment_id, now)
        except UnknownDeploymentError:
            # It was withdrawn while the request waited for one of its workers: what serves the version now serves it.
            current = fleet.serving(deployment.spec.version_arn)
            return CapacityThrottle.CONCURRENCY if current is None else fleet.admit(current, now)

    def _give(self, resident: Resident, assignment: Assignment) -> None:
        if resident.environment.free_slots:
            resident.environment.begin(assignment)
        else:
            resident.waiting.append(assignment)
        self._note_due()
        self._sample_later()

    def _settle_up(self, resident: Resident) -> None:
        environment = resident.environment
        while resident.waiting and environment.free_slots:
            environment.begin(resident.waiting.popleft())
        if resident.waiting and not environment.coming_slots and not environment.busy_slots:
            self._move_on(resident)
        if not resident.is_forgotten:
            for _ in range(resident.owed()):
                resident.taken -= 1
                self._fleet.release(resident.environment_id, self._now())
            self._note_due()
        if resident.leaves_for is not None and not resident.waiting and environment.serves_nobody:
            # What has run into its timeout is not waited for: it may never come to an end.
            environment.retire(resident.leaves_for)

    def _move_on(self, resident: Resident) -> None:
        """Have others serve those who wait for workers that will not come."""
        moved, resident.waiting = resident.waiting, deque()
        for assignment in moved:
            if self._is_stopping:
                assignment.settle(PlatformStoppingError(_STOPPING))
                continue
            found = self._admit(resident.deployment)
            if isinstance(found, CapacityThrottle):
                assignment.settle(Throttled(found))
            else:
                self._give(found, assignment)

    # What the fleet decides.

    def _act(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Launch():
                    self._tell(InstanceEventKind.LAUNCHING, action.instance)
                    self._host.tasks.start(self._launch(action), name=f"launch of {action.instance.instance_id}")
                case Terminate():
                    self._terminate(action)
                case StartEnvironment():
                    self._to_start.append(action)
                case StopEnvironment():
                    self._stop_environment(action)
                case _:
                    assert_never(action)
        self._start_more()
        self._review()
        self._note_due()

    async def _launch(self, launch: Launch) -> None:
        await self._host.clock.sleep_until(self._now() + launch.after_s)
        actions = self._fleet.launched(launch.instance.instance_id, self._now())
        instance = self._instance(launch.instance.instance_id)
        if instance is not None and instance.state is InstanceState.RUNNING:
            self._tell(InstanceEventKind.LAUNCHED, instance)
        self._act(actions)

    def _terminate(self, terminate: Terminate) -> None:
        instance = self._instance(terminate.instance_id)
        if instance is None:
            return
        self._tell(InstanceEventKind.TERMINATING, instance, terminate.cause)
        still_there = [each for each in self._residents.values() if each.instance_id == instance.instance_id]
        for resident in still_there:
            # An instance ends at its age, whatever is still served on it.
            resident.leaves_for = terminate.cause
            resident.environment.retire(terminate.cause)
        work = self._end(instance, terminate.cause, [each.environment for each in still_there])
        self._host.tasks.start(work, name=f"end of {instance.instance_id}")

    def _instance(self, instance_id: InstanceId) -> Instance | None:
        return next((each for each in self._fleet.instances() if each.instance_id == instance_id), None)

    async def _end(self, instance: Instance, cause: str, still_there: list[Environment]) -> None:
        await asyncio.gather(*(environment.wait_gone() for environment in still_there))
        actions = self._fleet.terminated(instance.instance_id, self._now())
        ended = replace(instance, state=InstanceState.TERMINATED)
        self._tell(InstanceEventKind.TERMINATED, ended, cause)
        self._act(actions)
        self._on_end.set()

    def _start_more(self) -> None:
        while self._to_start and len(self._starting) < STARTING_AT_ONCE and not self._is_stopping:
            start = self._to_start.popleft()
            deployment = self._deployments[start.deployment]
            environment = Environment(
                deployment.spec, deployment.interpreter, self._host, self, InitializationType.MANAGED_INSTANCES
            )
            resident = Resident(start.environment_id, start.instance_id, deployment, environment)
            self._residents[start.environment_id] = self._by_environment[environment] = resident
            self._starting.add(environment)
            environment.start()

    def _stop_environment(self, stop: StopEnvironment) -> None:
        resident = self._residents.get(stop.environment_id)
        if resident is None:
            self._to_start = deque(each for each in self._to_start if each.environment_id != stop.environment_id)
            self._act(self._fleet.gone(stop.environment_id, self._now()))
            return
        resident.leaves_for = stop.cause
        environment = resident.environment
        if not resident.is_started or (not resident.waiting and environment.serves_nobody):
            environment.retire(stop.cause)

    def _forget(self, resident: Resident, *, has_failed: bool = False) -> None:
        """Tell the fleet that an environment is gone, once."""
        if resident.is_forgotten:
            return
        resident.is_forgotten = True
        tell: Callable[[EnvironmentId, float], list[Action]]
        tell = self._fleet.start_failed if has_failed else self._fleet.gone
        if not self._is_stopping:
            self._act(tell(resident.environment_id, self._now()))

    def _failed(self, deployment: Deployment, failure: failures.DeployFailure) -> None:
        _log.warning("no environment of %s: %s: %s", deployment.spec.version_arn, failure.code, failure.reason)
        deployment.failure = failure
        self._review()

    def _review(self) -> None:
        """See which deployments have come to what was asked for, or cannot; forget those of which nothing is left."""
        for deployment in tuple(self._deployments.values()):
            verdict = self._verdict(deployment)
            if verdict is not None:
                deployment.settle(verdict.failure)
            if deployment.is_withdrawn and not self._has_any(deployment):
                del self._deployments[deployment.deployment_id]

    def _verdict(self, deployment: Deployment) -> Settled | None:
        """Return what has become of what was asked for; None as long as it may yet come."""
        if deployment.is_withdrawn or deployment.bounds.maximum == 0:
            return None if self._has_any(deployment) else Settled(None)
        serving = sum(use.state.serves for use in self._fleet.environments(deployment.deployment_id))
        if self._fleet.is_ready(deployment.deployment_id) and serving >= deployment.bounds.minimum:
            deployment.failure = None
            return Settled(None)
        if deployment.failure is not None:
            return Settled(deployment.failure)
        shortage = self._fleet.shortage(deployment.deployment_id)
        return None if shortage is None else Settled(failures.of_shortage(shortage))

    def _has_any(self, deployment: Deployment) -> bool:
        return any(each.deployment is deployment for each in self._residents.values())

    # Time.

    def _now(self) -> float:
        return self._host.clock.now()

    def _note_due(self) -> None:
        if self._is_quiet or self._fleet.next_evaluation < self._due:
            self._is_sooner.set()

    async def _evaluate_as_due(self) -> None:
        fleet, clock = self._fleet, self._host.clock
        while True:
            # While nothing happens nobody is woken up; whatever does happen has this looked at again.
            quiet_until = fleet.quiet_until
            self._is_quiet = quiet_until > fleet.next_evaluation
            self._due = max(fleet.next_evaluation, quiet_until)
            self._is_sooner.clear()
            until = None if math.isinf(self._due) else self._due
            if not await wait_for_event(self._is_sooner, clock, until):
                for resident in self._residents.values():
                    if not resident.environment.busy_slots and resident.load.cpu:
                        resident.load.cpu = 0.0
                        self._report(resident)
                self._act(fleet.evaluate(self._now()))

    def _sample_later(self) -> None:
        if self._sampling is None and not self._is_stopping:
            self._sampling = self._host.timers.call_later(self._timing.sample_s, Driver._sample, self)

    def _sample(self) -> None:
        """Look at what environments use; again and again, while there is anything to see."""
        self._sampling = None
        now, is_active = self._host.real_time.monotonic(), False
        for resident in self._residents.values():
            if resident.is_started and not resident.is_forgotten:
                resident.load.take(resident.environment, now)
                self._report(resident)
                environment = resident.environment
                is_active = is_active or bool(environment.busy_slots or environment.coming_slots or resident.load.cpu)
        if is_active:
            self._sample_later()

    def _report(self, resident: Resident) -> None:
        self._fleet.sample(resident.environment_id, resident.load.cpu, self._now(), memory=resident.load.memory)

    def _stop_sampling(self) -> None:
        if self._sampling is not None:
            self._sampling.cancel()
            self._sampling = None

    def _tell(self, kind: InstanceEventKind, instance: Instance, cause: str = "") -> None:
        self._observer.instance_changed(self.provider, InstanceEvent(kind, instance, self._now(), cause))
