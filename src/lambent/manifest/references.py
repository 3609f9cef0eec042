"""Whether every reference of a system points to something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from lambent.base.diagnostics import Diagnostic, Severity
from lambent.manifest.expression import Expression, Reference, parse_expression
from lambent.manifest.sources import Path, Sources
from lambent.manifest.system import System
from lambent.manifest.words import did_you_mean

# What may be asked of each kind of resource; without a name it is what one wants most often.
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "functions": frozenset({"arn", "name", "role_arn", "alias_arn", "version", "url", "log_group", "dead_letter"}),
    "layers": frozenset({"arn"}),
    "roles": frozenset({"arn", "name"}),
    "log_groups": frozenset({"arn", "name"}),
    "keys": frozenset({"arn", "id", "alias"}),
    "capacity_providers": frozenset({"arn", "name", "role_arn", "security_group"}),
    "buckets": frozenset({"arn", "name"}),
    "queues": frozenset({"arn", "name", "url"}),
    "topics": frozenset({"arn", "name"}),
    "tables": frozenset({"arn", "name", "stream"}),
    "buses": frozenset({"arn", "name"}),
    "rules": frozenset({"arn"}),
}
_AWS = frozenset({"region", "account", "partition", "stack"})
# The fields whose values are documents of AWS's, in whose texts references may stand.
_DOCUMENTS = frozenset({"policies", "policy", "trust", "pattern", "filter", "input", "template"})
_ELSEWHERE = {"stacks": 3, "imports": 2}


def check_references(system: System, sources: Sources) -> list[Diagnostic]:
    """Return an error for each reference that leads nowhere, and for each `depends_on` of nothing."""
    found = [
        Diagnostic(Severity.ERROR, "unknown-reference", problem, sources.span(*path), advice)
        for path, reference in every_reference(system)
        for problem, advice in _problems(reference, system)
    ]
    for key, function in system.functions.items():
        for index, text in enumerate(function.depends_on):
            for problem, advice in _problems(Reference(tuple(text.split("."))), system):
                span = sources.span("functions", key, "depends_on", index)
                found.append(Diagnostic(Severity.ERROR, "unknown-reference", problem, span, advice))
    return found


def every_reference(system: System) -> Iterator[tuple[Path, Reference]]:
    """Yield every reference of the system, with its place."""
    yield from _walk(system, ())


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Reference]]:  # Any: values of the model
    match value:
        case Expression():
            for reference in value.references():
                yield path, reference
        case BaseModel():
            for name in value.model_fields_set:
                yield from _walk(getattr(value, name), (*path, name))
        case dict():
            for key, inner in value.items():
                yield from _walk(inner, (*path, key))
        case list() | tuple():
            for index, inner in enumerate(value):
                yield from _walk(inner, (*path, index))
        case str() if "${" in value and _in_document(path):
            yield from _in_text(value, path)
        case _:
            pass


def _in_document(path: Path) -> bool:
    # Behind the section and the resource's key, which is any word.
    return not _DOCUMENTS.isdisjoint(path[1:] if path[:1] == ("defaults",) else path[2:])


def _in_text(text: str, path: Path) -> Iterator[tuple[Path, Reference]]:
    try:
        yield from ((path, reference) for reference in parse_expression(text).references())
    except ValueError:
        return  # the compiler says so, with what to write instead


def _problems(reference: Reference, system: System) -> Iterator[tuple[str, str]]:
    if reference.lookup:
        return
    section, *rest = reference.path
    if section in ATTRIBUTES:
        yield from _of_resource(reference, getattr(system, section), ATTRIBUTES[section])
    elif section == "parameters":
        if len(rest) != 1 or rest[0] not in system.parameters:
            yield (
                f"${{{reference}}}: there is no such parameter",
                did_you_mean(rest[0] if rest else "", system.parameters),
            )
    elif section == "aws":
        if len(rest) != 1 or rest[0] not in _AWS:
            yield (
                f"${{{reference}}} means nothing",
                f"There are {', '.join(f'${{aws.{one}}}' for one in sorted(_AWS))}.",
            )
    elif section not in _ELSEWHERE:
        known = [*ATTRIBUTES, "parameters", "aws", *_ELSEWHERE]
        yield f"${{{reference}}} means nothing", did_you_mean(section, known, otherwise=f"It begins with one of {', '.join(known)}.")  # fmt: skip  # noqa: E501 - a message in one piece
    elif len(reference.path) != _ELSEWHERE[section]:
        shape = "${stacks.STACK.OUTPUT}" if section == "stacks" else "${imports.EXPORT}"
        yield f"${{{reference}}} means nothing", f"Write {shape}."


def _of_resource(
    reference: Reference, resources: Mapping[str, object], attributes: frozenset[str]
) -> Iterator[tuple[str, str]]:
    section, key, *rest = (*reference.path, "") if len(reference.path) == 1 else reference.path
    if key not in resources:
        known = ", ".join(resources) or "none"
        advice = did_you_mean(key, resources, otherwise=f"Known {section}: {known}.")
        yield f"${{{reference}}}: there is no `{key}` in {section}", advice
    elif len(rest) > 1 or (rest and rest[0] not in attributes):
        told = ".".join(rest)
        advice = did_you_mean(told, attributes, otherwise=f"There are {', '.join(sorted(attributes))}.")
        yield f"${{{reference}}}: {section} have no `{told}`", advice
