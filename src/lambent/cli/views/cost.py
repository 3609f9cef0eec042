"""What a function costs, as text: a table whose figures stand beneath one another, and where they came from."""

from __future__ import annotations

import math
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from lambent.cli.views import human
from lambent.insight.bill import Line
from lambent.insight.chart.plot import Chart
from lambent.insight.chart.terminal import lines_of
from lambent.insight.cost import Comparison, Option, Prices, Variation
from lambent.insight.figures import plain
from lambent.insight.prices import ON_DEMAND, Price, Source, commitment_name
from lambent.insight.subject import Fact, Subject
from lambent.insight.traffic import MONTH_S

_WIDTH = 100
# How many of a unit a price is told for, and in which words.
_EACH = {"requests": (1_000_000, "a million"), "GB-s": (1, "a GB-s"), "hours": (1, "an hour"), "GB": (1, "a GB")}


def figures(headings: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> None:
    """Print a table whose first `left` columns are words and all others figures, aligned at their right."""
    listed = [list(row) for row in rows]
    widths = [max([len(heading), *(len(row[i]) for row in listed)]) for i, heading in enumerate(headings)]

    def aligned(cells: Sequence[str]) -> list[str]:
        return [
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]

    human.table(aligned(headings), [aligned(row) for row in listed])


def dollars(amount: Decimal, places: int = 2) -> str:
    """Return an amount of USD.

    >>> dollars(Decimal("2908.33")), dollars(Decimal("0.93310"), 4)
    ('$2,908.33', '$0.9331')
    """
    return f"${amount:,.{places}f}"


def show(subject: Subject, comparison: Comparison, prices: Prices) -> None:
    """Print a function's options, what each of the two plain ones is made of, and the break-even."""
    size, traffic = comparison.size, subject.traffic
    duration = "" if traffic.duration is None else f", {plain(traffic.duration.mean_ms, 5)} ms each"
    human.line(f"{human.styled(size.name, 'bold')} in {prices.region}: {size.memory_mb:,} MB, {size.architecture}")
    human.line(f"{traffic.per_month:,.0f} requests a month ({plain(traffic.mean_per_second)}/s){duration}")
    human.line()
    marks = footnotes([comparison])
    headings = ("MODEL", "PAID BY", "A MONTH", "A MILLION", "INSTANCES", "BREAK-EVEN", "FROM")
    figures(headings, [_row(option, marks) for option in comparison.options], left=2)
    human.line()
    cheapest = comparison.cheapest
    human.line(f"Cheapest: {_told(cheapest)}, {dollars(cheapest.monthly)} a month.")
    _break_even(comparison)
    for option in (comparison.options[0], comparison.managed):
        if option is not None:
            human.line()
            rows = [_line(line, marks) for line in option.lines]
            figures((_told(option), "QUANTITY", "EACH", "USD", "FROM"), [*rows, _total(option)])


def variations(varied: Sequence[Variation]) -> None:
    """Print how the answer changes with what one is least sure of."""
    if not varied:
        return
    human.line()
    figures(
        ("WITH", "ON DEMAND", "MANAGED", "BREAK-EVEN"),
        [
            (
                one.name,
                dollars(one.on_demand),
                "" if one.managed is None else dollars(one.managed),
                "never" if one.break_even is None else f"{math.ceil(one.break_even):,}",
            )
            for one in varied
        ],
    )


def chart(made: Chart) -> None:
    """Print the chart, as wide as the terminal is."""
    human.line()
    for line in lines_of(made, shutil.get_terminal_size((_WIDTH, 24)).columns):
        human.line(line)


def remarks(said: Iterable[str]) -> None:
    """Print what the figures do not say."""
    human.line()
    for one in said:
        human.line(textwrap.fill(one, _WIDTH, initial_indent="- ", subsequent_indent="  "))


def sources(facts: Iterable[Fact], comparisons: Sequence[Comparison]) -> None:
    """Print where every figure came from: what was put in, then the prices."""
    human.line()
    human.table(("FIGURE", "VALUE", "FROM"), [(fact.name, fact.told, str(fact.origin)) for fact in facts])
    human.line()
    price_list(footnotes(comparisons))


def price_list(sources: Iterable[Source]) -> None:
    """Print the sources of prices, numbered as they come."""
    human.line(human.styled("PRICES", "dim"))
    for number, source in enumerate(dict.fromkeys(sources), 1):
        human.line(f"[{number}] {source.title}{f' ({source.date})' if source.date else ''}")
        if source.url:
            human.line(f"    {source.url}")


def footnotes(comparisons: Iterable[Comparison]) -> dict[Source, str]:
    """Return the sources of all prices of a comparison, each with its mark: `[1]`."""
    used = (line.price.source for one in comparisons for option in one.options for line in option.lines)
    return {source: f"[{number}]" for number, source in enumerate(dict.fromkeys(used), 1)}


def as_document(
    subject: Subject, comparison: Comparison, prices: Prices, varied: Sequence[Variation], said: Sequence[str]
) -> dict[str, object]:
    """Return a comparison for programs; amounts are numbers of USD."""
    return {
        "function": comparison.size.name,
        "region": prices.region,
        "requests_per_month": float(comparison.requests),
        "figures": [fact_document(fact) for fact in subject.facts],
        "options": [_option_document(option) for option in comparison.options],
        "cheapest": _told(comparison.cheapest),
        "earliest_break_even": None
        if comparison.earliest is None
        else {
            "instance_type": comparison.earliest[0],
            "requests_per_month": _ceiling(comparison.earliest[1]),
        },
        "settles_at_requests_per_month": None if comparison.settles is None else _ceiling(comparison.settles[0]),
        "fitting_instance_types": list(comparison.fitting),
        "variations": [
            {
                "with": one.name,
                "on_demand_usd": float(one.on_demand),
                "managed_usd": None if one.managed is None else float(one.managed),
                "break_even_requests_per_month": _ceiling(one.break_even),
            }
            for one in varied
        ],
        "remarks": list(said),
    }


def fact_document(fact: Fact) -> dict[str, str]:
    """Return a figure with its origin for programs."""
    return {"name": fact.name, "value": fact.told, "basis": str(fact.origin.basis), "from": fact.origin.detail}


def line_document(line: Line) -> dict[str, object]:
    """Return a line of a bill for programs, with its price's source."""
    return {
        "name": line.name,
        "quantity": float(line.quantity),
        "unit": line.unit,
        "usd": float(line.usd),
        "price": price_document(line.price),
    }


def price_document(price: Price) -> dict[str, object]:
    """Return a price for programs: in decimals as text, since its digits matter, and its source."""
    source = price.source
    return {
        "usd": f"{price.usd:f}",
        "source": {"title": source.title, "url": source.url, "date": source.date},
    }


def _option_document(option: Option) -> dict[str, object]:
    return {
        "model": option.name,
        "paid_by": option.discount,
        "usd_per_month": float(option.monthly),
        "usd_per_million_requests": float(option.per_million),
        "instance_type": option.instance_type,
        "instances": None if option.instances is None else float(option.instances),
        "instance_hours": None if option.hours is None else float(option.hours),
        "break_even_requests_per_month": _ceiling(option.break_even),
        "lines": [line_document(line) for line in option.lines],
    }


def _row(option: Option, marks: Mapping[Source, str]) -> tuple[str, ...]:
    count = "" if option.instances is None else f"{plain(float(option.instances))} {option.instance_type}"
    crossing = "" if not option.is_managed else "never"
    if option.break_even is not None:
        crossing = f"{math.ceil(option.break_even):,}"
    paid = "" if option.discount == ON_DEMAND and not option.is_managed else commitment_name(option.discount)
    told = "".join(dict.fromkeys(marks[line.price.source] for line in option.lines))
    return option.name, paid, dollars(option.monthly), dollars(option.per_million, 3), count, crossing, told


def _told(option: Option) -> str:
    name = f"{option.name} ({option.instance_type})" if option.is_managed else option.name
    return name if option.discount == ON_DEMAND else f"{name}, {commitment_name(option.discount)}"


def _break_even(comparison: Comparison) -> None:
    option = comparison.managed
    if option is None:
        return
    if option.break_even is None:
        human.line(f"Break-even of {option.instance_type}: never. A request takes more of it than it costs on demand.")
    else:
        human.line(f"Break-even: {_rate(option.break_even)}.")
    if comparison.settles is not None:
        (end,) = comparison.settles
        until = "" if end is None else f", until {_rate(end)}"
        human.line(f"Beyond it, an instance that is not filled yet may make on demand cheaper again{until}.")
    if comparison.earliest is not None:
        name, requests = comparison.earliest
        human.line(f"With {name} it comes first: {_rate(requests)}.")


def _rate(requests: Fraction) -> str:
    return f"{math.ceil(requests):,} requests a month ({plain(float(requests / int(MONTH_S)))}/s)"


def _line(line: Line, marks: Mapping[Source, str]) -> tuple[str, ...]:
    factor, unit = _EACH.get(line.unit, (1, line.unit))
    each = f"${_plain(line.price.usd * factor)} {unit}"
    return line.name, f"{line.quantity:,.0f} {line.unit}", each, dollars(line.usd), marks[line.price.source]


def _plain(amount: Decimal) -> str:
    """Return an amount with all its digits, and two after the point at least."""
    text = f"{amount:f}".rstrip("0") if "." in f"{amount:f}" else f"{amount:f}."
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest.ljust(2, '0')}"


def _total(option: Option) -> tuple[str, ...]:
    return "total", "", "", dollars(option.monthly), ""


def _ceiling(requests: Fraction | None) -> int | None:
    return None if requests is None else math.ceil(requests)
