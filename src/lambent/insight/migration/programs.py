"""Programs and extensions that a function brings: those that register for INVOKE are refused on Managed Instances.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-execution-environment.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lambent.base.diagnostics import SourceSpan
from lambent.insight.migration.code_files import CodeFiles
from lambent.insight.migration.findings import Finding
from lambent.insight.migration.rules import RULES
from lambent.insight.migration.wanted import Goal

_REGISTERS = re.compile(r"extension/register")
_INVOKE = re.compile(r"""["']events["']\s*:\s*\[[^\]]*["']INVOKE["']""")


def extensions(files: CodeFiles, goal: Goal) -> Iterator[Finding]:
    """Yield the sources that register as an extension for INVOKE."""
    del goal  # what is refused is the same for all
    for name, text in sorted(files.texts.items()):
        if not _REGISTERS.search(text):
            continue
        found = _INVOKE.search(text)
        if found is None:
            continue
        line = text.count("\n", 0, found.start()) + 1
        said = RULES["extension-invoke"]
        span = SourceSpan(files.shown(name), line, 1, line, 2)
        yield Finding(said.name, said.severity, f"{name} registers an extension for INVOKE", span, said.remedy)
