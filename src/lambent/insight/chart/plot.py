"""What a chart shows, whatever it is drawn with: lines over requests a month, their scales, and where they cross."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Final

from lambent.insight.cost import Comparison, Option, Prices, instance_month
from lambent.insight.prices import ON_DEMAND, commitment_name
from lambent.insight.traffic import MONTH_S

_SAMPLES: Final = 240
_TITLE_WIDTH: Final = 60


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its name, its points from left to right, and what it stands for, by which it is drawn."""

    name: str
    points: tuple[tuple[float, float], ...]
    is_managed: bool = False
    is_committed: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A point that is told: where two lines cross, or where the traffic is now."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Name:
    """Where a mark's name stands: to which side of it, and at which height. Far from its mark, a line leads to it."""

    mark: Mark
    is_left: bool
    y: float
    is_far: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of costs in USD a month over requests a month; ticks lie on both axes from 0 on."""

    title: str
    description: str
    series: tuple[Series, ...]
    marks: tuple[Mark, ...]
    x_ticks: tuple[float, ...]
    y_ticks: tuple[float, ...]

    @property
    def x_most(self) -> float:
        """The right end of the scale."""
        return self.x_ticks[-1]

    @property
    def y_most(self) -> float:
        """The upper end of the scale."""
        return self.y_ticks[-1]


def names(chart: Chart) -> Iterator[Name]:
    """Yield where names stand, clear of one another and of the axis: above lines that rise, where there is room."""
    line = chart.y_most / 20
    taken: list[float] = []
    for mark in sorted(chart.marks, key=lambda one: one.y):
        is_left = mark.x > chart.x_most * 0.45
        is_far = not is_left and mark.y < 3 * line
        if is_left:
            y = mark.y + line / 2
        elif is_far:
            y = max(_at(one, mark.x + chart.x_most / 2) for one in chart.series) + line
        else:
            y = mark.y - 1.2 * line
        while any(abs(y - other) < 1.3 * line for other in taken):
            y += (1.3 if is_left or is_far else -1.3) * line
        taken.append(y)
        yield Name(mark, is_left, y, is_far)


def chart_of(comparison: Comparison, prices: Prices) -> Chart:
    """Return the chart of a function's options: plain prices, and the best of those that ask for a commitment."""
    layout, managed = comparison.layout, comparison.managed
    now = float(comparison.requests)
    crossing = None if managed is None or managed.break_even is None else float(managed.break_even)
    most = max(1.3 * now, 2 * (crossing or 0.0))
    x_ticks = ticks(most, 6)
    places = [x_ticks[-1] * place / _SAMPLES for place in range(_SAMPLES + 1)]
    shown = list(_shown(comparison))
    counts = _counts(comparison, places)
    series = tuple(
        Series(
            label(one),
            tuple(zip(places, _costs(one, comparison, prices, counts), strict=True)),
            is_managed=one.is_managed,
            is_committed=one.discount != ON_DEMAND,
        )
        for one in shown
    )
    marks = []
    plain = series[0]
    if crossing is not None and managed is not None:
        marks.append(Mark(f"break-even: {short(crossing)} requests a month", crossing, _at(plain, crossing)))
    marks.append(Mark(f"this traffic: {short(now)}", now, _at(plain, now)))
    highest = max(y for one in series for _, y in one.points)
    meets = "they never cross" if crossing is None else f"they cross at {crossing:,.0f} requests a month"
    described = f"USD a month over requests a month for {comparison.size.name}: " + "; ".join(
        one.name for one in series
    )
    if layout is not None:
        described += f". Plain on demand and managed instances: {meets}."
    return Chart(_title(comparison.size.name), described, series, tuple(marks), x_ticks, ticks(highest, 5))


def _title(name: str) -> str:
    """Return what stands above the chart, as long as it is wide."""
    whole = f"{name}: cost a month over requests a month"
    brief = whole if len(whole) <= _TITLE_WIDTH else f"{name}: cost a month"
    return brief if len(brief) <= _TITLE_WIDTH else f"{name[: _TITLE_WIDTH - 3]}..."


