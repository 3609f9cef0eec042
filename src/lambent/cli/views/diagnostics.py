"""Findings of a checker → text: where, what, what to write instead, with the line of the source and a caret."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from lambent.base.diagnostics import Diagnostic, Severity, in_source_order
from lambent.cli.views import human

if TYPE_CHECKING:
    from lambent.base.diagnostics import SourceSpan

_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def show(found: Iterable[Diagnostic], texts: Mapping[str, str]) -> None:
    """Print every finding on standard error, in source order; `texts` are the sources by file name."""
    lines = {file: text.splitlines() for file, text in texts.items()}
    for diagnostic in in_source_order(found):
        _show(diagnostic, lines)


def summary(found: Sequence[Diagnostic]) -> str:
    """Return how many there are of each severity: `2 errors, 1 warning`, or `no findings`."""
    counts = [(severity, sum(one.severity is severity for one in found)) for severity in Severity]
    named = [f"{count} {severity.value}{'s' if count > 1 else ''}" for severity, count in counts if count]
    return ", ".join(named) or "no findings"


def as_document(diagnostic: Diagnostic) -> dict[str, object]:
    """Return a finding as JSON-shaped values."""
    span = diagnostic.span
    return {
        "rule": diagnostic.rule,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "advice": diagnostic.advice,
        "file": None if span is None else span.file,
        "line": None if span is None else span.line,
        "column": None if span is None else span.column,
        "end_line": None if span is None else span.end_line,
        "end_column": None if span is None else span.end_column,
    }


def _show(diagnostic: Diagnostic, lines: Mapping[str, Sequence[str]]) -> None:
    style = _STYLES[diagnostic.severity]
    where = "" if diagnostic.span is None else human.styled(str(diagnostic.span), "bold", sys.stderr) + ": "
    severity = human.styled(diagnostic.severity.value, style, sys.stderr)
    rule = human.styled(f"[{diagnostic.rule}]", "dim", sys.stderr)
    human.note(f"{where}{severity}: {diagnostic.message} {rule}")
    if diagnostic.span is not None:
        _excerpt(diagnostic.span, lines.get(diagnostic.span.file, ()), style)
    if diagnostic.advice:
        human.note(f"    {diagnostic.advice}")


def _excerpt(span: SourceSpan, lines: Sequence[str], style: str) -> None:
    if span.line > len(lines):
        return
    text = lines[span.line - 1].replace("\t", " ")
    end = span.end_column if span.end_line == span.line else len(text) + 1
    width = max(1, min(end, len(text) + 1) - span.column)
    number = str(span.line)
    gutter = human.styled(f"{number} |", "dim", sys.stderr)
    blank = human.styled(" " * len(number) + " |", "dim", sys.stderr)
    human.note(f"  {gutter} {text}")
    human.note(f"  {blank} {' ' * (span.column - 1)}{human.styled('^' * width, style, sys.stderr)}")
