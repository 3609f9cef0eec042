"""`python bench/autoscaler.py`: the autoscaler of Managed Instances on 20 shapes of traffic, beside plain arithmetic.

The reference knows nothing of the engine: by Little's law a rate takes so many slots and so many vCPUs, and from these
follows how many execution environments carry it (`needed`), and how many do at 60 % of both (`reference`), three at
least. Beside them stands what the engine had. The last figure is the time of a day of a million requests.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import deque
from dataclasses import dataclass
from itertools import count

from figures import Promise
from recording import conclude
from traffic_shapes import ABSORBED, PERIOD_S, SHAPES

from lambent.assembly.replay import Arrivals, Day, Function, Handler, Provider, replay
from lambent.dataplane.capacity.fleet import Fleet
from lambent.dataplane.capacity.types import (
    Bounds,
    DeploymentId,
    Launch,
    ProviderArn,
    ProviderSpec,
    Share,
    StartEnvironment,
    Subnet,
    Timing,
)

HANDLER = Handler(mean_s=5.0, p99_s=12.0, cpu_s=0.2)
FUNCTION = Function(memory_mb=2_048, vcpus=1.0, slots=16)
PROVIDER = Provider(max_vcpus=2_000)
LEAST = 3
TARGET = 0.6
A_MINUTE = int(60.0 / PERIOD_S)
DAY = 1_000_000


@dataclass(frozen=True, slots=True)
class Compared:
    """One shape: environments by minute that carry it, that the reference has, and that the engine had."""

    name: str
    needed: tuple[int, ...]
    reference: tuple[int, ...]
    had: tuple[int, ...]
    day: Day

    @property
    def throttled(self) -> float:
        """The share of requests that were throttled, in percent."""
        return 100.0 * self.day.throttled / max(1, self.day.requests)

    @property
    def over(self) -> float:
        """How much more environment time the engine had than the reference, in percent."""
        return 100.0 * (sum(self.had) / sum(self.reference) - 1.0)

    @property
    def under(self) -> float:
        """How much of the environment time that was needed was missing, in percent."""
        missing = sum(max(0, needed - had) for needed, had in zip(self.needed, self.had, strict=True))
        return 100.0 * missing / sum(self.needed)

    @property
    def reaction_min(self) -> int:
        """The most minutes in a row with fewer environments than carry the traffic."""
        longest = row = 0
        for needed, had in zip(self.needed, self.had, strict=True):
            row = row + 1 if had < needed else 0
            longest = max(longest, row)
        return longest

    def __str__(self) -> str:
        minutes = len(self.had)
        return (
            f"{self.name:<36}{self.day.requests:>9,}{sum(self.needed) / minutes:>9.1f}"
            f"{sum(self.reference) / minutes:>11.1f}{sum(self.had) / minutes:>9.1f}{self.over:>+8.0f} %"
            f"{self.under:>7.1f} %{self.reaction_min:>7}{self.throttled:>11.2f} %"
        )


def environments(rates: tuple[float, ...], share: float) -> tuple[int, ...]:
    """Return by minute how many environments carry the rates when `share` of each is used."""
    found = []
    for begin in range(0, len(rates), A_MINUTE):
        rate = max(rates[begin : begin + A_MINUTE])
        by_slots = rate * HANDLER.mean_s / (FUNCTION.slots * share)
        by_cpu = rate * HANDLER.cpu_s / (FUNCTION.vcpus * share)
        found.append(max(LEAST, math.ceil(max(by_slots, by_cpu) - 1e-9)))
    return tuple(found)


def compared(name: str, rates: tuple[float, ...], seed: int) -> Compared:
    arrivals = Arrivals(tuple(rate * PERIOD_S for rate in rates), PERIOD_S, warm_up_s=1_800.0)
    day = replay(arrivals, HANDLER, FUNCTION, PROVIDER, seed)
    had = tuple(each.environments for each in day.minutes)
    return Compared(name, environments(rates, 1.0), environments(rates, TARGET), had, day)


def a_million() -> tuple[Day, float, float]:
    """Return a day of a million requests, with the seconds that it took: by the clock, and of the processor."""
    wave = [1.1 - math.cos(2 * math.pi * minute / 1_440) for minute in range(1_440)]
    factor = DAY / sum(wave)
    arrivals = Arrivals(tuple(each * factor for each in wave), 60.0)
    wall, cpu = time.perf_counter(), time.process_time()
    day = replay(arrivals, Handler(mean_s=2.0, p99_s=6.0, cpu_s=0.1), FUNCTION, PROVIDER)
    return day, time.perf_counter() - wall, time.process_time() - cpu


def admission_us(environments: int) -> float:
    """Return what one admission takes of the processor, in microseconds, until all slots of so many are taken."""
    numbers = count()
    subnets = tuple(Subnet(f"subnet-{zone}", f"eu-west-1{zone}") for zone in "abc")
    provider = ProviderSpec(ProviderArn("pool"), "pool", subnets, max_vcpus=15_000)
    fleet = Fleet(provider, Timing(), lambda kind: f"{kind}-{next(numbers)}")
    deployment, share = DeploymentId("f:1"), Share(FUNCTION.vcpus, FUNCTION.memory_mb, FUNCTION.slots)
    todo = deque(fleet.deploy(deployment, "f:1", share, Bounds(environments, environments), 0.0))
    while todo:
        action = todo.popleft()
        if isinstance(action, Launch):
            todo += fleet.launched(action.instance.instance_id, 0.0)
        elif isinstance(action, StartEnvironment):
            todo += fleet.started(action.environment_id, 0.0)
    slots = environments * FUNCTION.slots
    begun = time.process_time()
    for _ in range(slots):
        fleet.admit(deployment, 1.0)
    return (time.process_time() - begun) / slots * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-record", action="store_true", help="leave the page as it is")
    options = parser.parse_args()
    found = [compared(name, rates, options.seed) for name, rates in SHAPES.items()]
    day, wall_s, cpu_s = a_million()
    absorbed = [each for each in found if each.name in ABSORBED]
    kept = [
        Promise("throttled of what AWS absorbs, worst (%)", max(each.throttled for each in absorbed), 0.0),
        Promise("minutes short of what is needed, worst", max(each.reaction_min for each in found), 5),
        Promise("over the reference, steady traffic (%)", max(each.over for each in found[:2]), 15),
        Promise("over the reference, median of all (%)", sorted(each.over for each in found)[len(found) // 2], 40),
        Promise("a day of a million requests (s)", wall_s, 60),
        Promise("one admission among 8,000 slots (µs of CPU)", admission_us(500), 20),
    ]
    headings = ("requests", 9), ("needed", 9), ("reference", 11), ("had", 9), ("over", 10), ("under", 9), ("react", 7)
    heading = f"{'':<36}{''.join(f'{name:>{width}}' for name, width in headings)}{'throttled':>13}"
    million = (
        f"the million: {day.requests:,} requests over 24 h, {day.throttled:,} throttled, "
        f"{day.mean_instances:.1f} instances on average; {wall_s:.1f} s, {cpu_s:.1f} s of processor"
    )
    lines = [heading, *map(str, found), "", million]
    conclude("autoscaler", kept, lines, keep=not options.no_record)


if __name__ == "__main__":
    main()