def label(option: Option) -> str:
    """Return an option in words: `managed instances (m7g.xlarge), Compute Savings Plan, 1 year`."""
    name = f"{option.name} ({option.instance_type})" if option.instance_type else option.name
    return name if option.discount == ON_DEMAND else f"{name}, {commitment_name(option.discount)}"


def short(value: float) -> str:
    """Return a number as it stands on an axis.

    >>> [short(one) for one in (0, 950, 12_500, 1_500_000, 72_249_324, 2e9, 2.6e12)]
    ['0', '950', '12.5k', '1.5M', '72.2M', '2B', '2.6T']
    """
    if value >= 9.995e14:
        return f"{value / 1e12:,.0f}T"
    for size, name in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size * 0.9995:
            return f"{value / size:.3g}{name}"
    return f"{value:.3g}"


def money(value: float) -> str:
    """Return an amount as it stands on an axis: whole dollars, millions of them, or cents where the axis is below some.

    >>> money(2_500), money(1.25e9), money(0.5)
    ('$2,500', '$1.25B', '$0.50')
    """
    if value >= 1e6:
        return f"${short(value)}"
    return f"${value:,.0f}" if value >= 10 or value == int(value) else f"${value:,.2f}"


def ticks(most: float, count: int) -> tuple[float, ...]:
    """Return round numbers from 0 to one that is no less than `most`, about `count` steps.

    >>> ticks(470, 5)
    (0.0, 100.0, 200.0, 300.0, 400.0, 500.0)
    """
    rough = max(most, 1e-9) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(one * power for one in (1, 2, 2.5, 5, 10) if one * power >= rough * (1 - 1e-9))
    return tuple(round(step * place, 10) for place in range(max(1, math.ceil(most / step - 1e-9)) + 1))


def _shown(comparison: Comparison) -> Iterator[Option]:
    for is_managed in (False, True):
        options = [one for one in comparison.options if one.is_managed is is_managed]
        yield from (one for one in options if one.discount == ON_DEMAND)
        committed = [one for one in options if one.discount != ON_DEMAND]
        if committed:
            yield min(committed, key=lambda one: one.per_million)


def _counts(comparison: Comparison, places: Sequence[float]) -> list[tuple[float, float]]:
    """Return numbers of requests, each with the instances that they take."""
    layout, shape = comparison.layout, comparison.shape
    if layout is None:
        return [(place, 0.0) for place in places]
    return [(place, float(shape.mean_instances(layout, Fraction(round(place)) / int(MONTH_S)))) for place in places]


def _costs(
    option: Option, comparison: Comparison, prices: Prices, counts: Sequence[tuple[float, float]]
) -> Iterator[float]:
    request = float(prices.managed().request.usd)
    if option.is_managed:
        each = float(instance_month(prices.instance(option.instance_type or ""), prices.managed(), option.discount))
        yield from (count * each + place * request for place, count in counts)
        return
    # A Savings Plan lowers duration by one share, at every number of requests.
    share = _share_of(option, comparison.options[0])
    requests_price = float(prices.functions(comparison.size.architecture).request.usd)
    for place, _ in counts:
        whole = float(comparison.bill.at(Fraction(round(place)))) + place * request
        fixed = min(place * requests_price, whole)
        yield fixed + (whole - fixed) * share


def _share_of(option: Option, plain: Option) -> float:
    own = sum(line.exact for line in option.lines if line.name != "requests")
    full = sum(line.exact for line in plain.lines if line.name != "requests")
    return float(own / full) if full else 1.0


def _at(series: Series, x: float) -> float:
    for (left, low), (right, high) in pairwise(series.points):
        if x <= right:
            return low + (high - low) * (x - left) / (right - left)
    return series.points[-1][1]
