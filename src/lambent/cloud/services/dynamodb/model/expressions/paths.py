"""Document paths on items: what they lead to, and which of them are in each other's way."""

from __future__ import annotations

from collections.abc import Sequence

from lambent.cloud.services.dynamodb.model.expressions.parser import wrong
from lambent.cloud.services.dynamodb.model.expressions.syntax import Path
from lambent.cloud.services.dynamodb.model.values import Item, Value


def resolve(item: Item, path: Path) -> Value | None:
    """Return the value that a path leads to, or None."""
    value = item.get(path.top)
    for part in path.parts[1:]:
        value = None if value is None else step(value, part)
    return value


def step(value: Value, part: str | int) -> Value | None:
    """Return what one part of a path leads to within a value, or None."""
    if isinstance(part, str):
        found: Value | None = value.get("M", {}).get(part)
        return found
    listed: Sequence[Value] = value.get("L", ())
    return listed[part] if part < len(listed) else None


def check_distinct(paths: Sequence[Path], kind: str) -> None:
    """Raise ValidationException where one path leads into another, or both take a value for different things."""
    for place, later in enumerate(paths):
        for earlier in paths[:place]:
            relation = _relation(earlier, later)
            if relation:
                raise wrong(
                    kind,
                    f"Two document paths {relation} with each other; must remove or rewrite one of these paths; "
                    f"path one: {earlier}, path two: {later}",
                )


def _relation(one: Path, other: Path) -> str:
    # strict is False: where one path is the begin of the other they overlap
    for ours, theirs in zip(one.parts, other.parts, strict=False):
        if ours != theirs:
            return "" if type(ours) is type(theirs) else "conflict"
    return "overlap"
