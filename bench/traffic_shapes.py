"""Twenty shapes of traffic over two hours, as requests a second in periods of ten seconds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

PERIOD_S: Final = 10.0
PERIODS: Final = 720
BASE: Final = 12.0


def _level(of: Callable[[float], float]) -> tuple[float, ...]:
    """Return a shape from what multiple of the base it is at each minute."""
    return tuple(BASE * of((place + 0.5) * PERIOD_S / 60.0) for place in range(PERIODS))


def _step(times: float, begin: float = 30.0, end: float = 1e9) -> Callable[[float], float]:
    return lambda minute: times if begin <= minute < end else 1.0


def _square(minutes: float, times: float) -> Callable[[float], float]:
    return lambda minute: times if minute % (2 * minutes) >= minutes else 1.0


def _noise(place: float) -> float:
    """A number in [0, 1) that looks like chance and is the same on every machine."""
    return math.sin(place * 12.9898) * 43_758.5453 % 1.0


def _doubling(minutes: float, times: int) -> Callable[[float], float]:
    return lambda minute: 2.0 ** min(times, max(0.0, (minute - 20.0) / minutes))


SHAPES: Final[dict[str, tuple[float, ...]]] = {
    "steady": _level(lambda _: 1.0),
    "steady, below the minimum": _level(lambda _: 0.2),
    "a day in two hours": _level(lambda minute: 2.0 - 1.5 * math.cos(minute / 120.0 * 2 * math.pi)),
    "a morning's rush": _level(lambda minute: 1.0 + 3.0 / (1.0 + math.exp(-(minute - 40.0) / 4.0))),
    "slow growth to fourfold": _level(lambda minute: 1.0 + 3.0 * minute / 120.0),
    "slow decline from fourfold": _level(lambda minute: 4.0 - 3.0 * minute / 120.0),
    "doubling in 5 minutes": _level(lambda minute: 1.0 + min(1.0, max(0.0, (minute - 30.0) / 5.0))),
    "doubling every 5 minutes, 3 times": _level(_doubling(5.0, 3)),
    "doubling every 10 minutes, 3 times": _level(_doubling(10.0, 3)),
    "doubling every minute, 3 times": _level(_doubling(1.0, 3)),
    "half as much again at once": _level(_step(1.5)),
    "twice as much at once": _level(_step(2.0)),
    "four times as much at once": _level(_step(4.0)),
    "ten times as much at once": _level(_step(10.0)),
    "a minute of threefold": _level(_step(3.0, 60.0, 61.0)),
    "ten minutes of fivefold": _level(_step(5.0, 60.0, 70.0)),
    "threefold every other 10 minutes": _level(_square(10.0, 3.0)),
    "twofold every other half hour": _level(_square(30.0, 2.0)),
    "noise of a quarter": _level(lambda minute: 0.75 + 0.5 * _noise(minute)),
    "nothing, then traffic, by half hours": _level(lambda minute: float(minute % 60.0 >= 30.0)),
}

ABSORBED: Final = (
    "steady",
    "steady, below the minimum",
    "a day in two hours",
    "a morning's rush",
    "slow growth to fourfold",
    "slow decline from fourfold",
    "doubling in 5 minutes",
    "doubling every 5 minutes, 3 times",
    "doubling every 10 minutes, 3 times",
    "half as much again at once",
    "noise of a quarter",
)
"""What AWS says is absorbed: growth by half at once, and growth that takes five minutes or more to double."""
