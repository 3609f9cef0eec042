"""Attribute values: checked, measured, compared; as on the wire, a mapping of one type to one value.

Numbers are text in normalised form and binary values bytes, so that equal values are equal objects, but for sets.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.dynamodb.errors import invalid, invalid_values
from lambent.cloud.services.dynamodb.model.numbers import encoded, normalised
from lambent.cloud.services.dynamodb.model.numbers import size_of as number_size

Value = Mapping[str, Any]  # Any: what the one type holds: text, bytes, a boolean, a list or a map of further values
Item = Mapping[str, Value]

LARGEST_ITEM = 400 * 1024
_DEEPEST = 32
_SETS = {"SS": "string", "NS": "number", "BS": "binary"}
SCALARS = frozenset({"S", "N", "B"})


def checked_item(item: Item, wrong: Callable[[ServiceError], ServiceError] | None = None) -> dict[str, Value]:
    """Return an item with its numbers normalised; raises ValidationException for a value that is none."""
    try:
        return {name: checked(value) for name, value in item.items()}
    except ServiceError as error:
        raise (error if wrong is None else wrong(error)) from error


def checked(value: Value | None, depth: int = 0) -> Value:
    """Return a value with its numbers normalised; raises ValidationException where it is none."""
    if not value:
        raise invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    if len(value) > 1:
        raise invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported "
            "datatypes"
        )
    ((kind, content),) = value.items()
    if kind in {"S", "B", "BOOL"}:
        return value
    if kind == "N":
        return {"N": normalised(content)}
    if kind == "NULL":
        if content is not True:
            raise invalid_values("Null attribute value types must have the value of true")
        return value
    if kind in _SETS:
        return {kind: _checked_set(kind, content)}
    if depth >= _DEEPEST:
        raise invalid("Nesting Levels have exceeded supported limits")
    if kind == "L":
        return {"L": [checked(each, depth + 1) for each in content]}
    return {"M": {name: checked(each, depth + 1) for name, each in content.items()}}


def _checked_set(kind: str, content: Sequence[Any]) -> Sequence[Any]:  # Any: text or bytes
    if not content:
        if kind == "BS":
            raise invalid_values("Binary sets should not be empty")
        raise invalid_values(f"An {_SETS[kind]} set  may not be empty")
    members = [normalised(each) for each in content] if kind == "NS" else content
    if len(set(members)) < len(members):
        if kind == "SS":
            raise invalid_values(f"Input collection [{', '.join(members)}] contains duplicates.")
        raise invalid("Input collection contains duplicates")
    return members


def type_of(value: Value) -> str:
    """Return the value's type: S, N, B, SS, NS, BS, BOOL, NULL, L or M."""
    return next(iter(value))


def content_of(value: Value) -> Any:  # Any: as in Value
    """Return what the value holds."""
    return next(iter(value.values()))


def item_size(item: Item) -> int:
    """Return the item's size in bytes, as AWS measures it.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(_text_size(name) + value_size(value) for name, value in item.items())


def value_size(value: Value) -> int:
    """Return the value's size in bytes."""
    ((kind, content),) = value.items()
    if kind in _SIZES:
        return _SIZES[kind](content)
    if kind == "L":
        return 3 + sum(value_size(each) + 1 for each in content)
    return 3 + sum(_text_size(name) + value_size(each) + 1 for name, each in content.items())


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


_SIZES: Mapping[str, Callable[[Any], int]] = {  # Any: as in Value
    "S": _text_size,
    "N": number_size,
    "B": len,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "SS": lambda members: sum(map(_text_size, members)),
    "NS": lambda members: sum(map(number_size, members)),
    "BS": lambda members: sum(map(len, members)),
}


def equal(left: Value, right: Value) -> bool:
    """Return whether two values are the same; sets whatever their order."""
    kind = type_of(left)
    if kind != type_of(right):
        return False
    ours, theirs = left[kind], right[kind]
    if kind in _SETS:
        return set(ours) == set(theirs)
    if kind == "L":
        return len(ours) == len(theirs) and all(map(equal, ours, theirs))
    if kind == "M":
        return ours.keys() == theirs.keys() and all(equal(each, theirs[name]) for name, each in ours.items())
    return bool(ours == theirs)


def sort_key(value: Value) -> bytes:
    """Return bytes that sort as values of one scalar type do: text by UTF-8, numbers by size, binary as it is.

    >>> sort_key({"N": "9"}) < sort_key({"N": "10"}), sort_key({"S": "9"}) < sort_key({"S": "10"})
    (True, False)
    """
    kind = type_of(value)
    if kind == "S":
        return str(value["S"]).encode()
    return encoded(value["N"]) if kind == "N" else bytes(value["B"])


def described(value: Value) -> str:
    """Return a value as AWS's messages show it: `{N:5}`."""
    kind = type_of(value)
    return f"{{{kind}:{value[kind]}}}"


def copied(value: Value) -> dict[str, Any]:  # Any: as in Value
    """Return a copy whose lists and maps may be changed."""
    kind = type_of(value)
    if kind == "L":
        return {"L": [copied(each) for each in value["L"]]}
    if kind == "M":
        return {"M": {name: copied(each) for name, each in value["M"].items()}}
    return dict(value)
