"""`lambent outputs`: what a stack tells."""

from __future__ import annotations

import typer

from lambent.cli import deployment
from lambent.cli import project as projects
from lambent.cli.errors import CommandError
from lambent.cli.options import Json, PlaceOptions, ProjectOptions, grouped
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)


@app.command(epilog="Examples: lambent outputs · lambent outputs --json · lambent outputs --stack shop --target aws")
@grouped
def outputs(*, chosen: ProjectOptions, where: PlaceOptions, as_json: Json = False) -> None:
    """Print the outputs of a stack, by the names that its manifest gives them."""
    from lambent.cli.views import deployment as view
    from lambent.deploy.stacks import outputs_of

    place = where.place()
    name, project = projects.stack_of(chosen.request())
    goal = deployment.target_of(place, project)
    with deployment.errors(place):
        found = outputs_of(goal, name)
    if found is None:
        raise CommandError(f"There is no stack {name}.", "Deploy it with `lambent up`.")
    values = view.by_manifest(found, deployment.output_names(project))
    if as_json:
        json_view.document(values)
    else:
        view.outputs(values)
