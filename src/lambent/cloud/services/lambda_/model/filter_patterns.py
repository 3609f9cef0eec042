"""Patterns of filter criteria: which of them AWS takes.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

_OR = "$or"
_COMPARISONS = frozenset({"=", "<", "<=", ">", ">="})


def is_valid_pattern(text: str | None) -> bool:
    """Whether a pattern is a JSON object whose every leaf is a list of values and comparisons.

    >>> is_valid_pattern('{"body": {"size": [{"numeric": [">", 100]}], "kind": ["a", "b"]}}')
    True
    >>> is_valid_pattern('{"eventSource": "aws:sqs"}'), is_valid_pattern('{"eventSource": []}')
    (False, False)
    """
    try:
        pattern = orjson.loads(text or "")
    except orjson.JSONDecodeError:
        return False
    return _is_object(pattern)


def _is_object(pattern: Any) -> bool:  # Any: JSON
    if not isinstance(pattern, Mapping) or not pattern:
        return False
    return all(_is_either(value) if name == _OR else _is_field(value) for name, value in pattern.items())


def _is_either(alternatives: Any) -> bool:  # Any: as above
    return isinstance(alternatives, list) and len(alternatives) > 1 and all(map(_is_object, alternatives))


def _is_field(value: Any) -> bool:  # Any: as above
    if isinstance(value, list):
        return bool(value) and all(map(_is_candidate, value))
    return _is_object(value)


def _is_candidate(value: Any) -> bool:  # Any: as above
    if isinstance(value, Mapping):
        return len(value) == 1 and all(_is_comparison(name, operand) for name, operand in value.items())
    return not isinstance(value, list)


def _is_comparison(name: str, operand: Any) -> bool:  # Any: as above
    check = _OPERANDS.get(name)
    return check is not None and check(operand)


def _is_text(operand: Any) -> bool:  # Any: as above
    return isinstance(operand, str)


def _is_affix(operand: Any) -> bool:  # Any: as above
    if isinstance(operand, Mapping):
        return operand.keys() == {"equals-ignore-case"} and _is_text(operand["equals-ignore-case"])
    return _is_text(operand)


def _is_number(operand: Any) -> bool:  # Any: as above
    return isinstance(operand, int | float) and not isinstance(operand, bool)


def _is_numeric(operand: Any) -> bool:  # Any: as above
    if not isinstance(operand, list) or len(operand) not in {2, 4}:
        return False
    return all(sign in _COMPARISONS for sign in operand[::2]) and all(map(_is_number, operand[1::2]))


def _is_anything_but(operand: Any) -> bool:  # Any: as above
    if isinstance(operand, Mapping):
        return len(operand) == 1 and all(name in _BUT and _BUT[name](value) for name, value in operand.items())
    values = operand if isinstance(operand, list) else [operand]
    return bool(values) and all(_is_text(value) or _is_number(value) for value in values)


_BUT: Mapping[str, Callable[[Any], bool]] = {"prefix": _is_text, "suffix": _is_text}  # Any: as above
_OPERANDS: Mapping[str, Callable[[Any], bool]] = {  # Any: as above
    "anything-but": _is_anything_but,
    "equals-ignore-case": _is_text,
    "exists": lambda operand: isinstance(operand, bool),
    "numeric": _is_numeric,
    "prefix": _is_affix,
    "suffix": _is_affix,
}
