"""What became of a replayed span: its minutes, and their sums."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from lambent.dataplane.capacity.types import Share


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute: what came, what of it was refused and why, and what there was at its end.

    `busy` is the mean of the slots taken, `cpu` the share of the environments' vCPUs in use, durations in seconds;
    they are None where nothing was served.
    """

    at_s: float
    requests: int
    throttles: Mapping[str, int]
    instances: int
    environments: int
    busy: float
    cpu: float
    p50_s: float | None
    p99_s: float | None


@dataclass(frozen=True, slots=True)
class Day:
    """A whole replay. `instance_hours` and `vcpu_hours` are from launch to end; `up_s` is what the deployment took."""

    span_s: float
    up_s: float
    minutes: tuple[Minute, ...]
    requests: int
    throttles: Mapping[str, int]
    instance_hours: Mapping[str, float]
    vcpu_hours: float
    environment_hours: float
    cpu_hours: float
    p50_s: float | None
    p99_s: float | None

    @property
    def throttled(self) -> int:
        """All throttled requests."""
        return sum(self.throttles.values())

    @property
    def peak_instances(self) -> int:
        """The most instances at the end of any minute."""
        return max((each.instances for each in self.minutes), default=0)

    @property
    def mean_instances(self) -> float:
        """How many instances there were on average."""
        return sum(self.instance_hours.values()) * 3_600.0 / self.span_s


class Recorder:
    """Takes down what happens; what comes before `begin` counts nowhere."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._minutes: list[Minute] = []
        self._durations: list[float] = []
        self._all_durations: Counter[int] = Counter()
        self._throttles: Counter[str] = Counter()
        self._all_throttles: Counter[str] = Counter()
        self._used_s = 0.0
        self._all_used_s = 0.0
        self._instance_s: defaultdict[str, float] = defaultdict(float)
        self._vcpu_s = 0.0
        self._environment_s = 0.0
        self._requests = 0
        self._up_s = 0.0
        self._last_s = 0.0

    def begin(self, up_s: float) -> None:
        """Count from here."""
        self._up_s = up_s
        self._durations.clear()
        self._throttles.clear()
        self._used_s = 0.0
        self._last_s = 0.0
        # What was there before is paid for from here on.
        self._instance_s.clear()
        self._vcpu_s = 0.0

    def serve(self, duration_s: float) -> None:
        """One request was admitted, and takes so long."""
        self._durations.append(duration_s)

    def throttle(self, reason: str) -> None:
        """One request was refused."""
        self._throttles[reason] += 1

    def use(self, cpu_s: float) -> None:
        """So much CPU was used."""
        self._used_s += cpu_s

    def instance(self, name: str, vcpus: int, begin_s: float, end_s: float) -> None:
        """An instance was there from when to when."""
        lasted = max(0.0, end_s - max(0.0, begin_s))
        self._instance_s[name] += lasted
        self._vcpu_s += vcpus * lasted

    def end_minute(self, now: float, census: tuple[int, int]) -> None:
        """Sum up what came since the last time; `census` is how many instances and environments there are."""
        instances, environments = census
        lasted = now - self._last_s
        ordered = sorted(self._durations)
        throttles = dict(sorted(self._throttles.items()))
        requests = len(ordered) + sum(throttles.values())
        whole = environments * self._share.vcpus * lasted
        self._minutes.append(
            Minute(
                at_s=self._last_s,
                requests=requests,
                throttles=throttles,
                instances=instances,
                environments=environments,
                busy=sum(ordered) / lasted,
                cpu=min(1.0, self._used_s / whole) if whole else 0.0,
                p50_s=quantile(ordered, 0.5),
                p99_s=quantile(ordered, 0.99),
            )
        )
        self._requests += requests
        self._environment_s += environments * lasted
        self._all_throttles.update(throttles)
        self._all_used_s += self._used_s
        # To the millisecond, so that a day of a million requests keeps a few thousand numbers.
        self._all_durations.update([int(each * 1_000.0 + 0.5) for each in ordered])
        self._durations.clear()
        self._throttles.clear()
        self._used_s = 0.0
        self._last_s = now

    def day(self, end_s: float, census: tuple[int, int]) -> Day:
        """Return everything that was taken down until `end_s`."""
        if end_s - self._last_s > 1e-6:
            self.end_minute(end_s, census)
        return Day(
            span_s=end_s,
            up_s=self._up_s,
            minutes=tuple(self._minutes),
            requests=self._requests,
            throttles=dict(sorted(self._all_throttles.items())),
            instance_hours={name: lasted / 3_600.0 for name, lasted in sorted(self._instance_s.items())},
            vcpu_hours=self._vcpu_s / 3_600.0,
            environment_hours=self._environment_s / 3_600.0,
            cpu_hours=self._all_used_s / 3_600.0,
            p50_s=_counted(self._all_durations, 0.5),
            p99_s=_counted(self._all_durations, 0.99),
        )


def quantile(ordered: list[float], share: float) -> float | None:
    """Return the value that `share` of an ordered list lies below; None of nothing.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5), quantile([], 0.5)
    (3.0, None)
    """
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _counted(durations_ms: Counter[int], share: float) -> float | None:
    rank = int(share * durations_ms.total())
    for duration_ms, times in sorted(durations_ms.items()):
        rank -= times
        if rank < 0:
            return duration_ms / 1_000.0
    return None
