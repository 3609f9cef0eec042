"""Where in the code a finding stands, and whether a comment there says that it is known.

open("/tmp/report.csv", "w")  # lambent: ignore[fixed-tmp-name]
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from lambent.base.diagnostics import SourceSpan
from lambent.insight.migration.findings import Finding
from lambent.insight.migration.python.modules import Module
from lambent.insight.migration.rules import RULES

_IGNORE = re.compile(r"(?:#|//|/\*)\s*lambent:\s*ignore(?:\[([^\]]*)\])?")


@dataclass(frozen=True, slots=True)
class Spot:
    """A node of a module, of code whose files people find beneath `root`."""

    node: ast.AST
    module: Module
    root: str


def found(rule: str, what: str, spot: Spot, remedy: str = "") -> Finding | None:
    """Return a finding at a spot, or None where a comment on its first line, or the line before, allows it."""
    node, module, root = spot.node, spot.module, spot.root
    line = getattr(node, "lineno", 1)
    if is_ignored(module.lines, line, rule):
        return None
    column = getattr(node, "col_offset", 0) + 1
    last, end = getattr(node, "end_lineno", line), getattr(node, "end_col_offset", column) + 1
    file = f"{root}/{module.file}" if root else module.file
    span = SourceSpan(file, line, column, max(last, line), end if last > line else max(end, column))
    said = RULES[rule]
    return Finding(rule, said.severity, what, span, remedy or said.remedy)


def is_ignored(lines: tuple[str, ...], line: int, rule: str) -> bool:
    """Return whether a comment on a line, or alone on the line before, says that the rule's finding is known."""
    for number in (line, line - 1):
        text = lines[number - 1] if 1 <= number <= len(lines) else ""
        match = _IGNORE.search(text)
        if match is None or (number < line and not text.lstrip().startswith(("#", "//", "/*"))):
            continue
        names = match[1]
        if names is None or rule in {one.strip() for one in names.split(",")}:
            return True
    return False
