"""How many batches of a queue are handled at a time.

AWS begins with five and adds three hundred a minute for as long as there is more to do, up to 1,250, and takes fewer
while the function fails: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html. Here the queue and the
functions share a few cores, so it adds none while receiving takes longer than it did at its quickest, and takes away
what it has added: others who invoke would wait behind them.

A function that is done about as quickly as its messages are received is handed three batches at a time, not five: so
many take all the time there is, and each more is one that others wait behind. On two busy cores three got as many
messages handled as five, and at the 75th percentile an invocation of another function met 2.5 ms of the loop's other
work instead of 3.7 (`bench/mappings.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

_AT_START: Final = 5
_MORE_PER_S: Final = 300 / 60
_MOST: Final = 1250
_OF_A_POLLER: Final = 10
_LEAST_POLLERS: Final = 2
_MOST_POLLERS: Final = 200
_SLACK_S: Final = 0.001
_OF_SHORT_BATCHES: Final = 3
_SHORT: Final = 10  # times what receiving takes
_BACK_PER_BATCH: Final = 0.05
# What was quick once is not for ever: the measure doubles in each minute in which nothing was as quick.
_FORGOTTEN_IN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Scaling:
    """The number of batches at a time: `least` at the start and `most` ever, `limit` just now, since `at`.

    `left` is what failures leave of it.
    """

    least: int = _AT_START
    most: int = _MOST
    limit: float = _AT_START
    left: float = math.inf
    at: float | None = None
    quickest_s: float = 1.0

    @property
    def lanes(self) -> int:
        """How many batches may be handled at a time."""
        return max(1, int(min(self.limit, self.left)))

    def busy(self, now: float, took_s: float, batch_s: float = math.inf) -> Scaling:
        """Return the scaling after messages came while all lanes were taken.

        Receiving them took `took_s`, and the function lately `batch_s` for a batch.

        >>> Scaling().busy(100.0, 0.001).busy(160.0, 0.001).lanes
        305
        >>> Scaling().busy(100.0, 0.001).busy(160.0, 0.5).lanes
        5
        >>> Scaling(limit=100).busy(100.0, 0.001).busy(100.1, 0.5).lanes
        80
        >>> Scaling().busy(100.0, 0.001, 0.002).busy(100.1, 0.001, 0.002).busy(100.2, 0.001, 0.002).lanes
        3
        """
        since_s = 0.0 if self.at is None else max(0.0, now - self.at)
        quickest_s = min(took_s, self.quickest_s * 2 ** min(since_s / _FORGOTTEN_IN_S, 10.0), 1.0)
        is_short = batch_s < _SHORT * took_s
        if is_short or took_s > 2 * quickest_s + _SLACK_S:
            fewest = min(self.least, _OF_SHORT_BATCHES) if is_short else self.least
            limit = max(self.limit * 0.8, min(self.limit, float(fewest)))
        elif self.limit < self.least:
            limit = min(self.limit + _BACK_PER_BATCH, float(self.least))
        else:
            limit = min(self.limit + since_s * _MORE_PER_S, float(self.most))
        return replace(self, limit=limit, at=now, quickest_s=quickest_s)

    def failed(self, now: float) -> Scaling:
        """Return the scaling after a batch failed: fewer at a time.

        >>> Scaling().failed(0.0).failed(0.0).failed(0.0).lanes
        1
        """
        left = max(1.0, min(self.limit, self.left) / 2)
        return replace(self, limit=min(self.limit, max(left, float(self.least))), left=left, at=now)

    def succeeded(self) -> Scaling:
        """Return the scaling after a batch was handled: what failures took away comes back, one at a time."""
        if self.left == math.inf:
            return self
        return replace(self, left=self.left + 1.0 if self.left < self.limit else math.inf)

    def idle(self) -> Scaling:
        """Return the scaling once the queue was found empty."""
        return replace(self, limit=min(self.limit, float(self.least)), at=None)


def scaling_of(settings: Mapping[str, Any]) -> Scaling:  # Any: a mapping's settings
    """Return the scaling that a mapping begins with.

    >>> scaling_of({"ScalingConfig": {"MaximumConcurrency": 2}}).lanes
    2
    >>> scaling_of({"ProvisionedPollerConfig": {"MinimumPollers": 3}})
    Scaling(least=30, most=2000, limit=30, left=inf, at=None, quickest_s=1.0)
    """
    pollers = settings.get("ProvisionedPollerConfig")
    if pollers:
        least = _OF_A_POLLER * pollers.get("MinimumPollers", _LEAST_POLLERS)
        most = max(least, _OF_A_POLLER * pollers.get("MaximumPollers", _MOST_POLLERS))
        return Scaling(least, most, least)
    most = settings.get("ScalingConfig", {}).get("MaximumConcurrency", _MOST)
    least = min(_AT_START, most)
    return Scaling(least, most, least)
