"""From the options of `lambent cost` to functions that are ready to be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

from lambent.base.clock import SystemClock
from lambent.cli import connection, deployment, spans
from lambent.cli import project as projects
from lambent.cli.cost_options import SizeOptions, TrafficOptions
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.insight_errors import insight_errors
from lambent.cli.project import Project, ProjectRequest
from lambent.cli.targets import Place
from lambent.insight.cost import Prices
from lambent.insight.figures import Basis, Figure, Origin
from lambent.insight.measure import NoTrafficError, recorded_traffic
from lambent.insight.price_files import read_prices, shipped_prices
from lambent.insight.subject import Subject, Wish, configured, declared, subject, wish
from lambent.insight.traffic import Duration, Traffic, daily, parse_rate, steady
from lambent.insight.traffic_files import parse_duration, parse_milliseconds, read_traffic

if TYPE_CHECKING:
    from lambent.aws.clients import Target

_HOW_MUCH = "Say it with --rate 40/s --duration 80ms, with --traffic FILE, or with --recorded 7d."
_ANONYMOUS = "function"


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What is asked: of one function, or of all of the manifest."""

    name: str | None
    project: ProjectRequest
    traffic: TrafficOptions
    size: SizeOptions
    place: Place


@dataclass(frozen=True, slots=True)
class Answerable:
    """The functions that were found, those that had nothing to do, and the Region that they are in.

    `is_one` says that one function was asked for, and not all of a manifest.
    """

    subjects: tuple[Subject, ...]
    idle: tuple[str, ...]
    region: str | None
    is_one: bool


def prices_of(file: Path | None, region: str, discount: str | None, *, free_tier: bool) -> Prices:
    """Return the prices to count with: those that come along, or a file's."""
    with insight_errors():
        book = shipped_prices() if file is None else read_prices(_text(file), str(file))
        return Prices(book, region, free_tier, None if discount is None else _share(discount))


def answerable(inquiry: Inquiry) -> Answerable:
    """Return the functions that the options and the manifest name, each with its traffic; raises CommandError."""
    project = _project(inquiry)
    wishes = {} if project is None or project.system is None else declared(project.system, str(project.file))
    with insight_errors():
        asked = _asked(inquiry, project, wishes)
        source = _Source(inquiry, project)
        given = _given(inquiry.size)
        found: list[Subject] = []
        idle: list[str] = []
        for key, said in asked.items():
            try:
                traffic = source.traffic(key)
            except NoTrafficError:
                if inquiry.name is not None:
                    raise
                idle.append(key)
                continue
            if traffic is not None:
                whole = given.over(said)
                found.append(
                    subject(
                        key, whole if whole.memory_mb is not None else whole.over(source.configuration(key)), traffic
                    )
                )
        source.require_known(asked)
    if not found and not idle:
        raise CommandError("Nothing says how much traffic there is.", _HOW_MUCH, ExitCode.USAGE)
    region = (None if project is None else project.region) or source.region
    return Answerable(tuple(found), tuple(idle), region, is_one=inquiry.name is not None or not wishes)


def _project(inquiry: Inquiry) -> Project | None:
    """Return the project that is meant, or the one that is here; None where none is."""
    try:
        project = projects.read(inquiry.project)
    except CommandError:
        if inquiry.project.path is not None or inquiry.project.environment or inquiry.project.settings:
            raise
        return None
    if project.system is None and not project.is_template:
        projects.require_sound(project)
    return project


def _asked(inquiry: Inquiry, project: Project | None, wishes: Mapping[str, Wish]) -> dict[str, Wish]:
    """Return what is known of each function that is meant."""
    if inquiry.name is None:
        return dict(wishes) or {_ANONYMOUS: Wish()}
    by_name = {_physical(project, key): key for key in wishes}
    key = inquiry.name if inquiry.name in wishes else by_name.get(inquiry.name, inquiry.name)
    return {key: wishes.get(key, Wish())}


def _physical(project: Project | None, key: str) -> str:
    """Return what a function is called on the target: its name, where the manifest says one, or as it is generated."""
    from lambent.compiler.names import physical_name

    function = None if project is None or project.system is None else project.system.functions.get(key)
    if project is None or project.system is None or function is None:
        return key
    named = None if function.name is None else function.name.literal
    return named or physical_name(project.system.stack, key)


