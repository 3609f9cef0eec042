"""A day of traffic on a capacity provider, in seconds: the shipped fleet on virtual time, with a modelled handler.

Admission, scaling and placement are `Fleet`'s alone. What is modelled here is the rest of the world: when requests
arrive, how long the handler takes and what CPU and memory it uses, and that launches, inits and ends take their time.
Chance is an argument, so that the same seed gives the same day.

>>> from lambent.base.identifiers import SeededIds
>>> from lambent.dataplane.capacity.types import ProviderArn, Subnet
>>> zones = (Subnet("subnet-a", "eu-west-1a"), Subnet("subnet-b", "eu-west-1b"))
>>> provider = ProviderSpec(ProviderArn("arn"), "web", zones)
>>> handler = Handler(durations(0.1), cpu_s=0.02)
>>> plan = Plan(provider, Share(1.0, 2048, 16), handler, requests=(600.0, 600.0), period_s=60.0)
>>> found = replay(plan, SeededIds(1).fraction)
>>> found.requests, found.throttles, [each.instances for each in found.minutes]
(1200, {}, [3, 3])
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from statistics import NormalDist
from typing import Final

from lambent.aws.instance_types import instance_type
from lambent.dataplane.capacity.days import Day, Minute, Recorder
from lambent.dataplane.capacity.fleet import Fleet
from lambent.dataplane.capacity.types import (
    Action,
    Bounds,
    CapacityShortage,
    DeploymentId,
    EnvironmentId,
    EnvironmentState,
    Instance,
    InstanceId,
    Launch,
    ProviderSpec,
    Share,
    StartEnvironment,
    StopEnvironment,
    Terminate,
    Timing,
)

__all__ = ["Day", "Handler", "Minute", "Plan", "ReplayError", "durations", "replay"]

_DURATIONS: Final = 4_096
"""How many durations stand for a distribution, each as likely as the next."""
_P99: Final = NormalDist().inv_cdf(0.99)
_DEPLOYMENT: Final = DeploymentId("replayed")


@dataclass(frozen=True, slots=True)
class Handler:
    """What one request takes: its duration when nothing is in its way (`durations_s`, all as likely), and its CPU.

    `init_s` is how long an execution environment takes to come up. `memory_mb` is what one uses in any case,
    `request_memory_mb` what each request adds to it.
    """

    durations_s: tuple[float, ...]
    cpu_s: float = 0.0
    init_s: float = 1.0
    memory_mb: float = 0.0
    request_memory_mb: float = 0.0


def durations(mean_s: float, p99_s: float | None = None) -> tuple[float, ...]:
    """Return durations by their mean and, where they vary, their 99th percentile: log-normal, each as likely.

    A p99 of more than 14.9 times the mean no log-normal has; the widest there is stands for it then.

    >>> found = durations(0.12, 0.4)
    >>> round(sum(found) / len(found), 3), round(sorted(found)[int(0.99 * len(found))], 2)
    (0.12, 0.4)
    """
    if p99_s is None or p99_s <= mean_s:
        return (mean_s,)
    # mean = exp(m + s²/2) and p99 = exp(m + z s): ln(p99/mean) = z s - s²/2, whose smaller root is the sigma.
    spread = _P99 - math.sqrt(max(0.0, _P99 * _P99 - 2.0 * math.log(p99_s / mean_s)))
    middle = math.log(mean_s) - spread * spread / 2.0
    normal = NormalDist(middle, spread)
    found = [math.exp(normal.inv_cdf((place + 0.5) / _DURATIONS)) for place in range(_DURATIONS)]
    # The finite table cuts the tail's end off; the mean is what was asked for all the same.
    correction = mean_s * len(found) / math.fsum(found)
    return tuple(each * correction for each in found)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to replay: `requests` in each period of `period_s`, of one function on one capacity provider.

    Within a period requests come at random, or evenly spaced where `evenly`. Before it begins, the first period's rate
    goes on for `warm_up_s`, which counts nowhere: a day rarely begins with a deployment.
    """

    provider: ProviderSpec
    share: Share
    handler: Handler
    requests: tuple[float, ...]
    period_s: float
    bounds: Bounds = field(default_factory=Bounds)
    timing: Timing = field(default_factory=Timing)
    warm_up_s: float = 0.0
    evenly: bool = False


class ReplayError(Exception):
    """The function never came up: `shortage` says for want of what."""

    def __init__(self, shortage: CapacityShortage) -> None:
        super().__init__(str(shortage))
        self.shortage = shortage


