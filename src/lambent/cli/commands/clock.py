"""`lambent clock`: see and move the clock of a platform that was started with `--virtual-time`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from lambent.cli import connection, settings
from lambent.cli.errors import CommandError, ExitCode
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
_SPAN = re.compile(r"(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+(?:\.\d+)?)s?)?")
_UNITS = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
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
    _do("clock/advance", port, as_json=as_json, body={"seconds": span(by)})


@app.command("next", epilog="Examples: lambent clock next")
def go_to_next(port: Port = None, as_json: Json = False) -> None:
    """Move time on to the moment that something waits for next, and have it handled."""
    _do("clock/next", port, as_json=as_json)


@app.command(epilog="Examples: lambent clock real")
def real(port: Port = None, as_json: Json = False) -> None:
    """Let time flow at its real pace again, from where it stands."""
    _do("clock/real", port, as_json=as_json)


def span(text: str) -> float:
    """Return the seconds that `90s`, `5m`, `1h30m`, `2d` stand for; raises CommandError.

    >>> [span(text) for text in ("90s", "1h30m", "2d", "45")]
    [90.0, 5400.0, 172800.0, 45.0]
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        raise CommandError(f"{text!r} is no span of time.", "Give one such as 90s, 5m, 1h30m or 2d.", ExitCode.USAGE)
    return float(sum(float(found[unit] or 0) * size for unit, size in _UNITS.items()))


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
