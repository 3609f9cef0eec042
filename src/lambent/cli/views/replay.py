"""A replayed span: its minutes put together into a few rows, and its sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lambent.cli import spans
from lambent.cli.views import human

if TYPE_CHECKING:
    from lambent.assembly.replay import Day, Minute

_ROWS = 24
_BAR = 20


def show(day: Day, origin: str) -> None:
    """Print the span in at most 24 rows, and what it came to."""
    most = max((each.instances for each in day.minutes), default=1)
    human.table(
        ("FROM", "REQUESTS", "THROTTLED", "ENVIRONMENTS", "INSTANCES", "CPU", "P50", "P99", ""),
        [_row(minutes, most) for minutes in _parts(day.minutes)],
    )
    human.line()
    human.line(f"traffic           {origin}")
    human.line(f"requests          {day.requests:,} in {spans.told(day.span_s)}")
    human.line(f"throttled         {_throttled(day)}")
    human.line(f"latency           p50 {_time(day.p50_s)}, p99 {_time(day.p99_s)}")
    human.line(f"instance-hours    {_hours(day)}")
    human.line(f"vCPU-hours        {day.vcpu_hours:.1f}, of which requests used {day.cpu_hours:.1f}")
    human.line(f"environments      {day.environment_hours * 3600 / day.span_s:.1f} on average")
    human.line(f"instances         {day.mean_instances:.1f} on average, {day.peak_instances} at most")


def document(day: Day, origin: str, seed: int) -> dict[str, object]:
    """Return everything for programs: spans in seconds, hours as such."""
    return {
        "traffic": origin,
        "seed": seed,
        "span_s": day.span_s,
        "requests": day.requests,
        "throttles": dict(day.throttles),
        "instance_hours": dict(day.instance_hours),
        "vcpu_hours": day.vcpu_hours,
        "environment_hours": day.environment_hours,
        "cpu_hours": day.cpu_hours,
        "mean_instances": day.mean_instances,
        "peak_instances": day.peak_instances,
        "p50_s": day.p50_s,
        "p99_s": day.p99_s,
        "minutes": [
            {
                "at_s": each.at_s,
                "requests": each.requests,
                "throttles": dict(each.throttles),
                "environments": each.environments,
                "instances": each.instances,
                "busy": each.busy,
                "cpu": each.cpu,
                "p50_s": each.p50_s,
                "p99_s": each.p99_s,
            }
            for each in day.minutes
        ],
    }


def _parts(minutes: Sequence[Minute]) -> Iterator[Sequence[Minute]]:
    size = max(1, -(-len(minutes) // _ROWS))
    return (minutes[begin : begin + size] for begin in range(0, len(minutes), size))


def _row(minutes: Sequence[Minute], most: int) -> tuple[str, ...]:
    throttled: Counter[str] = Counter()
    for each in minutes:
        throttled.update(each.throttles)
    instances = max(each.instances for each in minutes)
    p50 = [each.p50_s for each in minutes if each.p50_s is not None]
    p99 = [each.p99_s for each in minutes if each.p99_s is not None]
    return (
        _clock(minutes[0].at_s),
        f"{sum(each.requests for each in minutes):,}",
        f"{throttled.total():,}" if throttled else "-",
        str(max(each.environments for each in minutes)),
        str(instances),
        f"{sum(each.cpu for each in minutes) / len(minutes):.0%}",
        _time(sorted(p50)[len(p50) // 2] if p50 else None),
        _time(max(p99, default=None)),
        "█" * max(1, round(_BAR * instances / most)),
    )


def _clock(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3_600)
    return f"{hours:02}:{rest // 60:02}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1_000:.0f} ms"


def _throttled(day: Day) -> str:
    if not day.throttled:
        return "none"
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in day.throttles.items())
    return f"{day.throttled:,} ({day.throttled / day.requests:.2%}): {reasons}"


def _hours(day: Day) -> str:
    return ", ".join(f"{hours:.1f} {name}" for name, hours in day.instance_hours.items())
