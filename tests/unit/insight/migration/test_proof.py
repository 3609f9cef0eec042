"""What follows from the figures and findings of a proof."""

from __future__ import annotations

from dataclasses import replace

from lambent.insight.migration.candidate import Compute
from lambent.insight.migration.findings import FindingSeverity
from lambent.insight.migration.proof import (
    HistoryEffect,
    Latency,
    Level,
    Memory,
    ProofReport,
    TmpCollision,
    Verdict,
    WrongAnswer,
    WrongKind,
    judged,
    percentiles,
    recommend,
)

MANAGED, ON_DEMAND = Compute.MANAGED_INSTANCES, Compute.ON_DEMAND


def level(concurrency: int, per_second: float, p50: float = 10.0, cpu_ms: float = 1.0, of: Compute = MANAGED) -> Level:
    latency = Latency(p50, p50, p50, p50)
    return Level(of, concurrency, int(per_second * 10), 10.0, latency, 0, 0, 0, cpu_ms)


def report(**found: object) -> ProofReport:
    parts: dict[str, object] = {
        "function": "f", "runtime": "python3.13", "verdict": Verdict.CLEARED, "events": 1, "concurrency": 8,
        "requests": 1, "seconds": 1.0, "memory_mb": 2048, "memory_per_vcpu": 2.0,
    }  # fmt: skip
    return ProofReport(**{**parts, **found})  # type: ignore[arg-type]  # a test's own choice of parts


def rules(made: ProofReport) -> list[tuple[str, FindingSeverity]]:
    return [(one.rule, one.severity) for one in made.findings()]


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert percentiles([float(n) for n in range(1, 101)]) == Latency(50.0, 90.0, 99.0, 100.0)
    assert percentiles([7.0]) == Latency(7.0, 7.0, 7.0, 7.0)
    assert percentiles([]) == Latency(0.0, 0.0, 0.0, 0.0)


def test_a_level_tells_what_one_vcpu_would_serve() -> None:
    assert level(4, 100.0, cpu_ms=2.0).per_vcpu == 500.0
    assert level(4, 100.0, cpu_ms=0.0).per_vcpu is None


def test_concurrency_is_recommended_as_long_as_more_is_served() -> None:
    memory = Memory(MANAGED, 8, 20.0, 3.0, 4.0)
    levels = [level(1, 10), level(2, 20), level(4, 39), level(8, 40)]
    advice = recommend(memory, levels, memory_mb=2048, memory_per_vcpu=2.0)
    assert (advice.max_concurrency, advice.memory_mb) == (4, 2048)
    assert "beyond 4 at a time" in advice.why


def test_memory_is_recommended_in_steps_of_a_vcpu_s_and_holds_every_worker_s_peak() -> None:
    memory = Memory(MANAGED, 16, 100.0, 150.0, 200.0)
    levels = [level(1, 10), level(16, 160)]
    assert recommend(memory, levels, memory_mb=2048, memory_per_vcpu=2.0).memory_mb == 6144
    assert recommend(memory, levels, memory_mb=2048, memory_per_vcpu=4.0).memory_mb == 8192
    assert "2048 MB hold 7 workers" in recommend(memory, levels, memory_mb=2048, memory_per_vcpu=2.0).why


def test_what_is_wrong_on_managed_instances_is_a_hazard_and_on_demand_advice() -> None:
    def wrong(compute: Compute, *, same_event: bool = False) -> WrongAnswer:
        return WrongAnswer("e", WrongKind.VALUE, compute, 2, ".a", "1", "2", 1, 9, "cause", same_event)

    assert rules(report(wrong_answers=(wrong(MANAGED),))) == [("proof-wrong-answer", FindingSeverity.HAZARD)]
    for harmless in (wrong(ON_DEMAND), wrong(MANAGED, same_event=True)):
        assert rules(report(wrong_answers=(harmless,))) == [("proof-wrong-answer", FindingSeverity.ADVICE)]


def test_a_collision_is_a_hazard_unless_it_is_appending_alone() -> None:
    collision = TmpCollision("/tmp/x", "written", 2, 5, "trace")
    assert rules(report(collisions=(collision,))) == [("proof-tmp-collision", FindingSeverity.HAZARD)]
    appended = TmpCollision("/tmp/x", "appended to", 2, 5, "trace", only_appends=True)
    assert rules(report(collisions=(appended,))) == [("proof-tmp-collision", FindingSeverity.ADVICE)]


def test_state_that_is_kept_is_a_hazard_unless_only_the_first_answer_differs() -> None:
    def effect(*, first: bool) -> HistoryEffect:
        return HistoryEffect("e", ".n", "1", "2", "itself", is_first_only=first, leaks=False)

    assert rules(report(history=(effect(first=False),))) == [("proof-history", FindingSeverity.HAZARD)]
    assert rules(report(history=(effect(first=True),))) == [("proof-history", FindingSeverity.ADVICE)]


def test_requests_that_wait_for_each_other_are_told_but_not_those_that_compute() -> None:
    waiting = (level(1, 20, p50=50), level(8, 20, p50=400), level(8, 160, p50=50, of=ON_DEMAND))
    assert rules(report(levels=waiting)) == [("proof-waiting", FindingSeverity.ADVICE)]
    computing = (level(1, 20, p50=50, cpu_ms=50), level(8, 20, p50=400, cpu_ms=50))
    assert rules(report(levels=computing)) == []


def test_an_environment_that_is_gone_is_a_hazard_but_not_one_that_is_just_replaced() -> None:
    def refused(requests: int, throttles: int, of: Compute = MANAGED) -> Level:
        return replace(level(2, requests, of=of), throttles=throttles)

    assert rules(report(levels=(refused(0, 18),))) == [("proof-refusals", FindingSeverity.HAZARD)]
    for harmless in (refused(0, 3), refused(90, 9), refused(0, 18, ON_DEMAND)):
        assert rules(report(levels=(harmless,))) == []


def test_growing_memory_and_a_failed_publication_are_told() -> None:
    assert rules(report(growth_kb=300.0)) == [("proof-memory-growth", FindingSeverity.ADVICE)]
    assert rules(report(publish_failure="Init failed")) == [("proof-publish", FindingSeverity.BLOCKER)]


def test_without_anything_to_compare_nothing_is_cleared() -> None:
    assert judged([], comparable=0, answered=9) is Verdict.UNPROVEN
    assert judged([], comparable=2, answered=0) is Verdict.UNPROVEN
    assert judged([], comparable=2, answered=9) is Verdict.CLEARED
    hazards = report(collisions=(TmpCollision("/tmp/x", "written", 2, 5, "trace"),)).findings()
    assert judged(hazards, comparable=0, answered=9) is Verdict.HAZARDS
