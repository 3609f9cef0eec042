"""`python bench/two_clocks.py`: the same ten minutes on a capacity provider, really and replayed.

The real half is the data plane with real processes on the real clock: a Python function that sleeps, instances that
take their 33 seconds, and nothing virtual anywhere. The other half replays the same arrivals, with the handler that was
measured in the first: how long a request held its slot, and how long an environment took to come up. Both are asked for
instances and throttles.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from figures import Promise
from recording import conclude

from lambent.base.clock import SystemClock
from lambent.base.identifiers import SeededIds
from lambent.dataplane import (
    Bounds,
    Completed,
    DataPlane,
    DataPlaneSettings,
    FunctionArn,
    FunctionSpec,
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

PERIOD_S = 10.0
PERIODS = 60
SLEEP_S = 1.0
LOOK_S = 0.25
BOUND = 5.0
ARN = FunctionArn("arn:aws:lambda:eu-west-1:123456789012:function:sleeper")
PROVIDER = ProviderSpec(
    ProviderArn("arn:aws:lambda:eu-west-1:123456789012:capacity-provider:pool"),
    "pool",
    tuple(Subnet(f"subnet-{zone}", f"eu-west-1{zone}") for zone in "abc"),
    allowed_types=("c7i.large",),
)
SHARE = Share(vcpus=1.0, memory_mb=2_048, slots=4)
SOURCE = "import time\n\ndef handler(event, context):\n    time.sleep(event)\n"
# Requests a second in each period of ten seconds. Three environments have twelve slots, and each request holds one for
# a second. No rate is a multiple of four, which would fill environments so exactly that a millisecond decides.
TRACES = {
    "a jump": (*(6.0,) * 12, *(18.0,) * 30, *(6.0,) * 18),
    "two pulses": (*(5.0,) * 10, *(15.0,) * 12, *(5.0,) * 10, *(26.0,) * 12, *(7.0,) * 16),
    "a ramp": tuple(5.0 + 13.0 * place / PERIODS for place in range(PERIODS)),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a half saw: instances on average, requests throttled by reason, and requests in all."""

    instances: float
    throttles: dict[str, int]
    requests: int

    @property
    def throttled(self) -> int:
        return sum(self.throttles.values())


@dataclass(frozen=True, slots=True)
class Measured:
    """What the real half found a request and an init to take."""

    request_s: float
    init_s: float


def arrivals(rates: Sequence[float]) -> list[float]:
    """Return when requests come, evenly within each period: the same moments as the replay's."""
    moments = []
    for number, rate in enumerate(rates):
        count = round(rate * PERIOD_S)
        moments += [number * PERIOD_S + (place + 0.5) * PERIOD_S / count for place in range(count)]
    return moments


