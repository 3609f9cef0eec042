"""`lambent outputs`: what a stack tells."""

from __future__ import annotations

import typer

from lambent.cli import deployment, targets
from lambent.cli import project as projects
from lambent.cli.errors import CommandError
from lambent.cli.options import Json, Port
from lambent.cli.project import EnvironmentOption, PathArgument, ProjectRequest, SetOption, StackOption
from lambent.cli.targets import ProfileOption, RegionOption, TargetOption
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)


@app.command(epilog="Examples: lambent outputs · lambent outputs --json · lambent outputs --stack shop --target aws")
def outputs(
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
    """Print the outputs of a stack, by the names that its manifest gives them."""
    from lambent.cli.views import deployment as view
    from lambent.deploy.stacks import outputs_of

    place = targets.place(target, port, region, profile)
    name, project = projects.stack_of(ProjectRequest(path, environment, settings or (), stack))
    goal = deployment.target_of(place, project)
    with deployment.errors():
        found = outputs_of(goal, name)
    if found is None:
        raise CommandError(f"There is no stack {name}.", "Deploy it with `lambent up`.")
    values = view.by_manifest(found, deployment.output_names(project))
    if as_json:
        json_view.document(values)
    else:
        view.outputs(values)
