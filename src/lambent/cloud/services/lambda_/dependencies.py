"""What the Lambda service is given: the platform's parts it works with, as far as it uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.identity import Signers
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.store.blobs import Blobs
from lambent.cloud.store.unit_of_work import Store
from lambent.dataplane import FunctionArn, FunctionSpec, InitFailure, Invocation, Outcome, Provision, VersionArn


class Plane(Protocol):
    """The data plane, as the Lambda service uses it."""

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation to its end. Raises RuntimeUnavailableError and SandboxError."""

    async def prepare(self, spec: FunctionSpec) -> None:
        """Have everything ready that starting an environment of this spec needs."""

    async def snapshot(self, spec: FunctionSpec) -> InitFailure | None:
        """Run the init of a version with SnapStart and keep what it leads to; return how that failed, or None."""

    def reserve(self, function_arn: FunctionArn, concurrency: int | None) -> None:
        """Set a function's reserved concurrency; None takes it away."""

    def provision(self, spec: FunctionSpec, concurrency: int) -> None:
        """Keep so many environments of a version initialized. Raises RuntimeUnavailableError."""

    def provisioned(self, version_arn: VersionArn) -> Provision:
        """Return how far that is."""

    def retire(self, version_arn: VersionArn) -> None:
        """Drain and end the environments of a deleted or changed version."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The platform's parts that every operation may use; `port` is where it listens."""

    store: Store
    blobs: Blobs
    plane: Plane
    client: InternalClient
    clock: Clock
    ids: IdSource
    signers: Signers
    port: int
