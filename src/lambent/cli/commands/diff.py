"""`lambent diff`: what is not as it was deployed."""

from __future__ import annotations

from dataclasses import asdict

import typer

from lambent.cli import deployment
from lambent.cli import project as projects
from lambent.cli.errors import ExitCode
from lambent.cli.options import Json, PlaceOptions, ProjectOptions, grouped
from lambent.cli.views import human
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)


@app.command(epilog="Examples: lambent diff · lambent diff --env prod --json. Exit code 1: there are differences.")
@grouped
def diff(*, chosen: ProjectOptions, where: PlaceOptions, as_json: Json = False) -> None:
    """Say what was changed behind CloudFormation's back, and what the project says differently from the stack."""
    from lambent.cli.views import plan as plan_view
    from lambent.deploy.drift import drifted

    place = where.place()
    project = projects.read(chosen.request())
    goal = deployment.target_of(place, project)
    found = deployment.looked_at(project, goal, place, throw_away=True)
    with deployment.errors(place):
        drift = [] if found.is_new else drifted(goal.client("cloudformation"), found.stack_name)
    if as_json:
        json_view.document({"drift": [asdict(one) for one in drift], "plan": asdict(found)})
    else:
        for one in drift:
            what = "is gone" if not one.name else f"{one.name}: deployed {one.expected}, now {one.actual}"
            human.line(f"  ! {one.logical_id}  {one.type}  {what}")
        if drift:
            human.note("CloudFormation leaves these as they are until the project changes them: put them back by hand.")
        elif not found.is_new:
            human.line("Everything is as it was deployed.")
        plan_view.show(found, deployment.told(place))
    if drift or not found.is_empty:
        raise typer.Exit(ExitCode.FAILED)
