"""`lambent bootstrap`: the bucket that code is uploaded to."""

from __future__ import annotations

import typer

from lambent.cli import deployment, targets
from lambent.cli.options import Json, Port
from lambent.cli.targets import ProfileOption, RegionOption, TargetOption
from lambent.cli.views import human
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)


@app.command(epilog="Examples: lambent bootstrap --target aws --profile work · lambent bootstrap --region eu-west-1")
def bootstrap(
    target: TargetOption = None,
    port: Port = None,
    region: RegionOption = None,
    profile: ProfileOption = None,
    as_json: Json = False,
) -> None:
    """Make the artifact bucket of an account and region, in a stack of its own; once is enough."""
    from lambent.deploy.bootstrap import bootstrap as make

    place = targets.place(target, port, region, profile)
    goal = deployment.target_of(place, None)
    with deployment.errors():
        bucket = make(goal)
    if as_json:
        json_view.document({"bucket": bucket})
    else:
        human.line(bucket)
