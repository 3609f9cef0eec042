"""Which changes of properties mean a new physical resource, and what a change is called in a change set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Properties = Mapping[str, Any]  # Any: JSON-shaped values of a template


class Schema(Protocol):
    """What a resource type says of its properties."""

    @property
    def create_only(self) -> frozenset[str]:
        """Properties, or paths such as `Code/ImageUri`, whose change replaces the resource."""

    @property
    def conditional(self) -> frozenset[str]:
        """Properties whose change may replace the resource."""


def changed_properties(before: Properties, after: Properties) -> tuple[str, ...]:
    """Return the top-level properties that differ, by name.

    >>> changed_properties({"A": 1, "B": 2}, {"B": 3, "C": 4})
    ('A', 'B', 'C')
    """
    names = sorted({*before, *after})
    return tuple(name for name in names if not same(before.get(name), after.get(name)))


def same(one: Any, other: Any) -> bool:  # Any: JSON-shaped values of a template
    """Return whether two values are the same to CloudFormation, for which `1` and `"1"`, `true` and `"true"` are."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(left, right) for left, right in zip(one, other, strict=True))
    if isinstance(one, Mapping | list) or isinstance(other, Mapping | list) or one is None or other is None:
        return bool(one == other)
    return _text(one) == _text(other)


def _text(scalar: object) -> str:
    return str(scalar).lower() if isinstance(scalar, bool) else str(scalar)


def possibly(properties: Properties, attempted: Properties | None, after: Properties) -> Properties:
    """Return what a resource may have, of which `after` is to be made, where a change to `attempted` failed half-way.

    Nobody knows how far that came, so whatever may differ does: a handler that changes what differs then changes it.

    >>> possibly({"A": 1, "B": 1}, {"A": 2, "B": 1}, {"A": 1, "B": 1})
    {'A': 2, 'B': 1}
    >>> possibly({"A": 1, "B": 1}, {"A": 2, "B": 1}, {"A": 2, "B": 1})
    {'A': 1, 'B': 1}
    """
    if attempted is None:
        return properties
    changed = changed_properties(attempted, after)
    chosen = {name: (attempted if name in changed else properties) for name in sorted({*properties, *attempted})}
    return {name: source[name] for name, source in chosen.items() if name in source}


def recreation(name: str, schema: Schema, before: Properties, after: Properties) -> str:
    """Return whether the change of a top-level property recreates the resource: `Always`, `Conditionally`, `Never`."""
    if name in schema.create_only:
        return "Always"
    paths = [path for path in schema.create_only if path.startswith(f"{name}/")]
    if any(not same(_at(before, path), _at(after, path)) for path in paths):
        return "Always"
    return "Conditionally" if name in schema.conditional else "Never"


def must_replace(schema: Schema, before: Properties, after: Properties) -> bool:
    """Return whether the change needs a new physical resource."""
    names = changed_properties(before, after)
    return any(recreation(name, schema, before, after) == "Always" for name in names)


def _at(properties: Properties, path: str) -> Any:  # Any: as above
    found: Any = properties  # Any: JSON-shaped values
    for part in path.split("/"):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
