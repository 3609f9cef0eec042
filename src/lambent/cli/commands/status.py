"""`lambent status`: is the platform there, and what runs on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from lambent.cli import connection, settings
from lambent.cli.options import Json, Port
from lambent.cli.views import human
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)


@app.command(epilog="Examples: lambent status · lambent status --json | jq .uptime_s. Exit code 3: none runs.")
def status(port: Port = None, as_json: Json = False) -> None:
    """Say whether the platform runs, with its services and execution environments."""
    number = settings.port(port)
    health = connection.require_running(number)
    answer = connection.ask(number, "environments") or {}
    # Any: JSON of /_lambent
    environments: list[Mapping[str, Any]] = list(answer.get("environments", []))
    if as_json:
        json_view.document({**health, "environments": environments})
        return
    human.line(f"Lambent {health['version']} is {human.styled('ready', 'green')} on {settings.endpoint_url(number)}")
    human.line(f"process    {health['pid']}, up for {_span(float(health['uptime_s']))}, {health['memory_mb']} MB")
    human.line(f"state      {health['data_dir'] or 'in memory, gone at stop'}")
    human.line(f"isolation  {health['isolation']}, network {health['network']}")
    human.line(f"services   {', '.join(health['services'])}")
    if not environments:
        human.line("no execution environments")
        return
    human.line()
    human.table(
        ("FUNCTION", "VERSION", "STATE", "RUN BY", "STARTED BY", "AGE"),
        [_row(environment) for environment in environments],
    )


# Any: JSON of /_lambent
def _row(environment: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(environment["function_name"]),
        str(environment["version"]),
        str(environment["state"]),
        str(environment["interpreter"] or ""),  # nothing while it is being built
        str(environment["started_by"] or ""),
        _span(float(environment["age_s"])),
    )


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
