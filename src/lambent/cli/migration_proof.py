"""Proves a function: runs it here under both compute types with the user's events, and says what went wrong.

What is measured and compared, in this order, within the seconds that are given: every event alone in a fresh
environment on demand, several times (what its answer always is); all of them in one environment (what its answer owes
to earlier ones); rising concurrency on demand, then on Managed Instances with a single execution environment, where all
requests meet; and what seemed wrong once more alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from lambent.base.clock import Clock, SystemClock
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.project import Project
from lambent.cli.proving.deployment import Deployer, DoesNotComeUp, ManagedSettings, Subject
from lambent.cli.proving.events import NONE_GIVEN, SampleEvent, sample_events
from lambent.cli.proving.laboratory import Laboratory
from lambent.cli.proving.private_platform import private_platform
from lambent.cli.proving.reporting import report, with_publish_failure
from lambent.insight.migration.candidate import Candidate, Compute
from lambent.insight.migration.judging import Judge, Phase
from lambent.insight.migration.proof import LEAST_MEMORY_MB, ProofReport

_MOST_CONCURRENCY = 1600
# What of the time each part may take; setting up is not counted.
_FRESH, _WARM, _ON_DEMAND, _ALONE, _MANAGED, _AGAIN = 0.2, 0.08, 0.24, 0.06, 0.36, 0.06
_BURSTS = 2
_PASSES = 3
_LEAST_EVENTS = 3
_AGAIN_PASSES, _LEAST_PASSES = 8, 3
_SUSPECTS = 6
# The oldest runtimes that run on Managed Instances:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-runtimes.html
_OLDEST: Mapping[str, tuple[tuple[int, ...], str]] = {
    "python": ((3, 13), "python3.13"),
    "nodejs": ((22,), "nodejs22.x"),
}


@dataclass(frozen=True, slots=True)
class ProofOptions:
    """How a function is proved. `events` are files and folders; without any, `{}` is sent.

    Requests are sent 1, 2, 4 … `concurrency` at a time. `runtime`, `memory_mb` and `memory_per_vcpu` are what the
    function is to have on Managed Instances; None is the least that AWS takes. `environment` are variables that
    replace the function's. `seconds` bounds what is measured, without setting up and a request that takes longer.
    `project` is the manifest or template as it was read for the candidate, where that names it; else it is read again.
    `say` is told what goes on.
    """

    events: Sequence[Path] = ()
    concurrency: int = 16
    seconds: float = 20.0
    runtime: str | None = None
    memory_mb: int | None = None
    memory_per_vcpu: float = 2.0
    environment: Mapping[str, str] = field(default_factory=dict)
    isolation: str = "auto"
    project: Project | None = None
    say: Callable[[str], None] = lambda _: None


def run_proof(candidate: Candidate, options: ProofOptions) -> ProofReport:
    """Run a candidate under both compute types on a platform of its own, and return what that has shown.

    Raises CommandError where the candidate cannot be run here, or an event is no JSON. Nothing is left behind, also
    after Ctrl-C.
    """
    _check(candidate, options)
    events = sample_events(options.events) or [NONE_GIVEN]
    options.say("starting a platform for the proof")
    with private_platform(isolation=options.isolation) as platform:
        return prove(Deployer(platform), candidate, options, events)


def prove(
    deployer: Deployer, candidate: Candidate, options: ProofOptions, events: Sequence[SampleEvent]
) -> ProofReport:
    """Do what `run_proof` does, on a platform that runs; the function is deleted afterwards."""
    clock = SystemClock()
    options.say("packaging and deploying")
    subject = deployer.subject(candidate, options.environment, options.project)
    wanted = managed_settings(candidate, options)
    with Laboratory(deployer, subject, events, clock) as laboratory:
        course = _Course(laboratory, options, wanted, clock)
        course.run()
        notices = (*_notices(candidate, options, wanted, subject), *course.notices)
        made = report(laboratory, course.judge, wanted, options.concurrency, notices)
        return with_publish_failure(made, course.publish_failure)


def managed_settings(candidate: Candidate, options: ProofOptions) -> ManagedSettings:
    """Return what the function is to have on Managed Instances: what is asked for, or the least that AWS takes.

    >>> from lambent.insight.migration.candidate import Source, SourceKind
    >>> source = Source(SourceKind.TARGET, "", "f")
    >>> managed_settings(Candidate("f", source, runtime="python3.11"), ProofOptions())
    ManagedSettings(runtime='python3.13', memory_mb=2048, memory_per_vcpu=2.0, max_concurrency=16)
    """
    step = int(options.memory_per_vcpu * 1024)
    least = max(LEAST_MEMORY_MB, candidate.memory_mb)
    memory = options.memory_mb or -(-least // step) * step
    runtime = options.runtime or candidate.runtime or ""
    for family, (oldest, name) in _OLDEST.items():
        version = runtime.removeprefix(family).removesuffix(".x")
        if runtime.startswith(family) and tuple(int(part) for part in version.split(".") if part.isdigit()) < oldest:
            runtime = name
    return ManagedSettings(runtime, memory, options.memory_per_vcpu, options.concurrency)


class _Course:
    """The parts of a proof, one after the other."""

    def __init__(self, laboratory: Laboratory, options: ProofOptions, wanted: ManagedSettings, clock: Clock) -> None:
        self._lab = laboratory
        self._options = options
        self._wanted = wanted
        self._clock = clock
        names, values = [one.name for one in laboratory.events], [one.value for one in laboratory.events]
        self.judge = Judge(names, values)
        self.notices: list[str] = []
        self.publish_failure = ""

    def run(self) -> None:
        """Run all parts; what they have seen is the laboratory's."""
        say = self._options.say
        self._lab.begin_on_demand()
        say("learning what each event is answered alone")
        with ThreadPoolExecutor(1) as beside:
            preparing = beside.submit(self._lab.prepare)  # nothing is timed meanwhile
            self._alone_afresh()
            self._in_one_environment()
            preparing.result()
        self.judge.learn(self._lab.runs)
        known = self.judge.known
        for level in self._levels():
            say(f"on demand, {level} at a time")
            self._lab.level(Compute.ON_DEMAND, level, known, self._share(_ON_DEMAND) / len(self._levels()))
        say("publishing on Managed Instances")
        try:
            self._lab.begin_managed(self._wanted)
        except DoesNotComeUp as failure:
            self.publish_failure = failure.message
            return
        self._on_managed_instances(known)
        self._lab.end()
        self._again()

    def _on_managed_instances(self, known: Sequence[int]) -> None:
        order = list(itertools.islice(itertools.cycle(known), max(2 * len(known), 4)))
        self._lab.alone(order, Phase.ALONE, Compute.MANAGED_INSTANCES, self._share(_ALONE))
        self.judge.learn_model([run for run in self._lab.runs if run.phase is Phase.ALONE])
        for level in self._levels():
            self._options.say(f"on Managed Instances, {level} at a time")
            self._lab.level(Compute.MANAGED_INSTANCES, level, known, self._share(_MANAGED) / len(self._levels()))
        if self._options.concurrency > 1:
            self._options.say(f"on Managed Instances, the first {self._options.concurrency} requests at once")
            self._lab.burst(self._wanted, known, _BURSTS)

    def _levels(self) -> list[int]:
        most = self._options.concurrency
        return sorted({*itertools.takewhile(lambda one: one < most, (2**i for i in range(12))), most})

    def _share(self, share: float) -> float:
        return share * self._options.seconds

    def _alone_afresh(self) -> None:
        """Run every event alone in an environment of its own: twice at least, for what varies by itself."""
        until = self._clock.monotonic() + self._share(_FRESH)
        count = len(self._lab.events)
        for number in range(_PASSES):
            # Later passes are of the events that the first had time for.
            for event in range(count):
                late = self._clock.monotonic() > until
                if late and (number > 1 or (number == 0 and event >= _LEAST_EVENTS)):
                    count = event if number == 0 else count
                    break
                self._lab.fresh(event, Phase.FRESH)
            until += self._share(_FRESH) if number == 0 else 0
        left = len(self._lab.events) - count
        if left:
            said = f"{left} of {len(self._lab.events)} events were not sent: there was no time to learn their answers."
            self.notices.append(f"{said} More with --seconds.")

    def _in_one_environment(self) -> None:
        known = sorted({run.event for run in self._lab.runs})
        order = [*known, *reversed(known), *known, *known[1:], *known[:1]]
        if len(known) == 1:
            order = known * 6
        self._lab.renew()
        self._lab.alone(order, Phase.WARM, Compute.ON_DEMAND, self._share(_WARM))

    def _again(self) -> None:
        """Run what was answered wrongly again alone: what differs there, too, varies by itself."""
        beside = [run for run in self._lab.runs if run.phase in {Phase.ALONE, Phase.LEVEL}]
        suspects = self.judge.suspects(beside)[:_SUSPECTS]
        if not suspects:
            return
        self._options.say("asking again, alone, what was answered wrongly")
        self._lab.begin_on_demand()
        until = self._clock.monotonic() + self._share(_AGAIN)
        begun = len(self._lab.runs)
        for number in range(_AGAIN_PASSES):
            for event in suspects:
                if number < _LEAST_PASSES or self._clock.monotonic() < until:
                    self._lab.fresh(event, Phase.AGAIN)
        self.judge.learn_again(self._lab.runs[begun:])
        self._lab.end()


