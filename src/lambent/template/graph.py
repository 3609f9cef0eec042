"""Who needs whom among the resources of a template, and the order that follows from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from lambent.template.document import Resource, TemplateError, Value

_PLACEHOLDER = re.compile(r"\$\{(?!!)\s*([A-Za-z0-9_.:]+)\s*\}")


def dependencies(resources: Mapping[str, Resource]) -> dict[str, frozenset[str]]:
    """Return for each resource those it needs: by Ref, Fn::GetAtt, Fn::Sub and DependsOn.

    `resources` are those whose conditions hold; what points to others is left out, since nothing waits for it.
    """
    return {
        name: frozenset(
            needed
            for needed in (*resource.depends_on, *mentioned(resource.properties), *mentioned(resource.metadata))
            if needed in resources and needed != name
        )
        for name, resource in resources.items()
    }


def mentioned(value: Value) -> Iterator[str]:
    """Yield every name that a value refers to: parameters and resources alike, repeated as often as they are named."""
    if isinstance(value, list):
        for one in value:
            yield from mentioned(one)
    if not isinstance(value, Mapping):
        return
    for key, inner in value.items():
        if key == "Ref" and isinstance(inner, str):
            yield inner
        elif key == "Fn::GetAtt":
            yield from _of_attribute(inner)
        elif key == "Fn::Sub":
            yield from _of_substitution(inner)
        else:
            yield from mentioned(inner)


def in_order(needs: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the names so that each comes after those it needs. Raises TemplateError where they go in a circle."""
    sorter = TopologicalSorter(needs)
    try:
        return list(sorter.static_order())
    except CycleError as error:
        circle = sorted(set(error.args[1]))
        raise TemplateError(f"Circular dependency between resources: [{', '.join(circle)}]") from error


def _of_attribute(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value.partition(".")[0]
    elif isinstance(value, list) and value:
        yield str(value[0])
        yield from mentioned(value[1:])


def _of_substitution(value: Value) -> Iterator[str]:
    text, given = (value, {}) if isinstance(value, str) else (value[0], value[1] if len(value) > 1 else {})
    yield from mentioned(list(given.values()))
    for placeholder in _PLACEHOLDER.findall(str(text)):
        name = placeholder.partition(".")[0]
        if placeholder not in given and "::" not in name:
            yield name
