"""`lambent bootstrap`: the bucket that code is uploaded to."""

from __future__ import annotations

import typer

from lambent.cli import deployment
from lambent.cli.options import Json, PlaceOptions, grouped
from lambent.cli.views import human
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)


@app.command(epilog="Examples: lambent bootstrap --target aws --profile work · lambent bootstrap --region eu-west-1")
@grouped
def bootstrap(*, where: PlaceOptions, as_json: Json = False) -> None:
    """Make the artifact bucket of an account and region, in a stack of its own; once is enough."""
    from lambent.deploy.bootstrap import bootstrap as make

    place = where.place()
    goal = deployment.target_of(place, None)
    with deployment.errors(place):
        bucket = make(goal)
    if as_json:
        json_view.document({"bucket": bucket})
    else:
        human.line(bucket)
