"""`lambent cost --replay`: instance-hours from the autoscaler itself, on virtual time, in place of a formula's."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from lambent.cli import spans
from lambent.cli.errors import CommandError, ExitCode
from lambent.insight.cost import Comparison
from lambent.insight.figures import Basis, Origin
from lambent.insight.subject import Fact, Subject
from lambent.insight.traffic import MONTH_HOURS, Traffic

_MOST_REQUESTS = 3_000_000
_WARM_UP_S = 900.0


def replayed(subject: Subject, comparison: Comparison, span: str) -> Subject:
    """Return a function whose instance-hours a month are those of a replay of its traffic.

    The replay runs on the instance type that the comparison has chosen, in three zones. Raises CommandError.
    """
    from lambent.assembly.replay import Arrivals, Function, Handler, Provider, ReplayError, replay

    managed, duration = subject.managed, subject.traffic.duration
    if managed is None or duration is None or comparison.layout is None:
        return subject
    span_s = spans.length(span)
    _require_whole(subject.traffic, span, span_s)
    traffic = subject.traffic.over(span_s)
    if traffic.total > _MOST_REQUESTS:
        raise CommandError(
            f"{traffic.total:,.0f} requests come in {span}, and a replay takes up {_MOST_REQUESTS:,} at most.",
            "Give a shorter one: --replay 1h.",
            ExitCode.USAGE,
        )
    environment, instance = managed.environment, comparison.layout.instance
    p99 = next((ms / 1000 for quantile, ms in duration.quantiles if quantile == 0.99), None)
    cpu = subject.traffic.cpu_ms
    needed = -(-comparison.peak_instances * instance.vcpus * 3 // 2)
    try:
        day = replay(
            Arrivals(traffic.requests, traffic.period_s, warm_up_s=_WARM_UP_S),
            Handler(duration.mean_ms / 1000, p99, 0.0 if cpu is None else cpu.value / 1000),
            Function(environment.memory_mb, float(environment.vcpus), environment.slots, managed.least_environments),
            # Room for what the autoscaler takes beyond what the formula counts.
            Provider(
                architecture=instance.architecture,
                allowed_types=(instance.name,),
                max_vcpus=max(400, needed),
                target_cpu=None if managed.cpu_target is None else managed.cpu_target * 100,
            ),
        )
    except ReplayError as error:
        raise CommandError(f"The function does not come up in the replay: {error}.") from error
    factor = Fraction(int(MONTH_HOURS * 3_600), 1) / Fraction(day.span_s)
    hours = tuple((name, Fraction(value) * factor) for name, value in day.instance_hours.items())
    told = f"{day.mean_instances:.4g} on average, {day.peak_instances} at most"
    told += f"; {day.throttled:,} of {day.requests:,} requests throttled"
    origin = Origin(Basis.MEASURED, f"--replay {span}: the platform's autoscaler on virtual time")
    return replace(
        subject, managed=replace(managed, hours=hours), facts=(*subject.facts, Fact("instances", told, origin))
    )


def _require_whole(traffic: Traffic, span: str, span_s: float) -> None:
    """Raise CommandError where a month cannot be told from the span: a night of a day says nothing of its noon."""
    if len(traffic.requests) > 1 and span_s % traffic.span_s:
        own = spans.told(traffic.span_s)
        raise CommandError(
            f"The traffic rises and falls in {own}, and a replay of {span} is no multiple of that.",
            f"Replay all of it; `lambent replay --for {span}` shows a part.",
            ExitCode.USAGE,
        )
