"""The environments of a function version that are kept initialized, whether anybody calls or not.

They serve before any on-demand environment does; an invocation that finds all of them busy spills over to those.
https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lambent.dataplane.environment import Assignment, Environment, EnvironmentStatus, Host
from lambent.dataplane.errors import DataPlaneError
from lambent.dataplane.sandbox.spec import Interpreter
from lambent.dataplane.types import FunctionSpec, InitializationType, Invocation, Outcome, Provision

# Each takes a whole processor while it starts. Hundreds at once would hold up each other and everybody else, those
# invocations most of all that wait for an environment of their own.
STARTING_AT_ONCE = 8
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 60.0


class ProvisionedPool:
    """As many environments as were asked for; one that is lost is replaced, unless its init fails."""

    def __init__(
        self, spec: FunctionSpec, interpreter: Interpreter, host: Host, on_empty: Callable[[ProvisionedPool], None]
    ) -> None:
        self.spec = spec
        self._interpreter = interpreter
        self._host = host
        self._on_empty = on_empty
        self._loop = asyncio.get_running_loop()
        self._wanted = 0
        self._environments: set[Environment] = set()
        self._kept: set[Environment] = set()
        self._ready: set[Environment] = set()
        self._available: list[Environment] = []
        self._dismissed: set[Environment] = set()
        self._losses = 0
        self._replaceable = 0
        self._is_pausing = False
        self._failure: str | None = None

    def keep(self, count: int) -> None:
        """Have `count` environments from now on; the surplus ends as it becomes free. Starts anew after a failure."""
        self._wanted = count
        self._failure = None
        self._losses = 0
        self._settle()
        self._note_if_empty()

    def provision(self) -> Provision:
        """Return how far it is."""
        return Provision(self._wanted, min(len(self._ready), self._wanted), self._failure)

    def submit(self, invocation: Invocation) -> asyncio.Future[Outcome] | None:
        """Run an invocation in a free environment and return the promise of its outcome; None where none is free."""
        available = self._available
        while available:
            environment = available[-1]
            free_slots = environment.free_slots
            if free_slots <= 1:
                available.pop()
                environment.is_available = False
            if free_slots:
                assignment = Assignment(invocation, self._loop.create_future())
                environment.begin(assignment)
                return assignment.promise
        return None

    def statuses(self) -> list[EnvironmentStatus]:
        """Return what introspection shows of each environment."""
        return [environment.status() for environment in self._environments]

    async def stop(self) -> None:
        """End every environment now, and return when they are gone."""
        self._wanted = 0
        environments = tuple(self._environments)
        for environment in environments:
            self._dismiss(environment, "the platform is stopping")
        await asyncio.gather(*(environment.wait_gone() for environment in environments))

    # What its environments tell.

    def started(self, environment: Environment) -> None:
        """Take an environment in; one whose init failed is of no use, and a further one would fail alike."""
        if environment.is_initialized:
            self._ready.add(environment)
            self._offer(environment)
        else:
            self._failure = "FUNCTION_ERROR_INIT_FAILURE"
            self._dismiss(environment, "its init failed")

    def start_failed(self, environment: Environment, error: DataPlaneError) -> None:
        """Note why there is none."""
        self._failure = str(error)

    def concluded(self, assignment: Assignment, outcome: Outcome | DataPlaneError) -> None:
        """Tell the caller; an environment that has served was of use."""
        self._losses = 0
        assignment.settle(outcome)

    def resetting(self, environment: Environment) -> None:
        """Count it no more; it is replaced: what is provisioned never initializes within an invocation."""
        self._ready.discard(environment)

    def freed(self, environment: Environment) -> None:
        """Keep it, unless there are too many or it would have to initialize again."""
        if environment.is_idle and not environment.is_initialized:
            self._dismiss(environment, "replaced after a reset")
        else:
            self._offer(environment)

    def leaving(self, environment: Environment) -> None:
        """Count it no more; one that ended by itself without having served is replaced ever more slowly."""
        if environment not in self._dismissed:
            self._losses += 1
        self._kept.discard(environment)
        self._ready.discard(environment)
        if environment.is_available:
            environment.is_available = False
            self._available.remove(environment)

    def gone(self, environment: Environment) -> None:
        """Replace what was lost."""
        self._environments.discard(environment)
        self._dismissed.discard(environment)
        self._settle()
        self._note_if_empty()

    def _note_if_empty(self) -> None:
        if not self._environments and not self._wanted:
            self._on_empty(self)

    def _dismiss(self, environment: Environment, cause: str) -> None:
        self._dismissed.add(environment)
        environment.retire(cause)

    def _offer(self, environment: Environment) -> None:
        if environment.free_slots and not environment.is_available:
            environment.is_available = True
            self._available.append(environment)
        self._settle()

    def _settle(self) -> None:
        """Start what is missing, and end what is too many and free."""
        if self._losses and not self._replaceable and self._failure is None and len(self._kept) < self._wanted:
            self._settle_later()
            return
        while self._failure is None and len(self._kept) < self._wanted:
            if len(self._kept) - len(self._ready) >= STARTING_AT_ONCE:
                return  # one that is ready makes room for the next
            environment = Environment(
                self.spec, self._interpreter, self._host, self, InitializationType.PROVISIONED_CONCURRENCY
            )
            self._environments.add(environment)
            self._kept.add(environment)
            self._replaceable = max(0, self._replaceable - 1)
            environment.start()
        if len(self._kept) <= self._wanted:
            return
        for environment in tuple(self._kept):
            if len(self._kept) > self._wanted and environment.is_idle:
                self._dismiss(environment, "no longer provisioned")

    def _settle_later(self) -> None:
        if not self._is_pausing:
            self._is_pausing = True
            self._host.tasks.start(self._pause(), name=f"pause of what is provisioned for {self.spec.version_arn}")

    async def _pause(self) -> None:
        clock, pause = self._host.real_time, min(_FIRST_PAUSE_S * 2.0 ** min(self._losses, 30), _LONGEST_PAUSE_S)
        await clock.sleep_until(clock.now() + pause)
        self._is_pausing = False
        self._replaceable = self._wanted - len(self._kept)  # all that was lost, however many may start at a time
        self._settle()
