"""The options of `lambent cost`, in groups: what comes in, and what it meets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

_NAMED = "for one function of several: NAME=…"
_Rates = Annotated[
    list[str] | None,
    typer.Option("--rate", "--requests", metavar="RATE", help=f"Requests: 40/s, 2M/day, 100M/month; {_NAMED}."),
]
_Peak = Annotated[
    str | None, typer.Option("--peak", metavar="RATE", help="The rate at a day's busiest, where --rate is its mean.")
]
_Durations = Annotated[
    list[str] | None,
    typer.Option("--duration", metavar="TIME", help=f"What a request takes: 80ms, 1.5s; {_NAMED}."),
]
_P99 = Annotated[
    str | None, typer.Option("--p99", metavar="TIME", help="What all but one request of a hundred stay below.")
]
_Cpu = Annotated[str | None, typer.Option("--cpu", metavar="TIME", help="The processor's time of a request: 12ms.")]
_Used = Annotated[
    int | None, typer.Option("--memory-used", metavar="MB", help="The memory that one request at a time takes.")
]
_File = Annotated[
    Path | None, typer.Option("--traffic", metavar="FILE", help="Traffic as CSV, JSON or YAML: times and requests.")
]
_Recorded = Annotated[
    str | None, typer.Option("--recorded", metavar="SPAN", help="Traffic that the target has recorded lately: 24h, 7d.")
]
_Memory = Annotated[int | None, typer.Option("--memory", "-m", metavar="MB", help="The function's memory.")]
_Architecture = Annotated[str | None, typer.Option("--architecture", "-a", help="x86_64 or arm64.")]
_Runtime = Annotated[
    str | None, typer.Option("--runtime", help="The runtime, which says how many requests fit a vCPU.")
]
_Ephemeral = Annotated[int | None, typer.Option("--ephemeral", metavar="MB", help="The size of /tmp.")]
_Provisioned = Annotated[
    int | None, typer.Option("--provisioned", metavar="N", help="Provisioned concurrency, all month.")
]
_ManagedMemory = Annotated[
    int | None,
    typer.Option(
        "--managed-memory", metavar="MB", help="The environment's memory on managed instances, where it differs."
    ),
]
_Ratio = Annotated[
    float | None, typer.Option("--memory-per-vcpu", "--ratio", metavar="GIB", help="GiB for each vCPU: 2, 4 or 8.")
]
_Concurrency = Annotated[
    int | None,
    typer.Option(
        "--max-concurrency", "--concurrency", "-c", metavar="N", help="Requests that an environment serves at once."
    ),
]
_Types = Annotated[
    list[str] | None,
    typer.Option("--instance-type", "-i", metavar="TYPE", help="An instance type that may be, or a pattern: m7g.*"),
]
_Utilization = Annotated[
    float | None,
    typer.Option("--utilization", metavar="PERCENT", help="How busy environments are held: slots, and vCPUs."),
]


@dataclass(frozen=True, slots=True)
class TrafficOptions:
    """What comes in: given, read from a file, or recorded by the target."""

    rate: _Rates = None
    peak: _Peak = None
    duration: _Durations = None
    p99: _P99 = None
    cpu: _Cpu = None
    memory_used: _Used = None
    traffic: _File = None
    recorded: _Recorded = None


@dataclass(frozen=True, slots=True)
class SizeOptions:
    """What the function is, where the manifest or the target does not say it, or something else is to be tried."""

    memory: _Memory = None
    architecture: _Architecture = None
    runtime: _Runtime = None
    ephemeral: _Ephemeral = None
    provisioned: _Provisioned = None
    managed_memory: _ManagedMemory = None
    ratio: _Ratio = None
    concurrency: _Concurrency = None
    instance_type: _Types = None
    utilization: _Utilization = None
