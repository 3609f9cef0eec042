"""`lambent plan`: what `up` would do."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lambent.cli import deployment
from lambent.cli import project as projects
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.options import Json, PlaceOptions, ProjectOptions, grouped
from lambent.cli.views import human
from lambent.cli.views import json as json_view

if TYPE_CHECKING:
    from lambent.deploy.plan import Plan

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
        _save(found, out)
    if as_json:
        json_view.document(asdict(found))
        return
    from lambent.cli.views import plan as view

    view.show(found, deployment.told(place))
    if out is not None:
        human.note(f"Saved. Carry it out with: lambent up --plan {shlex.quote(str(out))}")


def _save(found: Plan, out: Path) -> None:
    """Write the plan for its owner's eyes only: what functions are configured with stands in it."""
    from lambent.deploy.plan import to_json

    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(to_json(found))
    except OSError as error:
        raise CommandError(
            f"The plan cannot be saved: {error}", "Name a file in a folder that is there.", ExitCode.USAGE
        ) from error
