"""Which execution environment takes a request: the least busy one that is not pressed, in constant time.

Environments stand in one queue per number of slots taken. The head of the first queue that is not empty is the least
busy environment that has waited longest; taking or giving back a slot moves an environment by one queue. So requests
spread evenly, over thousands of slots as over ten. One that is short of CPU, memory or disk stands in no queue until a
sample says otherwise, which is how Lambda's router is told to try another.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-scaling.html
"""

from __future__ import annotations

from collections import OrderedDict

from lambent.dataplane.capacity.types import CapacityThrottle, DeploymentId, EnvironmentId, EnvironmentState, InstanceId
from lambent.dataplane.scaling.managed_instances import PRESSED


class Environment:
    """One execution environment as its fleet knows it: where it is, what it serves, what it was last seen to use."""

    __slots__ = (
        "busy",
        "cpu",
        "deployment",
        "disk",
        "environment_id",
        "instance_id",
        "is_leaving",
        "memory",
        "pressure",
        "started_at",
        "state",
    )

    def __init__(self, environment_id: EnvironmentId, deployment: DeploymentId, instance_id: InstanceId) -> None:
        self.environment_id = environment_id
        self.deployment = deployment
        self.instance_id = instance_id
        self.state = EnvironmentState.PLANNED
        self.started_at = 0.0
        self.is_leaving = False
        """Its instance is to be replaced: it serves on until another environment serves in its place."""
        self.busy = 0
        self.cpu = 0.0
        self.memory = 0.0
        self.disk = 0.0
        self.pressure: CapacityThrottle | None = None

    def press(self) -> None:
        """Say from what was last seen whether it can take requests, and what keeps it from them if not."""
        if self.memory >= PRESSED:
            self.pressure = CapacityThrottle.MEMORY
        elif self.disk >= PRESSED:
            self.pressure = CapacityThrottle.DISK
        elif self.cpu >= PRESSED:
            self.pressure = CapacityThrottle.CPU
        else:
            self.pressure = None


class Router:
    """The slots of one deployment: who has them, who is next, and how many were taken over time."""

    __slots__ = ("_integral", "_integrated_at", "_least", "_levels", "_withheld", "busy", "members", "peak", "slots")

    def __init__(self, slots: int, now: float) -> None:
        self.slots = slots
        self.busy = 0
        self.peak = 0
        self.members: dict[EnvironmentId, Environment] = {}
        """The environments that may be given requests, pressed ones too."""
        self._levels: list[OrderedDict[EnvironmentId, Environment]] = [OrderedDict() for _ in range(slots)]
        self._least = slots
        self._withheld = dict.fromkeys(CapacityThrottle, 0)
        """How many free slots pressed environments have, by what presses them."""
        self._integral = 0.0
        self._integrated_at = now

    def add(self, environment: Environment) -> None:
        """Let an environment take requests from now on."""
        self.members[environment.environment_id] = environment
        self._enter(environment)

    def remove(self, environment: Environment) -> None:
        """Give an environment no more requests; what it serves still counts until it is released or dropped."""
        if self.members.pop(environment.environment_id, None) is not None:
            self._leave(environment)

    def drop(self, environment: Environment, now: float) -> None:
        """Forget what an environment that is gone was serving."""
        self.remove(environment)
        self._count(-environment.busy, now)
        environment.busy = 0

    def take(self, now: float) -> EnvironmentId | CapacityThrottle:
        """Take one slot of the least busy environment and return its id; or return why there is none."""
        levels, least = self._levels, self._least
        while least < self.slots and not levels[least]:
            least += 1
        if least == self.slots:
            self._least = least
            return self._reason()
        environment_id, environment = levels[least].popitem(last=False)
        environment.busy = least + 1
        if least + 1 < self.slots:
            levels[least + 1][environment_id] = environment
        self._least = least
        self._integral += self.busy * (now - self._integrated_at)
        self._integrated_at = now
        self.busy += 1
        self.peak = max(self.peak, self.busy)
        return environment_id

    def release(self, environment: Environment, now: float) -> None:
        """Give one slot back. Raises ValueError for one that was not taken."""
        level = environment.busy
        if level == 0:
            raise ValueError(f"more slots released than taken: {environment.environment_id}")
        if environment.environment_id in self.members and environment.pressure is None:
            if level < self.slots:
                del self._levels[level][environment.environment_id]
            self._levels[level - 1][environment.environment_id] = environment
            self._least = min(self._least, level - 1)
        elif environment.environment_id in self.members and environment.pressure is not None:
            self._withheld[environment.pressure] += 1
        environment.busy = level - 1
        self._count(-1, now)

    def repress(self, environment: Environment) -> None:
        """Heed what was last seen of an environment: let it have requests, or keep them from it."""
        before = environment.pressure
        if environment.environment_id not in self.members:
            environment.press()
            return
        environment.press()
        if environment.pressure is before:
            return
        # Out as it stood, in as it stands.
        after, environment.pressure = environment.pressure, before
        self._leave(environment)
        environment.pressure = after
        self._enter(environment)

    def mean(self, since: float, now: float) -> float:
        """Return how many slots were taken on average since the last call, and begin anew; `peak` begins with it."""
        self._count(0, now)
        total, self._integral = self._integral, 0.0
        self.peak = self.busy
        return total / (now - since) if now > since else float(self.busy)

    def _count(self, change: int, now: float) -> None:
        self._integral += self.busy * (now - self._integrated_at)
        self._integrated_at = now
        self.busy += change

    def _enter(self, environment: Environment) -> None:
        if environment.pressure is not None:
            self._withheld[environment.pressure] += self.slots - environment.busy
        elif environment.busy < self.slots:
            self._levels[environment.busy][environment.environment_id] = environment
            self._least = min(self._least, environment.busy)

    def _leave(self, environment: Environment) -> None:
        if environment.pressure is not None:
            self._withheld[environment.pressure] -= self.slots - environment.busy
        elif environment.busy < self.slots:
            del self._levels[environment.busy][environment.environment_id]

    def _reason(self) -> CapacityThrottle:
        """One reason: what keeps most of the free slots from use, or that no slot is free."""
        # CONCURRENCY withholds nothing and comes first, so it is the answer where nothing is withheld.
        return max(CapacityThrottle, key=self._withheld.__getitem__)
