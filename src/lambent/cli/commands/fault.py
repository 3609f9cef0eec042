"""`lambent fault`: have functions and sources of events fail on purpose, for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lambent.cli import connection, settings, spans, targets
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.options import Json, Port, Region, grouped
from lambent.cli.targets import TargetName
from lambent.cli.views import faults as view
from lambent.cli.views import human
from lambent.cli.views import json as json_view

_KINDS = ("throttle", "error", "latency", "crash", "duplicate", "reorder")


class _Faults(TyperGroup):
    """The commands; what is none of them is a fault that there is not."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # Any: typer keeps its Context class private
        found = super().get_command(ctx, cmd_name)
        if found is None:
            kinds = f"The faults: {', '.join(_KINDS)}. The commands: list, clear."
            raise CommandError(f"There is no fault {cmd_name!r}.", kinds, ExitCode.USAGE)
        return found


app = typer.Typer(
    cls=_Faults,
    add_completion=False,
    help="Have functions and sources of events fail on purpose: some of the time, and for a while. "
    "Without a command it lists the faults there are.",
    epilog="Examples: lambent fault throttle checkout --percentage 50 --for 2m · lambent fault latency table:orders "
    "--delay 2s · lambent fault duplicate queue:jobs · lambent fault · lambent fault clear",
)
_What = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="A function (also `NAME:ALIAS`) or a source: a name, `queue:NAME` (topic, bucket, table, bus, rule, "
        "schedule) or an ARN; in a project, also what its manifest calls it.",
    ),
]
_Percentage = Annotated[int, typer.Option(min=1, max=100, help="Of how many of a hundred it strikes.")]
_Lasts = Annotated[str, typer.Option("--for", help="How long, by the platform's clock: 30s, 5m, 1h; at most 12h.")]
_Delay = Annotated[str, typer.Option(help="How long: 250ms, 2s; at most 15m.")]
_Target = Annotated[
    TargetName | None, typer.Option("--target", "-t", help="Only `local`: AWS has a service of its own for it.")
]


@dataclass(frozen=True, slots=True)
class _Options:
    """What every fault is told: whom it strikes, how often and how long, and on which platform."""

    what: _What
    percentage: _Percentage = 100
    lasts: _Lasts = "5m"
    target: _Target = None
    port: Port = None
    region: Region = None
    as_json: Json = False


@app.callback(invoke_without_command=True)
def fault(context: typer.Context, port: Port = None, as_json: Json = False) -> None:
    """List the faults there are, where no command is given."""
    if context.invoked_subcommand is None:
        show(port, as_json)


@app.command(epilog="Examples: lambent fault throttle checkout · lambent fault throttle table:orders --percentage 20")
@grouped
def throttle(chosen: _Options) -> None:
    """Refuse calls as one that comes too fast is refused: invocations, or what is done with a source."""
    _begin("throttle", chosen)


@app.command(epilog="Examples: lambent fault error checkout:live --for 1m · lambent fault error bucket:uploads")
@grouped
def error(chosen: _Options) -> None:
    """Have invocations fail without running the handler, or a source answer an internal error."""
    _begin("error", chosen)


@app.command(epilog="Examples: lambent fault latency checkout --delay 2s · lambent fault latency queue:jobs")
@grouped
def latency(*, chosen: _Options, delay: _Delay = "1s") -> None:
    """Begin the handler later, within its timeout, or have a source take its time."""
    _begin("latency", chosen, delay)


@app.command(epilog="Examples: lambent fault crash checkout --percentage 10 · lambent fault crash checkout --delay 1s")
@grouped
def crash(*, chosen: _Options, delay: _Delay = "0s") -> None:
    """Kill the execution environment in the middle of an invocation, once that has run for --delay."""
    _begin("crash", chosen, delay)


@app.command(epilog="Examples: lambent fault duplicate queue:jobs · lambent fault duplicate checkout --percentage 5")
@grouped
def duplicate(chosen: _Options) -> None:
    """Deliver events twice, where AWS promises no more than once at least."""
    _begin("duplicate", chosen)


@app.command(epilog="Examples: lambent fault reorder topic:orders · lambent fault reorder queue:jobs --delay 30s")
@grouped
def reorder(*, chosen: _Options, delay: _Delay = "5s") -> None:
    """Hold events back by chance, for up to --delay, so that later ones overtake them."""
    _begin("reorder", chosen, delay)


@app.command("list", epilog="Examples: lambent fault list · lambent fault list --json")
def show(port: Port = None, as_json: Json = False) -> None:
    """List the faults there are: what they strike, how long still, and how often they have."""
    number = settings.port(port)
    connection.require_running(number)
    answer = connection.tell(number, "faults", method="GET")
    if as_json:
        json_view.document(answer)
    elif answer["faults"]:
        view.table(answer["faults"])
    else:
        human.line("no faults")


@app.command(epilog="Examples: lambent fault clear · lambent fault clear checkout · lambent fault clear f-3kq7wzpa")
def clear(
    what: Annotated[
        str | None, typer.Argument(metavar="[ID|TARGET]", help="A fault's id, or whose faults.", show_default="all")
    ] = None,
    port: Port = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """End faults before their time: one, those of a target, or all."""
    number = settings.port(port)
    connection.require_running(number)
    body: dict[str, object] = {}
    if what is not None:
        from lambent.cli.fault_targets import by_project

        named, where = by_project(what, number, region)
        body = {"what": named, "region": where}
    answer = connection.tell(number, "faults/clear", body=body)
    if as_json:
        json_view.document(answer)
    else:
        view.cleared(answer["cleared"])


def _begin(kind: str, chosen: _Options, delay: str | None = None) -> None:
    if not targets.place(chosen.target, None, None, None).is_local:
        raise CommandError(
            "Only the platform here takes faults.",
            "On AWS that is the business of AWS Fault Injection Service; --target local strikes the platform here.",
            ExitCode.USAGE,
        )
    from lambent.cli.fault_targets import by_project

    number = settings.port(chosen.port)
    connection.require_running(number)
    named, where = by_project(chosen.what, number, chosen.region)
    body = {
        "kind": kind,
        "target": named,
        "percentage": chosen.percentage,
        "lasts_s": spans.span(chosen.lasts),
        "delay_s": None if delay is None else spans.span(delay),
        "region": where,
    }
    begun = connection.tell(number, "faults/begin", body=body, timeout_s=30.0)
    if chosen.as_json:
        json_view.document(begun)
    else:
        view.begun(begun)
