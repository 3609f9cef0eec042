"""The function under test, and all that watches it: each part of a proof runs here and leaves what it has seen."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from lambent.base.clock import Clock
from lambent.cli.proving import folders
from lambent.cli.proving.deployment import Deployer, ManagedSettings, Subject
from lambent.cli.proving.events import SampleEvent
from lambent.cli.proving.folders import FolderWatch
from lambent.cli.proving.processes import ProcessWatch
from lambent.cli.proving.traffic import Sending, Traffic
from lambent.cli.proving.witness import Heard, Witness
from lambent.insight.migration.candidate import Compute
from lambent.insight.migration.collisions import Collision, collisions
from lambent.insight.migration.judging import Phase, Run
from lambent.insight.migration.proof import Memory

_LEAST_PATIENCE_S = 10.0
_LEAST_ALONE, _LEAST_SLOW = 8, 3
_SLOW_S = 0.5
# https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/blob/main/src/utils/worker.ts
_THREADS_VARIABLE = "AWS_LAMBDA_NODEJS_WORKER_COUNT"
_MUCH_LONGER = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """A level as it was run: its requests without those that warmed it up, and what they took."""

    compute: Compute
    concurrency: int
    runs: tuple[Run, ...]
    seconds: float
    cpu_s: float | None


@dataclass(slots=True)
class Seen:
    """What the watchers saw on Managed Instances: meetings at a path, by the level at which they came about."""

    met: list[tuple[int, Collision]] = field(default_factory=list)
    met_outside: list[tuple[int, str, int]] = field(default_factory=list)
    traced_paths: set[str] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    processes: int = 0
    is_cut: bool = False
    is_folder_watched: bool = False
    slots: int = 0
    environments: int = 0
    isolation: str = ""


class Laboratory:
    """One function on one platform, created on demand or managed, with its watchers; a context."""

    def __init__(
        self,
        deployer: Deployer,
        subject: Subject,
        events: Sequence[SampleEvent],
        clock: Clock,
    ) -> None:
        self.subject = subject
        self.events = events
        self.runs: list[Run] = []
        self.levels: list[Measured] = []
        self.memory: list[Memory] = []
        self.seen = Seen()
        self.growth: list[tuple[int, float]] = []
        self.is_traced = str(subject.parameters["Runtime"]).startswith("python")
        self._deployer = deployer
        self._clock = clock
        self._began = clock.monotonic()
        self._stack = ExitStack()
        self._traffic = Traffic(deployer.platform.port, subject.name, [one.payload for one in events], clock)
        self._exists = False
        self._is_new = False
        self._folder: FolderWatch | None = None
        self._fixed: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        self.watch = ProcessWatch(self._deployer.platform.pid)
        self._stack.callback(self.watch.close)
        self._witness = Witness()
        self._stack.callback(self._witness.close)
        self._archive = self.subject.archive
        if self.is_traced:
            self._archive = self._witness.laid_beside(self._archive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def event_of(self) -> dict[str, int]:
        """The event of each request, by its id."""
        return {run.answer.request_id: run.event for run in self.runs}

    @property
    def took_s(self) -> float:
        """How long it has been at work."""
        return self._clock.monotonic() - self._began

    @property
    def is_slow(self) -> bool:
        """Whether so few requests fit into the time that none can be spent on warming up or on certainty."""
        alone = [run.ended - run.started for run in self.runs if run.phase is Phase.FRESH]
        return min(alone, default=0.0) > _SLOW_S

    @property
    def patience_s(self) -> float:
        """How long an answer may take: the function's timeout, or far more than it took alone."""
        timeout = float(self.subject.parameters.get("Timeout", 3)) + 2.0
        alone = [run.ended - run.started for run in self.runs if run.phase is Phase.FRESH]
        return min(timeout, max(_LEAST_PATIENCE_S, _MUCH_LONGER * max(alone, default=timeout)))

    def prepare(self) -> None:
        """Have ready what Managed Instances need; may be called in a thread of its own."""
        self._deployer.prepare()

    def begin_on_demand(self) -> None:
        """Create the function on demand."""
        self._deployer.create_on_demand(self.subject, self._archive)
        self._exists = self._is_new = True

    def begin_managed(self, wanted: ManagedSettings, *, in_one_thread: bool = False) -> None:
        """Create the function on Managed Instances in place of the one that is there.

        `in_one_thread` has all requests of Node.js meet in one of its threads.
        """
        self.end()
        self._witness.heard()
        self.watch.forget()
        subject = self.subject
        if in_one_thread:
            variables = {**subject.parameters["Environment"]["Variables"], _THREADS_VARIABLE: "1"}
            subject = replace(subject, parameters={**subject.parameters, "Environment": {"Variables": variables}})
        self._deployer.create_managed(subject, self._archive, wanted)
        self._exists = True

    def end(self) -> None:
        """Delete the function, and keep what it took."""
        if self._folder is not None:
            self._folder.close()
            self._folder = None
        if self._exists:
            self._deployer.delete(self.subject.name)
            self._exists = False

    def renew(self) -> None:
        """Have the next request on demand begin in a new environment."""
        if not self._is_new:
            self._deployer.renew(self.subject.name)
        self._is_new = False

    def fresh(self, event: int, phase: Phase) -> None:
        """Send one event to an environment of its own."""
        self.renew()
        self.alone([event], phase, Compute.ON_DEMAND, 0.0)

    def alone(self, order: Sequence[int], phase: Phase, compute: Compute, seconds: float) -> None:
        """Send events one after the other, for so long, and a few in any case where some tell little."""
        sending = Sending(phase, compute, 1, self.patience_s)
        least = (_LEAST_SLOW if self.is_slow else _LEAST_ALONE) if phase in {Phase.WARM, Phase.ALONE} else 1
        runs = self._traffic.one_by_one(order, sending, until=self._clock.monotonic() + seconds, least=least)
        self.runs += runs
        self._is_new = False
        if phase is Phase.ALONE:
            self._learn_folder(runs, order[0])

    def _learn_folder(self, runs: Sequence[Run], event: int) -> None:
        """Watch /tmp from now on, where that can be done, and learn which names are used by every request."""
        runtimes = self.watch.runtimes()
        self.watch.rest()
        heard = self._witness.heard()
        self._take(heard, 1)
        if len(runtimes) != 1:
            return
        folder = FolderWatch(runtimes[0], self._clock)
        if not folder.is_on:
            folder.close()
            return
        self._folder, self.seen.is_folder_watched = folder, True
        sending = Sending(Phase.ALONE, Compute.MANAGED_INSTANCES, 1, self.patience_s)
        order = [run.event for run in runs] or [event]
        again = self._traffic.one_by_one(
            (order * 2)[: 2 if self.is_slow else 4], sending, until=self._clock.monotonic() + self.patience_s
        )
        self.runs += again
        self._fixed = folders.fixed(folder.changes(), again)

    def level(self, compute: Compute, concurrency: int, known: Sequence[int], seconds: float) -> None:
        """Keep so many requests under way for so long, after a first round of them that warms up."""
        sending = Sending(Phase.LEVEL, compute, concurrency, self.patience_s)
        self._witness.heard()
        order = itertools.cycle(known)
        warming: list[Run] = []
        if not self.is_slow:
            first = itertools.islice(order, concurrency)
            warming = self._traffic.at_once(first, sending, until=self._clock.monotonic())
        if compute is Compute.ON_DEMAND and not self.memory:
            self.watch.rest()
        cpu = self.watch.cpu_s()
        began = self._clock.monotonic()
        runs = self._traffic.at_once(order, sending, until=began + seconds, rounds=1 if self.is_slow else 2)
        took = self._clock.monotonic() - began
        used = self.watch.cpu_s() - cpu if self.watch.is_on else None
        self.runs += [*warming, *runs]
        self.levels.append(Measured(compute, concurrency, tuple(runs), took, used))
        self._note_memory(compute)
        if compute is Compute.MANAGED_INSTANCES:
            self._take(self._witness.heard(), concurrency)
            self._look_outside([*warming, *runs], concurrency)

    def burst(self, wanted: ManagedSettings, known: Sequence[int], rounds: int) -> None:
        """Have the first requests of a new environment come all at once: what the first one makes is not there yet.

        They meet in one thread of Node.js: it starts eight for each vCPU, and serves more requests than it has threads.
        """
        for turn in range(1 if self.is_slow else rounds):
            self.begin_managed(wanted, in_one_thread=wanted.runtime.startswith("nodejs"))
            sending = Sending(Phase.LEVEL, Compute.MANAGED_INSTANCES, wanted.max_concurrency, self.patience_s)
            order = itertools.islice(itertools.cycle([*known[turn % len(known) :], *known]), 2 * wanted.max_concurrency)
            self.runs += self._traffic.at_once(order, sending, until=self._clock.monotonic())
            self._take(self._witness.heard(), wanted.max_concurrency)

    def _look_outside(self, runs: Sequence[Run], concurrency: int) -> None:
        slots = self._deployer.slots(self.subject.name)
        self.seen.isolation = self._deployer.isolation(self.subject.name)
        self.seen.slots = max([self.seen.slots, *slots])
        self.seen.environments = max(self.seen.environments, len(slots))
        if self._folder is None or len(slots) > 1:
            return  # requests of other environments do not meet here
        changes = self._folder.changes()
        for path, times in folders.met(changes, runs, self._fixed).items():
            if path not in self.seen.traced_paths:
                self.seen.met_outside.append((concurrency, path, times))

    def _note_memory(self, compute: Compute) -> None:
        served = sum(run.compute is compute for run in self.runs)
        if compute is Compute.MANAGED_INSTANCES:
            self.growth.append((served, self.watch.own_mb()))
        found = self.watch.memory(compute)
        if found is not None:
            others = [one for one in self.memory if one.compute is not compute]
            before = [one for one in self.memory if one.compute is compute]
            self.memory = [*others, max([found, *before], key=lambda one: one.peak_mb)]

    def _take(self, heard: Heard, concurrency: int) -> None:
        seen = self.seen
        seen.met += [(concurrency, one) for one in collisions(heard.touches, heard.spans)]
        seen.traced_paths |= {touch.path for touch in heard.touches}
        seen.programs |= heard.programs
        seen.processes = max(seen.processes, heard.processes)
        seen.is_cut = seen.is_cut or heard.is_cut
