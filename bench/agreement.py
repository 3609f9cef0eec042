"""`python bench/agreement.py`: ten minutes of traffic on Managed Instances, carried out in earnest and replayed.

Three traces at a time, each on a capacity provider of its own: real environments, whose handlers take real seconds, on
instances that take the 33 seconds to launch that they take on AWS. The replay is given the same requests and the
durations that were measured, and asks the same fleet. What is compared: throttles, and instances over time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from figures import Promise
from recording import conclude

from lambent.base.clock import SystemClock
from lambent.base.identifiers import SeededIds, SystemIds
from lambent.dataplane import (
    Bounds,
    Completed,
    DataPlane,
    DataPlaneSettings,
    Day,
    FunctionArn,
    FunctionSpec,
    InstanceEvent,
    InstanceEventKind,
    Invocation,
    ProviderArn,
    ProviderSpec,
    ReplayHandler,
    ReplayPlan,
    Share,
    Subnet,
    Throttled,
    Timing,
    VersionArn,
    replay,
)
from lambent.testing.runtimes import RecordingObserver, StaticCredentials

CODE = "import time\n\ndef handler(event, context):\n    time.sleep(2)\n"
SLOTS = 8
PERIOD_S = 10.0
STEADY, HIGH = 60.0, 200.0  # requests in ten seconds; with three environments 24 run at once, which is 120
TRACES = {
    "a step": (STEADY,) * 15 + (HIGH,) * 25 + (STEADY,) * 20,
    "doubling within five minutes": tuple(STEADY * 2.0 ** min(1.0, place / 30.0) for place in range(60)),
    "spikes": tuple(HIGH if place % 12 in {5, 6} else STEADY for place in range(60)),
}
WITHIN = 0.05


@dataclass
class Seen:
    """What became of a trace here."""

    requests: int = 0
    throttles: int = 0
    failures: int = 0
    up_s: float = 0.0
    begin: float = 0.0
    durations_s: list[float] = field(default_factory=list)
    events: list[InstanceEvent] = field(default_factory=list)

    def mean_instances(self, span_s: float) -> float:
        """Return how many instances there were on average, from their launch to their end."""
        end, total = self.begin + span_s, 0.0
        for event in self.events:
            at = min(max(event.at, self.begin), end)
            if event.kind is InstanceEventKind.LAUNCHING:
                total += end - at
            elif event.kind is InstanceEventKind.TERMINATED:
                total -= end - at
        return total / span_s


class Watching:
    """Keeps the events of each provider."""

    def __init__(self, seen: dict[str, Seen]) -> None:
        self._seen = seen

    def instance_changed(self, provider: ProviderSpec, event: InstanceEvent) -> None:
        self._seen[provider.name].events.append(event)


def provider_of(name: str) -> ProviderSpec:
    subnets = tuple(Subnet(f"subnet-{zone}", f"eu-west-1{zone}") for zone in "abc")
    return ProviderSpec(ProviderArn(f"arn:{name}"), name, subnets, allowed_types=("m7i.large",))


def spec_of(name: str, code: Path) -> FunctionSpec:
    arn = FunctionArn(f"arn:aws:lambda:eu-west-1:123456789012:function:{name.replace(' ', '-')}")
    return FunctionSpec(
        arn,
        VersionArn(f"{arn}:1"),
        "1",
        "123456789012",
        "eu-west-1",
        name,
        "1",
        "python3.13",
        "app.handler",
        "arn:aws:iam::123456789012:role/r",
        code,
        memory_mb=2_048,
        timeout_s=60,
        log_format="JSON",
        slots=SLOTS,
        is_managed=True,
        vcpus=1.0,
    )


def arrivals(trace: tuple[float, ...]) -> list[float]:
    """Return when requests come, as a replay that spaces them evenly has it."""
    found: list[float] = []
    carried = 0.0
    for number, expected in enumerate(trace):
        carried += expected
        here = int(carried + 1e-9)
        carried -= here
        found += [(number + (place + 0.5) / here) * PERIOD_S for place in range(here)]
    return found


async def carry_out(plane: DataPlane, spec: FunctionSpec, trace: tuple[float, ...], seen: Seen) -> None:
    """Deploy, and let every request come in its time, whatever becomes of those before."""
    before = time.monotonic()
    failure = await plane.deploy(spec, ProviderArn(f"arn:{spec.function_name}"), Bounds())
    if failure is not None:
        raise SystemExit(f"{spec.function_name}: {failure.code}: {failure.reason}")
    seen.up_s, seen.begin = time.monotonic() - before, time.time()
    begin, running = time.monotonic(), []

    async def call(number: int) -> None:
        outcome = await plane.invoke(Invocation(f"r{number}", spec, b"{}", spec.function_arn))
        if isinstance(outcome, Throttled):
            seen.throttles += 1
        elif isinstance(outcome, Completed):
            seen.durations_s.append(outcome.report.duration_ms / 1000.0)
        else:
            seen.failures += 1

    for number, moment in enumerate(arrivals(trace)):
        await asyncio.sleep(max(0.0, begin + moment - time.monotonic()))
        seen.requests += 1
        running.append(asyncio.get_running_loop().create_task(call(number)))
    await asyncio.sleep(max(0.0, begin + len(trace) * PERIOD_S - time.monotonic()))
    await asyncio.gather(*running)


def replayed(name: str, trace: tuple[float, ...], seen: Seen) -> Day:
    """Return what the replay makes of the same requests."""
    plan = ReplayPlan(
        provider_of(name),
        Share(1.0, 2_048, SLOTS),
        ReplayHandler(tuple(sorted(seen.durations_s)), init_s=seen.up_s),
        trace,
        PERIOD_S,
        timing=Timing(),
        evenly=True,
    )
    return replay(plan, SeededIds(1).fraction)


async def measure(traces: dict[str, tuple[float, ...]]) -> dict[str, Seen]:
    """Carry out all traces at the same time."""
    seen = {name: Seen() for name in traces}
    with tempfile.TemporaryDirectory(prefix="lambent-agreement-") as folder:
        code = Path(folder) / "code"
        code.mkdir()
        (code / "app.py").write_text(CODE)
        plane = DataPlane(
            DataPlaneSettings(Path(folder) / "scratch", "http://127.0.0.1:1"),
            clock=SystemClock(),
            ids=SystemIds(),
            credentials=StaticCredentials(),
            observer=RecordingObserver(),
            capacity_observer=Watching(seen),
        )
        await plane.start()
        try:
            specs = [spec_of(name, code) for name in traces]
            await plane.prepare(specs[0])
            for name in traces:
                await plane.open_provider(provider_of(name))
            await asyncio.gather(
                *(carry_out(plane, spec, traces[spec.function_name], seen[spec.function_name]) for spec in specs)
            )
        finally:
            await plane.stop()
    return seen


def differs(ours: float, theirs: float) -> float:
    """Return by how much two figures differ, as a share of the larger; nothing where both are nothing."""
    return abs(ours - theirs) / max(ours, theirs) if max(ours, theirs) else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=10, help="how much of each trace is carried out")
    parser.add_argument("--no-record", action="store_true", help="leave the page of results as it is")
    asked = parser.parse_args()
    periods = int(asked.minutes * 60 / PERIOD_S)
    traces = {name: trace[:periods] for name, trace in TRACES.items()}
    seen = asyncio.run(measure(traces))
    lines = [f"{'trace':<32}{'requests':>9}{'throttles':>21}{'mean instances':>23}", ""]
    worst = [0.0, 0.0]
    for name, ours in seen.items():
        day = replayed(name, traces[name], ours)
        mean = ours.mean_instances(day.span_s)
        worst = [
            max(worst[0], differs(ours.throttles, day.throttled)),
            max(worst[1], differs(mean, day.mean_instances)),
        ]
        lines.append(
            f"{name:<32}{ours.requests:>9,}{ours.throttles:>9,} /{day.throttled:>6,} replayed"
            f"{mean:>9.2f} /{day.mean_instances:>6.2f} replayed"
        )
        if ours.failures:
            lines.append(f"{ours.failures} requests failed")
    lines += ["", f"{asked.minutes} minutes each, all at the same time, on {os.cpu_count()} processors"]
    promises = [
        Promise("throttles differ by (%)", 100 * worst[0], 100 * WITHIN),
        Promise("instances differ by (%)", 100 * worst[1], 100 * WITHIN),
    ]
    conclude("agreement", promises, lines, keep=not asked.no_record)


if __name__ == "__main__":
    main()
