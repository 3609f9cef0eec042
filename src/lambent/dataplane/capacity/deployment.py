"""One revision of a version on a capacity provider, as its fleet knows it: what is wanted of it, and what there is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from lambent.dataplane.capacity.routing import Environment, Router
from lambent.dataplane.capacity.types import (
    Bounds,
    CapacityShortage,
    DeploymentId,
    EnvironmentId,
    EnvironmentState,
    Share,
    Timing,
)
from lambent.dataplane.scaling.managed_instances import Load, Scale, decide, needed, within


class Deployment:
    """What a fleet keeps of one deployment. `initial` is how many environments it comes up with."""

    __slots__ = (
        "_needed",
        "_seen_at",
        "_watched_since",
        "bounds",
        "count",
        "cpu",
        "deployment_id",
        "environments",
        "failures",
        "initial",
        "is_ready",
        "is_withdrawn",
        "leaving_count",
        "retry_at",
        "router",
        "scale",
        "share",
        "shortage",
        "version_arn",
    )

    def __init__(self, deployment_id: DeploymentId, version_arn: str, share: Share, bounds: Bounds, now: float) -> None:
        self.deployment_id = deployment_id
        self.version_arn = version_arn
        self.share = share
        self.bounds = bounds
        self.initial = bounds.minimum
        self.scale = Scale(self.initial, now)
        self.environments: dict[EnvironmentId, Environment] = {}
        self.count = 0
        """How many environments count towards what is wanted: all but those that leave or drain."""
        self.leaving_count = 0
        self.router = Router(share.slots, now)
        self.cpu = 0.0
        """The sum over its environments of the share of their vCPUs in use."""
        self.is_ready = False
        self.is_withdrawn = False
        self.shortage: CapacityShortage | None = None
        self.failures = 0
        self.retry_at = now
        self._needed: deque[tuple[float, int]] = deque()
        self._seen_at = now
        self._watched_since = now

    @property
    def wanted(self) -> int:
        """How many environments it is to have."""
        return 0 if self.is_withdrawn else self.scale.wanted

    def come_up_with(self, environments: int, now: float) -> None:
        """Set with how many environments it comes up."""
        self.initial = environments
        self.scale = Scale(environments, now)

    def rebound(self, bounds: Bounds, now: float) -> None:
        """Heed other bounds at once: they are a decision, not load.

        From 0 and 0 it comes back with its minimum; what it needed before has no say then.
        """
        if self.scale.wanted == 0:
            self._needed.clear()
            self._watched_since = now
        self.bounds = bounds
        self.scale = Scale(within(self.scale.wanted, bounds.minimum, bounds.maximum), now)
        self.initial = self.scale.wanted if not self.is_ready else self.initial

    def observe(self, timing: Timing, target_cpu: float | None, now: float) -> None:
        """Decide from what was consumed since the last time how many environments it is to have."""
        peak = self.router.peak
        load = Load(self.router.mean(self._seen_at, now), peak, max(0.0, self.cpu))
        self._seen_at = now
        here = needed(load, self.share.slots, target_cpu)
        self._needed.append((now, here))
        while self._needed[0][0] <= now - timing.scale_in_after_s:
            self._needed.popleft()
        lately = max(each for _, each in self._needed)
        if now - self._watched_since < timing.scale_in_after_s:
            # Until it has been watched for as long, what it was given is what it may need.
            lately = max(lately, self.scale.wanted)
        decided = decide(self.scale, here, lately, timing.scale_in_every_s, now)
        self.scale = Scale(within(decided.wanted, self.bounds.minimum, self.bounds.maximum), decided.lowered_at)

    def enter(self, environment: Environment) -> None:
        """Count one more environment."""
        self.environments[environment.environment_id] = environment
        self.count += 1

    def let_leave(self, environment: Environment) -> None:
        """Let an environment serve only until another one does in its place."""
        if not environment.is_leaving:
            environment.is_leaving = True
            self.count -= 1
            self.leaving_count += 1

    def drain(self, environment: Environment) -> None:
        """Count an environment no more, which finishes what it serves."""
        self._uncount(environment)
        environment.state = EnvironmentState.DRAINING

    def leave(self, environment: Environment) -> None:
        """Forget an environment that is gone."""
        del self.environments[environment.environment_id]
        self.cpu -= environment.cpu
        self._uncount(environment)

    def standing(self) -> Iterator[Environment]:
        """Yield the environments that count towards what is wanted."""
        return (each for each in self.environments.values() if self._counts(each) and not each.is_leaving)

    def leaving(self) -> list[Environment]:
        """Return the environments that wait for another to serve in their place."""
        return [each for each in self.environments.values() if self._counts(each) and each.is_leaving]

    def serving(self) -> int:
        """Return how many environments take requests, those that leave included."""
        return len(self.router.members)

    def is_up(self) -> bool:
        """Tell whether it may take over: all it comes up with serve, or its minimum does and there is no more room."""
        serving = self.serving()
        return serving >= self.initial or (self.shortage is not None and serving >= max(1, self.bounds.minimum))

    def is_quiet(self, target_cpu: float | None) -> bool:
        """Tell whether nothing is served, nothing is on its way, and it has as many environments as it must."""
        least = within(0, self.bounds.minimum, self.bounds.maximum)
        return (
            not self.is_withdrawn
            and self.is_ready
            and self.router.peak == 0
            and self.wanted == self.count == self.serving() == least
            and needed(Load(0.0, 0, max(0.0, self.cpu)), self.share.slots, target_cpu) <= least
        )

    @staticmethod
    def _counts(environment: Environment) -> bool:
        return environment.state is not EnvironmentState.DRAINING

    def _uncount(self, environment: Environment) -> None:
        if not self._counts(environment):
            return
        if environment.is_leaving:
            self.leaving_count -= 1
        else:
            self.count -= 1