def _check(candidate: Candidate, options: ProofOptions) -> None:
    if not 1 <= options.concurrency <= _MOST_CONCURRENCY:
        raise CommandError(
            f"{options.concurrency} requests at a time cannot be: 1 to {_MOST_CONCURRENCY} are possible.",
            "Give another --concurrency.",
            ExitCode.USAGE,
        )
    if options.seconds <= 0:
        raise CommandError(f"{options.seconds} s are no time.", "Give --seconds a number above 0.", ExitCode.USAGE)
    if candidate.language not in {"python", "nodejs", "provided"}:
        told = candidate.runtime or "a container image"
        raise CommandError(
            f"{candidate.name} cannot be proved: {told} does not run on this machine.",
            "What its code and settings tell is in the readiness report all the same.",
        )


def _notices(candidate: Candidate, options: ProofOptions, wanted: ManagedSettings, subject: Subject) -> list[str]:
    found = [*subject.notices]
    if not options.events:
        found.append("No event was given: {} was sent. Mixed-up answers show with two different ones: --event DIR")
    if wanted.runtime != candidate.runtime:
        found.append(f"On Managed Instances it ran as {wanted.runtime}, on demand as {candidate.runtime}.")
    if wanted.runtime.startswith("nodejs") and options.concurrency > 1:
        found.append("The first requests of a new environment were all given to one thread, where module state meets.")
    found.append(
        "Calls to AWS went to the platform of the proof, which has what the function's own manifest or template "
        "declares and nothing else; calls to the internet went there."
    )
    return found
