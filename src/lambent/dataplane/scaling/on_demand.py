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
    """What waits for environments of one function version, and what is already on its way to serve it.

    `initializing` is how many slots come in environments that serve with others already.
    """

    waiting: int
    starting: int
    slots: int
    initializing: int = 0

    @property
    def uncovered(self) -> int:
        """How many wait for whom nothing is on its way."""
        return max(0, self.waiting - self.starting * self.slots - self.initializing)


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


def expired(idle_since: Sequence[float], now: float, expiry_s: float) -> list[int]:
    """Return the places of those environments that have been idle for `expiry_s` or longer.

    >>> expired([0.0, 550.0, 30.0], now=630.0, expiry_s=600.0)
    [0, 2]
    """
    return [place for place, since in enumerate(idle_since) if now - since >= expiry_s]
