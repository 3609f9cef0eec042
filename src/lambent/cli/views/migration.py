"""A migration → text: what was found, what the function becomes, what is written, the steps, and the way back."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lambent.base.diagnostics import Severity
from lambent.cli.views import diagnostics, human
from lambent.insight.migration.candidate import Candidate, Compute
from lambent.insight.migration.findings import FindingSeverity

if TYPE_CHECKING:
    from pathlib import Path

    from lambent.insight.migration.findings import Finding
    from lambent.insight.migration.outcome import Migration
    from lambent.insight.migration.steps import Step
    from lambent.insight.migration.wanted import Goal

_MARKS = {
    FindingSeverity.BLOCKER: ("✗", "red"),
    FindingSeverity.HAZARD: ("!", "yellow"),
    FindingSeverity.ADVICE: ("·", "cyan"),
}
_WIDTH = 100


def show(migration: Migration, written: Sequence[Path]) -> None:
    """Print a migration on standard output; `written` are the files that were written, none for a look."""
    judged = migration.readiness
    candidate, goal = judged.candidate, judged.goal
    human.line(f"{human.styled(candidate.name, 'bold')}: {candidate.compute} → {human.styled(goal.to.value, 'bold')}")
    human.line(f"  from {candidate.source}; {_described(candidate)}")
    human.line()
    for one in judged.findings:
        finding(one)
    human.line(verdict(migration))
    human.line()
    _becomes(goal, candidate)
    _files(migration, written)
    _heading("What is lost with the old function")
    for text in migration.plan.lost:
        _wrapped(f"- {text}", "  ")
    _heading("The way there")
    _steps(migration.plan.steps)
    _heading("The way back")
    _steps(migration.plan.back)


def finding(one: Finding) -> None:
    """Print a finding: where, what, and what to do; one that the manifest settles is marked so."""
    mark, style = ("✓", "green") if one.is_settled else _MARKS[one.severity]
    where = "" if one.where is None else f"{one.where}: "
    said = f"{one.severity.value}, settled" if one.is_settled else one.severity.value
    human.line(f"  {human.styled(mark, style)} {where}{human.styled(said, style)}: {one.what} [{one.rule}]")
    if one.remedy:
        _wrapped(one.remedy, "      ")


def verdict(migration: Migration) -> str:
    """Return in one sentence whether the function is ready."""
    findings = migration.readiness.findings
    counts = [
        (sum(one.severity is severity and not one.is_settled for one in findings), severity.value)
        for severity in FindingSeverity
    ]
    settled = sum(one.is_settled for one in findings)
    told = [f"{count} {word}{'s' if count != 1 and word != 'advice' else ''}" for count, word in counts if count]
    told += [f"{settled} settled by the manifest"] if settled else []
    wrong = sum(one.severity is Severity.ERROR for one in migration.checks)
    told += [f"{wrong} error{'s' if wrong > 1 else ''} in the manifest"] if wrong else []
    word = human.styled("ready", "green") if migration.is_ready else human.styled("not ready", "red")
    return f"{word}: {', '.join(told) or 'nothing found'}"


def document(migration: Migration, written: Sequence[Path]) -> dict[str, object]:
    """Return a migration as JSON-shaped values."""
    judged = migration.readiness
    goal = judged.goal
    return {
        "function": judged.candidate.name,
        "source": {
            "kind": judged.candidate.source.kind.value,
            "name": judged.candidate.source.name,
            "address": judged.candidate.source.address,
        },
        "from": judged.candidate.compute.value,
        "to": goal.to.value,
        "ready": migration.is_ready,
        "findings": [_finding(one) for one in judged.findings],
        "goal": {
            "name": goal.name,
            "runtime": goal.runtime,
            "architecture": goal.architecture,
            "memory": goal.memory_mb,
            **(_managed(goal) if goal.to is Compute.MANAGED_INSTANCES else {}),
            "why": goal.why,
        },
        "checks": [diagnostics.as_document(one) for one in migration.checks],
        "files": dict(migration.texts),
        "written": [str(one) for one in written],
        "lost": list(migration.plan.lost),
        "steps": [_step(one) for one in migration.plan.steps],
        "back": [_step(one) for one in migration.plan.back],
    }


def _managed(goal: Goal) -> dict[str, object]:
    return {
        "memory_per_vcpu": goal.memory_per_vcpu,
        "vcpus": goal.vcpus,
        "max_concurrency": goal.max_concurrency,
        "min_environments": goal.min_environments,
        "max_environments": goal.max_environments,
    }


def _finding(one: Finding) -> dict[str, object]:
    where = one.where
    return {
        "rule": one.rule,
        "severity": one.severity.value,
        "what": one.what,
        "file": None if where is None else where.file,
        "line": None if where is None else where.line,
        "column": None if where is None else where.column,
        "remedy": one.remedy,
        "settled": one.is_settled,
    }


def _step(step: Step) -> dict[str, object]:
    commands = [{"command": one.line, "expect": one.expect} for one in step.commands]
    return {"title": step.title, "why": step.why, "commands": commands}


def _described(candidate: Candidate) -> str:
    parts = [
        candidate.runtime or "an image",
        f"{candidate.memory_mb} MB",
        f"{candidate.timeout_s} s",
        candidate.architecture,
    ]
    count = len(candidate.triggers)
    return ", ".join([*parts, f"{count} trigger{'s' if count != 1 else ''}"])


def _becomes(goal: Goal, candidate: Candidate) -> None:
    _heading("What it becomes")
    rows = [
        ("name", candidate.name, goal.name, "a function keeps its compute type, so another one takes its place"),
        ("runtime", candidate.runtime or "", goal.runtime, goal.why.get("runtime", "")),
        ("memory", f"{candidate.memory_mb} MB", f"{goal.memory_mb} MB", goal.why.get("memory_mb", "")),
    ]
    if goal.to is Compute.MANAGED_INSTANCES:
        vcpu = f"{goal.vcpus:g} vCPU of {goal.memory_per_vcpu} GiB"
        slots = "AWS's default" if goal.max_concurrency is None else f"{goal.max_concurrency} at a time"
        rows += [
            ("vCPU", "", vcpu, goal.why.get("memory_per_vcpu", "")),
            ("requests", "1 at a time", slots, goal.why.get("max_concurrency", "")),
        ]
        if goal.min_environments is not None:
            bounds = f"{goal.min_environments} to {goal.max_environments}"
            rows.append(("environments", "", bounds, goal.why.get("max_environments", "")))
    for name, before, after, why in rows:
        change = after if before in {"", after} else f"{before} → {after}"
        human.line(f"  {name:<13}{human.styled(change, 'bold')}")
        if why:
            _wrapped(why, " " * 15)
    human.line()


def _files(migration: Migration, written: Sequence[Path]) -> None:
    _heading("The manifest" if written else "The manifest (nothing is written without --write or -o DIR)")
    for line in _difference(migration):
        human.line(f"  {line}")
    diagnostics.show(migration.checks, {"lambent.yaml": migration.final})
    human.line(f"  lambent check: {diagnostics.summary(migration.checks)}")
    for one in written:
        human.line(f"  {human.styled('written', 'green')} {one}")
    human.line()


def _difference(migration: Migration) -> list[str]:
    if not migration.before:
        return migration.final.rstrip().splitlines()
    styles = {"+": "green", "-": "red", "@": "cyan"}
    lines = difflib.unified_diff(migration.before.splitlines(), migration.final.splitlines(), lineterm="", n=2)
    return [human.styled(one, styles[one[0]]) if one[:1] in styles else one for one in [*lines][2:]]


def _steps(steps: Sequence[Step]) -> None:
    for number, step in enumerate(steps, 1):
        human.line(f"  {number}. {human.styled(step.title, 'bold')}")
        if step.why:
            _wrapped(step.why, "     ")
        for command in step.commands:
            human.line(f"     $ {command.line}")
            if command.expect:
                human.line(human.styled(f"       shows: {command.expect}", "dim"))
    human.line()


def _heading(text: str) -> None:
    human.line(human.styled(text, "bold"))


def _wrapped(text: str, indent: str) -> None:
    human.line(
        textwrap.fill(
            text,
            _WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )
