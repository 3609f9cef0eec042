"""What running a function under both compute types has shown, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lambent.insight.migration.candidate import Compute
from lambent.insight.migration.findings import Finding, FindingSeverity

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-quotas.html
LEAST_MEMORY_MB = 2048
MOST_MEMORY_MB = 32_768
# What a peak that was seen for seconds is to leave free.
_HEADROOM = 1.25
_MB_PER_GIB = 1024
_GAIN = 1.1
_IN_STEP = 0.6
# So many requests may meet an environment that is only just being replaced.
_FEW = 3


class Verdict(StrEnum):
    """What the proof says of the function: cleared, hazards found, or not able to tell."""

    CLEARED = "cleared"
    HAZARDS = "hazards"
    UNPROVEN = "unproven"


class WrongKind(StrEnum):
    """How an answer is wrong."""

    VALUE = "value"
    FOREIGN = "another request's data"
    SAME_ID = "the same id twice"
    ERROR = "error"
    TIMEOUT = "timeout"
    CRASH = "crash"
    MEMORY = "out of memory"
    NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """An answer that is not what its event is answered alone, as it was first seen, and how often it was so.

    `event` names the first that was answered so, and how many others were; `of` counts their requests under that
    compute type; `cause` is the likely one. `same_event` says that nothing but requests with the same event met, at
    files that are named after it.
    """

    event: str
    kind: WrongKind
    compute: Compute
    concurrency: int
    path: str
    expected: str
    got: str
    times: int
    of: int
    cause: str
    same_event: bool = False


@dataclass(frozen=True, slots=True)
class HistoryEffect:
    """An answer that depends on what its process, or its `/tmp`, was asked before.

    `is_first_only` says that only an environment's first answer differs, as by a flag of cold starts or a cache;
    `leaks` that what was answered is another event's.
    """

    event: str
    path: str
    expected: str
    got: str
    after: str
    is_first_only: bool
    leaks: bool


@dataclass(frozen=True, slots=True)
class TmpCollision:
    """A path beneath `/tmp` that several requests used at once; `concurrency` is the lowest at which they did.

    `same_event` says that only requests of one and the same event met, after which the path may be named.
    `seen_by` is "trace" where each use is known with its request, "watch" where the folder was watched from outside.
    """

    path: str
    what: str
    concurrency: int
    times: int
    seen_by: str
    only_appends: bool = False
    during_init: bool = False
    same_event: bool = False


@dataclass(frozen=True, slots=True)
class Latency:
    """How long answers took, in ms, as their caller saw it."""

    p50: float
    p90: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class Level:
    """What was measured while `concurrency` requests were under way at any time; CPU is of the function's processes."""

    compute: Compute
    concurrency: int
    requests: int
    seconds: float
    latency: Latency
    errors: int
    throttles: int
    wrong: int
    cpu_ms: float | None = None

    @property
    def per_second(self) -> float:
        """Requests that were answered in a second."""
        return self.requests / self.seconds if self.seconds > 0 else 0.0

    @property
    def per_vcpu(self) -> float | None:
        """Requests a second that one vCPU serves when it is busy all the time; None where CPU was not measured."""
        return 1000.0 / self.cpu_ms if self.cpu_ms else None


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one execution environment in MB: `shared` is counted once, `worker_*` is each worker's own.

    A worker is a process where the runtime has several, and else the runtime itself.
    """

    compute: Compute
    workers: int
    shared_mb: float
    worker_rest_mb: float
    worker_peak_mb: float

    @property
    def peak_mb(self) -> float:
        """What the environment takes when all of its workers are at their peak."""
        return self.shared_mb + self.workers * self.worker_peak_mb


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Memory and concurrency that suit what was measured, and why."""

    memory_mb: int
    max_concurrency: int
    why: str


