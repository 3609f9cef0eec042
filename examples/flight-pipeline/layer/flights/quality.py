"""Sixteen checks of a state vector, and what they say of a whole file."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Record = Mapping[str, object]
_ADDRESS = re.compile(r"[0-9a-f]{6}\Z")
_CALLSIGN = re.compile(r"[A-Z0-9]{1,8}\Z")
_SQUAWK = re.compile(r"[0-7]{4}\Z")
_ESSENTIAL = ("icao24", "callsign", "origin_country", "last_contact", "longitude", "latitude", "velocity")
_OLDEST_S = 300


def _within(record: Record, field: str, least: float, most: float) -> bool:
    """Whether a number that is given lies between two others; one that is not given is a matter of completeness."""
    value = record[field]
    return value is None or (isinstance(value, int | float) and least <= value <= most)


def _number(record: Record, field: str) -> float | None:
    value = record[field]
    return float(value) if isinstance(value, int | float) else None


def _not_after(record: Record, first: str, second: str) -> bool:
    before, after = _number(record, first), _number(record, second)
    return before is None or after is None or before <= after


CHECKS: Mapping[str, Callable[[Record, float], bool]] = {
    "address": lambda record, taken: bool(_ADDRESS.match(str(record["icao24"]))),
    "callsign": lambda record, taken: not record["callsign"] or bool(_CALLSIGN.match(str(record["callsign"]))),
    "country": lambda record, taken: bool(record["origin_country"]),
    "position before contact": lambda record, taken: _not_after(record, "time_position", "last_contact"),
    "not from the future": lambda record, taken: (_number(record, "last_contact") or 0) <= taken,
    "fresh": lambda record, taken: (_number(record, "last_contact") or 0) >= taken - _OLDEST_S,
    "longitude": lambda record, taken: _within(record, "longitude", -180, 180),
    "latitude": lambda record, taken: _within(record, "latitude", -90, 90),
    "whole position": lambda record, taken: (record["longitude"] is None) == (record["latitude"] is None),
    "altitude": lambda record, taken: _within(record, "baro_altitude", -1000, 20_000),
    "both altitudes": lambda record, taken: (
        abs((_number(record, "baro_altitude") or 0) - (_number(record, "geo_altitude") or 0)) < 1500
        or None in (record["baro_altitude"], record["geo_altitude"])
    ),
    "velocity": lambda record, taken: _within(record, "velocity", 0, 450),
    "slow on the ground": lambda record, taken: not record["on_ground"] or _within(record, "velocity", 0, 130),
    "track": lambda record, taken: _within(record, "true_track", 0, 360),
    "vertical rate": lambda record, taken: _within(record, "vertical_rate", -100, 100),
    "squawk": lambda record, taken: record["squawk"] is None or bool(_SQUAWK.match(str(record["squawk"]))),
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What the checks say of a file: the rows that pass all of them, the others with the checks that they fail.

    `score` is the share of checks that were passed, `completeness` that of essential values that are there, and
    `error_rate` that of rows that fail a check.
    """

    good: list[Record]
    bad: list[tuple[Record, list[str]]]
    score: float
    completeness: float
    error_rate: float

    @property
    def failures(self) -> Counter[str]:
        """How often each check failed."""
        return Counter(name for _, names in self.bad for name in names)


def judge(records: Sequence[Record], taken: float) -> Verdict:
    """Check every row of a file that was taken at a moment."""
    good: list[Record] = []
    bad: list[tuple[Record, list[str]]] = []
    for record in records:
        failed = [name for name, holds in CHECKS.items() if not holds(record, taken)]
        if failed:
            bad.append((record, failed))
        else:
            good.append(record)
    checked = len(records) * len(CHECKS)
    filled = sum(record[field] not in (None, "") for record in records for field in _ESSENTIAL)
    return Verdict(
        good,
        bad,
        score=1 - sum(len(failed) for _, failed in bad) / checked if checked else 0.0,
        completeness=filled / (len(records) * len(_ESSENTIAL)) if records else 0.0,
        error_rate=len(bad) / len(records) if records else 1.0,
    )