class _Source:
    """Where the traffic of each function comes from, and what the target says of one that nothing else describes."""

    def __init__(self, inquiry: Inquiry, project: Project | None) -> None:
        self._inquiry = inquiry
        self._project = project
        self._target: Target | None = None
        options = inquiry.traffic
        self._rates, self._durations = _named(options.rate), _named(options.duration)
        ways = [bool(options.rate), options.traffic is not None, options.recorded is not None]
        if sum(ways) > 1:
            raise CommandError(
                "--rate, --traffic and --recorded each say how much comes in.", "Give one of them.", ExitCode.USAGE
            )
        if not any(ways):
            raise CommandError("Nothing says how much traffic there is.", _HOW_MUCH, ExitCode.USAGE)
        if options.peak is not None and not options.rate:
            raise CommandError("--peak goes with --rate, the mean of the day.", "Give both.", ExitCode.USAGE)

    def traffic(self, key: str) -> Traffic | None:
        """Return a function's traffic, None where it has none of several that were given."""
        options = self._inquiry.traffic
        if options.recorded is not None:
            found = self._recorded(key, options.recorded)
        elif options.traffic is not None:
            found = read_traffic(_text(options.traffic), str(options.traffic))
        else:
            text = self._rates.get(key, self._rates.get(None))
            if text is None:
                return None
            found = _from_rates(text, options.peak)
        told = self._durations.get(key, self._durations.get(None))
        if told is not None:
            found = replace(found, duration=parse_duration(told, _option("--duration", told)))
        if options.p99 is not None:
            found = replace(found, duration=_with_p99(found, options.p99))
        if options.cpu is not None:
            figure = Figure(parse_milliseconds(options.cpu), _option("--cpu", options.cpu))
            found = replace(found, cpu_ms=figure if figure.value else None)
        if options.memory_used is not None:
            if options.memory_used < 1:
                raise CommandError(
                    "--memory-used is 1 MB at least.", "Leave it out where it is not known.", ExitCode.USAGE
                )
            used = Figure(float(options.memory_used), _option("--memory-used", str(options.memory_used)))
            found = replace(found, memory_mb=used)
        return found

    def configuration(self, key: str) -> Wish:
        """Return what the target says of a function."""
        if self._inquiry.name is None and self._project is None:
            message = "Neither a manifest nor an option says how much memory the function has."
            raise CommandError(message, "Give it with --memory 1024, or name a function.", ExitCode.USAGE)
        place, file = self._inquiry.place, self._project
        if file is not None and place.is_local and connection.health(place.port) is None:
            known = "" if file.system is None else f" It has {', '.join(file.system.functions)}."
            message = f"{file.file} has no function {key!r}, and no platform runs that may know it.{known}"
            raise CommandError(message, "Name one of the manifest's, or give its --memory.", ExitCode.USAGE)
        target = self._reached()
        with connection.api_errors(is_local=place.is_local):
            found = target.client("lambda").get_function_configuration(FunctionName=_physical(self._project, key))
        return configured(found, deployment.told(place))

    @property
    def region(self) -> str | None:
        """The Region that was asked, which a profile may say alone; None where nothing was asked."""
        return None if self._target is None else str(self._target.client("lambda").meta.region_name)

    def require_known(self, asked: Mapping[str, Wish]) -> None:
        """Raise CommandError where an option names a function that there is not."""
        for name in (*self._rates, *self._durations):
            if name is not None and name not in asked:
                known = ", ".join(asked)
                raise CommandError(f"There is no function {name!r}.", f"Name one of {known}.", ExitCode.USAGE)

    def _recorded(self, key: str, span: str) -> Traffic:
        place = self._inquiry.place
        target = self._reached()
        with connection.api_errors(is_local=place.is_local):
            return recorded_traffic(
                target, _physical(self._project, key), spans.span(span), SystemClock().now(), deployment.told(place)
            )

    def _reached(self) -> Target:
        if self._target is None:
            self._target = deployment.target_of(self._inquiry.place, self._project)
        return self._target


def _from_rates(text: str, peak: str | None) -> Traffic:
    rate = parse_rate(text)
    if peak is None:
        return steady(rate, _option("--rate", text))
    return daily(rate, parse_rate(peak), _option("--peak", f"{peak}, --rate {text}"))


def _with_p99(traffic: Traffic, text: str) -> Duration:
    """Return what a request takes, with another p99 than is known."""
    if traffic.duration is None:
        raise CommandError("--p99 goes with a mean duration.", "Give it with --duration 80ms.", ExitCode.USAGE)
    others = tuple(one for one in traffic.duration.quantiles if one[0] != 0.99)
    p99_ms = parse_milliseconds(text)
    if p99_ms < traffic.duration.mean_ms or any(ms > p99_ms for quantile, ms in others if quantile < 0.99):
        raise CommandError(
            f"A p99 of {text} is below the mean or a lower quantile.", "Look at both again.", ExitCode.USAGE
        )
    return replace(traffic.duration, quantiles=tuple(sorted((*others, (0.99, p99_ms)))))


def _given(options: SizeOptions) -> Wish:
    """Return what the options say of the function."""
    said = {
        "memory_mb": ("--memory", options.memory),
        "architecture": ("--architecture", options.architecture),
        "runtime": ("--runtime", options.runtime),
        "storage_mb": ("--ephemeral", options.ephemeral),
        "provisioned": ("--provisioned", options.provisioned),
        "managed_memory_mb": ("--managed-memory", options.managed_memory),
        "ratio": ("--memory-per-vcpu", options.ratio),
        "concurrency": ("--max-concurrency", options.concurrency),
        "allowed_types": ("--instance-type", tuple(options.instance_type) if options.instance_type else None),
        "target": ("--utilization", None if options.utilization is None else options.utilization / 100),
    }
    found = Wish()
    for name, (flag, value) in said.items():
        if value is not None:
            found = wish(_option(flag, _shown(value)), **{name: value}).over(found)
    return found


def _shown(value: object) -> str:
    return " ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)


def _option(flag: str, value: str) -> Origin:
    return Origin(Basis.GIVEN, f"{flag} {value}")


def _named(values: list[str] | None) -> dict[str | None, str]:
    """Return the values of an option by the function that each is for; None stands for all others.

    >>> _named(["40/s", "jobs=2/min"]), _named(["80ms,p99=400ms", "jobs=1s,p99=4s"])
    ({None: '40/s', 'jobs': '2/min'}, {None: '80ms,p99=400ms', 'jobs': '1s,p99=4s'})
    """
    found: dict[str | None, str] = {}
    for value in values or ():
        name, equals, rest = value.partition("=")
        is_named = bool(equals) and "," not in name
        found[name if is_named else None] = rest if is_named else value
    return found


def _share(text: str) -> Decimal:
    try:
        percent = Decimal(text.strip().removesuffix("%").strip())
    except InvalidOperation:
        percent = Decimal(-1)
    if not percent.is_finite() or not 0 <= percent < 100:
        raise CommandError(f"{text!r} is no discount.", "Give per cent of the on-demand price: 38%.", ExitCode.USAGE)
    return percent / 100


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}", "Name a file of text.", ExitCode.USAGE) from error
