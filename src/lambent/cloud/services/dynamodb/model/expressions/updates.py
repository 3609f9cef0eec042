"""Bound updates carried out on an item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.dynamodb.errors import invalid
from lambent.cloud.services.dynamodb.model import numbers
from lambent.cloud.services.dynamodb.model.expressions.paths import resolve
from lambent.cloud.services.dynamodb.model.expressions.syntax import (
    Arithmetic,
    Call,
    Change,
    Constant,
    Operand,
    Path,
    Update,
)
from lambent.cloud.services.dynamodb.model.values import Item, Value, content_of, copied, type_of

_SETS = frozenset({"SS", "NS", "BS"})


def updated(item: Item, update: Update) -> dict[str, Value]:
    """Return the item after the update, whose operands are all taken from the item as it was.

    Raises ValidationException where a path leads nowhere or an operand is of a wrong type.
    """
    values = [_new_value(change, item) for change in update]
    # Only what is changed is copied.
    found: dict[str, Any] = dict(item)  # Any: attribute values
    for name in {change.path.top for change in update if len(change.path.parts) > 1}:
        if name in found:
            found[name] = copied(found[name])
    given = [(change.path, value) for change, value in zip(update, values, strict=True) if value is not None]
    # What goes beyond the end of a list is added in the order of its places, however they are written.
    for path, value in sorted(given, key=lambda each: _places(each[0])):
        _put(found, path, value)
    _remove_all(found, [change for change, value in zip(update, values, strict=True) if value is None])
    return found


def _new_value(change: Change, item: Item) -> Value | None:
    """Return what the path is to hold; None where it is to be removed."""
    if change.operand is None:
        return None
    if change.section == "SET":
        return _operand(change.operand, item)
    current = resolve(item, change.path)
    given = change.operand.value if isinstance(change.operand, Constant) else {}
    return _added(current, given) if change.section == "ADD" else _without(current, given)


def _operand(operand: Operand, item: Item) -> Value:
    match operand:
        case Constant(value):
            return value
        case Path():
            value_there = resolve(item, operand)
            if value_there is None:
                raise invalid("The provided expression refers to an attribute that does not exist in the item")
            return value_there
        case Arithmetic(operator, left, right):
            first, second = _number(_operand(left, item)), _number(_operand(right, item))
            return {"N": numbers.added(first, second) if operator == "+" else numbers.subtracted(first, second)}
        case Call("if_not_exists", (Path() as path, otherwise)):
            kept = resolve(item, path)
            return _operand(otherwise, item) if kept is None else kept
        case Call(_, (left, right)):
            first_list, second_list = _operand(left, item), _operand(right, item)
            if "L" not in first_list or "L" not in second_list:
                raise _wrong_type()
            return {"L": [*first_list["L"], *second_list["L"]]}
        case _:
            raise _wrong_type()


def _number(value: Value) -> str:
    if "N" not in value:
        raise _wrong_type()
    return str(value["N"])


def _added(current: Value | None, given: Value) -> Value:
    if current is None:
        return given
    kind = type_of(given)
    if type_of(current) != kind:
        raise _wrong_type()
    if kind == "N":
        return {"N": numbers.added(current["N"], given["N"])}
    return {kind: list(dict.fromkeys([*current[kind], *given[kind]]))}


def _without(current: Value | None, given: Value) -> Value | None:
    """Return a set without some members; None where nothing is left, for there are no empty sets."""
    if current is None:
        return None
    kind = type_of(given)
    if type_of(current) != kind or kind not in _SETS:
        raise _wrong_type()
    gone = set(content_of(given))
    left = [each for each in current[kind] if each not in gone]
    return {kind: left} if left else None


def _put(item: dict[str, Any], path: Path, value: Value) -> None:  # Any: attribute values
    if len(path.parts) == 1:
        item[path.top] = value
        return
    holder, last = _holder(item, path), path.parts[-1]
    if isinstance(last, str) and "M" in holder:
        holder["M"][last] = value
    elif isinstance(last, int) and "L" in holder:
        # A place beyond the end is the end: lists have no gaps.
        holder["L"][last : last + 1] = [value]
    else:
        raise _wrong_path()


def _places(path: Path) -> tuple[int, ...]:
    return tuple(part for part in path.parts if isinstance(part, int))


def _holder(item: dict[str, Any], path: Path) -> dict[str, Any]:  # Any: attribute values
    holder = item.get(path.top)
    for part in path.parts[1:-1]:
        if holder is None:
            break
        if isinstance(part, str):
            holder = holder.get("M", {}).get(part)
        else:
            listed = holder.get("L", ())
            holder = listed[part] if part < len(listed) else None
    if holder is None:
        raise _wrong_path()
    found: dict[str, Any] = holder  # Any: as above
    return found


def _remove_all(item: dict[str, Any], changes: Sequence[Change]) -> None:  # Any: attribute values
    # Later elements of a list first: places mean the list as it was.
    for change in sorted(changes, key=lambda change: _places(change.path), reverse=True):
        path, last = change.path, change.path.parts[-1]
        if len(path.parts) == 1:
            item.pop(path.top, None)
            continue
        if change.section == "DELETE" and resolve(item, path) is None:
            continue
        holder = _holder(item, path)
        if isinstance(last, str):
            if "M" not in holder:
                raise _wrong_path()
            holder["M"].pop(last, None)
        elif "L" not in holder:
            raise _wrong_path()
        else:
            del holder["L"][last : last + 1]


def _wrong_type() -> ServiceError:
    return invalid("An operand in the update expression has an incorrect data type")


def _wrong_path() -> ServiceError:
    return invalid("The document path provided in the update expression is invalid for update")
