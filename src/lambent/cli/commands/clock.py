"""`lambent clock`: see and move the clock of a platform that was started with `--virtual-time`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from lambent.cli import connection, settings, spans
from lambent.cli.options import Json, Port
from lambent.cli.views import human
from lambent.cli.views import json as json_view

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Move time: retries, schedules and expiries come due at once. Needs `lambent start --virtual-time`.",
    epilog="Examples: lambent clock show · lambent clock freeze · lambent clock advance 1h · lambent clock next · "
    "lambent clock real",
)
# What comes due runs in real time: a function may take its 15 minutes.
_PATIENCE_S = 1200.0


@app.command(epilog="Examples: lambent clock show · lambent clock show --json | jq -r .now")
def show(port: Port = None, as_json: Json = False) -> None:
    """Say what time it is on the platform, and what is due next."""
    number = settings.port(port)
    connection.require_running(number)
    _print(connection.tell(number, "clock", method="GET"), as_json=as_json)


@app.command(epilog="Examples: lambent clock freeze")
def freeze(port: Port = None, as_json: Json = False) -> None:
    """Let time stand still; `advance` and `next` still move it."""
    _do("clock/freeze", port, as_json=as_json)


@app.command(epilog="Examples: lambent clock advance 90s · lambent clock advance 1h30m · lambent clock advance 2d")
def advance(
    by: Annotated[str, typer.Argument(help="How far: 90s, 5m, 1h30m, 2d.")], port: Port = None, as_json: Json = False
) -> None:
    """Move time on; returns when everything that came due on the way has been handled, in its order."""
    _do("clock/advance", port, as_json=as_json, body={"seconds": spans.span(by)})


@app.command("next", epilog="Examples: lambent clock next")
def go_to_next(port: Port = None, as_json: Json = False) -> None:
    """Move time on to the moment that something waits for next, and have it handled."""
    _do("clock/next", port, as_json=as_json)


@app.command(epilog="Examples: lambent clock real")
def real(port: Port = None, as_json: Json = False) -> None:
    """Let time flow at its real pace again, from where it stands."""
    _do("clock/real", port, as_json=as_json)


def _do(path: str, port: int | None, *, as_json: bool, body: Mapping[str, object] | None = None) -> None:
    number = settings.port(port)
    connection.require_running(number)
    _print(connection.tell(number, path, body=body, timeout_s=_PATIENCE_S), as_json=as_json)


def _print(clock: Mapping[str, Any], *, as_json: bool) -> None:  # Any: JSON of /_lambent
    if as_json:
        json_view.document(clock)
        return
    if not clock["virtual"]:
        human.line(f"{clock['now']}  real time")
        return
    human.line(f"{clock['now']}  {'frozen' if clock['frozen'] else 'flows'}")
    human.line(f"next due: {clock['next'] or 'nothing'}")
