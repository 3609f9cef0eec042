"""Functions of a template that AWS runs and the platform here does not, told before they are deployed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from lambent.base.diagnostics import Diagnostic, SourceSpan
from lambent.deploy.document import resources_of
from lambent.manifest.checks.functions import RUN_HERE
from lambent.manifest.checks.rules import RULES
from lambent.template.document import Value

_FUNCTIONS = frozenset({"AWS::Lambda::Function", "AWS::Serverless::Function"})


def not_simulated(document: Mapping[str, Value], text: str, file: Path) -> Iterator[Diagnostic]:
    """Yield a note for each function that is accepted here but cannot be invoked (docs/differences.md)."""
    for name, resource in resources_of(document):
        if resource.get("Type") not in _FUNCTIONS:
            continue
        usual = _of(document.get("Globals"), "Function") if resource["Type"] == "AWS::Serverless::Function" else {}
        said = {**usual, **_of(resource, "Properties")}
        reason = _reason(said.get("Runtime"), said.get("PackageType"))
        if reason is not None:
            message = f"{name} is accepted here, but {reason}"
            yield RULES["not-simulated"].found(message, _span(name, text, file), "On AWS it has its effect.")


def _reason(runtime: Value, package_type: Value) -> str | None:
    if package_type == "Image":
        return "an image needs podman or docker, which the platform does not use"
    if isinstance(runtime, str) and not runtime.startswith(RUN_HERE):
        return f"functions of {runtime} do not run: invoking one answers InvalidRuntimeException"
    return None


def _of(value: Value, key: str) -> Mapping[str, Value]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _span(name: str, text: str, file: Path) -> SourceSpan:
    found = re.search(rf"^[ \t]*[\"']?{re.escape(name)}[\"']?[ \t]*:", text, re.MULTILINE)
    line = 1 if found is None else text.count("\n", 0, found.start()) + 1
    return SourceSpan(str(file), line, 1, line, 1)
