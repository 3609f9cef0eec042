"""`lambent diff`: what is not as it was deployed."""

from __future__ import annotations

from dataclasses import asdict

import typer

from lambent.cli import deployment, targets
from lambent.cli import project as projects
from lambent.cli.errors import ExitCode
from lambent.cli.options import Json, Port
from lambent.cli.project import EnvironmentOption, PathArgument, ProjectRequest, SetOption, StackOption
from lambent.cli.targets import ProfileOption, RegionOption, TargetOption
from lambent.cli.views import human
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)


@app.command(epilog="Examples: lambent diff · lambent diff --env prod --json. Exit code 1: there are differences.")
def diff(
    path: PathArgument = None,
    environment: EnvironmentOption = None,
    settings: SetOption = None,
    stack: StackOption = None,
    target: TargetOption = None,
    port: Port = None,
    region: RegionOption = None,
    profile: ProfileOption = None,
    as_json: Json = False,
) -> None:
    """Say what was changed behind CloudFormation's back, and what the project says differently from the stack."""
    from lambent.cli.views import plan as plan_view
    from lambent.deploy.drift import drifted

    place = targets.place(target, port, region, profile)
    project = projects.read(ProjectRequest(path, environment, settings or (), stack))
    goal = deployment.target_of(place, project)
    found = deployment.planned(project, goal, place, throw_away=True).plan
    with deployment.errors():
        drift = [] if found.is_new else drifted(goal.client("cloudformation"), found.stack_name)
    if as_json:
        json_view.document({"drift": [asdict(one) for one in drift], "plan": asdict(found)})
    else:
        for one in drift:
            what = "is gone" if not one.name else f"{one.name}: deployed {one.expected}, now {one.actual}"
            human.line(f"  ! {one.logical_id}  {one.type}  {what}")
        if not drift and not found.is_new:
            human.line("Everything is as it was deployed.")
        plan_view.show(found, deployment.told(place))
    if drift or not found.is_empty:
        raise typer.Exit(ExitCode.FAILED)
