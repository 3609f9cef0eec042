"""One execution environment on its instance: which slots its fleet counts as taken, and what it uses."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lambent.dataplane.capacity.types import EnvironmentId, InstanceId
from lambent.dataplane.environment import Assignment, Environment
from lambent.dataplane.types import FunctionSpec

if TYPE_CHECKING:
    from lambent.dataplane.managed.deployment import Deployment

SHORTEST_SAMPLE_S: Final = 0.25
"""Over less real time than this no CPU is measured: the kernel counts it in steps of 10 ms."""


@dataclass(slots=True)
class Load:
    """The share of its vCPUs and of its memory that an environment was last seen to use, 0 to 1.

    CPU is what its processes used over the real time between two samples, which real time says when to take, however
    far the platform's clock goes meanwhile: a jump of that one stretches no sample. Until the next, an environment that
    serves requests is taken to go on as it did, and one that serves none to use no CPU.
    """

    cpu: float = 0.0
    memory: float = 0.0
    _used_s: float | None = None
    _at: float = 0.0

    def begin(self, environment: Environment, now: float) -> None:
        """Measure from now on; `now` is real time."""
        self._used_s, self._at = environment.usage().cpu_s, now

    def take(self, environment: Environment, now: float) -> None:
        """Take a sample."""
        elapsed = now - self._at
        if elapsed < SHORTEST_SAMPLE_S:
            return
        usage, spec = environment.usage(), environment.spec
        if usage.memory_mb is not None:
            self.memory = min(1.0, usage.memory_mb / spec.memory_mb)
        before, self._used_s, self._at = self._used_s, usage.cpu_s, now
        if before is None or usage.cpu_s is None or environment.coming_slots:
            self.cpu = 0.0  # what workers take to load is no load of requests
            return
        self.cpu = min(1.0, max(0.0, usage.cpu_s - before) / elapsed / vcpus_of(spec))


def vcpus_of(spec: FunctionSpec) -> float:
    """Return the vCPUs of an environment, of which it can use no more than this machine has."""
    return min(spec.vcpus or 1.0, float(os.cpu_count() or 1))


@dataclass(slots=True, eq=False)
class Resident:
    """An environment that a fleet asked for.

    `taken` is how many slots the fleet counts as taken: those of requests in the environment or in `waiting`, and those
    whose workers have ended, which nobody else can have either.
    """

    environment_id: EnvironmentId
    instance_id: InstanceId
    deployment: Deployment
    environment: Environment
    taken: int = 0
    waiting: deque[Assignment] = field(default_factory=deque)
    """Requests whose slot's worker has yet to come to its first `next`."""
    load: Load = field(default_factory=Load)
    is_started: bool = False
    is_forgotten: bool = False
    """Whether the fleet has been told that it is gone."""
    leaves_for: str | None = None
    """Why it is to end once it serves nobody; None where it is not."""

    def can_take(self) -> bool:
        """Whether a slot that the fleet holds to be free is one: its worker waits, or will."""
        environment = self.environment
        return environment.free_slots + environment.coming_slots > len(self.waiting)

    def owed(self) -> int:
        """Return how many slots the fleet counts as taken and should not."""
        environment = self.environment
        return self.taken - environment.busy_slots - len(self.waiting) - environment.lost_slots
