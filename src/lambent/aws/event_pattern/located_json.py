"""JSON with places in it: what AWS's parser (Jackson) reads, and where it says it stands when something is wrong.

AWS ends its refusals of event patterns and filter policies with the place its parser had reached, so a value knows two
of them: where the parser stands having read its first token (of text, that is behind the opening quote, since the rest
is read when it is asked for), and where it stands having read all of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

Scalar = str | int | float | bool | None

# Deeper patterns than any event has fields are refused before they exhaust the stack.
_DEEPEST = 100
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"', re.DOTALL)
_WORD = re.compile(r"[^\s,:\[\]{}\"]+")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_LITERALS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}
_VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


class NotJsonError(ValueError):
    """The text is not JSON; says why, in Jackson's words, and where."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at


@dataclass(frozen=True, slots=True)
class Value:
    """A scalar of the text."""

    value: Scalar
    at: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Array:
    """A list of the text."""

    items: Sequence[Node]
    at: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Object:
    """An object of the text: its members in their order, a name as often as the text has it."""

    members: Sequence[tuple[str, Node]]
    at: int = 0
    end: int = 0


Node = Value | Array | Object


def read(text: str) -> Node:
    """Return the value that `text` begins with; what stands behind it is not looked at, as Jackson does not.

    Raises NotJsonError.
    """
    node, _ = _value(text, 0, 0)
    return node


def of(value: object) -> Node:
    """Return parsed JSON as a tree without places."""
    if isinstance(value, Mapping):
        return Object([(str(name), of(member)) for name, member in value.items()])
    if isinstance(value, list | tuple):
        return Array([of(item) for item in value])
    if value is None or isinstance(value, str | int | float | bool):
        return Value(value)
    raise TypeError(f"not a value of JSON: {value!r}")


def place(text: str, at: int) -> str:
    """Return what AWS adds to a reason: the text, and the line and column behind its first `at` characters."""
    before = text[:at]
    line, column = before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
    return f'\n at [Source: (String)"{text}"; line: {line}, column: {column}]'


def _value(text: str, at: int, depth: int) -> tuple[Node, int]:
    at = _behind_space(text, at)
    if depth > _DEEPEST:
        raise NotJsonError(f"Document nesting depth ({depth}) exceeds the maximum allowed ({_DEEPEST})", at)
    if text.startswith("{", at):
        return _object(text, at + 1, depth)
    if text.startswith("[", at):
        return _array(text, at + 1, depth)
    if text.startswith('"', at):
        string, end = _string(text, at)
        return Value(string, at + 1, end), end
    return _word(text, at)


def _object(text: str, start: int, depth: int) -> tuple[Node, int]:
    members: list[tuple[str, Node]] = []
    at = _behind_space(text, start)
    while not text.startswith("}", at):
        if members:
            at = _behind_space(text, _expect(text, at, ",", "was expecting comma to separate Object entries"))
        _expect(text, at, '"', "was expecting double-quote to start field name")
        name, at = _string(text, at)
        colon = _expect(text, _behind_space(text, at), ":", "was expecting a colon to separate field name and value")
        member, at = _value(text, colon, depth + 1)
        members.append((name, member))
        at = _behind_space(text, at)
    return Object(members, start, at + 1), at + 1


def _array(text: str, start: int, depth: int) -> tuple[Node, int]:
    items: list[Node] = []
    at = _behind_space(text, start)
    while not text.startswith("]", at):
        if items:
            at = _expect(text, at, ",", "was expecting comma to separate Array entries")
        item, at = _value(text, at, depth + 1)
        items.append(item)
        at = _behind_space(text, at)
    return Array(items, start, at + 1), at + 1


def _string(text: str, at: int) -> tuple[str, int]:
    found = _STRING.match(text, at)
    if found is None:
        raise NotJsonError("Unexpected end-of-input: was expecting closing quote for a string value", len(text))
    try:
        return str(orjson.loads(found[0])), found.end()
    except orjson.JSONDecodeError as error:
        raise NotJsonError("Unrecognized character escape in a string value", at) from error


def _word(text: str, at: int) -> tuple[Node, int]:
    found = _WORD.match(text, at)
    if found is None:
        raise _unexpected(text, at, f"expected a valid value {_VALUES}")
    word, end = found[0], found.end()
    if word in _LITERALS:
        return Value(_LITERALS[word], end, end), end
    if _NUMBER.fullmatch(word):
        number = float(word) if set(word) & set(".eE") else int(word)
        return Value(number, end, end), end
    if word[0].isalpha():
        raise NotJsonError(f"Unrecognized token '{word}': was expecting {_VALUES}", end)
    raise _unexpected(text, at, f"expected a valid value {_VALUES}")


def _behind_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _expect(text: str, at: int, char: str, expectation: str) -> int:
    if not text.startswith(char, at):
        raise _unexpected(text, at, expectation)
    return at + 1


def _unexpected(text: str, at: int, expectation: str) -> NotJsonError:
    if at >= len(text):
        return NotJsonError("Unexpected end-of-input", at)
    return NotJsonError(f"Unexpected character ('{text[at]}' (code {ord(text[at])})): {expectation}", at)
