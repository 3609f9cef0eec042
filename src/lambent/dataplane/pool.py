"""The execution environments of one function version.

An invocation takes the environment that was busy last, or waits for the first that becomes free while a new one is
started for it; whichever comes first serves it, and the other stays idle. Nobody ever starts two for one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from lambent.dataplane.admission import FunctionConcurrency
from lambent.dataplane.environment import Assignment, Environment, EnvironmentStatus, Host
from lambent.dataplane.errors import DataPlaneError, PlatformStoppingError
from lambent.dataplane.sandbox.spec import Interpreter
from lambent.dataplane.scaling import on_demand
from lambent.dataplane.types import FunctionSpec, InitializationType, Invocation, Outcome, Throttled, ThrottleReason


@dataclass(slots=True)
class FunctionLimits:
    """What limits a function across its versions: its concurrency, and how fast it may grow."""

    concurrency: FunctionConcurrency
    allowance: on_demand.Allowance


class Pool:
    """The environments of one revision of one function version, and the invocations that wait for them."""

    def __init__(self, spec: FunctionSpec, interpreter: Interpreter, limits: FunctionLimits, host: Host) -> None:
        self.spec = spec
        self.limits = limits
        self._interpreter = interpreter
        self._host = host
        self._limits_of_age = on_demand.AgeLimits(host.settings.idle_expiry_s, host.settings.lifetime_s)
        self._loop = asyncio.get_running_loop()
        self._started_for = _kind_of(spec)
        self._environments: set[Environment] = set()
        self._coming: set[Environment] = set()
        self._available: list[Environment] = []
        self._waiting: deque[Assignment] = deque()
        self._retired_for: str | None = None
        self._on_empty: Callable[[Pool], None] | None = None

    def submit(self, invocation: Invocation) -> asyncio.Future[Outcome]:
        """Run an admitted invocation and return the promise of its outcome.

        Cancelling the promise gives up the outcome alone: the invocation still runs to its end, and only then is its
        concurrency released, once. The promise fails with a DataPlaneError where the platform could not run it.
        """
        assignment = Assignment(invocation, self._loop.create_future())
        environment = self._take()
        if environment is None:
            self._await_environment(assignment)
        else:
            environment.begin(assignment)
        return assignment.promise

    def statuses(self) -> list[EnvironmentStatus]:
        """Return what introspection shows of each environment."""
        return [environment.status() for environment in self._environments]

    def retire(self, cause: str, on_empty: Callable[[Pool], None]) -> None:
        """Let what runs or waits come to its end, end every environment with it, and call back when all are gone.

        The call back may come at once. Idempotent.
        """
        if self._retired_for is not None:
            return
        self._retired_for = cause
        self._on_empty = on_empty
        for environment in tuple(self._environments):
            self._let_go(environment, cause)
        self._note_if_empty()

    async def stop(self) -> None:
        """End every environment now, and return when they are gone; what runs or waits fails with an error."""
        environments = tuple(self._environments)
        while self._waiting:
            self.concluded(self._waiting.popleft(), PlatformStoppingError("the platform is stopping"))
        for environment in environments:
            environment.retire("the platform is stopping")
        await asyncio.gather(*(environment.wait_gone() for environment in environments))

    def expire(self, now: float) -> None:
        """End the idle environments that have been so for too long, or have reached their age, in platform time."""
        idle = [environment for environment in self._available if environment.is_idle]
        ages = [on_demand.Age(environment.born, environment.since) for environment in idle]
        for place in on_demand.expired(ages, now, self._limits_of_age):
            idle[place].retire("idle for too long, or of age")

    def next_expiry(self, now: float) -> float:
        """Return the moment at which `expire` may find something: whatever comes to be idle before expires after it."""
        ages = [
            on_demand.Age(each.born, each.since if each.is_available and each.is_idle else None)
            for each in self._environments
        ]
        return on_demand.next_expiry(ages, now, self._limits_of_age)

    def started(self, environment: Environment) -> None:
        """Give a new environment its first invocation, or keep it for the next."""
        self.freed(environment)

    def start_failed(self, environment: Environment, error: DataPlaneError) -> None:
        """Fail the invocation that nothing else is on its way to serve."""
        self._coming.discard(environment)
        while self._demand().uncovered:
            self.concluded(self._waiting.popleft(), error)

    def resetting(self, environment: Environment) -> None:
        """Count an environment that is being reset among those that come: the next invocation waits for it."""
        self._coming.add(environment)

    def concluded(self, assignment: Assignment, outcome: Outcome | DataPlaneError) -> None:
        """Release the concurrency of an invocation that is over, and tell its caller, if still there."""
        self.limits.concurrency.release()
        assignment.settle(outcome)

    def freed(self, environment: Environment) -> None:
        """Give free slots to those who wait longest; else keep the environment, or end it if the pool is retired."""
        self._coming.discard(environment)
        if self._is_of_age(environment):
            environment.retire("of age")
            return
        while self._waiting and environment.free_slots:
            environment.begin(self._waiting.popleft())
        if self._waiting:
            self._start_missing()
        if self._retired_for is not None:
            self._let_go(environment, self._retired_for)
        if environment.free_slots and not environment.is_available:
            environment.is_available = True
            # The last in is the first out, so that the surplus idles long enough to expire. What would have to
            # initialize first is taken last.
            self._available.insert(len(self._available) if environment.is_initialized else 0, environment)

    def leaving(self, environment: Environment) -> None:
        """Forget an environment that takes no more invocations; it is followed until it is gone."""
        self._coming.discard(environment)
        if environment.is_available:
            environment.is_available = False
            self._available.remove(environment)
        if self._waiting and environment.is_initialized:
            self._start_missing()  # those who waited for slots that it would still have had

    def gone(self, environment: Environment) -> None:
        """Forget an environment of which nothing is left."""
        self._environments.discard(environment)
        self._note_if_empty()

    def _let_go(self, environment: Environment, cause: str) -> None:
        """End an environment of a retired pool that serves nobody, unless workers of its come for those who wait.

        What has run into its timeout is not waited for: it may never come to an end.
        """
        if environment.serves_nobody and not (self._waiting and environment.coming_slots):
            environment.retire(cause)

    def _is_of_age(self, environment: Environment) -> bool:
        # One that others wait for, having been reset, serves them first.
        return (
            environment.is_idle
            and environment.since - environment.born >= self._limits_of_age.lifetime_s
            and len(self._waiting) <= len(self._coming) * self.spec.slots
        )

    def _take(self) -> Environment | None:
        available = self._available
        while available:
            free_slots = available[-1].free_slots
            if free_slots > 1:
                return available[-1]
            environment = available.pop()
            environment.is_available = False
            if free_slots:
                return environment
        return None

    def _await_environment(self, assignment: Assignment) -> None:
        self._waiting.append(assignment)
        self._start_missing()
        if self._demand().uncovered:
            # The function grows faster than its scaling rate; AWS queues nobody.
            self._waiting.remove(assignment)
            self.concluded(assignment, Throttled(ThrottleReason.ACCOUNT))

    def _demand(self) -> on_demand.Demand:
        return on_demand.Demand(len(self._waiting), len(self._coming), self.spec.slots)

    def _start_missing(self) -> None:
        """Start environments for those who wait and for whom nothing is on its way, as far as the rate allows."""
        decision = on_demand.decide(self._demand(), self.limits.allowance, self._host.clock.now())
        self.limits.allowance = decision.allowance
        for _ in range(decision.start):
            environment = Environment(self.spec, self._interpreter, self._host, self, self._started_for)
            self._environments.add(environment)
            self._coming.add(environment)
            environment.start()

    def _note_if_empty(self) -> None:
        if self._retired_for is not None and not self._environments and self._on_empty is not None:
            on_empty, self._on_empty = self._on_empty, None
            on_empty(self)


def _kind_of(spec: FunctionSpec) -> InitializationType:
    return InitializationType.SNAP_START if spec.snap_start else InitializationType.ON_DEMAND
