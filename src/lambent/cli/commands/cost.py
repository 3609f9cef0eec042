"""`lambent cost`: what functions cost on demand and on managed instances, and from where on which is cheaper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lambent.cli.cost_options import SizeOptions, TrafficOptions
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.insight_errors import insight_errors
from lambent.cli.options import Json, PlaceOptions, grouped
from lambent.cli.views import human
from lambent.cli.views import json as json_view

if TYPE_CHECKING:
    from lambent.cli.costing import Answerable
    from lambent.insight.cost import Comparison, Prices
    from lambent.insight.subject import Subject

app = typer.Typer(add_completion=False)
_DEFAULT_REGION = "us-east-1"


@app.command(
    epilog="Examples: lambent cost fibonacci --rate 200/s --duration 80ms --memory 4096 --chart cost.svg · "
    "lambent cost fibonacci --recorded 7d --target aws · lambent cost --rate 2M/day --duration 120ms"
)
@grouped
def cost(
    name: Annotated[
        str | None, typer.Argument(help="A function; without one, all of the manifest.", show_default=False)
    ] = None,
    *,
    traffic: TrafficOptions,
    size: SizeOptions,
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", metavar="PATH", help="The manifest, or its folder.", show_default="here"),
    ] = None,
    environment: Annotated[
        str | None, typer.Option("--env", "-e", help="The environment whose overlay is laid over the manifest.")
    ] = None,
    prices: Annotated[
        Path | None, typer.Option("--prices", metavar="FILE", help="A price file in place of the one that comes along.")
    ] = None,
    discount: Annotated[
        str | None, typer.Option("--discount", metavar="PERCENT", help="What you pay less than EC2 on-demand: 38%.")
    ] = None,
    free_tier: Annotated[bool, typer.Option("--free-tier", help="Count the account's free tier for it.")] = False,
    chart: Annotated[
        Path | None, typer.Option("--chart", metavar="FILE", help="Write the chart as .svg, .png or .txt.")
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option("--replay", metavar="SPAN", help="Take instance-hours from a replay of so long: 1h, 24h."),
    ] = None,
    where: PlaceOptions,
    as_json: Json = False,
) -> None:
    """Say what functions cost a month: on demand, and on managed instances by every way to pay that is known."""
    from lambent.cli import costing
    from lambent.cli.project import ProjectRequest

    place = where.place()
    if chart is not None and chart.suffix not in {".svg", ".png", ".txt"}:
        message = f"{chart} has no ending that says which picture it is."
        raise CommandError(message, "Name it .svg, .png or .txt.", ExitCode.USAGE)
    asked = costing.Inquiry(name, ProjectRequest(manifest, environment), traffic, size, place)
    found = costing.answerable(asked)
    region = place.region or found.region or _DEFAULT_REGION
    known = costing.prices_of(prices, region, discount, free_tier=free_tier)
    with insight_errors():
        if found.is_one:
            _one(_replayed(found.subjects[0], known, replay), known, chart, as_json=as_json)
        else:
            if chart is not None or replay is not None:
                raise CommandError(
                    "A chart and a replay are of one function.", "Name it: lambent cost NAME …", ExitCode.USAGE
                )
            _several(found, known, as_json=as_json)


def _replayed(subject: Subject, prices: Prices, span: str | None) -> Subject:
    if span is None:
        return subject
    from lambent.cli.cost_replay import replayed
    from lambent.insight.cost import compare

    return replayed(subject, compare(subject.size, subject.managed, subject.traffic, prices), span)


def _one(subject: Subject, prices: Prices, chart: Path | None, *, as_json: bool) -> None:
    from lambent.cli.views import cost as view
    from lambent.insight.chart.plot import chart_of
    from lambent.insight.cost import compare, sensitivity
    from lambent.insight.remarks import remarks

    comparison = compare(subject.size, subject.managed, subject.traffic, prices)
    varied = [] if subject.managed is None else sensitivity(subject.size, subject.managed, subject.traffic, prices)
    said = list(remarks(subject, comparison, prices))
    if chart is not None:
        _write(chart, comparison, prices)
    if as_json:
        json_view.document(view.as_document(subject, comparison, prices, varied, said))
        return
    view.show(subject, comparison, prices)
    view.variations(varied)
    view.chart(chart_of(comparison, prices))
    view.remarks(said)
    view.sources(subject.facts, [comparison])
    if chart is not None:
        human.note(f"The chart is in {chart}.")


def _several(found: Answerable, prices: Prices, *, as_json: bool) -> None:
    from lambent.cli.views import system_cost as view
    from lambent.insight.system_cost import system_cost

    whole = system_cost(found.subjects, prices)
    if as_json:
        json_view.document(view.as_document(whole, found.idle, prices))
        return
    view.show(whole, found.idle, prices)


def _write(file: Path, comparison: Comparison, prices: Prices) -> None:
    from lambent.insight.chart.plot import chart_of
    from lambent.insight.chart.png import png
    from lambent.insight.chart.svg import svg
    from lambent.insight.chart.terminal import lines_of

    made = chart_of(comparison, prices)
    try:
        if file.suffix == ".png":
            file.write_bytes(png(made))
        else:
            text = svg(made) if file.suffix == ".svg" else "\n".join(lines_of(made, 100)) + "\n"
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        advice = "Name a file in a folder that is there."
        raise CommandError(f"The chart cannot be saved: {error}", advice, ExitCode.USAGE) from error
