"""The standard model: an invocation that finds no free slot gets a new environment, within the scaling rate.

A function may grow by 1,000 environments every 10 seconds, refilled continuously.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html#scaling-rate
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RATE_BURST = 1000
RATE_PER_S = 100.0


@dataclass(frozen=True, slots=True)
class Demand:
    """What waits for environments of one function version, and what is already on its way to serve it."""

    waiting: int
    starting: int
    slots: int

    @property
    def uncovered(self) -> int:
        """How many wait for whom nothing is on its way."""
        return max(0, self.waiting - self.starting * self.slots)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many environments a function could still start at the moment `at`."""

    environments: float
    at: float

    def refilled(self, now: float) -> Allowance:
        """Return the allowance at `now`: 100 more for each second since, never above 1,000."""
        earned = max(0.0, now - self.at) * RATE_PER_S
        return Allowance(min(float(RATE_BURST), self.environments + earned), now)


@dataclass(frozen=True, slots=True)
class Decision:
    """How many environments to start now, and what the rate allows after that."""

    start: int
    allowance: Allowance


def decide(demand: Demand, allowance: Allowance, now: float) -> Decision:
    """Return how many environments to start so that each waiting invocation has a slot coming, as the rate allows.

    Environments already starting count, so that a burst of n waiting invocations starts n, not n squared.

    >>> decide(Demand(waiting=5, starting=2, slots=1), Allowance(1000, 0), now=0).start
    3
    >>> decide(Demand(waiting=5, starting=0, slots=4), Allowance(1000, 0), now=0).start
    2
    >>> decide(Demand(waiting=500, starting=0, slots=1), Allowance(0, at=0), now=2).start
    200
    """
    wanted = -(-demand.uncovered // demand.slots)
    refilled = allowance.refilled(now)
    start = min(wanted, int(refilled.environments))
    return Decision(start, Allowance(refilled.environments - start, now))


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """How long an environment may be idle, and after how long it is recycled however busy it is.

    AWS ends environments every few hours even while functions are invoked all the time.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
    """

    idle_s: float
    lifetime_s: float


@dataclass(frozen=True, slots=True)
class Age:
    """When an environment was begun, and since when it is idle; None where it is not."""

    born: float
    idle_since: float | None


def expired(ages: Sequence[Age], now: float, limits: AgeLimits) -> list[int]:
    """Return the places of those environments that are to be ended now: they have been idle, or there, for too long.

    >>> expired([Age(0, 0), Age(0, 550), Age(0, 30), Age(0, None)], now=630, limits=AgeLimits(600, 7200))
    [0, 2]
    >>> expired([Age(0, 7100), Age(30, 7100), Age(0, None)], now=7200, limits=AgeLimits(600, 7200))
    [0]
    """
    return [
        place
        for place, age in enumerate(ages)
        if age.idle_since is not None and (now - age.idle_since >= limits.idle_s or now - age.born >= limits.lifetime_s)
    ]


def next_expiry(ages: Sequence[Age], now: float, limits: AgeLimits) -> float:
    """Return the next moment at which one may have to be ended, also of those that may become idle or begin until then.

    >>> next_expiry([Age(0, 100), Age(0, 50)], now=100, limits=AgeLimits(600, 7200))
    650
    >>> next_expiry([Age(0, None), Age(0, 7000)], now=7100, limits=AgeLimits(600, 7200))
    7200
    """
    idle = [age.idle_since + limits.idle_s for age in ages if age.idle_since is not None]
    of_age = [end for age in ages if (end := age.born + limits.lifetime_s) > now]
    return min([now + min(limits.idle_s, limits.lifetime_s), *idle, *of_age])
