"""`lambent logs`: what a function wrote, from its log group."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lambent.base.clock import SystemClock
from lambent.cli import connection, settings, waiting
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.options import Json, Port, Region
from lambent.cli.views import human
from lambent.cli.views import json as json_view

if TYPE_CHECKING:
    from lambent.aws.clients import Target

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LOOK_EVERY_S = 0.4
# Lines reach the log group a moment after they were written, and not in the order of their times across streams:
# while following, each look goes back this far and passes over what was shown already.
_OVERLAP_MS = 10_000

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True)
class Event:
    """One log event; `event_id` is unique within the group."""

    event_id: str
    timestamp_ms: int
    stream: str
    message: str


@app.command(
    epilog="Examples: lambent logs fibonacci · lambent logs fibonacci --since 10m --follow · lambent logs f --json"
)
def logs(
    name: Annotated[str, typer.Argument(help="The function: its name or ARN.", metavar="NAME")],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on printing what is logged, until Ctrl-C.")
    ] = False,
    since: Annotated[str, typer.Option(help="How far back to begin: 30s, 10m, 2h, 1d.")] = "10m",
    port: Port = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Print a function's logs, oldest first."""
    begin_ms = int((SystemClock().now() - _span(since)) * 1000)
    number = settings.port(port)
    connection.require_running(number)
    source = _Source(connection.target(number, name, region), name)
    shown: set[str] = set()
    while True:
        for event in source.events(begin_ms):
            if event.event_id not in shown:
                shown.add(event.event_id)
                _print(event, as_json=as_json)
                begin_ms = max(begin_ms, event.timestamp_ms - _OVERLAP_MS)
        if not follow:
            return
        sys.stdout.flush()
        waiting.pause(_LOOK_EVERY_S)


class _Source:
    """The log group that a function's configuration names."""

    def __init__(self, target: Target, name: str) -> None:
        with connection.api_errors():
            configuration = target.client("lambda").get_function_configuration(FunctionName=name)
        self._group: str = configuration["LoggingConfig"]["LogGroup"]
        self._client: Any = target.client("logs")  # Any: boto3's clients are classes made at run time

    def events(self, begin_ms: int) -> Iterator[Event]:
        """Yield the events since `begin_ms`, oldest first; none if the function has never logged."""
        pages = self._client.get_paginator("filter_log_events").paginate(
            logGroupName=self._group, startTime=begin_ms, interleaved=True
        )
        with connection.api_errors():
            try:
                for page in pages:
                    for event in page["events"]:
                        yield Event(event["eventId"], event["timestamp"], event["logStreamName"], event["message"])
            except self._client.exceptions.ResourceNotFoundException:
                return  # the group is made when the function first logs


def _print(event: Event, *, as_json: bool) -> None:
    if as_json:
        json_view.record({"timestamp": event.timestamp_ms, "logStreamName": event.stream, "message": event.message})
        return
    at = datetime.fromtimestamp(event.timestamp_ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
    human.line(f"{human.styled(at, 'dim')} {event.message.rstrip()}")


def _span(text: str) -> int:
    found = re.fullmatch(r"(\d+)\s*([smhdw])", text.strip())
    if found is None:
        raise CommandError(f"{text!r} is no span of time", "Write a number and s, m, h, d or w: 10m.", ExitCode.USAGE)
    return int(found[1]) * _SECONDS[found[2]]
