"""`lambent doctor`: what this machine offers, why not more, and what would help."""

from __future__ import annotations

import dataclasses
import textwrap
from typing import TYPE_CHECKING

import typer

from lambent.cli.errors import ExitCode
from lambent.cli.options import Json
from lambent.cli.views import human
from lambent.cli.views import json as json_view

if TYPE_CHECKING:
    from lambent import assembly

_WIDTH = 110

app = typer.Typer(add_completion=False)


@app.command(epilog="Examples: lambent doctor · lambent doctor --json. Exit code 1: no function could run here.")
def doctor(as_json: Json = False) -> None:
    """Say which runtimes and which isolation this machine offers, why not more, and what would help."""
    from lambent import assembly

    found = assembly.diagnose()
    if as_json:
        json_view.document(dataclasses.asdict(found))
    else:
        _show(found)
    if not any(runtime.interpreter for runtime in found.runtimes):
        raise typer.Exit(ExitCode.FAILED)


def _show(found: assembly.Diagnosis) -> None:
    human.line(human.styled("Runtimes", "bold"))
    for runtime in found.runtimes:
        human.line(f"  {_mark(runtime.is_exact, runtime.interpreter)} {runtime.runtime:<16} {_interpreter(runtime)}")
    human.line()
    human.line(f"{human.styled('Isolation', 'bold')}: {found.isolation}")
    for finding in found.findings:
        human.line(f"  {_mark(finding.holds, finding.holds)} {finding.name:<24} {finding.reason}".rstrip())
        if finding.remedy:
            human.line(f"    {'':<24} what would help: {finding.remedy}")
    human.line()
    human.line(human.styled("Services", "bold"))
    human.line(f"  ours     {', '.join(found.services)}")
    human.line(textwrap.fill(found.bridge, _WIDTH, initial_indent="  bridged  ", subsequent_indent=" " * 11))


def _interpreter(runtime: assembly.RuntimeInfo) -> str:
    if runtime.interpreter is None:
        return runtime.notice or "nothing here runs it"
    exactness = "" if runtime.is_exact else f" ({runtime.notice})"
    return f"{runtime.interpreter} {runtime.version or ''}{exactness}".rstrip()


def _mark(holds: bool, found: object) -> str:
    if holds:
        return human.styled("✓", "green")
    return human.styled("~", "yellow") if found else human.styled("✗", "red")
