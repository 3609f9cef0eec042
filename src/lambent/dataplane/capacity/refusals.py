"""Launches that EC2 refused: when another may be tried, and what is not to be tried again yet."""

from __future__ import annotations

from collections import Counter
from typing import Final

from lambent.dataplane.capacity.types import Timing
from lambent.dataplane.scaling.managed_instances import backoff_s

_TYPES_TO_TRY: Final = 2
"""After how many types refused in one zone another zone is tried instead."""


class Refusals:
    """What EC2 had none of a short while ago, by type and zone, and how often in a row it had nothing.

    >>> refusals = Refusals(Timing(retry_s=10.0))
    >>> refusals.failed("m7i.large", "eu-west-1a", now=0.0)
    >>> refusals.may_launch(5.0), refusals.may_launch(10.0), sorted(refusals.current(12.0))
    (False, True, [('m7i.large', 'eu-west-1a')])
    """

    __slots__ = ("_by_pair", "_failures", "_retry_at", "_timing")

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._by_pair: dict[tuple[str, str], float] = {}
        self._failures = 0
        self._retry_at = float("-inf")

    def failed(self, instance_type: str, zone: str, now: float) -> None:
        """A launch was refused: wait before any other, and for longer before the same again."""
        self._failures += 1
        self._retry_at = now + backoff_s(self._failures, self._timing.retry_s, self._timing.retry_most_s)
        self._by_pair[instance_type, zone] = now + self._timing.retry_most_s

    def succeeded(self, instance_type: str, zone: str) -> None:
        """A launch went well: nothing has to wait any more."""
        self._failures = 0
        self._retry_at = float("-inf")
        self._by_pair.pop((instance_type, zone), None)

    def may_launch(self, now: float) -> bool:
        """Tell whether launches may be tried again."""
        return now >= self._retry_at

    def current(self, now: float) -> frozenset[tuple[str, str]]:
        """Return the pairs of type and zone that are not to be tried now."""
        return frozenset(pair for pair, until in self._by_pair.items() if now < until)

    def avoided(self, now: float) -> frozenset[str]:
        """Return the zones in which so many types are refused that others had better be tried first."""
        by_zone = Counter(zone for _, zone in self.current(now))
        return frozenset(zone for zone, count in by_zone.items() if count >= _TYPES_TO_TRY)
