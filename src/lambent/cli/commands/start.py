"""`lambent start`: run the platform, in the foreground or detached."""

from __future__ import annotations

import gc
import socket
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lambent.cli import connection, launching, settings
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.options import Json
from lambent.cli.views import human
from lambent.cli.views import json as json_view

if TYPE_CHECKING:
    from lambent.assembly import Settings

app = typer.Typer(add_completion=False)


class Isolation(StrEnum):
    """How far execution environments are kept apart; `auto` is the strongest that holds here."""

    AUTO = "auto"
    NAMESPACE = "namespace"
    PROCESS = "process"


class Network(StrEnum):
    """What functions can reach: whatever this machine can, or the platform alone."""

    OPEN = "open"
    CLOSED = "closed"


class CpuLimit(StrEnum):
    """Whether functions are held to the CPU that their memory brings; `auto` is where the kernel lets us."""

    AUTO = "auto"
    OFF = "off"


PortOption = Annotated[
    int | None,
    typer.Option(
        "--port",
        "-p",
        min=0,
        max=65535,
        help="Listen on this port; 0 picks a free one.",
        show_default="$LAMBENT_PORT or 4566",
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        file_okay=False,
        help="Keep all state in this directory.",
        show_default="$LAMBENT_DATA or $XDG_DATA_HOME/lambent/PORT",
    ),
]
NetworkOption = Annotated[
    Network, typer.Option(help="What functions can reach: what this machine can, or the platform alone.")
]
CpuLimitOption = Annotated[
    CpuLimit, typer.Option(help="Hold functions to the CPU that their memory brings: 1,769 MB are one CPU.")
]
InstanceLaunchOption = Annotated[
    float | None,
    typer.Option(
        "--instance-launch-seconds",
        min=0,
        help="How long the virtual instances of a capacity provider take to launch.",
        show_default="33 as it grows, 0 for what is being published",
    ),
]


@app.command(
    epilog="Examples: lambent start · lambent start --detach · lambent start --memory --port 0 · "
    "lambent start --data ./state --isolation namespace --strict-runtimes"
)
def start(
    port: PortOption = None,
    data: DataOption = None,
    memory: Annotated[
        bool, typer.Option("--memory", help="Keep state in memory: it is gone when the platform stops.")
    ] = False,
    isolation: Annotated[
        Isolation | None,
        typer.Option(help="How far functions are kept apart.", show_default="$LAMBENT_ISOLATION or auto"),
    ] = None,
    strict_runtimes: Annotated[
        bool,
        typer.Option("--strict-runtimes", help="Refuse functions whose exact runtime version is not on this machine."),
    ] = False,
    network: NetworkOption = Network.OPEN,
    cpu_limit: CpuLimitOption = CpuLimit.AUTO,
    virtual_time: Annotated[
        bool, typer.Option("--virtual-time", help="Give the platform a clock that `lambent clock` moves.")
    ] = False,
    instance_launch_seconds: InstanceLaunchOption = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return once the platform is ready; it goes on in the background.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start the platform: an AWS endpoint on 127.0.0.1. Ends cleanly on SIGTERM or Ctrl-C."""
    if memory and data is not None:
        raise CommandError("--memory and --data exclude each other.", "Give one of them.", ExitCode.USAGE)
    number = settings.port(port) or _free_port()
    if connection.health(number) is not None:
        raise CommandError(
            f"A platform already runs on {settings.endpoint_url(number)}.",
            "Use it, end it with `lambent stop`, or start another with --port.",
        )
    level = settings.isolation(None if isolation is None else isolation.value)
    if detach:
        kept = None if memory else settings.data_dir(data, number)
        wanted = launching.Launch(number, kept, level, network.value, cpu_limit.value)
        wanted = replace(
            wanted,
            strict_runtimes=strict_runtimes,
            virtual_time=virtual_time,
            instance_launch_s=instance_launch_seconds,
        )
        _detach(wanted, as_json=as_json)
        return
    chosen = replace(
        _settings(number, data, memory=memory, isolation=level),
        strict_runtimes=strict_runtimes,
        limits_cpu=cpu_limit is CpuLimit.AUTO,
        closed_network=network is Network.CLOSED,
        virtual_time=virtual_time,
    )
    if instance_launch_seconds is not None:
        chosen = replace(
            chosen, instance_launch_s=instance_launch_seconds, first_instance_launch_s=instance_launch_seconds
        )
    _run(chosen, as_json=as_json)


def _settings(number: int, data: Path | None, *, memory: bool, isolation: str) -> Settings:
    from lambent.assembly import Settings

    try:
        level = Isolation(isolation)
    except ValueError:
        raise CommandError(
            f"{isolation!r} is no isolation level", "Choose auto, namespace or process.", ExitCode.USAGE
        ) from None
    return Settings(
        port=number,
        data_dir=None if memory else settings.data_dir(data, number),
        isolation=None if level is Isolation.AUTO else level.value,
        cache_dir=settings.cache_dir(),
    )


def _run(chosen: Settings, *, as_json: bool) -> None:
    gc.disable()  # little of what imports make ever goes: looking for it costs 50 ms; `assembly.run` turns it on again
    from lambent import assembly

    def announce() -> None:
        if as_json:
            json_view.record({"endpoint_url": settings.endpoint_url(chosen.port), "port": chosen.port})
        else:
            _welcome(chosen.port)

    try:
        assembly.run(chosen, on_ready=announce)
    except assembly.StartError as error:
        raise CommandError(str(error), error.remedy) from error


def _detach(wanted: launching.Launch, *, as_json: bool) -> None:
    started = launching.launch(wanted)
    if as_json:
        json_view.document(
            {"endpoint_url": started.endpoint_url, "port": wanted.port, "pid": started.pid, "log": str(started.log)}
        )
    else:
        _welcome(wanted.port)
        human.note(f"Its log: {started.log}")


def _welcome(number: int) -> None:
    human.line(f"Lambent is ready on {human.styled(settings.endpoint_url(number), 'bold')}")
    suffix = "" if number == settings.DEFAULT_PORT else f" --port {number}"
    human.note(human.styled(f'Point your tools at it: eval "$(lambent env{suffix})"', "dim", sys.stderr))
    sys.stdout.flush()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
