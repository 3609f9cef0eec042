"""Whether a function is ready for the compute type that it is to have: everything that is known before it is run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lambent.insight.migration.candidate import Candidate, Compute
from lambent.insight.migration.code_files import CodeFiles, CodeUnreadableError, read_code
from lambent.insight.migration.findings import Finding, has_blockers, in_order
from lambent.insight.migration.node.examine import examine as examine_node
from lambent.insight.migration.programs import extensions
from lambent.insight.migration.python.examine import examine as examine_python
from lambent.insight.migration.rules import RULES
from lambent.insight.migration.settings import settings
from lambent.insight.migration.wanted import Goal
from lambent.insight.migration.wheels import Resolver, requirements, wheels


@dataclass(frozen=True, slots=True)
class Readiness:
    """A function, what it becomes, and what was found, the graver first."""

    candidate: Candidate
    goal: Goal
    findings: tuple[Finding, ...]

    @property
    def is_ready(self) -> bool:
        """Whether nothing blocks that the written manifest does not settle."""
        return not has_blockers(self.findings)


def readiness(candidate: Candidate, goal: Goal, resolver: Resolver | None = None) -> Readiness:
    """Return how ready a function is; `resolver` asks an index for wheels, without one nobody is asked."""
    found = [*settings(candidate, goal)]
    if goal.to is Compute.MANAGED_INSTANCES and not candidate.image:
        found += _code(candidate, goal, resolver)
    return Readiness(candidate, goal, tuple(in_order(found)))


def _code(candidate: Candidate, goal: Goal, resolver: Resolver | None) -> Iterator[Finding]:
    if candidate.code is None:
        yield _found("code-unknown", f"{candidate.source} does not say where the code of {candidate.name} lies here")
        return
    try:
        files = read_code(candidate.code)
    except CodeUnreadableError as error:
        yield _found("code-unknown", str(error))
        return
    yield from extensions(files, goal)
    yield from wheels(files, goal)
    yield from requirements(files, goal, resolver)
    yield from _examined(candidate, goal, files)


def _examined(candidate: Candidate, goal: Goal, files: CodeFiles) -> Iterator[Finding]:
    handler = candidate.handler or ""
    if candidate.language == "python":
        yield from examine_python(files, handler, candidate.environment, goal.runtime)
    elif candidate.language == "nodejs":
        yield from examine_node(files, handler)
    else:
        yield _found("code-not-examined", f"{candidate.runtime or 'this code'} is not examined")


def _found(rule: str, what: str) -> Finding:
    said = RULES[rule]
    return Finding(rule, said.severity, what, None, said.remedy)