@dataclass(frozen=True, slots=True)
class ProofReport:
    """What the proof has shown. `observed` and `not_observed` say what it could see of the function.

    `incomparable` are events whose answers are wholly another each time; `failing` those that fail alone, too.
    `growth_kb` is by how much a worker's memory grew with each request, 0 where it did not go on growing.
    `publish_failure` is why it did not come up on Managed Instances at all, "" where it did.
    """

    function: str
    runtime: str
    verdict: Verdict
    events: int
    concurrency: int
    requests: int
    seconds: float
    memory_mb: int
    memory_per_vcpu: float
    levels: tuple[Level, ...] = ()
    wrong_answers: tuple[WrongAnswer, ...] = ()
    history: tuple[HistoryEffect, ...] = ()
    collisions: tuple[TmpCollision, ...] = ()
    memory: tuple[Memory, ...] = ()
    recommendation: Recommendation | None = None
    incomparable: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    varying: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()
    not_observed: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    publish_failure: str = ""
    growth_kb: float = 0.0

    def findings(self) -> list[Finding]:
        """Return what the proof found in the words of the other checks of a migration."""
        return [
            *_of_publishing(self.publish_failure),
            *(_of_answer(one) for one in self.wrong_answers),
            *(_of_collision(one) for one in self.collisions),
            *(_of_history(one) for one in self.history),
            *_of_refusals(self.levels),
            *_of_waiting(self.levels),
            *_of_growth(self.growth_kb),
        ]


def judged(report_parts: Sequence[Finding], *, comparable: int, answered: int) -> Verdict:
    """Return the verdict: of hazards even a proof that could compare little is sure.

    >>> judged([], comparable=0, answered=3)
    <Verdict.UNPROVEN: 'unproven'>
    """
    if any(one.severity is not FindingSeverity.ADVICE for one in report_parts):
        return Verdict.HAZARDS
    return Verdict.CLEARED if comparable and answered else Verdict.UNPROVEN


def percentiles(durations_ms: Sequence[float]) -> Latency:
    """Return the latency at which so many of the answers had come (nearest rank).

    >>> percentiles([4.0, 1.0, 3.0, 2.0])
    Latency(p50=2.0, p90=4.0, p99=4.0, most=4.0)
    """
    if not durations_ms:
        return Latency(0.0, 0.0, 0.0, 0.0)
    ranked = sorted(durations_ms)

    def at(share: float) -> float:
        return round(ranked[max(0, math.ceil(share * len(ranked)) - 1)], 2)

    return Latency(at(0.5), at(0.9), at(0.99), round(ranked[-1], 2))


def recommend(memory: Memory, levels: Sequence[Level], *, memory_mb: int, memory_per_vcpu: float) -> Recommendation:
    """Return memory and concurrency for what was measured on Managed Instances.

    More concurrency is of use for as long as more requests are answered in a second; every worker costs its memory at
    all times. Memory is a whole multiple of that of one vCPU, and at least 2,048 MB.
    """
    managed = sorted(
        (one for one in levels if one.compute is Compute.MANAGED_INSTANCES), key=lambda one: one.concurrency
    )
    best = managed[0].concurrency if managed else 1
    reached = managed[0].per_second if managed else 0.0
    for level in managed[1:]:
        if level.per_second > reached * _GAIN:
            best, reached = level.concurrency, level.per_second
    is_processes = memory.workers > 1
    needed = (memory.shared_mb + (best if is_processes else 1) * memory.worker_peak_mb) * _HEADROOM
    step = int(memory_per_vcpu * _MB_PER_GIB)
    wanted = min(MOST_MEMORY_MB, max(LEAST_MEMORY_MB, math.ceil(needed / step) * step))
    more = f"beyond {best} at a time no more than 10 % more requests were answered a second"
    if managed and best == managed[-1].concurrency:
        more = f"more requests were answered a second up to {best} at a time, the most that was tried"
    each = f"{memory.shared_mb:.0f} MB shared and {memory.worker_peak_mb:.0f} MB for each of {best} workers"
    if not is_processes:
        each = f"{memory.worker_peak_mb + memory.shared_mb:.0f} MB at the peak"
    room = f"; {memory_mb} MB hold {_fitting(memory, memory_mb)} workers" if is_processes else ""
    return Recommendation(wanted, best, f"{more}; {each}, and a quarter to spare{room}")


