"""One revision of a function version on a capacity provider, and those who wait for what becomes of it."""

from __future__ import annotations

import asyncio

from lambent.base.clock import Clock
from lambent.base.tasks import resting
from lambent.dataplane.capacity.types import Bounds, DeploymentId, Share
from lambent.dataplane.managed.failures import DeployFailure
from lambent.dataplane.sandbox.spec import Interpreter
from lambent.dataplane.types import FunctionSpec


class Deployment:
    """A revision that is being deployed, serves, or is on its way out."""

    def __init__(
        self, deployment_id: DeploymentId, spec: FunctionSpec, interpreter: Interpreter, bounds: Bounds
    ) -> None:
        self.deployment_id = deployment_id
        self.spec = spec
        self.interpreter = interpreter
        self.bounds = bounds
        self.failure: DeployFailure | None = None
        """Why an environment of it failed to start, since it last served as it should."""
        self.is_withdrawn = False
        self._waiting: set[asyncio.Future[DeployFailure | None]] = set()

    @property
    def share(self) -> Share:
        """What one of its environments takes of an instance."""
        return Share(self.spec.vcpus or 1.0, self.spec.memory_mb, self.spec.slots)

    async def settled(self, clock: Clock) -> DeployFailure | None:
        """Wait until as many environments serve as must, or none is left where none may; return why that failed."""
        outcome: asyncio.Future[DeployFailure | None] = asyncio.get_running_loop().create_future()
        self._waiting.add(outcome)
        try:
            with resting(clock):  # instances come in the platform's time, which must be free to move
                return await outcome
        finally:
            self._waiting.discard(outcome)

    def settle(self, failure: DeployFailure | None) -> None:
        """Tell those who wait."""
        for outcome in tuple(self._waiting):
            if not outcome.done():
                outcome.set_result(failure)
