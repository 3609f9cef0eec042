"""Charts: what they show, and that each drawing shows it."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from lambent.aws.instance_types import matching
from lambent.insight.chart.plot import Chart, Mark, Series, chart_of, money, names, short, ticks
from lambent.insight.chart.png import HEIGHT, WIDTH, png
from lambent.insight.chart.strokes import strokes
from lambent.insight.chart.svg import svg
from lambent.insight.chart.terminal import lines_of
from lambent.insight.cost import FunctionSize, ManagedSize, Prices, compare
from lambent.insight.figures import Basis, Origin
from lambent.insight.price_files import shipped_prices
from lambent.insight.sizing import environment_size
from lambent.insight.traffic import Duration, parse_rate, steady

GIVEN = Origin(Basis.GIVEN, "--rate")
US = Prices(shipped_prices(), "us-east-1")
SVG = "{http://www.w3.org/2000/svg}"
SMALL = Chart(
    "f: <cost> & more",
    "what it shows",
    (
        Series("on demand", ((0.0, 0.0), (10.0, 100.0))),
        Series("managed", ((0.0, 50.0), (10.0, 50.0)), is_managed=True, is_committed=True),
    ),
    (Mark("break-even", 5.0, 50.0), Mark("this traffic", 5.5, 55.0)),
    (0.0, 5.0, 10.0),
    (0.0, 50.0, 100.0),
)


def charted(rate: str) -> Chart:
    traffic = steady(parse_rate(rate), GIVEN, Duration(80, GIVEN))
    managed = ManagedSize(environment_size(4096, 2, None, "python3.13"), matching("arm64", allowed=("m7g.*",)))
    return chart_of(compare(FunctionSize("fibonacci", 4096, "arm64"), managed, traffic, US), US)


@pytest.mark.parametrize("rate", ["1/day", "40/s", "5000/s"])
def test_a_chart_marks_where_the_plain_lines_cross_and_where_the_traffic_is(rate: str) -> None:
    chart = charted(rate)
    demand, _, managed, committed = chart.series
    crossing, now = chart.marks
    assert crossing.name.startswith("break-even: ")
    for series in (demand, managed):
        below = max((point for point in series.points if point[0] <= crossing.x), key=lambda point: point[0])
        above = min((point for point in series.points if point[0] >= crossing.x), key=lambda point: point[0])
        assert below[1] <= crossing.y * 1.001
        assert above[1] >= crossing.y * 0.999
    assert now.x <= chart.x_most
    assert crossing.x < chart.x_most
    assert all(y <= chart.y_most for series in chart.series for _, y in series.points)
    assert committed.points[-1][1] < managed.points[-1][1]


def test_lines_begin_where_bills_do() -> None:
    demand, _, managed, _ = charted("40/s").series
    assert demand.points[0] == (0.0, 0.0)
    assert managed.points[0][1] == pytest.approx(3 * 730 * 0.1632 * 1.15)


def test_ticks_are_round_and_reach_the_most() -> None:
    assert ticks(0.07, 5) == pytest.approx((0, 0.02, 0.04, 0.06, 0.08))
    assert ticks(1_000, 5) == (0, 200, 400, 600, 800, 1_000)
    assert ticks(0, 5)[-1] > 0
    assert [money(one) for one in (0, 2, 2.5, 1_250)] == ["$0", "$2", "$2.50", "$1,250"]
    assert [short(one) for one in (999_999, 999_400, 4e6)] == ["1M", "999k", "4M"]


def test_an_svg_is_well_formed_told_to_readers_and_the_same_in_the_dark() -> None:
    root = ET.fromstring(svg(SMALL))  # noqa: S314  our own document
    assert root.get("role") == "img"
    assert [root.findtext(f"{SVG}{name}") for name in ("title", "desc")] == ["f: <cost> & more", "what it shows"]
    assert "prefers-color-scheme: dark" in (root.findtext(f"{SVG}style") or "")
    lines = root.findall(f"{SVG}polyline")
    assert len(lines) == 2
    assert [line.get("stroke-dasharray") for line in lines] == [None, "7 4"]  # told apart without colour
    texts = [text.text for text in root.findall(f"{SVG}text")]
    assert {"on demand", "managed", "break-even", "this traffic", "requests a month", "$50", "5"} <= set(texts)
    assert "<script" not in svg(SMALL)


def test_a_png_is_one_and_has_the_lines_in_it() -> None:
    data = png(SMALL)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    parts = {}
    place = 8
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length : place + 12 + length])[0] == zlib.crc32(kind + body)
        parts[kind] = body
        place += 12 + length
    assert list(parts) == [b"IHDR", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", parts[b"IHDR"]) == (WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    raw = zlib.decompress(parts[b"IDAT"])
    assert len(raw) == HEIGHT * (1 + 3 * WIDTH)
    dots = {
        raw[place : place + 3]
        for row in range(HEIGHT)
        for place in range(row * (1 + 3 * WIDTH) + 1, row * (1 + 3 * WIDTH) + 1 + 3 * WIDTH, 3)
    }
    assert bytes((179, 68, 30)) in dots
    assert bytes((255, 255, 255)) in dots


def test_the_same_chart_is_the_same_picture() -> None:
    assert png(SMALL) == png(SMALL)


@pytest.mark.parametrize("width", [20, 48, 80, 200])
def test_a_chart_on_the_terminal_keeps_to_its_width_and_needs_no_colour(width: int) -> None:
    lines = list(lines_of(SMALL, width))
    assert max(len(line) for line in lines[:-4]) <= min(max(width, 48), 110)
    text = "\n".join(lines)
    assert "\x1b" not in text
    for sign in ("●", "□", "✕", "▲"):
        assert text.count(sign) >= 2  # in the chart, and where it is explained


def test_names_of_marks_that_are_near_stand_apart() -> None:
    first, second = names(SMALL)
    assert first.is_left
    assert second.is_left
    assert abs(first.y - second.y) >= SMALL.y_most / 20


def test_the_name_of_a_mark_in_the_corner_stands_above_the_lines() -> None:
    chart = replace(SMALL, marks=(Mark("break-even", 0.3, 3.0),))
    (name,) = names(chart)
    assert name.is_far
    assert name.y > 50
    assert "break-even" in svg(chart)


def test_every_letter_of_a_chart_has_strokes() -> None:
    chart = charted("40/s")
    words = [chart.title, *(one.name for one in chart.series), *(one.name for one in chart.marks)]
    words += map(money, chart.y_ticks)
    box = list(strokes("☃"))
    assert [letter for letter in "".join(words) if list(strokes(letter)) == box] == []


def test_large_numbers_stand_beside_their_axis_and_long_names_above_the_chart() -> None:
    chart = charted("1000000/s")
    assert "e+" not in "".join(
        [*map(short, chart.x_ticks), *map(money, chart.y_ticks), *(one.name for one in chart.marks)]
    )
    assert max(len(money(tick)) for tick in chart.y_ticks) <= len("$100,000")
    traffic = steady(parse_rate("40/s"), GIVEN, Duration(80, GIVEN))
    for length in (5, 30, 64):
        title = chart_of(compare(FunctionSize("f" * length, 4096), None, traffic, US), US).title
        assert title.startswith("fffff")
        assert len(title) <= 60
