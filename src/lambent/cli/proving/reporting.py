"""From what a laboratory has seen to the report of a proof."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

from lambent.cli.proving.deployment import ManagedSettings
from lambent.cli.proving.laboratory import Laboratory, Measured
from lambent.insight.migration import answers
from lambent.insight.migration.candidate import Compute
from lambent.insight.migration.collisions import Collision, Use
from lambent.insight.migration.judging import Judge, Met, Phase, Run
from lambent.insight.migration.proof import (
    Level,
    ProofReport,
    TmpCollision,
    Verdict,
    judged,
    percentiles,
    recommend,
)

_MOST_SHOWN = 20
_MUCH_MB = 8.0
_UNIQUE = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{12,}|\d{6,}")


def report(
    laboratory: Laboratory,
    judge: Judge,
    wanted: ManagedSettings,
    concurrency: int,
    notices: Sequence[str],
) -> ProofReport:
    """Return the report of a proof that has run."""
    beside = [run for run in laboratory.runs if run.phase in {Phase.ALONE, Phase.LEVEL}]
    managed = [run for run in beside if run.compute is Compute.MANAGED_INSTANCES]
    met = tuple(_collisions(laboratory))
    repeated = list(judge.repeated(managed))
    wrong = judge.wrong_answers(beside, _causes(laboratory, met), repeated)
    levels = tuple(_level(one, judge) for one in laboratory.levels)
    memory = tuple(laboratory.memory)
    own = next((one for one in memory if one.compute is Compute.MANAGED_INSTANCES), None)
    advice = None
    if own is not None:
        advice = recommend(own, levels, memory_mb=wanted.memory_mb, memory_per_vcpu=wanted.memory_per_vcpu)
    made = ProofReport(
        function=laboratory.subject.name,
        runtime=wanted.runtime,
        verdict=judged((), comparable=0, answered=0),
        events=len(judge.known),
        concurrency=concurrency,
        requests=len(laboratory.runs),
        seconds=round(laboratory.took_s, 3),
        memory_mb=wanted.memory_mb,
        memory_per_vcpu=wanted.memory_per_vcpu,
        levels=levels,
        wrong_answers=tuple(wrong),
        history=tuple(judge.history()),
        collisions=met,
        # Node.js lets its heap grow before it looks for what is left in it.
        growth_kb=_growth_kb(laboratory.growth, own.workers) if own is not None and laboratory.is_traced else 0.0,
        memory=memory,
        recommendation=advice,
        incomparable=tuple(judge.incomparable),
        failing=tuple(judge.failing),
        varying=tuple(judge.varying),
        observed=tuple(_observed(laboratory)),
        not_observed=tuple(_not_observed(laboratory)),
        notices=(*notices, *judge.by_model(), *_of_answers(judge)),
    )
    return _with_verdict(made, judge, managed, has_met=laboratory.seen.slots > 1 or concurrency == 1)


def _with_verdict(made: ProofReport, judge: Judge, managed: Sequence[Run], *, has_met: bool) -> ProofReport:
    useless = {*judge.incomparable, *judge.failing}
    answered = sum(not run.answer.is_throttled for run in managed)
    if not has_met:
        answered = 0
    verdict = judged(made.findings(), comparable=made.events - len(useless), answered=answered)
    return replace(made, verdict=verdict)


def _level(one: Measured, judge: Judge) -> Level:
    served = [run for run in one.runs if not run.answer.is_throttled]
    return Level(
        compute=one.compute,
        concurrency=one.concurrency,
        requests=len(served),
        seconds=round(one.seconds, 3),
        latency=percentiles([(run.ended - run.started) * 1000 for run in served]),
        errors=sum(run.answer.is_error for run in served),
        throttles=len(one.runs) - len(served),
        wrong=sum(judge.wrong(run) is not None for run in served),
        cpu_ms=None if one.cpu_s is None or not served else round(one.cpu_s * 1000 / len(served), 3),
    )


def with_publish_failure(made: ProofReport, failure: str) -> ProofReport:
    """Return the report of a proof that ended where the function did not come up, if it did not."""
    return replace(made, publish_failure=failure, verdict=Verdict.HAZARDS) if failure else made


def _causes(laboratory: Laboratory, told: Sequence[TmpCollision]) -> dict[str, Met]:
    """Return for each request that met another at a file what that may have done, and under "" what all may owe."""
    graver = [one.path for one in told if not one.only_appends]
    found = {"": Met(f"Requests used {graver[0]} at the same time.")} if graver else {}
    for _, one in laboratory.seen.met:
        if not one.only_appends:
            same = _is_of_one_event(one, laboratory)
            who = "Another request with the same event" if same else "Another request"
            met = Met(f"{who} used {_name(one.path)} at the same time: {_what(one)}.", same)
            for request in one.requests:
                if request not in found or found[request].same_event:
                    found[request] = met
    return found


def _is_of_one_event(one: Collision, laboratory: Laboratory) -> bool:
    """Return whether only requests with the same event met, at a path that is named after something in it."""
    events = {laboratory.event_of.get(request) for request in one.requests}
    event = events.pop()
    if events or event is None or len(laboratory.events) < 2:
        return False
    return any(len(text) > 1 and text in one.path for text in answers.texts(laboratory.events[event].value))


def _what(one: Collision) -> str:
    first, second = sorted(one.uses, key=lambda use: (use is not Use.WRITE, use is Use.READ, use))
    return str(first) if first is second else f"{first} and {second}"


def _growth_kb(samples: Sequence[tuple[int, float]], workers: int) -> float:
    """Return how much a worker's memory grew with each of its requests; 0 unless it grew at every level, and much.

    >>> _growth_kb([(100, 10.0), (200, 20.0), (300, 30.0)], 1)
    102.4
    """
    grown = [later[1] - one[1] for one, later in itertools.pairwise(samples)]
    if len(grown) < 2 or min(grown) <= 0 or sum(grown) < _MUCH_MB:
        return 0.0
    requests = (samples[-1][0] - samples[0][0]) / max(workers, 1)
    return round(sum(grown) * 1024 / requests, 1) if requests else 0.0


def _collisions(laboratory: Laboratory) -> list[TmpCollision]:
    by_path: dict[str, TmpCollision] = {}
    for concurrency, one in laboratory.seen.met:
        name = _name(one.path)
        same = _is_of_one_event(one, laboratory)
        now = TmpCollision(name, _what(one), concurrency, one.times, "trace", one.only_appends, one.during_init, same)
        by_path[name] = _together(by_path[name], now) if name in by_path else now
    for concurrency, path, times in laboratory.seen.met_outside:
        name = _name(path)
        now = TmpCollision(name, "changed", concurrency, times, "watch")
        by_path[name] = _together(by_path[name], now) if name in by_path else now
    ordered = sorted(by_path.values(), key=lambda one: (one.only_appends, -one.times, one.path))
    return ordered[:_MOST_SHOWN]


def _together(one: TmpCollision, other: TmpCollision) -> TmpCollision:
    """Return two meetings at paths of one name as one."""
    graver = other if one.only_appends or one.same_event else one
    return replace(
        graver,
        concurrency=min(one.concurrency, other.concurrency),
        times=one.times + other.times,
        only_appends=one.only_appends and other.only_appends,
        during_init=one.during_init and other.during_init,
        same_event=one.same_event and other.same_event,
    )


def _name(path: str) -> str:
    """Return a path with `*` for what is another in each request.

    >>> _name("/tmp/part-756baf7f-0f0e-4bc1-8689-91fe28658bc5.txt")
    '/tmp/part-*.txt'
    """
    return _UNIQUE.sub("*", path)


def _observed(laboratory: Laboratory) -> list[str]:
    found = ["answers, compared part by part with what the same event is answered alone"]
    if laboratory.is_traced and laboratory.seen.processes:
        found.append("each file beneath /tmp that Python code opened, renamed or removed, with its request")
    if laboratory.seen.is_folder_watched:
        found.append("what changed in /tmp and in folders made there, whoever did it, by inotify, without its request")
    if laboratory.watch.is_on:
        found.append("CPU time and memory of the function's processes, from /proc")
    return found


def _not_observed(laboratory: Laboratory) -> list[str]:
    seen = laboratory.seen
    found = []
    if laboratory.is_traced and not seen.processes:
        found.append("files: the function's processes did not tell of them")
    if not seen.is_folder_watched:
        found.append("what machine code and programs that the function starts do in /tmp")
    if seen.programs:
        names = ", ".join(sorted(seen.programs)[:5])
        found.append(f"which request the files are of that started programs write ({names})")
    if seen.is_cut:
        found.append("some of the files: there were too many uses to keep them all")
    if seen.slots == 1:
        found.append("requests beside one another in one environment: one of this runtime serves one at a time here")
    if seen.isolation == "process":
        found.append("environments that have a /tmp of their own: in isolation `process` all share this machine's")
    if seen.environments > 1:
        found.append(f"all requests in one environment: there were {seen.environments}")
    found.append("state in services that the function calls, beyond what its answers show")
    return found


def _of_answers(judge: Judge) -> list[str]:
    found = []
    if judge.incomparable:
        names = ", ".join(judge.incomparable[:5])
        found.append(f"Nothing in the answers to {names} is the same twice: they cannot be compared.")
    if judge.failing:
        names = ", ".join(judge.failing[:5])
        found.append(f"{names} fail alone, too ({judge.failure}): compared is only that they fail alike.")
    if len(judge.known) == 1:
        found.append("One event alone cannot show answers that are mixed up: give two different ones at least.")
    return found
