"""`lambent down`: remove what `up` deployed."""

from __future__ import annotations

import typer

from lambent.cli import deployment
from lambent.cli import project as projects
from lambent.cli.options import Json, PlaceOptions, ProjectOptions, Yes, grouped
from lambent.cli.views import human
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)


@app.command(epilog="Examples: lambent down · lambent down shop --yes · lambent down --stack shop --target aws")
@grouped
def down(
    *,
    chosen: ProjectOptions,
    yes: Yes = False,
    where: PlaceOptions,
    as_json: Json = False,
) -> None:
    """Remove a stack with its resources; those that its template retains stay."""
    from lambent.cli.views import deployment as view
    from lambent.deploy.executor import Executor

    place = where.place()
    name, project = projects.stack_of(chosen.request())
    goal = deployment.target_of(place, project)
    if not yes:
        deployment.agree(f"Remove stack {name} from {deployment.told(place)}?")
    with deployment.errors(place):
        end = view.follow(Executor(goal).remove(name), quiet=as_json)
    deployment.require_success(end, name)
    if as_json:
        json_view.document({"stack": name, "removed": True})
    else:
        human.note(f"Stack {name} is gone.")
