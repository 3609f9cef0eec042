"""Traffic of a shape: a mean rate and a peak, laid out over a span in minutes."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from lambent.insight.figures import InsightError, Origin
from lambent.insight.traffic import DAY_S, HOUR_S, Duration, Rate, Traffic, daily, steady

_MINUTE_S: Final = 60.0


class TrafficShape(StrEnum):
    """How traffic is laid out over its span."""

    STEADY = "steady"
    """The same rate all the time."""
    DAY = "day"
    """A day with its peak in the middle, and quiet nights."""
    RAMP = "ramp"
    """From the rate to the peak, evenly over the whole span."""
    SPIKE = "spike"
    """The rate, and ten minutes of the peak in the middle."""
    STEPS = "steps"
    """An hour of the rate, an hour of the peak, and so on."""


_USUAL_PEAK: Final = {TrafficShape.DAY: 3.0, TrafficShape.RAMP: 4.0, TrafficShape.SPIKE: 5.0, TrafficShape.STEPS: 2.0}


def shaped(shape: TrafficShape, rate: Rate, span_s: float, origin: Origin, peak: Rate | None = None) -> Traffic:
    """Return traffic of a shape in minutes over `span_s`; without a peak it is the shape's usual multiple of the rate.

    The rate of a day is its mean; of the other shapes it is what the peak stands out from. Raises InsightError for a
    peak that is below the rate, or where there is none.

    >>> from lambent.insight.figures import Basis
    >>> found = shaped(TrafficShape.RAMP, Rate(1.0, 1.0), 240.0, Origin(Basis.GIVEN, ""), Rate(4.0, 1.0))
    >>> [round(each) for each in found.requests]
    [82, 128, 172, 218]
    """
    if shape is TrafficShape.STEADY:
        if peak is not None:
            raise InsightError("Steady traffic has no peak.", "Choose another shape: day, ramp, spike or steps.")
        return steady(rate, origin).over(span_s, min(_MINUTE_S, span_s))
    high = Rate(rate.per_second * _USUAL_PEAK[shape], 1.0) if peak is None else peak
    if high.per_second < rate.per_second:
        raise InsightError("The peak is no less than the rate.", "Give a higher peak, or a lower rate.")
    if shape is TrafficShape.DAY:
        return daily(rate, high, origin).over(span_s)
    level = _levels(shape, span_s)
    count = math.ceil(round(span_s / _MINUTE_S, 9))
    rates = (
        rate.per_second + (high.per_second - rate.per_second) * level((minute + 0.5) * _MINUTE_S)
        for minute in range(count)
    )
    no_duration: Duration | None = None
    return Traffic(tuple(each * _MINUTE_S for each in rates), _MINUTE_S, origin, no_duration)


def _levels(shape: TrafficShape, span_s: float) -> Callable[[float], float]:
    """Return how far between rate and peak the traffic is at a moment: 0 to 1."""
    if shape is TrafficShape.RAMP:
        return lambda at: at / span_s
    if shape is TrafficShape.SPIKE:
        half = min(300.0, span_s / 4)
        return lambda at: float(abs(at - span_s / 2) < half)
    return lambda at: float(at % (2 * HOUR_S) >= HOUR_S)


SPAN_S: Final = DAY_S
"""How long a shape lasts where nothing is said."""
