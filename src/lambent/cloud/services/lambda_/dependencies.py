"""What the Lambda service is given: the platform's parts it works with, as far as it uses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.identity import Signers
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.store.blobs import Blobs
from lambent.cloud.store.unit_of_work import Store
from lambent.dataplane import (
    Bounds,
    DeployFailure,
    EnvironmentStatus,
    FunctionArn,
    FunctionSpec,
    InitFailure,
    Invocation,
    Outcome,
    ProviderArn,
    ProviderSpec,
    ProviderStatus,
    Provision,
    VersionArn,
)


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

    async def open_provider(self, provider: ProviderSpec) -> None:
        """Make a capacity provider known, or what has changed of it."""

    async def close_provider(self, arn: ProviderArn) -> None:
        """End a capacity provider's instances; returns when they are gone."""

    async def deploy(self, spec: FunctionSpec, provider: ProviderArn, bounds: Bounds) -> DeployFailure | None:
        """Have a version served on a capacity provider, in place of what its version was before.

        Returns once as many environments serve as must, or why they do not.
        """

    async def bound(self, version_arn: VersionArn, bounds: Bounds) -> None:
        """Keep a version that is deployed within other bounds from now on."""

    async def settled(self, version_arn: VersionArn) -> DeployFailure | None:
        """Wait until a version has as many environments as its bounds say; return why it does not, or None."""

    def environments(self) -> Sequence[EnvironmentStatus]:
        """Return every execution environment that is not gone."""

    def capacity(self) -> Sequence[ProviderStatus]:
        """Return what capacity providers run now."""


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
