"""`lambent dev`: the developer's inner loop."""

from __future__ import annotations

from typing import Annotated

import typer

from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.options import Json, PlaceOptions, ProjectOptions, grouped

app = typer.Typer(add_completion=False)


@app.command(
    epilog="Examples: lambent dev · lambent dev shop --env prod --set log_level=DEBUG · lambent dev --down · "
    "lambent dev --json. Ctrl-C ends it."
)
@grouped
def dev(
    *,
    chosen: ProjectOptions,
    where: PlaceOptions,
    down: Annotated[bool, typer.Option("--down", help="Remove the stack at the end.")] = False,
    as_json: Json = False,
) -> None:
    """Deploy a project to the platform here, run what is saved as soon as it is saved, and show all logs."""
    place = where.place()
    if not place.is_local:
        raise CommandError(
            "`lambent dev` works on the platform here alone: it gives functions code beside their stack.",
            "Deploy to AWS with `lambent up --target aws`.",
            ExitCode.USAGE,
        )
    from lambent.cli.dev import Session
    from lambent.cli.views.dev import DevView

    Session(chosen.request(), place, DevView(as_json=as_json)).run(down=down)
