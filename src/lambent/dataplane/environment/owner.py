"""Who an environment belongs to, and what that one is told."""

from __future__ import annotations

from typing import Protocol, TypeVar

from lambent.dataplane.environment.assignment import Assignment
from lambent.dataplane.errors import DataPlaneError
from lambent.dataplane.types import Outcome

Environment_contra = TypeVar("Environment_contra", contravariant=True)


class EnvironmentOwner(Protocol[Environment_contra]):
    """Who is told what becomes of an environment and of the invocations given to it: its pool."""

    def started(self, environment: Environment_contra) -> None:
        """Init is over, or has failed and is to be tried again: the environment can take invocations."""

    def start_failed(self, environment: Environment_contra, error: DataPlaneError) -> None:
        """It could not be built, or built again, and is leaving."""

    def concluded(self, assignment: Assignment, outcome: Outcome | DataPlaneError) -> None:
        """An invocation is over; told exactly once for each."""

    def resetting(self, environment: Environment_contra) -> None:
        """Its processes are being ended; it will be free, and have to initialize again, in a moment."""

    def freed(self, environment: Environment_contra) -> None:
        """A slot of it is free again, or will be when code comes to an end that no caller waits for any more."""

    def leaving(self, environment: Environment_contra) -> None:
        """It takes no more invocations and will soon be gone."""

    def gone(self, environment: Environment_contra) -> None:
        """Nothing of it is left."""