class Watch:
    """Looks at a data plane again and again: how many instances there are, and when environments serve on each."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane
        self._launched: dict[str, float] = {}
        self.counts: list[int] = []
        self.inits: list[float] = []

    async def look(self) -> None:
        while True:
            (status,) = self._plane.capacity()
            self.counts.append(len(status.instances))
            serving = {use.instance_id for use in status.environments if use.state.serves}
            for instance in status.instances:
                name = instance.instance_id
                if instance.ready_at is not None and name not in self._launched:
                    # The first three served before anybody looked.
                    self._launched[name] = 0.0 if name in serving else instance.ready_at
                elif name in serving and self._launched.get(name, 0.0) > 0.0:
                    self.inits.append(max(0.0, time.time() - self._launched[name] - LOOK_S / 2))
                    self._launched[name] = 0.0
            await asyncio.sleep(LOOK_S)


async def really(rates: Sequence[float]) -> tuple[Seen, Measured]:
    """Live through a trace."""
    with tempfile.TemporaryDirectory(prefix="lambent-two-clocks-") as folder:
        code = Path(folder) / "code"
        code.mkdir()
        (code / "app.py").write_text(SOURCE)
        plane = DataPlane(
            DataPlaneSettings(Path(folder) / "scratch", "http://127.0.0.1:1"),
            clock=SystemClock(),
            ids=SeededIds(1),
            credentials=StaticCredentials(),
            observer=RecordingObserver(),
        )
        await plane.start()
        try:
            return await lived(plane, function(code), rates)
        finally:
            await plane.stop()


def function(code: Path) -> FunctionSpec:
    return FunctionSpec(
        function_arn=ARN,
        version_arn=VersionArn(f"{ARN}:1"),
        revision="1",
        account="123456789012",
        region="eu-west-1",
        function_name="sleeper",
        version="1",
        runtime="python3.13",
        handler="app.handler",
        role_arn="arn:aws:iam::123456789012:role/sleeper",
        code=code,
        log_group="/aws/lambda/sleeper",
        log_format="JSON",
        memory_mb=SHARE.memory_mb,
        vcpus=SHARE.vcpus,
        slots=SHARE.slots,
        timeout_s=30,
        is_managed=True,
    )


async def lived(plane: DataPlane, spec: FunctionSpec, rates: Sequence[float]) -> tuple[Seen, Measured]:
    await plane.open_provider(PROVIDER)
    failure = await plane.deploy(spec, PROVIDER.arn, Bounds())
    if failure is not None:
        raise SystemExit(f"{failure.code}: {failure.reason}")
    # The first evaluation is due so long after the deployment; from then on the first request brings it, as a replay's
    # first moment does. Otherwise both halves would look at the same traffic at different moments.
    await asyncio.sleep(Timing().evaluation_s + 1.0)
    watch = Watch(plane)
    looking = asyncio.create_task(watch.look())
    throttles: Counter[str] = Counter()
    took: list[float] = []

    async def one(number: int) -> None:
        begun = time.perf_counter()
        outcome = await plane.invoke(Invocation(f"r{number}", spec, json.dumps(SLEEP_S).encode(), ARN))
        if isinstance(outcome, Throttled):
            throttles[str(outcome.reason)] += 1
        elif isinstance(outcome, Completed):
            took.append(time.perf_counter() - begun)
        else:
            raise SystemExit(f"neither served nor throttled: {outcome}")

    begin = time.perf_counter()
    moments = arrivals(rates)
    async with asyncio.TaskGroup() as group:
        for number, at in enumerate(moments):
            await asyncio.sleep(max(0.0, begin + at - time.perf_counter()))
            group.create_task(one(number))
        await asyncio.sleep(max(0.0, begin + len(rates) * PERIOD_S - time.perf_counter()))
        looking.cancel()
    # The first three came up together with the deployment; later ones beside requests, as the replay's do.
    measured = Measured(statistics.mean(took), statistics.median(watch.inits) if watch.inits else 1.0)
    return Seen(statistics.mean(watch.counts), dict(throttles), len(moments)), measured


def virtually(rates: Sequence[float], measured: Measured) -> Seen:
    """Replay a trace, with the handler that was measured."""
    plan = ReplayPlan(
        provider=PROVIDER,
        share=SHARE,
        handler=ReplayHandler((measured.request_s,), init_s=measured.init_s),
        requests=tuple(round(rate * PERIOD_S) for rate in rates),
        period_s=PERIOD_S,
        timing=replace(Timing(), first_launch_s=0.0),
        evenly=True,
    )
    day = replay(plan, SeededIds(1).fraction)
    return Seen(day.mean_instances, dict(day.throttles), day.requests)


async def all_really(names: Sequence[str]) -> list[tuple[Seen, Measured]]:
    """Live through several traces at a time, each on a data plane of its own."""
    return await asyncio.gather(*(really(TRACES[name]) for name in names))


def apart(one: float, other: float) -> float:
    """Return how far two figures are apart, in percent of the first."""
    return 100.0 * abs(one - other) / one if one else 100.0 * bool(other)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trace", action="append", choices=list(TRACES), help="one of the traces; may be repeated")
    parser.add_argument("--no-record", action="store_true", help="leave the page as it is")
    options = parser.parse_args()
    promises = []
    lines = [f"{'':<14}{'requests':>9}{'instances':>20}{'throttled':>20}{'request':>11}{'init':>9}"]
    names = options.trace or list(TRACES)
    for name, (real, measured) in zip(names, asyncio.run(all_really(names)), strict=True):
        virtual = virtually(TRACES[name], measured)
        promises += [
            Promise(f"{name}: instances, apart (%)", apart(real.instances, virtual.instances), BOUND),
            Promise(f"{name}: throttled, apart (%)", apart(real.throttled, virtual.throttled), BOUND),
        ]
        instances = f"{real.instances:.2f} / {virtual.instances:.2f}"
        throttled = f"{real.throttled} / {virtual.throttled}"
        took = f"{measured.request_s * 1_000:>8.0f} ms{measured.init_s:>7.2f} s"
        lines.append(f"{name:<14}{real.requests:>9}{instances:>20}{throttled:>20}{took}")
        if real.throttles.keys() != virtual.throttles.keys():
            lines.append(f"{'':<14}reasons: {real.throttles} / {virtual.throttles}")
    conclude("two clocks", promises, [*lines, "", "each: really / replayed"], keep=not options.no_record)


if __name__ == "__main__":
    main()
