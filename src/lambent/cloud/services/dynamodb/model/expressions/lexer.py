"""Text of an expression to tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z][A-Za-z0-9_]*)|(?P<hash>#[A-Za-z0-9_]+)|(?P<value>:[A-Za-z0-9_]+)|(?P<number>[0-9]+)"
    r"|(?P<sign><>|<=|>=|[=<>()\[\],.+-])|(?P<odd>\S))"
)


class Kind(Enum):
    """What a token is."""

    NAME = auto()
    HASH = auto()
    VALUE = auto()
    NUMBER = auto()
    SIGN = auto()
    ODD = auto()
    END = auto()


_KINDS = {"name": Kind.NAME, "hash": Kind.HASH, "value": Kind.VALUE, "number": Kind.NUMBER, "sign": Kind.SIGN}


@dataclass(frozen=True, slots=True)
class Token:
    """One token and where it stands in the text."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The token as a keyword: in upper case where it is a name, "" otherwise."""
        return self.text.upper() if self.kind is Kind.NAME else ""


def tokens(text: str) -> list[Token]:
    """Return the tokens of a text, one of kind END behind them.

    >>> [token.text for token in tokens("a.b[0]=:v")]
    ['a', '.', 'b', '[', '0', ']', '=', ':v', '<EOF>']
    """
    return [*_scan(text), Token(Kind.END, "<EOF>", len(text), len(text))]


def _scan(text: str) -> Iterator[Token]:
    place = 0
    while (found := _TOKEN.match(text, place)) is not None:
        group = found.lastgroup or ""
        place = found.end()
        yield Token(_KINDS.get(group, Kind.ODD), found[group], found.start(group), place)
