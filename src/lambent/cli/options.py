"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Port = Annotated[
    int | None, typer.Option("--port", "-p", help="The platform's port.", show_default="$LAMBENT_PORT or 4566")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
