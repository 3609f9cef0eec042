"""`lambent down`: remove what `up` deployed."""

from __future__ import annotations

from typing import Annotated

import typer

from lambent.cli import deployment
from lambent.cli import project as projects
from lambent.cli.options import Json, PlaceOptions, ProjectOptions, Yes, grouped
from lambent.cli.views import human
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)


@app.command(epilog="Examples: lambent down · lambent down shop --yes · lambent down --empty-buckets")
@grouped
def down(
    *,
    chosen: ProjectOptions,
    yes: Yes = False,
    where: PlaceOptions,
    empty: Annotated[
        bool, typer.Option("--empty-buckets", help="Delete all that lies in the stack's buckets first.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Remove a stack with its resources; those that its template retains stay."""
    from lambent.cli.views import deployment as view
    from lambent.deploy.emptying import empty_buckets
    from lambent.deploy.executor import Executor

    place = where.place()
    name, project = projects.stack_of(chosen.request())
    goal = deployment.target_of(place, project)
    if not yes:
        contents = ", with all that lies in its buckets" if empty else ""
        deployment.agree(f"Remove stack {name} from {deployment.told(place)}{contents}?")
    with deployment.errors(place):
        for emptied in empty_buckets(goal, name) if empty else ():
            human.note(f"Bucket {emptied.bucket} is empty: {emptied.deleted:,} objects and versions were deleted.")
        end = view.follow(Executor(goal).remove(name), quiet=as_json)
    deployment.require_success(end, name)
    if as_json:
        json_view.document({"stack": name, "removed": True})
    else:
        human.note(f"Stack {name} is gone.")
