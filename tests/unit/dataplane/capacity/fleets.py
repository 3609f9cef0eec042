"""A fleet on a heap of moments: what it decides is carried out as told, in virtual time, without any load model."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from itertools import count

from lambent.dataplane.capacity.fleet import Fleet
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
    InstanceState,
    Launch,
    ProviderArn,
    ProviderSpec,
    Share,
    StartEnvironment,
    StopEnvironment,
    Subnet,
    Terminate,
    Timing,
)

ZONES = tuple(Subnet(f"subnet-{letter}", f"eu-west-1{letter}") for letter in "abc")
ORDERS = DeploymentId("orders:1")
SHARE = Share(vcpus=1.0, memory_mb=2048, slots=16)
START_S = 2.0


def provider(
    *,
    zones: tuple[Subnet, ...] = ZONES,
    types: tuple[str, ...] = (),
    max_vcpus: int = 400,
    target_cpu: float | None = None,
) -> ProviderSpec:
    return ProviderSpec(
        ProviderArn("arn:web"), "web", zones, allowed_types=types, max_vcpus=max_vcpus, target_cpu=target_cpu
    )


class Drill:
    """Carries out what a fleet decides. `refuses` says which launches EC2 has nothing for."""

    def __init__(self, spec: ProviderSpec | None = None, timing: Timing | None = None) -> None:
        numbers = count(1)
        self.timing = timing or Timing()
        self.fleet = Fleet(spec or provider(), self.timing, lambda kind: f"{kind}-{next(numbers):05}")
        self.now = 0.0
        self.log: list[tuple[float, Action]] = []
        self.refuses: Callable[[Instance], bool] = lambda _: False
        self.fails_to_start = False
        self._order = count()
        self._heap: list[tuple[float, int, Callable[[], Iterable[Action]]]] = []

    def deploy(
        self, deployment: DeploymentId = ORDERS, bounds: Bounds | None = None, share: Share = SHARE, version: str = ""
    ) -> None:
        self.carry_out(self.fleet.deploy(deployment, version or deployment, share, bounds or Bounds(), self.now))

    def up(self, deployment: DeploymentId = ORDERS, bounds: Bounds | None = None) -> None:
        self.deploy(deployment, bounds)
        self.run(60.0)
        assert self.fleet.is_ready(deployment)

    def carry_out(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self.log.append((self.now, action))
            after_s, done = self._answer(action)
            self.at(self.now + after_s, done)

    def _answer(self, action: Action) -> tuple[float, Callable[[], Iterable[Action]]]:
        fleet = self.fleet
        if isinstance(action, Launch):
            name = action.instance.instance_id
            if self.refuses(action.instance):
                return 0.5, lambda: fleet.launch_failed(name, CapacityShortage.INSUFFICIENT, self.now)
            return action.after_s, lambda: fleet.launched(name, self.now)
        if isinstance(action, Terminate):
            return 5.0, lambda: fleet.terminated(action.instance_id, self.now)
        if isinstance(action, StartEnvironment):
            if self.fails_to_start:
                return START_S, lambda: fleet.start_failed(action.environment_id, self.now)
            return START_S, lambda: fleet.started(action.environment_id, self.now)
        assert isinstance(action, StopEnvironment)
        return 0.0, lambda: self._drained(action.environment_id)

    def _drained(self, environment_id: EnvironmentId) -> list[Action]:
        busy = next((each.busy for each in self.all() if each.environment_id == environment_id), 0)
        if busy:
            self.at(self.now + 20.0, lambda: self._drained(environment_id))
            return []
        return self.fleet.gone(environment_id, self.now)

    def at(self, when: float, do: Callable[[], Iterable[Action]]) -> None:
        heapq.heappush(self._heap, (when, next(self._order), do))

    def run(self, seconds: float) -> None:
        """Let time pass: everything comes due in its order, evaluations too."""
        end = self.now + seconds
        while True:
            due = self._heap[0][0] if self._heap else float("inf")
            evaluation = self.fleet.next_evaluation
            if min(due, evaluation) > end:
                break
            if due <= evaluation:
                self.now, _, do = heapq.heappop(self._heap)
                self.carry_out(do())
            else:
                self.now = max(self.now, evaluation)
                self.carry_out(self.fleet.evaluate(self.now))
        self.now = end

    # ── What there is ──

    def all(self) -> list[EnvironmentUse]:
        return [use for each in self.fleet.deployments() for use in self.fleet.environments(each)]

    def serving(self, deployment: DeploymentId = ORDERS) -> int:
        return sum(each.state is EnvironmentState.SERVING for each in self.fleet.environments(deployment))

    def running(self) -> list[Instance]:
        return [each for each in self.fleet.instances() if each.state is InstanceState.RUNNING]

    def zones(self) -> list[str]:
        return sorted(each.subnet.zone[-1] for each in self.running())

    def actions(self, kind: type[Action]) -> list[tuple[float, Action]]:
        return [(when, action) for when, action in self.log if isinstance(action, kind)]

    # ── Load ──

    def take(self, requests: int, deployment: DeploymentId = ORDERS) -> tuple[list[EnvironmentId], list[str]]:
        """Take so many slots and keep them; what was refused comes back as reasons."""
        taken: list[EnvironmentId] = []
        refused: list[str] = []
        for _ in range(requests):
            answer = self.fleet.admit(deployment, self.now)
            if isinstance(answer, CapacityThrottle):
                refused.append(str(answer))
            else:
                taken.append(EnvironmentId(answer))
        return taken, refused

    def give_back(self, taken: Iterable[EnvironmentId]) -> None:
        for each in taken:
            self.fleet.release(each, self.now)

    def press(self, cpu: float, deployment: DeploymentId = ORDERS) -> None:
        for each in self.fleet.environments(deployment):
            self.fleet.sample(each.environment_id, cpu, self.now)
