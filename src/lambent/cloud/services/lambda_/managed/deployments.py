"""Capacity providers and versions of functions on them, brought to the data plane and taken from it again.

What is to be open and deployed stands in the tables; the data plane knows it only as long as it runs.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from lambent.base.tasks import TaskOwner
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_ import repository
from lambent.cloud.services.lambda_.capacity_providers import (
    every_capacity_provider,
    find_provider,
    put_provider,
    version_scaling,
)
from lambent.cloud.services.lambda_.dependencies import Dependencies
from lambent.cloud.services.lambda_.lookups import Lookups
from lambent.cloud.services.lambda_.managed.served import served
from lambent.cloud.services.lambda_.model.capacity_provider import CapacityProvider, ProviderState
from lambent.cloud.services.lambda_.model.function import FunctionVersion
from lambent.cloud.services.lambda_.model.scaling_config import ScalingConfig
from lambent.cloud.services.lambda_.model.state import State, UpdateStatus
from lambent.cloud.services.lambda_.packages import Packages
from lambent.cloud.services.lambda_.routing import version_route
from lambent.cloud.store.unit_of_work import Transaction
from lambent.dataplane import (
    Bounds,
    DataPlaneError,
    DeployFailure,
    FunctionSpec,
    ProviderArn,
    ProviderSpec,
    Subnet,
    VersionArn,
)

_log = logging.getLogger(__name__)


class ManagedDeployments:
    """What stands between the tables and the data plane's part of Managed Instances."""

    def __init__(self, dependencies: Dependencies, packages: Packages, lookups: Lookups) -> None:
        self._dependencies = dependencies
        self._packages = packages
        self._lookups = lookups
        self._tasks = TaskOwner("lambda managed instances", clock=dependencies.clock)
        self._unserved: dict[str, FunctionVersion] = {}
        """The versions, by ARN, that are active and could not be deployed again after a restart."""

    async def resume(self) -> None:
        """Open every capacity provider, and have every version that was active deployed again.

        Returns as soon as all that is known to the data plane: who invokes such a version waits until it serves.
        """
        for provider in every_capacity_provider(self._dependencies.store.read):
            if provider.state is not ProviderState.ACTIVE:
                continue
            try:
                await self.open(provider)
            except ServiceError as error:  # where its subnets lie was not kept, and they are there no more
                _log.error("%s could not be opened, and nothing on it is served: %s", provider.arn, error)
                continue
            for version in self._active(provider):
                self._tasks.start(self._deploy_again(served(self._dependencies.store.read, version)), name=version.arn)

    async def stop(self) -> None:
        """Give up what is under way; `resume` takes it up again."""
        await self._tasks.aclose()

    async def open(self, provider: CapacityProvider) -> None:
        """Make a capacity provider known to the data plane, or what has changed of it."""
        if not provider.places:
            provider = await self._located(provider)
        await self._dependencies.plane.open_provider(provider_spec(provider))

    async def close(self, provider: CapacityProvider) -> None:
        """End a capacity provider's instances; returns when they are gone."""
        await self._dependencies.plane.close_provider(ProviderArn(provider.arn))

    async def deploy(self, version: FunctionVersion, spec: FunctionSpec) -> DeployFailure | None:
        """Have a version served by as many environments as it is to have at least; return why that failed, or None."""
        managed = version.settings.managed
        if managed is None:
            return None
        self._unserved.pop(version.arn, None)
        provider = find_provider(self._dependencies.store.read, version.scope, managed.provider_arn)
        scaling = version_scaling(self._dependencies.store.read, version).settled().applied or ScalingConfig()
        return await self._dependencies.plane.deploy(spec, ProviderArn(provider.arn), bounds_of(scaling))

    async def deploy_served(self, version: FunctionVersion) -> None:
        """Have served what came up last of a version whose publication failed; without effect where it serves."""
        earlier = served(self._dependencies.store.read, version)
        if earlier.fingerprint() != version.fingerprint():
            await self._deploy_again(earlier)

    async def bound(self, version: FunctionVersion, scaling: ScalingConfig) -> None:
        """Keep a version that serves within other bounds; returns when they hold, or cannot."""
        arn = VersionArn(version.arn)
        await self._dependencies.plane.bound(arn, bounds_of(scaling))
        failure = await self._dependencies.plane.settled(arn)
        if failure is not None:
            # What there is serves on, as on AWS; the bounds are in effect, and more comes as soon as there is room.
            _log.warning("%s has fewer environments than asked for: %s (%s)", version.arn, failure.reason, failure.code)

    def try_again(self, version_arn: str) -> None:
        """Have a version deployed that could not be after a restart: somebody invokes it, and waits for that."""
        version = self._unserved.pop(version_arn, None)
        if version is not None:
            self._tasks.start(self._deploy_again(version), name=version_arn)

    async def _located(self, provider: CapacityProvider) -> CapacityProvider:
        """Return a capacity provider that was made before its subnets' zones were kept, with them."""
        places, group = await self._lookups.places(provider.scope, provider.subnets)

        def work(transaction: Transaction) -> CapacityProvider:
            located = find_provider(transaction, provider.scope, provider.name).located(places, group)
            put_provider(transaction, located)
            return located

        return await self._dependencies.store.write(work)

    def _active(self, provider: CapacityProvider) -> Sequence[FunctionVersion]:
        read, everything = self._dependencies.store.read, ("", -1)
        versions = repository.versions_on_provider(read, provider.scope, provider.arn, everything, -1)
        return [each for each in versions if is_serving(each)]

    async def _deploy_again(self, version: FunctionVersion) -> None:
        route = version_route(version, self._packages)
        if route.spec is None:
            return
        for digest in route.digests:
            if not self._packages.is_ready(digest):
                await self._packages.restore(digest)
        try:
            failure = await self.deploy(version, route.spec)
        except DataPlaneError as error:
            failure = DeployFailure("InternalError", str(error))
        if failure is not None:
            self._unserved[version.arn] = version
            _log.warning("%s is not served after the restart: %s (%s)", version.arn, failure.reason, failure.code)


def is_serving(version: FunctionVersion) -> bool:
    """Whether a version is to have environments, and nothing is under way that would give them to it anyway."""
    return version.status.state is State.ACTIVE and version.status.update is not UpdateStatus.IN_PROGRESS


def bounds_of(scaling: ScalingConfig) -> Bounds:
    """Return bounds as the data plane takes them."""
    return Bounds(scaling.minimum, scaling.maximum)


def provider_spec(provider: CapacityProvider) -> ProviderSpec:
    """Return a capacity provider as the data plane knows it."""
    return ProviderSpec(
        arn=ProviderArn(provider.arn),
        name=provider.name,
        subnets=tuple(Subnet(place.subnet_id, place.zone) for place in provider.places),
        architecture=provider.architecture,
        allowed_types=tuple(provider.requirements.get("AllowedInstanceTypes") or ()),
        excluded_types=tuple(provider.requirements.get("ExcludedInstanceTypes") or ()),
        max_vcpus=provider.scaling.max_vcpus,
        target_cpu=provider.scaling.target_cpu,
    )
