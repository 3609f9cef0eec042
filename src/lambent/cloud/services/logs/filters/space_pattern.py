"""Patterns over messages of fields that spaces divide: `[ip, user, ..., status = 4*, bytes > 1000]`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from lambent.cloud.services.logs.filters.syntax import (
    Condition,
    Expression,
    InvalidPatternError,
    Matcher,
    Token,
    comparison,
    tokens_of,
)

# What stands between brackets or quotation marks is one field, without them.
_FIELD = re.compile(r'\[(?P<bracketed>[^\]]*)\]|"(?P<quoted>[^"]*)"|(?P<plain>\S+)')
_ELLIPSIS = "..."
Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Column:
    """One field of the pattern: its name, and what is asked of the fields, if anything."""

    name: str
    condition: Condition[Fields] | None


def compile_fields(pattern: str) -> Matcher:
    """Return what tells whether a message's fields fit the pattern; raises InvalidPatternError."""
    columns = _columns(pattern)
    conditions = [column.condition for column in columns if column.condition is not None]
    names = [column.name for column in columns]

    def matches(message: str) -> bool:
        fields = _named(names, _fields_of(message))
        return fields is not None and all(condition(fields) for condition in conditions)

    return matches


def fields_in(pattern: str, message: str) -> Fields:
    """Return a message's fields by the names that the pattern gives them; none where it does not fit."""
    return _named([column.name for column in _columns(pattern)], _fields_of(message)) or {}


@lru_cache(maxsize=256)
def _columns(pattern: str) -> Sequence[_Column]:
    if not pattern.endswith("]"):
        raise InvalidPatternError("Invalid filter pattern: a bracket is not closed")
    columns = [_column(tokens, place) for place, tokens in enumerate(_split(tokens_of(pattern[1:-1])))]
    if sum(column.name == _ELLIPSIS for column in columns) > 1:
        raise InvalidPatternError("Invalid filter pattern: more than one ellipsis")
    return columns


def _split(tokens: Sequence[Token]) -> list[list[Token]]:
    columns: list[list[Token]] = [[]]
    for token in tokens:
        if token == Token("sign", ","):
            columns.append([])
        else:
            columns[-1].append(token)
    return columns


def _column(tokens: Sequence[Token], place: int) -> _Column:
    if not tokens:
        return _Column(f"#{place}", None)
    named = [token for token in tokens if token.kind == "word"]
    if len(tokens) == 1:
        if not named:
            raise InvalidPatternError(f"Invalid filter pattern near '{tokens[0].text}'")
        return _Column(tokens[0].text, None)
    if not named:
        raise InvalidPatternError("Invalid filter pattern: a condition names no field")
    return _Column(named[0].text, Expression[Fields](tokens, _condition).read())


def _condition(expression: Expression[Fields]) -> Condition[Fields]:
    name = expression.next()
    if name.kind != "word":
        raise InvalidPatternError(f"Invalid filter pattern near '{name.text}'")
    sign = expression.next()
    test = comparison(sign.text, expression.next())
    return lambda fields: name.text in fields and test(fields[name.text])


def _fields_of(message: str) -> list[str]:
    return [found[found.lastgroup or 0] for found in _FIELD.finditer(message)]


def _named(names: Sequence[str], fields: Sequence[str]) -> Fields | None:
    if _ELLIPSIS not in names:
        return dict(zip(names, fields, strict=True)) if len(names) == len(fields) else None
    before = names.index(_ELLIPSIS)
    after = len(names) - before - 1
    if len(fields) < before + after:
        return None
    last = fields[len(fields) - after :]
    return dict(zip(names[:before], fields[:before], strict=True)) | dict(zip(names[before + 1 :], last, strict=True))
