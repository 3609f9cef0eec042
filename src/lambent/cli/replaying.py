"""`lambent replay`: from options, a manifest and recorded metrics to what is replayed.

An option goes over the manifest, the manifest over AWS's defaults; a handler's figures come from the options, then from
what was recorded or stands in the file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lambent.aws.quotas import (
    LEAST_PROVIDER_VCPUS,
    MANAGED_INSTANCE_MAXIMUM_MEMORY_MB,
    MOST_ENVIRONMENTS,
    MOST_PROVIDER_VCPUS,
    MOST_REQUESTS_OF_AN_ENVIRONMENT,
)
from lambent.cli import spans
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.insight_errors import insight_errors
from lambent.cli.targets import Place
from lambent.insight.figures import Basis, Origin
from lambent.insight.sizing import environment_size, nearest_memory
from lambent.insight.traffic import Duration, Traffic, parse_rate
from lambent.insight.traffic_shapes import SPAN_S, TrafficShape, shaped

if TYPE_CHECKING:
    from lambent.assembly.replay import Arrivals, Function, Handler, Provider
    from lambent.manifest.system import CapacityProvider, System
    from lambent.manifest.system import Function as Declared

_DEFAULT_MEMORY_MB = 2_048
_DEFAULT_RATIO = 2.0
_MOST_REQUESTS = 20_000_000


@dataclass(frozen=True, slots=True)
class TrafficOptions:
    """What arrives, and when."""

    traffic: Annotated[
        Path | None, typer.Option("--traffic", help="A CSV, JSON or YAML file of times and numbers of requests.")
    ] = None
    recorded: Annotated[
        str | None, typer.Option("--recorded", metavar="SPAN", help="What the target recorded of FUNCTION lately: 24h.")
    ] = None
    rate: Annotated[str | None, typer.Option("--rate", help="A rate: 40/s, 90k/hour, 100M/month.")] = None
    shape: Annotated[TrafficShape, typer.Option("--shape", help="How the rate is laid out.")] = TrafficShape.STEADY
    peak: Annotated[str | None, typer.Option("--peak", help="The highest rate of the shape.")] = None
    lasts: Annotated[
        str | None, typer.Option("--for", help="How long.", show_default="24h, or what the traffic says")
    ] = None
    warm_up: Annotated[str, typer.Option("--warm-up", help="How long the first rate has gone on before.")] = "15m"
    evenly: Annotated[bool, typer.Option("--evenly", help="Space requests evenly, not at random.")] = False
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same day.")] = 1


@dataclass(frozen=True, slots=True)
class HandlerOptions:
    """What a request takes."""

    duration: Annotated[str | None, typer.Option("--duration", help="How long a request takes on average: 120ms.")] = (
        None
    )
    p99: Annotated[str | None, typer.Option("--p99", help="What all but one of a hundred stay below: 400ms.")] = None
    cpu: Annotated[
        str | None, typer.Option("--cpu", help="The CPU time that a request uses: 30ms.", show_default="none")
    ] = None
    init: Annotated[str, typer.Option("--init", help="How long an execution environment takes to come up.")] = "1s"
    memory_used: Annotated[
        int, typer.Option("--memory-used", help="The megabytes that an execution environment uses.")
    ] = 0


@dataclass(frozen=True, slots=True)
class SizeOptions:
    """What it runs on, where a manifest does not say it or says otherwise."""

    memory: Annotated[int | None, typer.Option("--memory", help="The function's megabytes.")] = None
    ratio: Annotated[float | None, typer.Option("--memory-per-vcpu", help="GiB per vCPU: 2, 4 or 8.")] = None
    slots: Annotated[int | None, typer.Option("--max-concurrency", help="Requests at once in an environment.")] = None
    minimum: Annotated[int | None, typer.Option("--min-environments", help="Environments at least.")] = None
    maximum: Annotated[int | None, typer.Option("--max-environments", help="Environments at most.")] = None
    instance_types: Annotated[
        list[str] | None, typer.Option("--instance-type", help="An instance type that may be used; may be repeated.")
    ] = None
    max_vcpus: Annotated[int | None, typer.Option("--max-vcpus", help="The capacity provider's vCPUs at most.")] = None
    target_cpu: Annotated[float | None, typer.Option("--target-cpu", help="Manual scaling's CPU target.")] = None
    zones: Annotated[int, typer.Option("--zones", min=1, max=6, help="Availability Zones.")] = 3


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that is replayed, and where its traffic came from."""

    arrivals: Arrivals
    handler: Handler
    function: Function
    provider: Provider
    origin: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The function that is named, as far as a manifest tells: its name on AWS, and what it is declared as."""

    name: str | None = None
    declared: Declared | None = None
    provider: CapacityProvider | None = None


def subject(name: str | None, manifest: Path | None, environment: str | None) -> Subject:
    """Return what a manifest says of a function. Without one, a name is that of a deployed function."""
    from lambent.cli.project import ProjectRequest, read, require_sound

    if name is None or (manifest is None and not Path("lambent.yaml").is_file()):
        return Subject(name)
    project = read(ProjectRequest(manifest, environment))
    system = project.system
    if system is None:
        require_sound(project)
        return Subject(name)
    from lambent.compiler.names import physical_name
    from lambent.manifest.effective import effective_functions

    found = effective_functions(system)
    key = next((key for key in found if name in {key, physical_name(system.stack, key)}), None)
    if key is None:
        if manifest is None:
            return Subject(name)
        raise CommandError(f"{manifest} has no function {name}.", f"It has: {', '.join(found)}.", ExitCode.USAGE)
    function = found[key]
    own = None if function.name is None else function.name.literal
    return Subject(own or physical_name(system.stack, key), function, _provider_of(system, function))


def _provider_of(system: System, function: Declared) -> CapacityProvider | None:
    if function.capacity_provider is None:
        return None
    reference = function.capacity_provider.provider.sole_reference
    if reference is None or reference.path[:1] != ("capacity_providers",):
        return None
    return system.capacity_providers.get(reference.path[1])


def model(
    about: Subject, arriving: TrafficOptions, handling: HandlerOptions, sizes: SizeOptions, place: Place
) -> Model:
    """Return what the options ask to replay; raises CommandError for what does not fit together."""
    from lambent.assembly.replay import Arrivals

    _require_bounds(sizes, handling)
    with insight_errors():
        traffic = _traffic(about, arriving, place)
        if arriving.lasts is not None:
            traffic = traffic.over(spans.length(arriving.lasts), traffic.period_s)
        _require_few(traffic)
        return Model(
            Arrivals(traffic.requests, traffic.period_s, spans.span(arriving.warm_up), arriving.evenly),
            _handler(handling, traffic),
            _function(about, sizes),
            _provider(about, sizes),
            str(traffic.origin),
        )


def _require_few(traffic: Traffic) -> None:
    if traffic.total > _MOST_REQUESTS:
        raise CommandError(
            f"{traffic.total:,.0f} requests come in {spans.told(traffic.span_s)}, and a replay takes up "
            f"{_MOST_REQUESTS:,} at most.",
            "Give a shorter one: --for 10m.",
            ExitCode.USAGE,
        )


def _require_bounds(sizes: SizeOptions, handling: HandlerOptions) -> None:
    """Raise CommandError for an option that is outside of what AWS takes."""
    for flag, value, least, most in (
        ("--memory-used", handling.memory_used, 0, MANAGED_INSTANCE_MAXIMUM_MEMORY_MB),
        ("--max-concurrency", sizes.slots, 1, MOST_REQUESTS_OF_AN_ENVIRONMENT),
        ("--min-environments", sizes.minimum, 1, MOST_ENVIRONMENTS),
        ("--max-environments", sizes.maximum, 1, MOST_ENVIRONMENTS),
        ("--max-vcpus", sizes.max_vcpus, LEAST_PROVIDER_VCPUS, MOST_PROVIDER_VCPUS),
        ("--target-cpu", sizes.target_cpu, 1, 100),
    ):
        if value is not None and not least <= value <= most:
            message = f"{flag} {value:g} is not between {least:,} and {most:,}."
            raise CommandError(message, "Give a number between them.", ExitCode.USAGE)


def _traffic(about: Subject, options: TrafficOptions, place: Place) -> Traffic:
    given = [name for name in ("traffic", "recorded", "rate") if getattr(options, name) is not None]
    if len(given) != 1:
        message = (
            f"{' and '.join(f'--{name}' for name in given)} exclude each other." if given else "There is no traffic."
        )
        raise CommandError(message, "Give one of --rate 40/s, --traffic FILE and --recorded 24h.", ExitCode.USAGE)
    if options.rate is None and (options.shape is not TrafficShape.STEADY or options.peak is not None):
        raise CommandError("--shape and --peak are for --rate.", "Leave them out, or give a rate.", ExitCode.USAGE)
    if options.traffic is not None:
        return _read(options.traffic)
    if options.recorded is not None:
        return _recorded(about, spans.span(options.recorded), place)
    peak = None if options.peak is None else parse_rate(options.peak)
    span_s = SPAN_S if options.lasts is None else spans.length(options.lasts)
    told = f"--rate {options.rate}, {options.shape}"
    return shaped(options.shape, parse_rate(str(options.rate)), span_s, Origin(Basis.GIVEN, told), peak)


def _read(file: Path) -> Traffic:
    from lambent.insight.traffic_files import read_traffic

    try:
        return read_traffic(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}", "Name a file of CSV, JSON or YAML.") from error


def _recorded(about: Subject, span_s: float, place: Place) -> Traffic:
    from lambent.base.clock import SystemClock
    from lambent.cli import connection, deployment
    from lambent.insight.measure import recorded_traffic

    if about.name is None:
        raise CommandError(
            "--recorded is of a function.", "Name it: lambent replay NAME --recorded 24h", ExitCode.USAGE
        )
    target = deployment.target_of(place, None)
    with connection.api_errors(is_local=place.is_local):
        return recorded_traffic(target, about.name, span_s, SystemClock().now(), deployment.told(place))


def _handler(options: HandlerOptions, traffic: Traffic) -> Handler:
    from lambent.assembly.replay import Handler

    known: Duration | None = traffic.duration
    if options.duration is None and known is None:
        raise CommandError("Nothing says how long a request takes.", "Give --duration 120ms.", ExitCode.USAGE)
    mean_s = spans.span(options.duration) if options.duration else known.mean_ms / 1_000 if known else 0.0
    p99_s = None if options.p99 is None else spans.span(options.p99)
    if p99_s is None and options.duration is None and known is not None:
        p99_s = next((value / 1_000 for share, value in known.quantiles if share == 0.99), None)
    if mean_s <= 0:
        raise CommandError("A request takes some time.", "Give --duration 120ms.", ExitCode.USAGE)
    if p99_s is not None and p99_s < mean_s:
        raise CommandError(
            "--p99 is below the average.", "Give what all but one of a hundred stay below.", ExitCode.USAGE
        )
    cpu_s = spans.span(options.cpu) if options.cpu else traffic.cpu_ms.value / 1_000 if traffic.cpu_ms else 0.0
    return Handler(mean_s, p99_s, cpu_s, spans.span(options.init), float(options.memory_used))


def _function(about: Subject, sizes: SizeOptions) -> Function:
    from lambent.assembly.replay import Function

    declared = about.declared
    managed = None if declared is None else declared.capacity_provider
    ratio = sizes.ratio or (managed.memory_per_vcpu if managed else None) or _DEFAULT_RATIO
    memory_mb = sizes.memory or (declared.memory if declared else None) or _DEFAULT_MEMORY_MB
    if sizes.memory is None and managed is None:
        # A function that is not on Managed Instances yet is replayed as the least that would hold it.
        memory_mb = nearest_memory(memory_mb, ratio)
    slots = sizes.slots or (managed.max_concurrency if managed else None)
    size = environment_size(memory_mb, ratio, slots, declared.runtime if declared else None)
    minimum = sizes.minimum if sizes.minimum is not None else managed.min_environments if managed else None
    maximum = sizes.maximum if sizes.maximum is not None else managed.max_environments if managed else None
    least = 3 if minimum is None else minimum
    if least < 1 or (maximum is not None and maximum < least):
        raise CommandError(
            f"{least} environments at least and {'any number' if maximum is None else maximum} at most serve nothing.",
            "Give --min-environments of 1 or more, and no --max-environments below it.",
            ExitCode.USAGE,
        )
    return Function(size.memory_mb, float(size.vcpus), size.slots, least, maximum)


def _provider(about: Subject, sizes: SizeOptions) -> Provider:
    from lambent.assembly.replay import Provider

    declared = about.provider
    found = Provider(zones=sizes.zones)
    if declared is not None:
        found = dataclasses.replace(
            found,
            architecture=declared.architecture or found.architecture,
            allowed_types=tuple(declared.instance_types),
            excluded_types=tuple(declared.excluded_instance_types),
            max_vcpus=declared.max_vcpus or found.max_vcpus,
            target_cpu=declared.target_cpu,
        )
    if sizes.instance_types:
        # Types name their instruction set: of Graviton's the number of the generation is followed by a g.
        is_arm = _is_arm(sizes.instance_types)
        found = dataclasses.replace(
            found,
            architecture="arm64" if is_arm else "x86_64",
            allowed_types=tuple(sizes.instance_types),
            excluded_types=(),
        )
    return dataclasses.replace(
        found,
        max_vcpus=sizes.max_vcpus or found.max_vcpus,
        target_cpu=found.target_cpu if sizes.target_cpu is None else sizes.target_cpu,
    )


def _is_arm(types: Sequence[str]) -> bool:
    """Return whether types are Graviton's; raises CommandError for types of both instruction sets."""
    of_both = {"g" in each.partition(".")[0][1:] for each in types}
    if len(of_both) > 1:
        message = f"{', '.join(types)} are types of two instruction sets."
        raise CommandError(message, "A capacity provider has one: leave one kind out.", ExitCode.USAGE)
    return of_both.pop()
