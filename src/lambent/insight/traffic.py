"""The traffic of one function: how many requests come in each period of a span, and what one of them takes.

It is made from rates that are given, read from a file (`traffic_files`) or recorded at a target (`measure`); whoever
reasons about cost, or replays a day, takes the same description.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass
from typing import Final

from lambent.insight.figures import Figure, InsightError, Origin

HOUR_S: Final = 3_600.0
DAY_S: Final = 86_400.0
MONTH_HOURS: Final = 730
"""The hours of a month, as AWS's calculator counts them: https://calculator.aws/."""
MONTH_S: Final = MONTH_HOURS * HOUR_S

_MOST_PER_SECOND: Final = 1_000_000_000
_RATE = re.compile(
    r"(?P<count>\d[\d_,]*(?:\.\d+)?|\.\d+)\s*(?P<times>[kKMGB]?)\s*(?:requests?|req|r)?\s*(?:/|per|p)\s*(?P<unit>[a-z]+)\Z"
)
_TIMES = {"": 1, "k": 1_000, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000, "B": 1_000_000_000}
_UNITS = {
    **dict.fromkeys(("s", "sec", "second"), 1.0),
    **dict.fromkeys(("m", "min", "minute"), 60.0),
    **dict.fromkeys(("h", "hour"), HOUR_S),
    **dict.fromkeys(("d", "day"), DAY_S),
    **dict.fromkeys(("w", "week"), 7 * DAY_S),
    **dict.fromkeys(("mo", "month"), MONTH_S),
    **dict.fromkeys(("y", "year"), 12 * MONTH_S),
}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds."""

    requests: float
    period_s: float

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.period_s


def parse_rate(text: str) -> Rate:
    """Return the rate that a text is; a month has 730 hours. Raises InsightError for any other text.

    >>> parse_rate("40/s"), parse_rate("1.5k/min"), parse_rate("100M/month").requests
    (Rate(requests=40.0, period_s=1.0), Rate(requests=1500.0, period_s=60.0), 100000000.0)
    """
    found = _RATE.match(text.strip())
    period_s = None if found is None else _UNITS.get(found["unit"])
    if found is None or period_s is None:
        raise InsightError(
            f"{text!r} is no rate of requests.", "Give one such as 40/s, 90k/hour, 2M/day or 100M/month."
        )
    requests = float(re.sub("[_,]", "", found["count"])) * _TIMES[found["times"]]
    if requests == 0:
        raise InsightError(f"{text!r} is no traffic at all.", "Give a rate above 0.")
    if requests / period_s > _MOST_PER_SECOND:
        raise InsightError(f"{text!r} is more than anybody has seen.", f"Give {_MOST_PER_SECOND:,}/s or less.")
    return Rate(requests, period_s)


@dataclass(frozen=True, slots=True)
class Duration:
    """How long a request takes in milliseconds: the mean, and quantiles where they are known, as (0.99, 840.0)."""

    mean_ms: float
    origin: Origin
    quantiles: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Traffic:
    """The requests of one function in consecutive periods of equal length, and what one of them takes.

    `requests` is how many come in each period; the span is all periods together. `cpu_ms` is the processor's time of a
    request, `memory_mb` the most that an execution environment used, `begin_s` the Unix time of the first period; each
    is None where it is not known. `duration` is None where nothing says it yet.
    """

    requests: tuple[float, ...]
    period_s: float
    origin: Origin
    duration: Duration | None = None
    cpu_ms: Figure | None = None
    memory_mb: Figure | None = None
    begin_s: float | None = None

    def __post_init__(self) -> None:
        if not self.requests or not self.period_s > 0 or min(self.requests) < 0:
            raise ValueError("traffic is one period at least, of some length, with no fewer requests than 0")

    @property
    def span_s(self) -> float:
        """The seconds that all periods last."""
        return self.period_s * len(self.requests)

    @property
    def total(self) -> float:
        """All requests of the span."""
        return math.fsum(self.requests)

    @property
    def mean_per_second(self) -> float:
        """Requests a second over the whole span."""
        return self.total / self.span_s

    @property
    def peak_per_second(self) -> float:
        """Requests a second in the busiest period."""
        return max(self.requests) / self.period_s

    @property
    def per_month(self) -> float:
        """Requests in a month of 730 hours that goes on as the span does.

        >>> from lambent.insight.figures import Basis
        >>> Traffic((40.0,), 1.0, Origin(Basis.GIVEN, "--rate")).per_month
        105120000.0
        """
        return round(self.total * MONTH_S / self.span_s, 6)

    def scaled(self, factor: float) -> Traffic:
        """Return the same traffic with every period's requests multiplied."""
        return _with_requests(self, tuple(one * factor for one in self.requests), self.period_s)

    def over(self, span_s: float, period_s: float = 60.0) -> Traffic:
        """Return the traffic in periods of `period_s` over `span_s`: from its beginning, and over again where it ends.

        Requests are spread evenly within a period, so the rate stays what it was.

        >>> from lambent.insight.figures import Basis
        >>> Traffic((40.0,), 1.0, Origin(Basis.GIVEN, "--rate")).over(180).requests
        (2400.0, 2400.0, 2400.0)
        """
        count = math.ceil(round(span_s / period_s, 9))
        sums = tuple(itertools.accumulate(self.requests, initial=0.0))
        edges = [self._until(number * period_s, sums) for number in range(count + 1)]
        requests = tuple(max(after - before, 0.0) for before, after in itertools.pairwise(edges))
        return _with_requests(self, requests, period_s)

    def _until(self, moment_s: float, sums: tuple[float, ...]) -> float:
        """Return the requests from the beginning until a moment; `sums` are those until each period begins."""
        rounds, rest_s = divmod(moment_s, self.span_s)
        whole = min(int(rest_s / self.period_s), len(self.requests) - 1)
        part = self.requests[whole] * (rest_s / self.period_s - whole)
        return rounds * sums[-1] + sums[whole] + part


