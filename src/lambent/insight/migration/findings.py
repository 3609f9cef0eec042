"""What stands between a function and the compute type it is to have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lambent.base.diagnostics import SourceSpan


class FindingSeverity(StrEnum):
    """How much a finding matters.

    A blocker is refused by AWS, or fails at once; a hazard runs and may answer wrongly; advice costs money or speed.
    """

    BLOCKER = "blocker"
    HAZARD = "hazard"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: `rule` is its stable name, `what` says what is there, `remedy` what to do.

    `is_settled` says that the manifest which is written takes care of it, so that nobody has to.
    """

    rule: str
    severity: FindingSeverity
    what: str
    where: SourceSpan | None = None
    remedy: str = ""
    is_settled: bool = False

    def __str__(self) -> str:
        where = "" if self.where is None else f"{self.where}: "
        return f"{where}{self.severity}: {self.what} [{self.rule}]"


def has_blockers(findings: Iterable[Finding]) -> bool:
    """Return whether any of the findings is a blocker that the written manifest does not settle."""
    return any(one.severity is FindingSeverity.BLOCKER and not one.is_settled for one in findings)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, each once: those that are settled last, the graver first, then by place."""
    nowhere = SourceSpan("", 1, 1, 1, 1)
    return sorted(
        dict.fromkeys(findings),
        key=lambda one: (one.is_settled, [*FindingSeverity].index(one.severity), one.where or nowhere, one.rule),
    )
