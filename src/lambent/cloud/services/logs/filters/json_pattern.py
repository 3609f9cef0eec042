"""Patterns over JSON messages: `{ $.user.id = 1 && ($.path = "/a*" || $.tags[0] NOT EXISTS) }`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final

import orjson

from lambent.cloud.services.logs.filters.syntax import (
    Condition,
    Expression,
    InvalidPatternError,
    Matcher,
    Token,
    ValueTest,
    comparison,
    tokens_of,
)

_STEP = re.compile(
    r"""\.?\[(?P<index>\d+|\*)\]|\.?\[(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)")\]|\.(?P<name>[^.\[]+)"""
)


class _Any:
    """The step that goes to every member."""


_EVERY: Final = _Any()
Step = str | int | _Any


def compile_json(pattern: str) -> Matcher:
    """Return what tells whether a message is JSON that fits the pattern; raises InvalidPatternError."""
    if not pattern.endswith("}"):
        raise InvalidPatternError("Invalid filter pattern: a brace is not closed")
    fits = Expression[object](tokens_of(pattern[1:-1]), _condition).read()

    def matches(message: str) -> bool:
        if not message.lstrip().startswith(("{", "[")):
            return False
        try:
            return fits(orjson.loads(message))
        except orjson.JSONDecodeError:
            return False

    return matches


def fields_in(pattern: str, message: str) -> dict[str, str]:
    """Return what a JSON message has where the pattern's selectors point, by selector."""
    selectors = [token.text for token in tokens_of(pattern[1:-1]) if token.kind == "selector"]
    found = {selector: text_at(selector, message) for selector in selectors}
    return {selector: text for selector, text in found.items() if text is not None}


def text_at(selector: str, message: str) -> str | None:
    """Return the first plain value of a JSON message that a selector points at, as text; None where there is none."""
    try:
        document = orjson.loads(message)
    except orjson.JSONDecodeError:
        return None
    value = next((value for value in _values(document, _steps(selector)) if not _is_compound(value)), None)
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _condition(expression: Expression[object]) -> Condition[object]:
    selector = expression.next()
    if selector.kind != "selector":
        raise InvalidPatternError(f"Invalid filter pattern near '{selector.text}'")
    steps = _steps(selector.text)
    sign = expression.next()
    if sign.kind == "word":
        return _state(steps, sign, expression.next())
    test = comparison(sign.text, expression.next())
    return lambda document: any(test(value) for value in _values(document, steps) if not _is_compound(value))


def _state(steps: Sequence[Step], verb: Token, state: Token) -> Condition[object]:
    words = (verb.text.upper(), state.text.upper())
    if words == ("NOT", "EXISTS"):
        return lambda document: next(_values(document, steps), _EVERY) is _EVERY
    tests: dict[tuple[str, str], ValueTest] = {
        ("IS", "NULL"): lambda value: value is None,
        ("IS", "TRUE"): lambda value: value is True,
        ("IS", "FALSE"): lambda value: value is False,
    }
    test: Callable[[object], bool] | None = tests.get(words)
    if test is None:
        raise InvalidPatternError(f"Invalid filter pattern near '{verb.text} {state.text}'")
    chosen = test
    return lambda document: any(chosen(value) for value in _values(document, steps))


@lru_cache(maxsize=1024)
def _steps(selector: str) -> Sequence[Step]:
    steps: list[Step] = []
    for found in _STEP.finditer(selector, 1):
        name = found["single"] or found["double"] or found["name"]
        if name is None:
            steps.append(_EVERY if found["index"] == "*" else int(found["index"]))
        else:
            steps.append(_EVERY if found["name"] == "*" else name)
    return steps


def _values(value: object, steps: Sequence[Step]) -> Iterator[object]:
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(step, _Any):
        members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for member in members:
            yield from _values(member, rest)
    elif isinstance(step, int):
        if isinstance(value, list) and step < len(value):
            yield from _values(value[step], rest)
    elif isinstance(value, dict) and step in value:
        yield from _values(value[step], rest)


def _is_compound(value: object) -> bool:
    return value is None or isinstance(value, dict | list)
