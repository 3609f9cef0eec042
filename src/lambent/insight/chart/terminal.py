"""A chart in characters: each line has a sign of its own, so that it can be read without colour."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.insight.chart.plot import Chart, Series, money, short

_SIGNS = {(False, False): "●", (False, True): "○", (True, False): "■", (True, True): "□"}
_MARKS = "✕▲"
_LEAST_WIDTH = 48
_MOST_WIDTH = 110


def lines_of(chart: Chart, width: int, height: int = 14) -> Iterator[str]:
    """Yield the chart's lines, none wider than `width` columns (but 48 where it is less)."""
    scale = [money(tick) for tick in chart.y_ticks]
    margin = max(len(one) for one in scale) + 1
    columns = min(max(width, _LEAST_WIDTH), _MOST_WIDTH) - margin - 1
    grid = [[" "] * columns for _ in range(height)]
    for series in reversed(chart.series):
        for column in range(columns):
            place = round(column * (len(series.points) - 1) / (columns - 1))
            grid[_row(series.points[place][1], chart, height)][column] = _sign(series)
    for sign, mark in zip(_MARKS, chart.marks, strict=False):
        column = min(columns - 1, round(mark.x / chart.x_most * (columns - 1)))
        grid[_row(mark.y, chart, height)][column] = sign
    at = {_row(tick, chart, height): text for tick, text in zip(chart.y_ticks, scale, strict=True)}
    yield "USD a month"
    for number, row in enumerate(grid):
        text = at.get(number, "")
        yield f"{text:>{margin - 1}} {'┤' if text else '│'}{''.join(row)}".rstrip()
    yield " " * margin + "└" + _axis(chart, columns)
    yield " " * (margin + 1) + _labels(chart, columns)
    yield f"{'requests a month':>{margin + 1 + columns}}"
    for series in chart.series:
        yield f"{_sign(series)} {series.name}"
    for sign, mark in zip(_MARKS, chart.marks, strict=False):
        yield f"{sign} {mark.name}"


def _sign(series: Series) -> str:
    return _SIGNS[series.is_managed, series.is_committed]


def _row(y: float, chart: Chart, height: int) -> int:
    return height - 1 - min(height - 1, max(0, round(y / chart.y_most * (height - 1))))


def _axis(chart: Chart, columns: int) -> str:
    places = {round(tick / chart.x_most * (columns - 1)) for tick in chart.x_ticks}
    return "".join("┬" if column in places else "─" for column in range(columns))


def _labels(chart: Chart, columns: int) -> str:
    found = [" "] * columns
    end = -1
    for tick in chart.x_ticks:
        text = short(tick)
        middle = round(tick / chart.x_most * (columns - 1)) - len(text) // 2
        begin = min(max(middle, 0), columns - len(text))
        if begin > end:
            found[begin : begin + len(text)] = text
            end = begin + len(text)
    return "".join(found).rstrip()
