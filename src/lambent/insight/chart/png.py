"""A chart as PNG, drawn dot by dot: no library for pictures is needed for a few lines and words.

https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lambent.insight.chart.plot import Chart, Series, money, names, short
from lambent.insight.chart.strokes import ADVANCE, strokes

WIDTH, HEIGHT = 1200, 700
_LEFT, _RIGHT, _TOP, _BOTTOM = 120, 40, 70, 210
Colour = tuple[int, int, int]
_PAGE: Colour = (255, 255, 255)
_INK: Colour = (31, 41, 51)
_GRID: Colour = (213, 219, 225)
_TEXT = 2.4
_TITLE = 3.0


@dataclass(frozen=True, slots=True)
class Pen:
    """What lines are drawn with; `dash` is the length of a dash in dots, 0 for a line without."""

    colour: Colour
    thickness: float
    dash: float = 0.0


_DEMAND: Colour = (179, 68, 30)
_MANAGED: Colour = (18, 97, 160)
_LINE_WIDTH = 3.2
_DASH = 16.0
_DROP = Pen(_INK, 1.0, 5.0)


class Canvas:
    """Dots in rows; what is drawn has soft edges."""

    def __init__(self, width: int, height: int, page: Colour) -> None:
        self.width = width
        self.height = height
        self._rows = [bytearray(page * width) for _ in range(height)]

    def line(self, begin: tuple[float, float], end: tuple[float, float], colour: Colour, thickness: float) -> None:
        """Draw a stroke with round ends; one without length is a dot."""
        (x1, y1), (x2, y2) = begin, end
        reach = thickness / 2 + 1
        length = (x2 - x1) ** 2 + (y2 - y1) ** 2
        for y in range(max(0, int(min(y1, y2) - reach)), min(self.height, math.ceil(max(y1, y2) + reach) + 1)):
            left, right = self._span(y, begin, end, reach)
            for x in range(left, right):
                along = 0.0 if not length else ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length
                along = min(1.0, max(0.0, along))
                distance = math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1))
                self._blend(x, y, colour, thickness / 2 + 0.5 - distance)

    def text(
        self, at: tuple[float, float], words: str, *, scale: float = _TEXT, anchor: float = 0.0, is_raised: bool = False
    ) -> None:
        """Draw words on a line; `anchor` is 0 for those that begin there, 0.5 for their middle, 1 for their end.

        Raised ones keep a rim of the page around them, so that lines beneath leave them legible.
        """
        x = at[0] - anchor * width_of(words, scale)
        top = at[1] - 6 * scale
        thickness = max(1.4, scale * 0.62)
        for colour, rim in ((_PAGE, 5.0), (_INK, 0.0)) if is_raised else ((_INK, 0.0),):
            for place, letter in enumerate(words):
                left = x + place * ADVANCE * scale
                for stroke in strokes(letter):
                    dots = [(left + px * scale, top + py * scale) for px, py in stroke]
                    for begin, end in pairwise(dots if len(dots) > 1 else dots * 2):
                        self.line(begin, end, colour, thickness + rim)

    def png(self) -> bytes:
        """Return the picture as a PNG of 8 bits a colour."""
        raw = b"".join(b"\0" + bytes(row) for row in self._rows)
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        parts = (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(raw, 9)), _chunk(b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(parts)

    def _span(self, y: int, begin: tuple[float, float], end: tuple[float, float], reach: float) -> tuple[int, int]:
        """Return the columns of a row that a stroke may touch."""
        (x1, y1), (x2, y2) = begin, end
        low, high = min(x1, x2), max(x1, x2)
        if abs(y2 - y1) > 1e-9 and abs(x2 - x1) > 1e-9:
            slope = (x2 - x1) / (y2 - y1)
            wide = reach * math.hypot(1.0, slope)
            middle = x1 + (y - y1) * slope
            low, high = max(low, middle - wide), min(high, middle + wide)
        return max(0, int(low - reach)), min(self.width, math.ceil(high + reach) + 1)

    def _blend(self, x: int, y: int, colour: Colour, cover: float) -> None:
        if cover <= 0:
            return
        share = min(cover, 1.0)
        row, place = self._rows[y], 3 * x
        for channel in range(3):
            old = row[place + channel]
            row[place + channel] = round(old + (colour[channel] - old) * share)


def width_of(words: str, scale: float) -> float:
    """Return how wide words are drawn."""
    return max(0.0, len(words) * ADVANCE - (ADVANCE - 4)) * scale


def png(chart: Chart) -> bytes:
    """Return the chart as a PNG picture."""
    canvas = Canvas(WIDTH, HEIGHT, _PAGE)
    canvas.text((_LEFT, 42), chart.title, scale=_TITLE)
    _scales(canvas, chart)
    for series in chart.series:
        points = [(_x(chart, x), _y(chart, y)) for x, y in series.points]
        _polyline(canvas, points, _pen(series))
    _marks(canvas, chart)
    _legend(canvas, chart)
    return canvas.png()


def _scales(canvas: Canvas, chart: Chart) -> None:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    for tick in chart.y_ticks:
        y = _y(chart, tick)
        canvas.line((_LEFT, y), (right, y), _GRID, 1)
        canvas.text((_LEFT - 12, y + 7), money(tick), anchor=1.0)
    for tick in chart.x_ticks:
        x = _x(chart, tick)
        canvas.line((x, bottom), (x, bottom + 7), _INK, 1.5)
        canvas.text((x, bottom + 30), short(tick), anchor=0.5)
    canvas.line((_LEFT, bottom), (right, bottom), _INK, 1.5)
    canvas.text((right, bottom + 58), "requests a month", anchor=1.0)


def _marks(canvas: Canvas, chart: Chart) -> None:
    for mark in chart.marks:
        x, y = _x(chart, mark.x), _y(chart, mark.y)
        _polyline(canvas, [(x, y), (x, HEIGHT - _BOTTOM)], _DROP)
        canvas.line((x, y), (x, y), _INK, 13)
        canvas.line((x, y), (x, y), _PAGE, 8)
    for name in names(chart):
        x = _x(chart, name.mark.x) + (-14 if name.is_left else 14)
        y = _y(chart, name.y)
        if name.is_far:
            at = _x(chart, name.mark.x)
            _polyline(canvas, [(at, _y(chart, name.mark.y) - 7), (at, y)], _DROP)
        canvas.text((x, y), name.mark.name, anchor=1.0 if name.is_left else 0.0, is_raised=True)


def _legend(canvas: Canvas, chart: Chart) -> None:
    top = HEIGHT - _BOTTOM + 96
    for number, series in enumerate(chart.series):
        y = top + number * 30
        ends = [(float(_LEFT), float(y)), (float(_LEFT + 50), float(y))]
        _polyline(canvas, ends, _pen(series))
        canvas.text((_LEFT + 64, y + 7), series.name)


def _polyline(canvas: Canvas, points: Sequence[tuple[float, float]], pen: Pen) -> None:
    """Draw connected strokes; a dashed pen leaves out half a dash after each, along the whole way."""
    walked = 0.0
    for begin, end in pairwise(points):
        length = math.dist(begin, end)
        if not pen.dash:
            canvas.line(begin, end, pen.colour, pen.thickness)
            continue
        place = 0.0
        while place < length:
            phase = (walked + place) % (1.5 * pen.dash)
            ahead = min(length - place, (pen.dash if phase < pen.dash else 1.5 * pen.dash) - phase)
            if phase < pen.dash:
                left, right = (_between(begin, end, one / length) for one in (place, place + ahead))
                canvas.line(left, right, pen.colour, pen.thickness)
            place += max(ahead, 1e-6)
        walked += length


def _pen(series: Series) -> Pen:
    """Return what a line is drawn with: models differ in colour, commitments in dashes."""
    return Pen(_MANAGED if series.is_managed else _DEMAND, _LINE_WIDTH, _DASH if series.is_committed else 0.0)


def _between(begin: tuple[float, float], end: tuple[float, float], share: float) -> tuple[float, float]:
    return begin[0] + (end[0] - begin[0]) * share, begin[1] + (end[1] - begin[1]) * share


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _x(chart: Chart, x: float) -> float:
    return _LEFT + x / chart.x_most * (WIDTH - _LEFT - _RIGHT)


def _y(chart: Chart, y: float) -> float:
    return HEIGHT - _BOTTOM - y / chart.y_most * (HEIGHT - _TOP - _BOTTOM)
