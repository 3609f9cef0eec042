"""How every checker speaks: what is wrong, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How much a diagnostic matters: an error stops what was asked for, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, order=True)
class SourceSpan:
    """A stretch of a source file; lines and columns count from 1, and `end_column` is the first one after it."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __post_init__(self) -> None:
        if min(self.line, self.column) < 1 or (self.end_line, self.end_column) < (self.line, self.column):
            raise ValueError(f"no such span: {self.line}:{self.column} to {self.end_line}:{self.end_column}")

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def is_within(self, around: SourceSpan) -> bool:
        """Return whether this stretch lies in another of the same file."""
        begins = (around.line, around.column) <= (self.line, self.column)
        return begins and (self.end_line, self.end_column) <= (around.end_line, around.end_column)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding of a checker: `rule` is its stable id, `advice` says what to write instead."""

    severity: Severity
    rule: str
    message: str
    span: SourceSpan | None = None
    advice: str = ""

    def __str__(self) -> str:
        where = "" if self.span is None else f"{self.span}: "
        remedy = f" {self.advice}" if self.advice else ""
        return f"{where}{self.severity.value}: {self.message}{remedy} [{self.rule}]"


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Return whether any of the diagnostics is an error."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)


def in_source_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return the diagnostics by file, line and column, those without a place first; equal places keep their order."""
    return sorted(diagnostics, key=lambda found: (found.span is not None, found.span or SourceSpan("", 1, 1, 1, 1)))
