"""`lambent status`: is the platform there, and what runs on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from lambent.cli import connection, settings, spans
from lambent.cli.options import Json, Port
from lambent.cli.views import capacity as capacity_view
from lambent.cli.views import faults as fault_view
from lambent.cli.views import human
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)


@app.command(epilog="Examples: lambent status · lambent status --json | jq .uptime_s. Exit code 3: none runs.")
def status(port: Port = None, as_json: Json = False) -> None:
    """Say whether the platform runs: services, execution environments, capacity providers, faults on purpose."""
    number = settings.port(port)
    health = connection.require_running(number)
    answer = connection.ask(number, "environments") or {}
    # Any: JSON of /_lambent
    environments: list[Mapping[str, Any]] = list(answer.get("environments", []))
    capacity = list((connection.ask(number, "capacity-providers") or {}).get("capacityProviders", []))
    faults: list[Mapping[str, Any]] = list((connection.ask(number, "faults") or {}).get("faults", []))  # Any: as above
    if as_json:
        json_view.document({**health, "environments": environments, "capacityProviders": capacity, "faults": faults})
        return
    human.line(f"Lambent {health['version']} is {human.styled('ready', 'green')} on {settings.endpoint_url(number)}")
    human.line(f"process    {health['pid']}, up for {spans.told(float(health['uptime_s']))}, {health['memory_mb']} MB")
    human.line(f"state      {health['data_dir'] or 'in memory, gone at stop'}")
    human.line(f"isolation  {health['isolation']}, network {health['network']}")
    human.line(f"services   {', '.join(health['services'])}")
    if environments:
        human.line()
        human.table(
            ("FUNCTION", "VERSION", "STATE", "RUN BY", "STARTED BY", "AGE"),
            [_row(environment) for environment in environments],
        )
    else:
        human.line("no execution environments")
    for provider in capacity:
        capacity_view.provider(provider)
    if faults:
        human.line()
        human.line(human.styled("faults on purpose", "yellow"))
        fault_view.table(faults)


# Any: JSON of /_lambent
def _row(environment: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(environment["function_name"]),
        str(environment["version"]),
        str(environment["state"]),
        str(environment["interpreter"] or ""),  # nothing while it is being built
        str(environment["started_by"] or ""),
        spans.told(float(environment["age_s"])),
    )
