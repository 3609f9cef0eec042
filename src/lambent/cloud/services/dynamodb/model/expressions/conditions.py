"""Whether an item meets a bound condition."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from lambent.cloud.services.dynamodb.model.expressions.paths import resolve
from lambent.cloud.services.dynamodb.model.expressions.syntax import (
    Between,
    Both,
    Call,
    Comparison,
    Condition,
    Constant,
    Either,
    In,
    Not,
    Operand,
    Path,
)
from lambent.cloud.services.dynamodb.model.values import SCALARS, Item, Value, content_of, equal, sort_key, type_of

_ORDER: Mapping[str, Callable[[bytes, bytes], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(condition: Condition, item: Item) -> bool:
    """Return whether the item meets the condition; an item that is not there is an empty one."""
    match condition:
        case Both(left, right):
            return holds(left, item) and holds(right, item)
        case Either(left, right):
            return holds(left, item) or holds(right, item)
        case Not(inner):
            return not holds(inner, item)
        case Comparison(sign, left, right):
            return _compares(sign, _value(left, item), _value(right, item))
        case Between(operand, low, high):
            value = _value(operand, item)
            return _compares(">=", value, _value(low, item)) and _compares("<=", value, _value(high, item))
        case In(operand, choices):
            value = _value(operand, item)
            return any(_compares("=", value, _value(choice, item)) for choice in choices)
        case Call():
            return _function(condition, item)


def _value(operand: Operand, item: Item) -> Value | None:
    if isinstance(operand, Constant):
        return operand.value
    if isinstance(operand, Path):
        return resolve(item, operand)
    if isinstance(operand, Call) and operand.function == "size":
        return _size(_value(operand.operands[0], item))
    return None


def _size(value: Value | None) -> Value | None:
    if value is None or type_of(value) in {"N", "BOOL", "NULL"}:
        return None
    content = content_of(value)
    return {"N": str(len(content.encode() if isinstance(content, str) else content))}


def _compares(sign: str, left: Value | None, right: Value | None) -> bool:
    if left is None or right is None:
        # What is not there differs from all that is.
        return sign == "<>" and left is not right
    if sign == "=":
        return equal(left, right)
    if sign == "<>":
        return not equal(left, right)
    kind = type_of(left)
    return kind in SCALARS and kind == type_of(right) and _ORDER[sign](sort_key(left), sort_key(right))


def _function(call: Call, item: Item) -> bool:
    first = _value(call.operands[0], item)
    if call.function == "attribute_exists":
        return first is not None
    if call.function == "attribute_not_exists":
        return first is None
    second = _value(call.operands[1], item)
    if first is None or second is None:
        return False
    if call.function == "attribute_type":
        return bool(type_of(first) == second["S"])
    return begins_with(first, second) if call.function == "begins_with" else contains(first, second)


def begins_with(value: Value, prefix: Value) -> bool:
    """Return whether text or binary begins with a prefix of its own type."""
    kind = type_of(value)
    return kind in {"S", "B"} and kind == type_of(prefix) and bool(value[kind].startswith(prefix[kind]))


def contains(value: Value, wanted: Value) -> bool:
    """Return whether text or binary holds a part, a set a member, or a list an element."""
    kind, content = type_of(value), content_of(value)
    if kind == "L":
        return any(equal(each, wanted) for each in content)
    if kind in {"SS", "NS", "BS"}:
        return kind[0] == type_of(wanted) and content_of(wanted) in content
    return kind in {"S", "B"} and kind == type_of(wanted) and content_of(wanted) in content
