"""What the notations of filter patterns share: tokens, boolean expressions, and comparisons with a value."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Matcher = Callable[[str], bool]
S = TypeVar("S")
Condition = Callable[[S], bool]
ValueTest = Callable[[object], bool]


class InvalidPatternError(ValueError):
    """A text that is no filter pattern; the message says why, in AWS's words where they are known."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a pattern: `kind` is the name of its group in the expression below."""

    kind: str
    text: str


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<sign>&&|\|\||!=|<=|>=|=|<|>|\(|\)|,)
      | "(?P<quoted>(?:\\.|[^"\\])*)"
      | %(?P<regex>[^%]*)%
      | (?P<selector>\$(?:\.?\[(?:\d+|\*|'[^']*'|"[^"]*")\]|\.(?:\*|[^\s.\[\]=<>!&|()",]+))*)
      | (?P<word>[^\s=<>!&|(),"%]+)
    )""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html
_ALLOWED_IN_REGEX = re.compile(r"[A-Za-z0-9:_#=@/;,\-^$?\[\]{}|\\*+. ]*")
_ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def tokens_of(text: str) -> list[Token]:
    """Return the words of a pattern; raises InvalidPatternError."""
    found, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise InvalidPatternError(f"Invalid filter pattern near '{text[place:].strip()[:20]}'")
        found.append(Token(match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return found


def regex(text: str) -> re.Pattern[str]:
    """Return the expression written between percent signs; raises InvalidPatternError for what AWS does not take."""
    if not text or not _ALLOWED_IN_REGEX.fullmatch(text):
        raise InvalidPatternError("Invalid character(s) in regular expression")
    try:
        return re.compile(text)
    except re.error as error:
        raise InvalidPatternError("Invalid regular expression") from error


def unescaped(quoted: str) -> str:
    """Return what a quoted text means: a backslash stands before the character that is meant."""
    return re.sub(r"\\(.)", r"\1", quoted)


def comparison(sign: str, value: Token) -> ValueTest:
    """Return the test of a value against the right-hand side of a comparison; raises InvalidPatternError."""
    if sign in _ORDERS:
        return _ordered(sign, value)
    if sign not in {"=", "!="} or value.kind not in {"quoted", "regex", "word"}:
        raise InvalidPatternError(f"Invalid filter pattern near '{value.text}'")
    equal = _equality(value)
    return equal if sign == "=" else lambda actual: not equal(actual)


def number_in(value: object) -> float | None:
    """Return the number that a value is, or that its text says; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    return None


def _ordered(sign: str, value: Token) -> ValueTest:
    limit = number_in(value.text) if value.kind == "word" else None
    if limit is None:
        raise InvalidPatternError(f"Invalid filter pattern: {sign} needs a number")
    compare, wanted = _ORDERS[sign], limit

    def test(actual: object) -> bool:
        number = number_in(actual)
        return number is not None and compare(number, wanted)

    return test


def _equality(value: Token) -> ValueTest:
    if value.kind == "regex":
        expression = regex(value.text)
        return lambda actual: (text := _text(actual)) is not None and expression.search(text) is not None
    number = number_in(value.text) if value.kind == "word" else None
    if number is not None:
        return lambda actual: number_in(actual) == number
    wanted = unescaped(value.text) if value.kind == "quoted" else value.text
    if "*" not in wanted:
        return lambda actual: _text(actual) == wanted
    expression = re.compile(".*".join(map(re.escape, wanted.split("*"))), re.DOTALL)
    return lambda actual: (text := _text(actual)) is not None and expression.fullmatch(text) is not None


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else None


class Expression(Generic[S]):
    """Reads `a && (b || c)` from tokens; what a single condition is, the notation says."""

    def __init__(self, tokens: Sequence[Token], condition: Callable[[Expression[S]], Condition[S]]) -> None:
        self._tokens = tokens
        self._place = 0
        self._condition = condition

    def read(self) -> Condition[S]:
        """Return the whole expression; raises InvalidPatternError."""
        found = self._either()
        if self._place < len(self._tokens):
            raise InvalidPatternError(f"Invalid filter pattern near '{self._tokens[self._place].text}'")
        return found

    def next(self) -> Token:
        """Take the next token; raises InvalidPatternError at the end."""
        if self._place >= len(self._tokens):
            raise InvalidPatternError("Invalid filter pattern: unexpected end")
        self._place += 1
        return self._tokens[self._place - 1]

    def _either(self) -> Condition[S]:
        conditions = [self._both()]
        while self._takes("||"):
            conditions.append(self._both())
        return conditions[0] if len(conditions) == 1 else lambda value: any(each(value) for each in conditions)

    def _both(self) -> Condition[S]:
        conditions = [self._single()]
        while self._takes("&&"):
            conditions.append(self._single())
        return conditions[0] if len(conditions) == 1 else lambda value: all(each(value) for each in conditions)

    def _single(self) -> Condition[S]:
        if not self._takes("("):
            return self._condition(self)
        found = self._either()
        if not self._takes(")"):
            raise InvalidPatternError("Invalid filter pattern: a parenthesis is not closed")
        return found

    def _takes(self, sign: str) -> bool:
        if self._place < len(self._tokens) and self._tokens[self._place] == Token("sign", sign):
            self._place += 1
            return True
        return False