def replay(plan: Plan, fraction: Callable[[], float]) -> Day:
    """Return what becomes of a plan, by minutes; `fraction` is the chance, in [0, 1).

    Raises ReplayError where the provider has no room for the function's first environments.
    """
    return _World(plan, fraction).live()


class _Running:
    """One execution environment's load: the CPU that its requests want, and what they have used."""

    __slots__ = ("at", "busy", "demand", "environment_id", "has_rest", "is_draining", "used")

    def __init__(self, environment_id: EnvironmentId, now: float) -> None:
        self.environment_id = environment_id
        self.busy = 0
        self.demand = 0.0
        self.used = 0.0
        self.at = now
        self.is_draining = False
        self.has_rest = False
        """Its last sample was of nothing, so that another such would say nothing new."""


_Event = tuple[float, int, _Running | None, float, Callable[[float], None] | None]


class _World:
    """Everything that a fleet does not decide. Times are seconds since the traffic began; before it they are < 0."""

    def __init__(self, plan: Plan, fraction: Callable[[], float]) -> None:
        self._plan = plan
        self._fraction = fraction
        numbers = count(1)
        self._fleet = Fleet(plan.provider, plan.timing, lambda kind: f"{kind[0]}-{next(numbers):017x}")
        self._recorder = Recorder(plan.share)
        self._environments: dict[str, _Running] = {}
        self._launched: dict[InstanceId, Instance] = {}
        self._heap: list[_Event] = []
        self._order = count()
        self._now = 0.0

    def live(self) -> Day:
        """Come up, warm up, serve the whole plan, and say how it was."""
        plan = self._plan
        begin = -plan.warm_up_s
        up_s = self._come_up(begin)
        self._at(begin, self._evaluate)
        self._at(begin + plan.timing.sample_s, self._sample)
        self._at(60.0, self._end_minute)
        if plan.warm_up_s:
            rate = plan.requests[0] / plan.period_s
            self._serve(self._arrivals((rate * plan.warm_up_s,), plan.warm_up_s, begin))
        self._advance(0.0)
        self._recorder.begin(up_s)
        self._serve(self._arrivals(plan.requests, plan.period_s, 0.0))
        end = plan.period_s * len(plan.requests)
        self._advance(end)
        for each in self._fleet.instances():
            self._close(each, end)
        return self._recorder.day(end, self._census())

    def _come_up(self, begin: float) -> float:
        """Deploy just so long before that the function is up when the traffic begins; return how long that was."""
        plan = self._plan
        up_s = plan.timing.first_launch_s + plan.handler.init_s
        self._now = begin - up_s
        self._carry_out(self._fleet.deploy(_DEPLOYMENT, "replayed", plan.share, plan.bounds, self._now))
        self._advance(begin)
        if not self._fleet.is_ready(_DEPLOYMENT):
            raise ReplayError(self._fleet.shortage(_DEPLOYMENT) or CapacityShortage.INSUFFICIENT)
        return up_s

    # ── Requests ──

    def _arrivals(self, requests: Iterable[float], period_s: float, begin: float) -> Iterator[float]:
        """Yield when requests come. Fractions of requests carry over, so that the total is the plan's."""
        carried = 0.0
        for number, expected in enumerate(requests):
            carried += expected
            here = int(carried + 1e-9)
            carried -= here
            start = begin + number * period_s
            if self._plan.evenly:
                yield from (start + (place + 0.5) * period_s / here for place in range(here))
            else:
                fraction = self._fraction
                yield from sorted([start + fraction() * period_s for _ in range(here)])

    def _serve(self, arrivals: Iterable[float]) -> None:
        """The path of every request, which is why it is written for speed: one admission, one end on the heap."""
        handler, share = self._plan.handler, self._plan.share
        durations, choices = handler.durations_s, len(handler.durations_s)
        cpu_s, vcpus = handler.cpu_s, share.vcpus
        heap, order, environments = self._heap, self._order, self._environments
        admit, fraction, recorder = self._fleet.admit, self._fraction, self._recorder
        for now in arrivals:
            if heap[0][0] <= now:
                self._advance(now)
            answer = admit(_DEPLOYMENT, now)
            running = environments.get(answer)
            if running is None:
                recorder.throttle(str(answer))
                continue
            duration = durations[int(fraction() * choices)] if choices > 1 else durations[0]
            duration = max(duration, cpu_s)
            demand = cpu_s / duration
            # Where vCPUs are short, everything on them slows down; a request keeps the pace that it began with.
            wanted = running.demand + demand
            if wanted > vcpus:
                duration *= wanted / vcpus
                demand = cpu_s / duration
            running.used += running.demand * (now - running.at)
            running.at = now
            running.demand += demand
            running.busy += 1
            recorder.serve(duration)
            heapq.heappush(heap, (now + duration, next(order), running, demand, None))

    def _finish(self, running: _Running, demand: float) -> None:
        now = self._now
        running.used += running.demand * (now - running.at)
        running.at = now
        running.busy -= 1
        running.demand = running.demand - demand if running.busy else 0.0
        self._fleet.release(running.environment_id, now)
        if running.is_draining and not running.busy:
            self._end_environment(running)

    # ── Time ──

    def _at(self, when: float, do: Callable[[float], None]) -> None:
        heapq.heappush(self._heap, (when, next(self._order), None, 0.0, do))

    def _advance(self, until: float) -> None:
        heap = self._heap
        while heap and heap[0][0] <= until:
            self._do(heapq.heappop(heap))
        self._now = until

    def _do(self, event: _Event) -> None:
        self._now, _, running, demand, do = event
        if do is not None:
            do(self._now)
        elif running is not None:
            self._finish(running, demand)

    def _evaluate(self, now: float) -> None:
        self._carry_out(self._fleet.evaluate(now))
        self._at(min(self._fleet.next_evaluation, now + self._plan.timing.evaluation_s), self._evaluate)

    def _sample(self, now: float) -> None:
        handler, share = self._plan.handler, self._plan.share
        whole = self._plan.timing.sample_s * share.vcpus
        for each in self._environments.values():
            if each.has_rest and each.busy == 0 and each.used == 0.0:
                continue
            used = each.used + each.demand * (now - each.at)
            each.used, each.at = 0.0, now
            each.has_rest = used == 0.0 and each.busy == 0
            memory = handler.memory_mb + handler.request_memory_mb * each.busy
            cpu = min(1.0, used / whole)
            self._recorder.use(used)
            self._fleet.sample(each.environment_id, cpu, now, memory=memory / share.memory_mb)
        self._at(now + self._plan.timing.sample_s, self._sample)

    def _end_minute(self, now: float) -> None:
        self._recorder.end_minute(now, self._census())
        self._at(now + 60.0, self._end_minute)

    def _census(self) -> tuple[int, int]:
        """Return how many instances there are that cost, and how many environments serve."""
        serving = sum(each.state is EnvironmentState.SERVING for each in self._fleet.environments(_DEPLOYMENT))
        return len(self._launched), serving

    # ── What the fleet decides ──

    def _carry_out(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if isinstance(action, Launch):
                self._launch(action)
            elif isinstance(action, Terminate):
                self._terminate(action.instance_id)
            elif isinstance(action, StartEnvironment):
                self._start(action.environment_id)
            elif isinstance(action, StopEnvironment):
                self._stop(action.environment_id)

    def _launch(self, action: Launch) -> None:
        self._launched[action.instance.instance_id] = action.instance
        name = action.instance.instance_id
        self._at(self._now + action.after_s, lambda now: self._carry_out(self._fleet.launched(name, now)))

    def _terminate(self, instance_id: InstanceId) -> None:
        self._close(self._launched[instance_id], self._now)
        self._at(self._now, lambda now: self._carry_out(self._fleet.terminated(instance_id, now)))

    def _close(self, instance: Instance, now: float) -> None:
        launched = self._launched.pop(instance.instance_id, None)
        if launched is not None:
            kind = instance_type(launched.instance_type)
            self._recorder.instance(launched.instance_type, kind.vcpus if kind else 0, launched.launched_at, now)

    def _start(self, environment_id: EnvironmentId) -> None:
        def started(now: float) -> None:
            self._environments[environment_id] = _Running(environment_id, now)
            self._carry_out(self._fleet.started(environment_id, now))

        self._at(self._now + self._plan.handler.init_s, started)

    def _stop(self, environment_id: EnvironmentId) -> None:
        running = self._environments.get(environment_id)
        if running is None:
            # It had not come up yet: nothing is served, so it is gone at once.
            self._at(self._now, lambda now: self._carry_out(self._fleet.gone(environment_id, now)))
        elif running.busy:
            running.is_draining = True
        else:
            self._end_environment(running)

    def _end_environment(self, running: _Running) -> None:
        del self._environments[running.environment_id]
        name = running.environment_id
        self._at(self._now, lambda now: self._carry_out(self._fleet.gone(name, now)))
