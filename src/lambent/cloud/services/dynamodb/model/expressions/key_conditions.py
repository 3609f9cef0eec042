"""Key conditions: which partition, and which range of sort keys, as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lambent.cloud.services.dynamodb.errors import invalid, invalid_values
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
from lambent.cloud.services.dynamodb.model.keys import hashed
from lambent.cloud.services.dynamodb.model.table import KeySchema
from lambent.cloud.services.dynamodb.model.values import Value, content_of, sort_key, type_of

_KIND = "KeyConditionExpression"
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}


@dataclass(frozen=True, slots=True)
class KeyTest:
    """What is asked of one key attribute: an operator of conditions, BETWEEN or begins_with, and its values."""

    name: str
    operator: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class KeySpan:
    """A partition and a half-open range of its sort keys; `high` is None where it has no end."""

    hash: bytes
    low: bytes = b""
    high: bytes | None = None

    def holds(self, range_key: bytes) -> bool:
        """Return whether a sort key lies in the range."""
        return range_key >= self.low and (self.high is None or range_key < self.high)


def tests_of(condition: Condition) -> list[KeyTest]:
    """Return what a bound key condition asks of each attribute; raises ValidationException."""
    return [_test(each) for each in _flat(condition)]


def span_of(tests: Sequence[KeyTest], key: KeySchema, types: Mapping[str, str]) -> KeySpan:
    """Return the span that the tests describe; raises ValidationException where they do not suit the key schema."""
    by_name = {test.name: test for test in tests}
    if len(by_name) < len(tests):
        raise invalid("KeyConditionExpressions must only contain one condition per key")
    for test in tests:
        if test.name in key.names:
            _check_values(test, types[test.name])
    on_hash = by_name.pop(key.hash, None)
    if on_hash is None:
        raise invalid(f"Query condition missed key schema element: {key.hash}")
    if on_hash.operator != "=":
        raise invalid("Query key condition not supported")
    on_range = None if key.range is None else by_name.pop(key.range, None)
    if by_name:
        if key.range is not None and on_range is None:
            raise invalid(f"Query condition missed key schema element: {key.range}")
        raise invalid("Query key condition not supported")
    found = hashed(on_hash.values[0])
    return KeySpan(found) if on_range is None else KeySpan(found, *_bounds(on_range))


def _check_values(test: KeyTest, kind: str) -> None:
    for value in test.values:
        if type_of(value) != kind:
            raise invalid_values("Condition parameter type does not match schema type")
        if not content_of(value):
            noun = "binary" if kind == "B" else "string"
            raise invalid(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
                f"empty {noun} value. Key: {test.name}"
            )


def _bounds(test: KeyTest) -> tuple[bytes, bytes | None]:
    first = sort_key(test.values[0])
    # The next key behind one is that key and a zero byte.
    match test.operator:
        case "=":
            return first, first + b"\0"
        case "<":
            return b"", first
        case "<=":
            return b"", first + b"\0"
        case ">":
            return first + b"\0", None
        case ">=":
            return first, None
        case "BETWEEN":
            return first, sort_key(test.values[1]) + b"\0"
        case "begins_with":
            return first, _beyond(first)
        case _:
            raise invalid("Query key condition not supported")


def _beyond(prefix: bytes) -> bytes | None:
    r"""Return the first bytes behind all that begin with a prefix; None where there are none.

    >>> _beyond(b"ab"), _beyond(b"a\xff"), _beyond(b"\xff")
    (b'ac', b'b', None)
    """
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else None


def _flat(condition: Condition) -> Iterator[Comparison | Between | Call]:
    match condition:
        case Both(left, right):
            yield from _flat(left)
            yield from _flat(right)
        case Either():
            raise _invalid_operator("OR")
        case Not():
            raise _invalid_operator("NOT")
        case In():
            raise _invalid_operator("IN")
        case Call(function, _) if function != "begins_with":
            raise _invalid_operator(function)
        case Comparison("<>", _, _):
            raise _invalid_operator("<>")
        case _:
            yield condition


def _test(condition: Comparison | Between | Call) -> KeyTest:
    match condition:
        case Comparison(operator, Path() as path, right):
            return KeyTest(_name(path), operator, _constants(right))
        case Comparison(operator, left, Path() as path):
            return KeyTest(_name(path), _FLIPPED[operator], _constants(left))
        case Between(Path() as path, low, high):
            return KeyTest(_name(path), "BETWEEN", _constants(low, high))
        case Call(function, (Path() as path, prefix)):
            return KeyTest(_name(path), function, _constants(prefix))
        case _:
            raise invalid(f"Invalid {_KIND}: No key attribute specified; operator: ")


def _name(path: Path) -> str:
    if len(path.parts) > 1:
        raise invalid(f"Invalid {_KIND}: KeyConditionExpressions cannot have conditions on nested attributes")
    return path.top


def _constants(*operands: Operand) -> tuple[Value, ...]:
    found = tuple(each.value for each in operands if isinstance(each, Constant))
    if len(found) < len(operands):
        raise invalid(f"Invalid {_KIND}: Invalid operator used in KeyConditionExpression: attribute")
    return found


def _invalid_operator(operator: str) -> Exception:
    return invalid(f"Invalid operator used in KeyConditionExpression: {operator}")
