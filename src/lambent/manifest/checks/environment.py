"""Rules about resources that a function is told of by its environment: by the right name, and with a permission."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.parties import GRANTED
from lambent.manifest.checks.subject import Place
from lambent.manifest.expression import Expression
from lambent.manifest.parties import UnknownPartyError, find
from lambent.manifest.system import Function, System

_VERBS = {"buckets": "read", "queues": "send", "topics": "send", "tables": "read", "buses": "send"}
"""The sections of what a function works with by a name or URL it is told, and the permission that is meant most often."""


def check_environment(system: System, key: str, place: Place) -> Iterator[Diagnostic]:
    """Yield what a function's own variables promise and AWS would not keep; those of `defaults` are not its alone."""
    function = system.functions[key]
    allowed = None if function.role is not None or function.policies else _allowed(system, function)
    for name, value in function.environment.items():
        reference = value.sole_reference
        path = () if reference is None else reference.path
        if len(path) < 2 or path[0] not in _VERBS or path[1] not in getattr(system, path[0]):
            continue
        section, resource = path[:2]
        if path == ("queues", resource):
            message = f"`{name}` is the queue's ARN; SDKs send and receive by its URL."
            advice = f"Write ${{queues.{resource}.url}}, or ${{queues.{resource}.arn}} if the ARN is meant."
            yield place.found("queue-arn", message, advice, "environment", name)
        if allowed is not None and (section, resource) not in allowed:
            kind = section.removesuffix("es" if section == "buses" else "s")
            message = f"Nothing lets the function use the {kind} `{resource}`, of which `{name}` tells it."
            advice = f"Give it `permissions: [{_VERBS[section]}: {resource}]`, or what else it needs: AWS refuses what is not allowed, the platform here does not."
            yield place.found("not-permitted", message, advice, "environment", name)


def _allowed(system: System, function: Function) -> set[tuple[str, str]]:
    """Return the resources of the manifest that a function has some permission for, by section and key."""
    spoken: list[tuple[Expression, tuple[str, ...]]] = []
    for grant in function.permissions:
        spoken += [(one, sections) for verb, sections in GRANTED.items() for one in getattr(grant, verb)]
    for trigger in function.triggers:
        if trigger.sqs is not None:
            spoken.append((trigger.sqs.queue, ("queues",)))
        if trigger.stream is not None:
            spoken.append((trigger.stream.source, ("tables",)))
    found: set[tuple[str, str]] = set()
    for expression, sections in spoken:
        try:
            party = find(system, expression, sections)
        except UnknownPartyError:  # told of where it is spoken of
            continue
        if party is not None:
            found.add(party)
    return found
