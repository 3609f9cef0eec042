"""`lambent event`: an event as one of AWS's services sends it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.options import Json
from lambent.cli.views import human
from lambent.cli.views import json as json_view

if TYPE_CHECKING:
    from lambent.aws.events.kind import Kind

app = typer.Typer(add_completion=False)
# The moment of events that are to be the same in every run.
_SEEDED_TIME = datetime(2026, 1, 1, tzinfo=UTC)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="Examples: lambent event --list · lambent event s3 put --bucket raw --key a/b.csv · "
    "lambent event sqs message --body @order.json · lambent event s3 put --list · "
    "lambent event apigateway http --path /orders | lambent invoke orders --event @-",
)
def event(
    context: typer.Context,
    source: Annotated[
        str | None, typer.Argument(help="Who sends it: s3, sqs, apigateway …", metavar="[SOURCE]")
    ] = None,
    kind: Annotated[str | None, typer.Argument(help="What it tells: put, message, http …", metavar="[KIND]")] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="List the kinds of events, or the options of the one that is named.")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="The same event in every run, for each number.")] = None,
    time: Annotated[
        str | None, typer.Option(help="Its moment, in ISO 8601.", show_default="now; with --seed 2026-01-01T00:00:00Z")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print an event as one of AWS's services sends it; every field of its kind is an option (--list tells them)."""
    from lambent.aws.events.catalogue import KINDS, find, of_source
    from lambent.base.clock import SystemClock
    from lambent.base.identifiers import SeededIds, SystemIds

    found = None if source is None or kind is None else find(source, kind)
    if found is None:
        some = KINDS if source is None else of_source(source)
        _require_known(source, kind, some)
        if not listed and source is None:
            raise CommandError("Whose event?", "See what there is: lambent event --list", ExitCode.USAGE)
        _show_kinds(some, as_json=as_json)
        return
    if listed:
        _show_fields(found, as_json=as_json)
        return
    given = _fields(found, context.args)
    now = SystemClock().now() if seed is None else _SEEDED_TIME.timestamp()
    try:
        made = found.event(
            given, SystemIds() if seed is None else SeededIds(seed), now if time is None else _moment(time)
        )
    except (ValueError, TypeError, AttributeError) as error:
        told = ", ".join(f"--{name} {value}" for name, value in given.items())
        raise CommandError(f"No event can be made of {told}: {error}", "", ExitCode.USAGE) from error
    json_view.document(made)


def _require_known(source: str | None, kind: str | None, some: Sequence[Kind]) -> None:
    if not some:
        raise CommandError(f"There is no source {source}.", "See what there is: lambent event --list", ExitCode.USAGE)
    if kind is not None:
        names = ", ".join(one.name for one in some)
        raise CommandError(f"{source} sends no {kind}.", f"It sends: {names}.", ExitCode.USAGE)


def _show_kinds(kinds: Sequence[Kind], *, as_json: bool) -> None:
    if as_json:
        json_view.document([{"source": one.source, "kind": one.name, "summary": one.summary} for one in kinds])
        return
    human.table(("SOURCE", "KIND", "WHAT IT TELLS"), [(one.source, one.name, one.summary) for one in kinds])


def _show_fields(kind: Kind, *, as_json: bool) -> None:
    if as_json:
        json_view.document(dict(kind.defaults))
        return
    human.table(("OPTION", "DEFAULT"), [(f"--{name}", value) for name, value in kind.defaults.items()])


def _fields(kind: Kind, arguments: Sequence[str]) -> Mapping[str, str]:
    """Return what the options say of the event's fields: `--bucket raw`, or `--bucket=raw`."""
    given: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        field = name.removeprefix("--")
        if not name.startswith("--") or field not in kind.defaults:
            known = ", ".join(f"--{one}" for one in kind.defaults)
            raise CommandError(f"{kind.source} {kind.name} has no {name}.", f"It has: {known}.", ExitCode.USAGE)
        if not equals and not rest:
            raise CommandError(f"{name} needs a value.", f"Write {name} VALUE.", ExitCode.USAGE)
        given[field] = _value(value if equals else rest.pop(0))
    return given


def _value(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return sys.stdin.read() if text == "@-" else Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{text[1:]} cannot be read: {error}", "Name a file of text.", ExitCode.USAGE) from error


def _moment(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--time {text} is no moment.", "Write 2026-11-21T11:00:00Z.", ExitCode.USAGE) from error
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
