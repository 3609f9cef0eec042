"""`lambent plan`: what `up` would do."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lambent.cli import deployment
from lambent.cli import project as projects
from lambent.cli.options import Json, PlaceOptions, ProjectOptions, grouped
from lambent.cli.views import human
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)


@app.command(
    epilog="Examples: lambent plan · lambent plan --env prod --json · lambent plan --out release.plan && "
    "lambent up --plan release.plan"
)
@grouped
def plan(
    *,
    chosen: ProjectOptions,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Save the plan for `lambent up --plan`.")] = None,
    where: PlaceOptions,
    as_json: Json = False,
) -> None:
    """Show what `lambent up` would do; nothing is changed."""
    place = where.place()
    project = projects.read(chosen.request())
    goal = deployment.target_of(place, project)
    found = deployment.looked_at(project, goal, place)
    if out is not None:
        from lambent.deploy.plan import to_json

        out.write_text(to_json(found), encoding="utf-8")
    if as_json:
        json_view.document(asdict(found))
        return
    from lambent.cli.views import plan as view

    view.show(found, deployment.told(place))
    if out is not None:
        human.note(f"Saved. Carry it out with: lambent up --plan {out}")
