"""`lambent check`: what AWS would refuse, and what is legal but wrong, before anything is deployed."""

from __future__ import annotations

from typing import Annotated

import typer

from lambent.base.diagnostics import Diagnostic, Severity
from lambent.cli import project as projects
from lambent.cli.errors import CommandError, ExitCode
from lambent.cli.options import Json, SourceOptions, grouped
from lambent.cli.views import diagnostics as view
from lambent.cli.views import human
from lambent.cli.views import json as json_view

app = typer.Typer(add_completion=False)


@app.command(
    epilog="Examples: lambent check · lambent check shop/lambent.yaml --env prod · lambent check template.yaml · "
    "lambent check --explain reserved-environment-variable. Exit code 1: there are errors (with --strict: or warnings)."
)
@grouped
def check(
    *,
    chosen: SourceOptions,
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as errors.")] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="RULE", help="Say what a rule is about, and where AWS says so.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a manifest or a template against AWS's rules, offline; every finding at once."""
    if explain is not None:
        _explain(explain, as_json=as_json)
        return
    project = projects.read(chosen.request())
    if as_json:
        json_view.document([view.as_document(one) for one in project.diagnostics])
    else:
        view.show(project.diagnostics, {str(project.file): project.text})
        human.line(f"{project.file}: {view.summary(project.diagnostics)}")
    if any(_counts(one, strict=strict) for one in project.diagnostics):
        raise typer.Exit(ExitCode.FAILED)


def _counts(found: Diagnostic, *, strict: bool) -> bool:
    return found.severity is Severity.ERROR or (strict and found.severity is Severity.WARNING)


def _explain(name: str, *, as_json: bool) -> None:
    from lambent.manifest.checks.rules import RULES

    rule = RULES.get(name)
    if rule is None:
        from difflib import get_close_matches

        close = get_close_matches(name, RULES, n=3)
        raise CommandError(
            f"There is no rule {name}.",
            f"Did you mean {', '.join(close)}?" if close else "docs/rules.md lists them.",
            ExitCode.USAGE,
        )
    if as_json:
        json_view.document(
            {"rule": rule.id, "severity": rule.severity.value, "title": rule.title, "source": rule.source}
        )
        return
    human.line(f"{human.styled(rule.id, 'bold')} ({rule.severity.value})")
    human.line(rule.title)
    human.line(rule.source)
