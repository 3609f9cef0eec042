"""How many batches of a queue are handled at a time.

AWS begins with five and adds three hundred a minute for as long as there is more to do, up to 1,250, and takes fewer
while the function fails: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html. Here the queue and the
functions share a few cores, so it adds none while receiving takes longer than it did at its quickest, or takes much of
the time of a batch, and takes away what it has added. More of them would get no more done, and others who invoke would
wait behind them.
"""

from __future__ import annotations

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
_MOST_OF_A_BATCH: Final = 0.1
# What was quick once is not for ever: the measure doubles in each minute in which nothing was as quick.
_FORGOTTEN_IN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Scaling:
    """The number of batches at a time: between `least` and `most`, `limit` just now, since `at`."""

    least: int = _AT_START
    most: int = _MOST
    limit: float = _AT_START
    at: float | None = None
    quickest_s: float = 1.0

    @property
    def lanes(self) -> int:
        """How many batches may be handled at a time."""
        return max(1, int(self.limit))

    def busy(self, now: float, took_s: float, batch_s: float = 1.0) -> Scaling:
        """Return the scaling after messages came while all lanes were taken.

        Receiving them took `took_s`, and the function lately `batch_s` for a batch.

        >>> Scaling().busy(100.0, 0.001).busy(160.0, 0.001).lanes
        305
        >>> Scaling().busy(100.0, 0.001).busy(160.0, 0.5).lanes
        5
        >>> Scaling(limit=100).busy(100.0, 0.001).busy(100.1, 0.5).lanes
        80
        >>> Scaling(limit=100).busy(100.0, 0.001).busy(100.1, 0.001, 0.002).lanes
        80
        """
        since_s = 0.0 if self.at is None else max(0.0, now - self.at)
        quickest_s = min(took_s, self.quickest_s * 2 ** min(since_s / _FORGOTTEN_IN_S, 10.0), 1.0)
        if took_s > min(2 * quickest_s + _SLACK_S, batch_s * _MOST_OF_A_BATCH):
            limit = max(self.limit * 0.8, min(self.limit, float(self.least)))
        else:
            limit = self.limit + since_s * _MORE_PER_S
        return replace(self, limit=min(limit, float(self.most)), at=now, quickest_s=quickest_s)

    def failed(self, now: float) -> Scaling:
        """Return the scaling after a batch failed: fewer at a time.

        >>> Scaling().failed(0.0).failed(0.0).failed(0.0).lanes
        1
        """
        return replace(self, limit=max(1.0, self.limit / 2), at=now)

    def succeeded(self) -> Scaling:
        """Return the scaling after a batch was handled: what failures took away comes back, one at a time."""
        return replace(self, limit=min(self.limit + 1.0, float(self.least))) if self.limit < self.least else self

    def idle(self) -> Scaling:
        """Return the scaling once the queue was found empty."""
        return replace(self, limit=min(self.limit, float(self.least)), at=None)


def scaling_of(settings: Mapping[str, Any]) -> Scaling:  # Any: a mapping's settings
    """Return the scaling that a mapping begins with.

    >>> scaling_of({"ScalingConfig": {"MaximumConcurrency": 2}}).lanes
    2
    >>> scaling_of({"ProvisionedPollerConfig": {"MinimumPollers": 3}})
    Scaling(least=30, most=2000, limit=30, at=None, quickest_s=1.0)
    """
    pollers = settings.get("ProvisionedPollerConfig")
    if pollers:
        least = _OF_A_POLLER * pollers.get("MinimumPollers", _LEAST_POLLERS)
        most = max(least, _OF_A_POLLER * pollers.get("MaximumPollers", _MOST_POLLERS))
        return Scaling(least, most, least)
    most = settings.get("ScalingConfig", {}).get("MaximumConcurrency", _MOST)
    least = min(_AT_START, most)
    return Scaling(least, most, least)
