"""The report of a proof → text for people, or a document for programs."""

from __future__ import annotations

import dataclasses
import textwrap

from lambent.cli.views import human
from lambent.insight.migration.findings import FindingSeverity
from lambent.insight.migration.proof import Level, Memory, ProofReport, Verdict

_WIDTH = 118
_STYLES = {Verdict.CLEARED: "green", Verdict.HAZARDS: "red", Verdict.UNPROVEN: "yellow"}


def show(report: ProofReport) -> None:
    """Print what the proof has shown: figures first, then what went wrong, then what to do, then the verdict."""
    human.line(human.styled(_title(report), "bold"))
    if report.levels:
        _show_levels(report)
    if report.memory:
        human.line()
        human.table(
            ["MEMORY", "WORKERS", "SHARED", "EACH AT REST", "EACH AT PEAK", "ENVIRONMENT"],
            [_memory_row(one) for one in report.memory],
        )
    _show_findings(report)
    if report.recommendation is not None:
        advice = report.recommendation
        _section("Recommended")
        _item(f"memory {advice.memory_mb} MB, {advice.max_concurrency} requests at a time: {advice.why}")
    for title, said in (
        ("Seen", report.observed),
        ("Not seen", report.not_observed),
        ("Vary by themselves, not compared", report.varying),
        ("Notes", report.notices),
    ):
        if said:
            _section(title)
            for one in said:
                _item(one)
    human.line()
    human.line(human.styled(verdict(report), _STYLES[report.verdict]))


def document(report: ProofReport) -> dict[str, object]:
    """Return the report as JSON can say it, with what follows from its figures."""
    told = dataclasses.asdict(report)
    told["levels"] = [
        {**dataclasses.asdict(one), "per_second": round(one.per_second, 2), "per_vcpu": _rounded(one.per_vcpu)}
        for one in report.levels
    ]
    told["memory"] = [{**dataclasses.asdict(one), "peak_mb": round(one.peak_mb, 1)} for one in report.memory]
    return told


def verdict(report: ProofReport) -> str:
    """Return the proof's last word."""
    if report.verdict is Verdict.HAZARDS:
        count = sum(one.severity is not FindingSeverity.ADVICE for one in report.findings())
        what = "hazard" if count == 1 else "hazards"
        return f"{report.function} is not ready for Managed Instances: {count} {what} found."
    if report.verdict is Verdict.CLEARED:
        return f"{report.function} is cleared: nothing went wrong with up to {report.concurrency} requests at a time."
    return f"{report.function} is not proven: there was nothing to compare. The notes say why."


def _title(report: ProofReport) -> str:
    events = "1 event" if report.events == 1 else f"{report.events} events"
    return (
        f"Proof of {report.function} on {report.runtime}: {events}, {report.requests} requests in "
        f"{report.seconds:.1f} s, up to {report.concurrency} at a time in one execution environment"
    )


def _show_levels(report: ProofReport) -> None:
    human.line()
    headings = ["COMPUTE", "AT A TIME", "PER SECOND", "P50", "P90", "P99", "MAX", "CPU", "PER VCPU"]
    human.table([*headings, "ERRORS", "THROTTLED", "WRONG"], [_level_row(one) for one in report.levels])
    human.line(
        human.styled("latency and CPU for each request in ms; requests a second that one busy vCPU serves", "dim")
    )


def _level_row(one: Level) -> list[str]:
    latency = one.latency
    return [
        str(one.compute),
        str(one.concurrency),
        f"{one.per_second:.0f}" if one.per_second >= 10 else f"{one.per_second:.1f}",
        *(f"{value:.0f}" if value >= 10 else f"{value:.1f}" for value in (latency.p50, latency.p90, latency.p99)),
        f"{latency.most:.0f}" if latency.most >= 10 else f"{latency.most:.1f}",
        "" if one.cpu_ms is None else f"{one.cpu_ms:.1f}",
        "" if one.per_vcpu is None else f"{one.per_vcpu:.0f}",
        str(one.errors or ""),
        str(one.throttles or ""),
        str(one.wrong or ""),
    ]


def _memory_row(one: Memory) -> list[str]:
    return [
        str(one.compute),
        str(one.workers),
        f"{one.shared_mb:.0f} MB" if one.shared_mb else "",
        f"{one.worker_rest_mb:.1f} MB",
        f"{one.worker_peak_mb:.1f} MB",
        f"{one.peak_mb:.0f} MB",
    ]


def _show_findings(report: ProofReport) -> None:
    found = report.findings()
    if not found:
        return
    _section("Found")
    for one in found:
        is_grave = one.severity is not FindingSeverity.ADVICE
        _item(f"{human.styled(str(one.severity), 'red' if is_grave else 'yellow')}: {one.what} [{one.rule}]")
        if one.remedy:
            human.line(textwrap.fill(one.remedy, _WIDTH, initial_indent="      ", subsequent_indent="      "))


def _section(title: str) -> None:
    human.line()
    human.line(human.styled(title, "bold"))


def _item(text: str) -> None:
    human.line(textwrap.fill(text, _WIDTH, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