def steady(rate: Rate, origin: Origin, duration: Duration | None = None) -> Traffic:
    """Return traffic that comes evenly, for as long as one likes: one period, which `Traffic.over` repeats."""
    return Traffic((rate.requests,), rate.period_s, origin, duration)


def daily(mean: Rate, peak: Rate, origin: Origin, duration: Duration | None = None) -> Traffic:
    """Return a day in minutes with the busiest in its middle: a mean, and a peak that a smooth curve leads to.

    The curve is a power of the raised cosine, whichever has this mean. Raises InsightError for a peak below the mean,
    or more than 100 times as high, which would be over within minutes.
    """
    if not mean.per_second <= peak.per_second <= 100 * mean.per_second:
        raise InsightError(
            "A day's peak is no less than its mean rate, and no more than 100 times that.",
            "Give another peak, or the day itself as a file.",
        )
    wave = [(1 - math.cos(2 * math.pi * minute / 1_440)) / 2 for minute in range(1_440)]
    wanted = mean.per_second / peak.per_second
    low, high = 0.0, 1e5  # the mean of the curve falls from 1 towards 0 as its power grows
    for _ in range(100):
        power = (low + high) / 2
        low, high = (power, high) if math.fsum(one**power for one in wave) / 1_440 > wanted else (low, power)
    shape = [one**low for one in wave]
    per_minute = mean.per_second * DAY_S / math.fsum(shape)
    return Traffic(tuple(one * per_minute for one in shape), 60.0, origin, duration)


def _with_requests(traffic: Traffic, requests: tuple[float, ...], period_s: float) -> Traffic:
    return Traffic(
        requests,
        period_s,
        traffic.origin,
        duration=traffic.duration,
        cpu_ms=traffic.cpu_ms,
        memory_mb=traffic.memory_mb,
        begin_s=traffic.begin_s,
    )
