"""`lambent replay`: a day of traffic on a capacity provider, in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lambent.cli.errors import CommandError
from lambent.cli.options import Json, PlaceOptions, grouped
from lambent.cli.replaying import HandlerOptions, SizeOptions, TrafficOptions
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)
_SHORTAGES = {
    "VcpuLimitExceeded": "Give more --max-vcpus: the first environments need three instances.",
    "InsufficientCapacity": "No allowed instance type has room for one environment: give another --instance-type.",
}


@app.command(
    epilog="Examples: lambent replay --rate 50/s --for 24h --duration 120ms --p99 400ms --cpu 30ms · "
    "lambent replay api --rate 2M/day --shape day --peak 80/s --duration 120ms · "
    "lambent replay api --traffic day.csv --duration 120ms --json · lambent replay shop-api --recorded 24h --target aws"
)
@grouped
def replay(
    *,
    function: Annotated[
        str | None, typer.Argument(metavar="FUNCTION", help="A function of the manifest, or a deployed one.")
    ] = None,
    arriving: TrafficOptions,
    handling: HandlerOptions,
    sizes: SizeOptions,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="The manifest.", show_default="lambent.yaml here")
    ] = None,
    environment: Annotated[str | None, typer.Option("--env", "-e", help="The manifest's environment.")] = None,
    where: PlaceOptions,
    as_json: Json = False,
) -> None:
    """Replay traffic on Lambda Managed Instances as the platform scales them: instances, throttles, latency, hours."""
    from lambent.assembly.replay import ReplayError
    from lambent.assembly.replay import replay as replayed
    from lambent.cli import replaying
    from lambent.cli.views import replay as view

    about = replaying.subject(function, manifest, environment)
    model = replaying.model(about, arriving, handling, sizes, where.place())
    try:
        day = replayed(model.arrivals, model.handler, model.function, model.provider, arriving.seed)
    except ReplayError as error:
        raise CommandError(f"The function does not come up: {error.shortage}.", _SHORTAGES[error.shortage]) from error
    if as_json:
        json_view.document(view.document(day, model.origin, arriving.seed))
    else:
        view.show(day, model.origin)