def _fitting(memory: Memory, memory_mb: int) -> int:
    if memory.worker_peak_mb <= 0:
        return memory.workers
    return max(0, int((memory_mb / _HEADROOM - memory.shared_mb) // memory.worker_peak_mb))


def _of_publishing(failure: str) -> list[Finding]:
    if not failure:
        return []
    what = f"it does not come up on Managed Instances: {failure}"
    return [
        Finding("proof-publish", FindingSeverity.BLOCKER, what, remedy="Its log says more: init fails, or is slow.")
    ]


def _of_refusals(levels: Sequence[Level]) -> list[Finding]:
    """Return a hazard where no worker was left: an environment has a slot for each request that the proof sends."""
    managed = [one for one in levels if one.compute is Compute.MANAGED_INSTANCES]
    worst = next((one for one in managed if one.throttles > _FEW and one.throttles > one.requests), None)
    if worst is None:
        return []
    what = (
        f"with {worst.concurrency} at a time {worst.throttles} of {worst.throttles + worst.requests} requests were "
        "refused: the environment was gone"
    )
    remedy = (
        "Something ends its process (os._exit, a signal, memory): on demand that is one request's loss, here many's."
    )
    return [Finding("proof-refusals", FindingSeverity.HAZARD, what, remedy=remedy)]


def _of_waiting(levels: Sequence[Level]) -> list[Finding]:
    """Return advice where requests on Managed Instances wait for each other: later in step, and little CPU used."""
    managed = [one for one in levels if one.compute is Compute.MANAGED_INSTANCES and one.requests]
    if len(managed) < 2 or managed[0].concurrency != 1:
        return []
    first, last = managed[0], managed[-1]
    beside = [one for one in levels if one.compute is Compute.ON_DEMAND and one.concurrency == last.concurrency]
    busy = last.per_second * (last.cpu_ms or 0.0) / 1000
    in_step = last.latency.p50 > _IN_STEP * last.concurrency * first.latency.p50
    if (
        last.concurrency < 4
        or not in_step
        or busy > 0.5
        or any(one.latency.p50 * 2 > last.latency.p50 for one in beside)
    ):
        return []
    what = (
        f"requests wait for each other: {first.latency.p50:.0f} ms alone, {last.latency.p50:.0f} ms with "
        f"{last.concurrency} at a time, and hardly any CPU is used"
    )
    return [Finding("proof-waiting", FindingSeverity.ADVICE, what, remedy="Look for a lock, in a file or a service.")]


def _of_growth(growth_kb: float) -> list[Finding]:
    if growth_kb <= 0:
        return []
    what = f"each worker's memory grows by {growth_kb:.1f} KB with every request"
    remedy = "Something is kept from each; on Managed Instances workers live for days."
    return [Finding("proof-memory-growth", FindingSeverity.ADVICE, what, remedy=remedy)]


def _of_answer(one: WrongAnswer) -> Finding:
    where = "" if one.compute is Compute.MANAGED_INSTANCES else " on demand"
    what = (
        f"{one.event} is answered wrongly{where} with {one.concurrency} at a time ({one.times} of {one.of}): "
        f"{one.path} should be {one.expected or 'missing'}, got {one.got or 'nothing'}"
    )
    grave = one.compute is Compute.MANAGED_INSTANCES and not one.same_event
    severity = FindingSeverity.HAZARD if grave else FindingSeverity.ADVICE
    return Finding("proof-wrong-answer", severity, what, remedy=one.cause)


def _of_collision(one: TmpCollision) -> Finding:
    what = f"{one.path} is {one.what} by requests at the same time, from {one.concurrency} at a time on"
    remedy = "Name files after the request (context.aws_request_id), or make them with tempfile."
    if one.same_event:
        remedy = "Only requests with the same event met, as where one is delivered twice: the file is named after it."
    severity = FindingSeverity.ADVICE if one.only_appends or one.same_event else FindingSeverity.HAZARD
    return Finding("proof-tmp-collision", severity, what, remedy=remedy)


def _of_history(one: HistoryEffect) -> Finding:
    what = f"{one.event} is answered otherwise after {one.after}: {one.path} is {one.expected} at first, then {one.got}"
    severity = FindingSeverity.ADVICE if one.is_first_only else FindingSeverity.HAZARD
    remedy = (
        "Only the first answer of an environment differs; with several workers, each has a first."
        if one.is_first_only
        else "Keep what belongs to a request out of module variables and fixed files; every worker process has its own."
    )
    return Finding("proof-history", severity, what, remedy=remedy)
