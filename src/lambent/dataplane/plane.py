"""Invocation in, Outcome out: admission, the pools of every function version, and the end of them all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lambent.base.clock import Clock, SystemClock
from lambent.base.identifiers import IdSource
from lambent.base.tasks import TaskOwner
from lambent.dataplane.admission import Admission
from lambent.dataplane.capacity.reports import CapacityObserver, NobodyWatches, ProviderStatus
from lambent.dataplane.capacity.types import Bounds, ProviderArn, ProviderSpec
from lambent.dataplane.environment import EnvironmentStatus, Host, SandboxLauncher, Timers
from lambent.dataplane.environment.init_phase import InitFailure
from lambent.dataplane.errors import PlatformStoppingError
from lambent.dataplane.managed import DeployFailure, ManagedVersions
from lambent.dataplane.pool import FunctionLimits, Pool
from lambent.dataplane.provisioned import ProvisionedPool
from lambent.dataplane.sandbox.interpreters import Interpreters
from lambent.dataplane.sandbox.launcher import Launcher
from lambent.dataplane.scaling.on_demand import RATE_BURST, Allowance
from lambent.dataplane.snapshots import Snapshots
from lambent.dataplane.types import (
    CredentialSource,
    DataPlaneSettings,
    FunctionArn,
    FunctionSpec,
    Invocation,
    IsolationFinding,
    IsolationLevel,
    Observer,
    Outcome,
    Provision,
    RuntimeInfo,
    Throttled,
    VersionArn,
)


@dataclass(frozen=True, slots=True)
class RealWorld:
    """What runs sandboxes and measures real time. Tests put scripted ones in its place."""

    launcher: SandboxLauncher
    real_time: Clock
    timers: Timers | None = None
    """None means the running event loop."""

    @classmethod
    def of(cls, settings: DataPlaneSettings) -> RealWorld:
        """Return this machine."""
        real_time = SystemClock()
        return cls(Launcher(settings, real_time=real_time), real_time)


class DataPlane:
    """Runs functions in execution environments, within the limits of their accounts. Belongs to one event loop."""

    def __init__(  # noqa: PLR0913 - the composition root's one call
        self,
        settings: DataPlaneSettings,
        *,
        clock: Clock,
        ids: IdSource,
        credentials: CredentialSource,
        observer: Observer,
        capacity_observer: CapacityObserver | None = None,
        world: RealWorld | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._credentials = credentials
        self._observer = observer
        self._capacity_observer = capacity_observer or NobodyWatches()
        self._world = world or RealWorld.of(settings)
        self._launcher = self._world.launcher
        # Requests come in real time, whatever moves the platform's own.
        self._admission = Admission(settings.account_concurrency, self._world.real_time.monotonic)
        self._limits: dict[FunctionArn, FunctionLimits] = {}
        self._pools: dict[VersionArn, Pool] = {}
        self._draining: set[Pool] = set()
        self._provisioned: dict[VersionArn, ProvisionedPool] = {}
        self._letting_go: set[ProvisionedPool] = set()
        self._tasks = TaskOwner("data plane", clock=clock)
        self._host: Host | None = None
        self._snapshots: Snapshots | None = None
        self._managed: ManagedVersions | None = None

    @property
    def isolation(self) -> IsolationLevel:
        """The isolation that environments get; known once started."""
        return self._launcher.isolation

    async def start(self) -> None:
        """Make ready to run functions; raises IsolationUnavailableError where the demanded isolation does not hold."""
        await self._launcher.start()
        host = Host(
            settings=self._settings,
            launcher=self._launcher,
            launch=self._launcher.launch,
            credentials=self._credentials,
            observer=self._observer,
            clock=self._clock,
            real_time=self._world.real_time,
            ids=self._ids,
            tasks=self._tasks,
            timers=self._world.timers or asyncio.get_running_loop(),
        )
        self._snapshots = Snapshots(host, self._is_served)
        self._host = replace(host, launch=self._snapshots.launch)
        self._managed = ManagedVersions(host, self._capacity_observer, self._launcher)
        self._tasks.loop(self._expire_idle(), name="idle expiry")

    async def stop(self) -> None:
        """End every environment and wait until nothing is left; invocations still under way fail. Idempotent."""
        self._host = None
        kept = (*self._provisioned.values(), *self._letting_go)
        pools: list[Pool | ProvisionedPool] = [*self._pools.values(), *self._draining, *kept]
        self._pools.clear()
        if self._snapshots is not None:
            self._snapshots.give_up()  # an environment that waits for one would hold its pool up
        managed = () if self._managed is None else (self._managed.stop(),)
        await asyncio.gather(*(pool.stop() for pool in pools), *managed)
        self._draining.clear()
        self._provisioned.clear()
        if self._snapshots is not None:
            await self._snapshots.stop()
        await self._tasks.aclose()
        await self._launcher.stop()

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation and return how it ended.

        Raises RuntimeUnavailableError where nothing here runs its runtime, SandboxError where no environment could be
        built, PlatformStoppingError once the data plane is being stopped. Cancelling gives up the outcome alone: an
        admitted invocation runs to its end, and is observed and counted until then.
        """
        spec = invocation.spec
        if spec.is_managed:
            # Its capacity is its limit: neither the account's concurrency nor a reservation counts it.
            return await self._running().invoke(invocation)
        kept = self._provisioned.get(spec.version_arn)
        if (
            kept is not None
            and kept.spec.revision == spec.revision
            and (promise := kept.submit(invocation)) is not None
        ):
            return await promise
        pool = self._pools.get(spec.version_arn)
        if pool is None or pool.spec.revision != spec.revision:
            pool = self._open_pool(spec)
        refusal = pool.limits.concurrency.admit(is_event=invocation.is_event)
        if refusal is not None:
            return Throttled(refusal)
        return await pool.submit(invocation)

    async def prepare(self, spec: FunctionSpec) -> None:
        """Have ready what starts environments of this version quickly; raises RuntimeUnavailableError, SandboxError."""
        await self._launcher.prepare(spec)

    async def snapshot(self, spec: FunctionSpec) -> InitFailure | None:
        """Run the init of a version with SnapStart and keep what it leads to; return how that failed, or None.

        What cannot be kept is no failure: environments are initialized one by one then, with a notice.
        Raises RuntimeUnavailableError, SandboxError, PlatformStoppingError.
        """
        if self._host is None or self._snapshots is None:
            raise PlatformStoppingError("the data plane is not running")
        interpreter = self._launcher.resolve(spec.runtime, strict=self._settings.strict_runtimes)
        return await self._snapshots.take(spec, interpreter)

    async def open_provider(self, provider: ProviderSpec) -> None:
        """Have a capacity provider from now on, or change the one that is open under its ARN; idempotent."""
        self._running().open(provider)

    async def close_provider(self, arn: ProviderArn) -> None:
        """End all that runs on a capacity provider, and return when its instances are gone; idempotent."""
        await self._running().close(arn)

    async def deploy(self, spec: FunctionSpec, provider: ProviderArn, bounds: Bounds) -> DeployFailure | None:
        """Deploy a version, or a new revision of it, on a capacity provider that is open.

        Returns when as many environments serve as `bounds` says at least: until then an earlier revision serves, and
        from then on this one. Returns why, where they cannot; nothing is left of this revision then, and an earlier one
        serves on. Raises UnknownProviderError, RuntimeUnavailableError, PlatformStoppingError. Where the caller is
        cancelled, the deployment goes on.
        """
        return await self._running().deploy(spec, provider, bounds)

    async def bound(self, version_arn: VersionArn, bounds: Bounds) -> None:
        """Keep a deployed version within other bounds from now on; 0 and 0 end all its environments.

        Returns at once; `settled` tells when it has come so far.
        """
        self._running().bound(version_arn, bounds)

    async def settled(self, version_arn: VersionArn) -> DeployFailure | None:
        """Wait until a version has as many environments as its bounds say, none if that is none; or return why not."""
        return await self._running().settled(version_arn)

    def capacity(self) -> Sequence[ProviderStatus]:
        """Return every capacity provider that is open, with its instances and what runs on them."""
        return [] if self._managed is None else self._managed.status()

    def _running(self) -> ManagedVersions:
        if self._host is None or self._managed is None:
            raise PlatformStoppingError("the data plane is not running")
        return self._managed

    def reserve(self, function_arn: FunctionArn, concurrency: int | None) -> None:
        """Reserve concurrency for a function from now on (0 throttles all); None takes the reservation away.

        A function to be forgotten is first given None and its versions retired.
        """
        self._admission.of(function_arn).reserve(concurrency)

    def provision(self, spec: FunctionSpec, concurrency: int) -> None:
        """Keep so many environments of a published version initialized from now on; 0 ends them as they become free.

        Raises RuntimeUnavailableError where nothing here runs its runtime.
        """
        if self._host is None:
            raise PlatformStoppingError("the data plane is not running")
        pool = self._provisioned.get(spec.version_arn)
        if pool is not None and (concurrency == 0 or pool.spec.revision != spec.revision):
            self._let_go(pool)
            pool = None
        if concurrency == 0:
            return
        if pool is None:
            interpreter = self._launcher.resolve(spec.runtime, strict=self._settings.strict_runtimes)
            pool = self._provisioned[spec.version_arn] = ProvisionedPool(spec, interpreter, self._host, self._vanished)
        self._set_aside(pool, concurrency)

    def provisioned(self, version_arn: VersionArn) -> Provision:
        """Return how far a version's provisioned concurrency is."""
        pool = self._provisioned.get(version_arn)
        return Provision(0, 0) if pool is None else pool.provision()

    def retire(self, version_arn: VersionArn) -> None:
        """Drain and end the environments of a deleted or changed version; what runs or waits comes to its end first."""
        kept = self._provisioned.get(version_arn)
        if kept is not None:
            self._let_go(kept)
        pool = self._pools.pop(version_arn, None)
        if pool is not None:
            self._drain(pool, "the version was deleted or changed")
        if self._snapshots is not None:
            self._snapshots.retire(version_arn)
        if self._managed is not None:
            self._managed.retire(version_arn)

    def environments(self) -> Sequence[EnvironmentStatus]:
        """Return every environment that is not gone, draining ones included, oldest pools first."""
        kept = [status for pool in (*self._letting_go, *self._provisioned.values()) for status in pool.statuses()]
        managed = [] if self._managed is None else self._managed.statuses()
        return kept + [status for pool in self._every_pool() for status in pool.statuses()] + managed

    def _open_pool(self, spec: FunctionSpec) -> Pool:
        """Return a new pool for this revision; one of another revision drains."""
        if self._host is None:
            raise PlatformStoppingError("the data plane is not running")
        interpreter = self._launcher.resolve(spec.runtime, strict=self._settings.strict_runtimes)
        earlier = self._pools.pop(spec.version_arn, None)
        if earlier is not None:
            self._drain(earlier, "the function was changed")
        pool = self._pools[spec.version_arn] = Pool(spec, interpreter, self._limits_of(spec.function_arn), self._host)
        return pool

    def _is_served(self, spec: FunctionSpec) -> bool:
        """Whether this revision of a version has a pool that has not been retired."""
        pool = self._pools.get(spec.version_arn)
        return pool is not None and pool.spec.revision == spec.revision

    def _limits_of(self, function_arn: FunctionArn) -> FunctionLimits:
        found = self._limits.get(function_arn)
        if found is None:
            allowance = Allowance(float(RATE_BURST), self._clock.now())
            found = self._limits[function_arn] = FunctionLimits(self._admission.of(function_arn), allowance)
        return found

    def _drain(self, pool: Pool, cause: str) -> None:
        self._draining.add(pool)
        pool.retire(cause, self._drained)

    def _set_aside(self, pool: ProvisionedPool, concurrency: int) -> None:
        function = self._admission.of(pool.spec.function_arn)
        function.provision(function.provisioned + concurrency - pool.provision().wanted)
        pool.keep(concurrency)

    def _let_go(self, pool: ProvisionedPool) -> None:
        """Give a provisioned pool up: what it serves comes to its end, and nobody finds it any more."""
        del self._provisioned[pool.spec.version_arn]
        self._letting_go.add(pool)
        self._set_aside(pool, 0)

    def _vanished(self, pool: ProvisionedPool) -> None:
        """Forget a provisioned pool of which nothing is left."""
        self._letting_go.discard(pool)
        if pool.spec.function_arn not in self._limits:
            self._admission.forget(pool.spec.function_arn)

    def _drained(self, pool: Pool) -> None:
        self._draining.discard(pool)
        function_arn = pool.spec.function_arn
        if all(other.spec.function_arn != function_arn for other in self._every_pool()):
            self._limits.pop(function_arn, None)
            self._admission.forget(function_arn)

    def _every_pool(self) -> Iterator[Pool]:
        yield from self._draining
        yield from self._pools.values()

    async def _expire_idle(self) -> None:
        none_s = min(self._settings.idle_expiry_s, self._settings.lifetime_s)
        while True:
            # Whatever becomes idle during this sleep expires after it: no wake-up is needed.
            now = self._clock.now()
            await self._clock.sleep_until(min([now + none_s, *(p.next_expiry(now) for p in self._pools.values())]))
            for pool in tuple(self._pools.values()):
                pool.expire(self._clock.now())


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What this machine can run, and in which isolation; `isolation` is None where the demanded one does not hold."""

    isolation: IsolationLevel | None
    findings: tuple[IsolationFinding, ...]
    runtimes: tuple[RuntimeInfo, ...]


def diagnose(settings: DataPlaneSettings) -> Diagnosis:
    """Return which runtimes and isolation hold here, and why not more; nothing needs to be running."""
    launcher = Launcher(settings, real_time=SystemClock())
    findings = tuple(launcher.findings())
    return Diagnosis(_strongest(settings, findings), findings, tuple(launcher.runtimes()))


def known_runtimes() -> list[RuntimeInfo]:
    """Return every runtime that is known here and what would run it, as `diagnose` does, and nothing else."""
    return Interpreters().list()


def _strongest(settings: DataPlaneSettings, findings: Sequence[IsolationFinding]) -> IsolationLevel | None:
    if settings.isolation is IsolationLevel.PROCESS:
        return IsolationLevel.PROCESS
    # The launcher's first finding is the one that decides between the levels; the others are about limits.
    if findings[0].holds:
        return IsolationLevel.NAMESPACE
    return None if settings.isolation is IsolationLevel.NAMESPACE else IsolationLevel.PROCESS
