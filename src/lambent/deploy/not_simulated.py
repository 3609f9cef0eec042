"""What AWS carries out of a template and the platform here does not, told before it is deployed."""

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
_KEPT = {
    "AWS::CloudWatch::Alarm": "nothing evaluates it, and its actions are not taken",
    "AWS::CloudWatch::Dashboard": "nothing draws it",
}


def not_simulated(document: Mapping[str, Value], text: str, file: Path) -> Iterator[Diagnostic]:
    """Yield a note for each resource, or part of one, that is accepted here without effect (docs/differences.md)."""
    for name, resource in resources_of(document):
        kind = resource.get("Type")
        reasons = [_KEPT[kind]] if isinstance(kind, str) and kind in _KEPT else []
        if kind in _FUNCTIONS:
            usual = _of(document.get("Globals"), "Function") if kind == "AWS::Serverless::Function" else {}
            reasons = list(_of_function({**usual, **_of(resource, "Properties")}))
        for reason in reasons:
            message = f"{name} is accepted here, but {reason}"
            yield RULES["not-simulated"].found(message, _span(name, text, file), "On AWS it has its effect.")


def _of_function(said: Mapping[str, Value]) -> Iterator[str]:
    """Yield what of a function has no effect here; SAM's `Tracing` is the mode of CloudFormation's `TracingConfig`."""
    if (reason := _reason(said.get("Runtime"), said.get("PackageType"))) is not None:
        yield reason
    if "Active" in (said.get("Tracing"), _of(said, "TracingConfig").get("Mode")):
        yield "no segments of its traces are recorded"


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
