"""A chart as SVG: one file without scripts or fonts of its own, for light and dark pages alike.

Lines differ in colour and in dashes; title and description are there for screen readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from lambent.insight.chart.plot import Chart, Series, money, names, short

WIDTH, HEIGHT = 960, 560
_LEFT, _RIGHT, _TOP, _BOTTOM = 92, 28, 52, 168
_DASH = ' stroke-dasharray="7 4"'
_STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #1f2933; }
  .name { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; }
  .title { font-size: 18px; font-weight: 600; }
  .page { fill: #ffffff; }
  .grid { stroke: #d5dbe1; stroke-width: 1; }
  .axis { stroke: #52606d; stroke-width: 1.5; }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
  .demand { stroke: #b3441e; }
  .managed { stroke: #1261a0; }
  .mark { fill: #ffffff; stroke: #1f2933; stroke-width: 2; }
  .drop { stroke: #1f2933; stroke-width: 1; stroke-dasharray: 2 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e7eb; }
    .page { fill: #15191e; }
    .name { stroke: #15191e; }
    .grid { stroke: #333c46; }
    .axis { stroke: #9aa5b1; }
    .demand { stroke: #ff9b71; }
    .managed { stroke: #6cb6ff; }
    .mark { fill: #15191e; stroke: #e4e7eb; }
    .drop { stroke: #e4e7eb; }
  }
"""


def svg(chart: Chart) -> str:
    """Return the chart as an SVG document."""
    return "\n".join(_document(chart)) + "\n"


def _document(chart: Chart) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'role="img" aria-labelledby="title description">'
    )
    yield f'<title id="title">{escape(chart.title)}</title>'
    yield f'<desc id="description">{escape(chart.description)}</desc>'
    yield f"<style>{_STYLE}</style>"
    yield f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>'
    yield f'<text class="title" x="{_LEFT}" y="32">{escape(chart.title)}</text>'
    yield from _scales(chart)
    for series in chart.series:
        points = " ".join(f"{_x(chart, x):.1f},{_y(chart, y):.1f}" for x, y in series.points)
        yield f'<polyline {_drawn(series)} points="{points}"/>'
    yield from _marks(chart)
    yield from _legend(chart)
    yield "</svg>"


def _scales(chart: Chart) -> Iterator[str]:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    for tick in chart.y_ticks:
        y = _y(chart, tick)
        yield f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 5:.1f}" text-anchor="end">{money(tick)}</text>'
    for tick in chart.x_ticks:
        x = _x(chart, tick)
        yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 5}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 22}" text-anchor="middle">{short(tick)}</text>'
    yield f'<line class="axis" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
    yield f'<text x="{right}" y="{bottom + 42}" text-anchor="end">requests a month</text>'


def _marks(chart: Chart) -> Iterator[str]:
    for mark in chart.marks:
        x, y = _x(chart, mark.x), _y(chart, mark.y)
        yield f'<line class="drop" x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{HEIGHT - _BOTTOM}"/>'
        yield f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
    for name in names(chart):
        x = _x(chart, name.mark.x) + (-10 if name.is_left else 10)
        y = _y(chart, name.y)
        if name.is_far:
            at = _x(chart, name.mark.x)
            yield f'<line class="drop" x1="{at:.1f}" x2="{at:.1f}" y1="{_y(chart, name.mark.y) - 6:.1f}" y2="{y:.1f}"/>'
        anchor = "end" if name.is_left else "start"
        yield f'<text class="name" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(name.mark.name)}</text>'


def _legend(chart: Chart) -> Iterator[str]:
    top = HEIGHT - _BOTTOM + 66
    for number, series in enumerate(chart.series):
        y = top + number * 24
        ends = f'x1="{_LEFT}" x2="{_LEFT + 36}" y1="{y}" y2="{y}"'
        yield f"<line {_drawn(series)} {ends}/>"
        yield f'<text x="{_LEFT + 46}" y="{y + 5}">{escape(series.name)}</text>'


def _drawn(series: Series) -> str:
    """Return how a line is drawn: models differ in colour, commitments in dashes."""
    return f'class="line {"managed" if series.is_managed else "demand"}"{_DASH if series.is_committed else ""}'


def _x(chart: Chart, x: float) -> float:
    return _LEFT + x / chart.x_most * (WIDTH - _LEFT - _RIGHT)


def _y(chart: Chart, y: float) -> float:
    return HEIGHT - _BOTTOM - y / chart.y_most * (HEIGHT - _TOP - _BOTTOM)
