"""Projections: the parts of an item that paths lead to, in maps and lists like those they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lambent.cloud.services.dynamodb.model.expressions.paths import step
from lambent.cloud.services.dynamodb.model.expressions.syntax import Path
from lambent.cloud.services.dynamodb.model.values import Item, Value


@dataclass(slots=True)
class _Wanted:
    """What is wanted of a value: all of it, or some parts; built from paths, then only read."""

    is_whole: bool = False
    parts: dict[str | int, _Wanted] = field(default_factory=dict)


def project(item: Item, paths: Sequence[Path]) -> dict[str, Value]:
    """Return of an item what the paths lead to; elements of lists move together.

    >>> project({"a": {"L": [{"N": "1"}, {"N": "2"}]}, "b": {"S": "x"}}, [Path(("a", 1))])
    {'a': {'L': [{'N': '2'}]}}
    """
    root = _Wanted()
    for path in paths:
        wanted = root
        for part in path.parts:
            wanted = wanted.parts.setdefault(part, _Wanted())
        wanted.is_whole = True
    found: dict[str, Value] = {}
    for name, wanted in root.parts.items():
        value = item.get(str(name))
        shown = None if value is None else _part_of(value, wanted)
        if shown is not None:
            found[str(name)] = shown
    return found


def _part_of(value: Value, wanted: _Wanted) -> Value | None:
    if wanted.is_whole:
        return value
    parts: list[tuple[str | int, Any]] = []  # Any: attribute values
    for part, inner in wanted.parts.items():
        below = step(value, part)
        shown = None if below is None else _part_of(below, inner)
        if shown is not None:
            parts.append((part, shown))
    if not parts:
        return None
    if "L" in value:
        return {"L": [shown for _, shown in sorted(parts, key=lambda each: int(each[0]))]}
    return {"M": dict(parts)}
