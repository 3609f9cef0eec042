"""An existing template, checked: its form by us, its resources by CloudFormation's own linter where it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lambent.base.diagnostics import Diagnostic, Severity, SourceSpan
from lambent.deploy.errors import DeployError
from lambent.deploy.includes import with_includes
from lambent.deploy.managed_templates import managed_findings
from lambent.deploy.not_simulated import not_simulated
from lambent.template.codec import parse
from lambent.template.document import TemplateError, Value, read_template

# Code on this machine is packaged before it is sent: cfn-lint's warning that it works with `package` alone is no news.
_NO_NEWS = frozenset({"W3002"})
_SEVERITIES = {"error": Severity.ERROR, "warning": Severity.WARNING, "informational": Severity.NOTE}


def lint(text: str, file: Path) -> list[Diagnostic]:
    """Return what is wrong with a template; without cfn-lint its resources are not looked at, and a note says so."""
    try:
        document, _ = with_includes(parse(text, allow_aliases=True), file.parent)
        read_template(document)
    except (TemplateError, DeployError) as error:
        return [Diagnostic(Severity.ERROR, "template", str(error), SourceSpan(str(file), 1, 1, 1, 1))]
    if importlib.util.find_spec("cfnlint") is None:
        advice = "Install it with: pip install 'lambent[lint]'"
        unchecked = Diagnostic(Severity.NOTE, "cfn-lint", "Resources are not checked without cfn-lint.", None, advice)
        return [unchecked, *_own(document, text, file)]
    return [*_cfn_lint(file), *_own(document, text, file)]


def _own(document: Mapping[str, Value], text: str, file: Path) -> Iterator[Diagnostic]:
    yield from managed_findings(document, text, file)
    yield from not_simulated(document, text, file)


def _cfn_lint(file: Path) -> Iterator[Diagnostic]:
    from cfnlint.api import lint_file  # noqa: PLC0415 - optional, and 0.8 s to import

    for match in lint_file(file):
        if match.rule.id not in _NO_NEWS:
            yield _diagnostic(match, file)


def _diagnostic(match: Any, file: Path) -> Diagnostic:  # Any: cfn-lint's Match, whose package has no types
    span = SourceSpan(str(file), match.linenumber, match.columnnumber, match.linenumberend, match.columnnumberend)
    severity = _SEVERITIES.get(match.rule.severity, Severity.WARNING)
    return Diagnostic(severity, match.rule.id, match.message, span, match.rule.shortdesc)
