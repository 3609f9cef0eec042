"""Which deployment serves each function version on Managed Instances, and the capacity providers they are on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count

from lambent.base.tasks import resting
from lambent.dataplane.capacity.reports import CapacityObserver, ProviderStatus
from lambent.dataplane.capacity.types import (
    Bounds,
    CapacityThrottle,
    DeploymentId,
    ProviderArn,
    ProviderSpec,
    Timing,
)
from lambent.dataplane.environment import EnvironmentStatus, Host, SandboxLauncher
from lambent.dataplane.errors import SandboxError, UnknownProviderError
from lambent.dataplane.managed.deployment import Deployment
from lambent.dataplane.managed.driver import Driver
from lambent.dataplane.managed.failures import DeployFailure
from lambent.dataplane.sandbox.spec import Interpreter
from lambent.dataplane.types import FunctionSpec, Invocation, InvocationReport, Outcome, Throttled, VersionArn


class ManagedVersions:
    """Every capacity provider that is open, and what is deployed on them."""

    def __init__(self, host: Host, observer: CapacityObserver, launcher: SandboxLauncher) -> None:
        settings = host.settings
        self._host = host
        self._observer = observer
        self._launcher = launcher
        self._timing = Timing(launch_s=settings.instance_launch_s, first_launch_s=settings.first_instance_launch_s)
        self._drivers: dict[ProviderArn, Driver] = {}
        self._closing: set[Driver] = set()
        self._serving: dict[VersionArn, tuple[Driver, Deployment]] = {}
        self._coming: dict[VersionArn, tuple[Driver, Deployment]] = {}
        self._failed: dict[VersionArn, DeployFailure] = {}
        """Why the revision that was deployed last does not serve."""
        self._awaited: dict[VersionArn, asyncio.Event] = {}
        self._numbers = count(1)

    # Capacity providers.

    def open(self, provider: ProviderSpec) -> None:
        """Have a capacity provider, or change the one there is."""
        driver = self._drivers.get(provider.arn)
        if driver is None:
            self._drivers[provider.arn] = Driver(provider, self._timing, self._host, self._observer)
        else:
            driver.change(provider)

    async def close(self, arn: ProviderArn) -> None:
        """End all that a capacity provider has, and return when its instances have gone; an unknown one has none."""
        driver = self._drivers.pop(arn, None)
        if driver is None:
            return
        for table in (self._serving, self._coming):
            for version_arn in [each for each, (owner, _) in table.items() if owner is driver]:
                del table[version_arn]
        self._closing.add(driver)
        try:
            await driver.close()
        finally:
            self._closing.discard(driver)

    async def stop(self) -> None:
        """End every environment now, and return when they are gone."""
        await asyncio.gather(*(driver.stop() for driver in (*self._drivers.values(), *self._closing)))
        self._drivers.clear()
        self._serving.clear()
        self._coming.clear()

    def status(self) -> list[ProviderStatus]:
        """Return what there is of each capacity provider."""
        return [driver.status() for driver in self._every_driver()]

    def statuses(self) -> list[EnvironmentStatus]:
        """Return what introspection shows of each environment."""
        return [status for driver in self._every_driver() for status in driver.statuses()]

    # Versions.

    async def deploy(self, spec: FunctionSpec, arn: ProviderArn, bounds: Bounds) -> DeployFailure | None:
        """Deploy one revision of a version; an earlier one serves until this one does.

        Returns when as many environments serve as must at least, or why they do not; then nothing is left of it.
        Raises UnknownProviderError, RuntimeUnavailableError.
        """
        driver = self._drivers.get(arn)
        if driver is None:
            raise UnknownProviderError(arn)
        version_arn = spec.version_arn
        found = self._coming.get(version_arn) or self._serving.get(version_arn)
        if found is not None and found[0] is driver and found[1].spec.revision == spec.revision:
            deployment = found[1]
            if deployment.bounds != bounds:
                driver.bound(deployment, bounds)
        else:
            deployment = self._begin(driver, spec, bounds)
        failure = await driver.settled(deployment)
        self._conclude(version_arn, deployment, failure)
        return failure

    def _begin(self, driver: Driver, spec: FunctionSpec, bounds: Bounds) -> Deployment:
        interpreter = self._interpreter(spec)
        self._failed.pop(spec.version_arn, None)
        superseded = self._coming.pop(spec.version_arn, None)
        if superseded is not None:
            superseded[0].withdraw(superseded[1])
        deployment_id = DeploymentId(f"{spec.version_arn}#{next(self._numbers)}")
        deployment = Deployment(deployment_id, spec, interpreter, bounds)
        self._coming[spec.version_arn] = driver, deployment
        self._announce(spec.version_arn)
        driver.deploy(deployment)
        return deployment

    def _interpreter(self, spec: FunctionSpec) -> Interpreter:
        return self._launcher.resolve(spec.runtime, strict=self._host.settings.strict_runtimes)

    def _conclude(self, version_arn: VersionArn, deployment: Deployment, failure: DeployFailure | None) -> None:
        coming = self._coming.get(version_arn)
        if coming is None or coming[1] is not deployment:
            return  # it serves already, or is of no interest any more
        del self._coming[version_arn]
        if failure is not None:
            coming[0].withdraw(deployment)
            self._failed[version_arn] = failure
            return
        earlier = self._serving.get(version_arn)
        self._serving[version_arn] = coming
        if earlier is not None:
            earlier[0].withdraw(earlier[1])

    def bound(self, version_arn: VersionArn, bounds: Bounds) -> None:
        """Keep a version within other bounds from now on; one that is not deployed has none."""
        for table in (self._coming, self._serving):
            found = table.get(version_arn)
            if found is not None:
                driver, deployment = found
                driver.bound(deployment, bounds)

    async def settled(self, version_arn: VersionArn) -> DeployFailure | None:
        """Wait until a version has as many environments as its bounds say at least; return why not, if it cannot."""
        found = self._coming.get(version_arn) or self._serving.get(version_arn)
        return None if found is None else await found[0].settled(found[1])

    def retire(self, version_arn: VersionArn) -> None:
        """Drain and end the environments of a version that is deleted or put to sleep."""
        self._failed.pop(version_arn, None)
        for table in (self._coming, self._serving):
            found = table.pop(version_arn, None)
            if found is not None:
                found[0].withdraw(found[1])

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run an invocation, in an environment that has a slot for it or not at all."""
        found = self._serving.get(invocation.spec.version_arn)
        if found is None:
            other = await self._deployed(invocation)
            if not isinstance(other, tuple):
                return other
            found = other
        promise = found[0].submit(found[1], invocation)
        return Throttled(promise) if isinstance(promise, CapacityThrottle) else await promise

    async def _deployed(self, invocation: Invocation) -> tuple[Driver, Deployment] | Outcome:
        """Wait for the deployment of a version that serves nobody yet, as after a restart of the platform."""
        version_arn = invocation.spec.version_arn
        while version_arn not in self._serving:
            coming = self._coming.get(version_arn)
            if coming is None:
                if version_arn in self._failed:
                    return _outcome_of(self._failed[version_arn], invocation, self._host.real_time.now())
                self._interpreter(invocation.spec)  # without one it will never be deployed
                await self._announced(version_arn)
                continue
            failure = await coming[0].settled(coming[1])
            self._conclude(version_arn, coming[1], failure)
            if failure is not None:
                return _outcome_of(failure, invocation, self._host.real_time.now())
        return self._serving[version_arn]

    async def _announced(self, version_arn: VersionArn) -> None:
        event = self._awaited.setdefault(version_arn, asyncio.Event())
        with resting(self._host.clock):
            try:
                await asyncio.wait_for(event.wait(), self._host.settings.long_init_timeout_s)
            except TimeoutError:
                raise SandboxError(f"{version_arn} has not been deployed") from None

    def _announce(self, version_arn: VersionArn) -> None:
        event = self._awaited.pop(version_arn, None)
        if event is not None:
            event.set()

    def _every_driver(self) -> Iterator[Driver]:
        yield from self._drivers.values()
        yield from self._closing


def _outcome_of(failure: DeployFailure, invocation: Invocation, now: float) -> Outcome:
    """Return what an invocation is told that waited for a deployment which failed."""
    init = failure.init
    if init is None:
        return Throttled(CapacityThrottle.CONCURRENCY)
    report = InvocationReport(
        invocation.request_id, init.status, now, now, 0.0, None, 0, invocation.spec.memory_mb, 0, init.error_type
    )
    return init.outcome(report)
