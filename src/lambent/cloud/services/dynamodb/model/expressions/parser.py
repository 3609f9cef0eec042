"""Tokens to trees: one recursive descent for conditions, updates and projections.

Trees are kept by text, for most programs send the same few texts again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.dynamodb.errors import invalid
from lambent.cloud.services.dynamodb.model.expressions.lexer import Kind, Token, tokens
from lambent.cloud.services.dynamodb.model.expressions.reserved import RESERVED_WORDS
from lambent.cloud.services.dynamodb.model.expressions.syntax import (
    Arithmetic,
    Between,
    Both,
    Call,
    Change,
    Comparison,
    Condition,
    Either,
    In,
    Not,
    Operand,
    Path,
    Placeholder,
    Update,
)

T = TypeVar("T")
LONGEST = 4096
_KEPT = 1024
_COMPARATORS = frozenset({"=", "<>", "<", "<=", ">", ">="})
_SECTIONS = ("SET", "REMOVE", "ADD", "DELETE")
CONDITION_FUNCTIONS: Mapping[str, int] = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}
UPDATE_FUNCTIONS: Mapping[str, int] = {"if_not_exists": 2, "list_append": 2}


def wrong(kind: str, message: str) -> ServiceError:
    """Return the error of an expression; `kind` is the parameter that holds it."""
    return invalid(f"Invalid {kind}: {message}")


@lru_cache(_KEPT)
def parse_condition(text: str, kind: str = "ConditionExpression") -> Condition:
    """Return the tree of a condition, key condition or filter; raises ValidationException."""
    return _whole(text, kind, _Parser.condition)


@lru_cache(_KEPT)
def parse_update(text: str) -> Update:
    """Return the changes of an update expression; raises ValidationException."""
    return _whole(text, "UpdateExpression", _Parser.update)


@lru_cache(_KEPT)
def parse_projection(text: str) -> tuple[Path, ...]:
    """Return the paths of a projection; raises ValidationException."""
    return _whole(text, "ProjectionExpression", _Parser.projection)


def _whole(text: str, kind: str, read: Callable[[_Parser], T]) -> T:
    if len(text.encode()) > LONGEST:
        raise wrong(
            kind,
            f"Expression size has exceeded the maximum allowed size; expression size: {len(text.encode())}",
        )
    if not text.strip():
        raise wrong(kind, "The expression can not be empty;")
    parser = _Parser(text, kind)
    found = read(parser)
    parser.expect_end()
    return found


class _Parser:
    def __init__(self, text: str, kind: str) -> None:
        self._text = text
        self._kind = kind
        self._tokens = tokens(text)
        self._place = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._next
        self._place += token.kind is not Kind.END
        return token

    def _takes(self, sign: str) -> bool:
        if self._next.kind is not Kind.SIGN or self._next.text != sign:
            return False
        self._place += 1
        return True

    def _takes_word(self, word: str) -> bool:
        if self._next.word != word:
            return False
        self._place += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise self._unexpected()

    def _unexpected(self) -> ServiceError:
        token = self._next
        before = self._tokens[max(self._place - 1, 0)]
        after = self._tokens[min(self._place + 1, len(self._tokens) - 1)]
        near = self._text[before.start : max(after.end, token.end)].strip()
        return self._wrong(f'Syntax error; token: "{token.text}", near: "{near}"')

    def _wrong(self, message: str) -> ServiceError:
        return wrong(self._kind, message)

    def expect_end(self) -> None:
        if self._next.kind is not Kind.END:
            raise self._unexpected()

    # conditions, from the weakest operator to the strongest

    def condition(self) -> Condition:
        left = self._both()
        while self._takes_word("OR"):
            left = Either(left, self._both())
        return left

    def _both(self) -> Condition:
        left = self._not()
        while self._takes_word("AND"):
            left = Both(left, self._not())
        return left

    def _not(self) -> Condition:
        return Not(self._not()) if self._takes_word("NOT") else self._primary()

    def _primary(self) -> Condition:
        start = self._place
        if self._takes("("):
            is_nested = self._next.text == "("
            begin = self._place
            inner = self.condition()
            if is_nested and self._closes(begin) == self._place - 1:
                raise self._wrong("The expression has redundant parentheses;")
            self._expect(")")
            return inner
        operand = self._operand(CONDITION_FUNCTIONS)
        if self._next.text in _COMPARATORS:
            return Comparison(self._take().text, operand, self._operand(CONDITION_FUNCTIONS))
        if self._takes_word("BETWEEN"):
            low = self._operand(CONDITION_FUNCTIONS)
            if not self._takes_word("AND"):
                raise self._unexpected()
            return Between(operand, low, self._operand(CONDITION_FUNCTIONS))
        if self._takes_word("IN"):
            return In(operand, self._listed(CONDITION_FUNCTIONS))
        if not isinstance(operand, Call):
            raise self._unexpected()
        if operand.function == "size":
            self._place = start
            raise self._wrong("The function is not allowed to be used this way in an expression; function: size")
        return operand

    def _closes(self, begin: int) -> int:
        """Return the place of the parenthesis that closes the one at `begin`."""
        depth = 0
        for place in range(begin, len(self._tokens)):
            depth += {"(": 1, ")": -1}.get(self._tokens[place].text, 0)
            if depth == 0:
                return place
        return -1

    def _listed(self, functions: Mapping[str, int]) -> tuple[Operand, ...]:
        self._expect("(")
        found = [self._operand(functions)]
        while self._takes(","):
            found.append(self._operand(functions))
        self._expect(")")
        return tuple(found)

    # operands

    def _operand(self, functions: Mapping[str, int]) -> Operand:
        token = self._next
        if token.kind is Kind.VALUE:
            return Placeholder(self._take().text)
        following = self._tokens[min(self._place + 1, len(self._tokens) - 1)]
        if token.kind is Kind.NAME and following.text == "(" and following.kind is Kind.SIGN:
            return self._call(functions)
        return self.path()

    def _call(self, functions: Mapping[str, int]) -> Call:
        name = self._take().text
        operands = self._listed(functions)
        if name not in functions:
            if name in CONDITION_FUNCTIONS or name in UPDATE_FUNCTIONS:
                raise self._wrong(f"The function is not allowed in {self._article()}; function: {name}")
            raise self._wrong(f"Invalid function name; function: {name}")
        if len(operands) != functions[name]:
            raise self._wrong(
                "Incorrect number of operands for operator or function; operator or function: "
                f"{name}, number of operands: {len(operands)}"
            )
        for each in operands:
            if isinstance(each, Call) and not (each.function in UPDATE_FUNCTIONS or each.function == "size"):
                raise self._wrong(
                    f"The function is not allowed to be used this way in an expression; function: {each.function}"
                )
        return Call(name, operands)

    def _article(self) -> str:
        return "an update expression" if self._kind == "UpdateExpression" else "a condition expression"

    def path(self) -> Path:
        parts: list[str | int] = [self._name()]
        while True:
            if self._takes("."):
                parts.append(self._name())
            elif self._takes("["):
                if self._next.kind is not Kind.NUMBER:
                    raise self._unexpected()
                parts.append(int(self._take().text))
                self._expect("]")
            else:
                return Path(tuple(parts))

    def _name(self) -> str:
        token = self._next
        if token.kind is Kind.HASH:
            return self._take().text
        if token.kind is not Kind.NAME:
            raise self._unexpected()
        if token.word in RESERVED_WORDS:
            raise self._wrong(f"Attribute name is a reserved keyword; reserved keyword: {token.text}")
        return self._take().text

    # updates and projections

    def update(self) -> Update:
        found: list[Change] = []
        seen: set[str] = set()
        while self._next.kind is not Kind.END:
            section = self._next.word
            if section not in _SECTIONS:
                raise self._unexpected()
            if section in seen:
                raise self._wrong(f'The "{section}" section can only be used once in an update expression;')
            seen.add(section)
            self._take()
            found.append(self._change(section))
            while self._takes(","):
                found.append(self._change(section))
        return tuple(found)

    def _change(self, section: str) -> Change:
        path = self.path()
        if section == "REMOVE":
            return Change(section, path)
        if section == "SET":
            self._expect("=")
            return Change(section, path, self._sum())
        if self._next.kind is not Kind.VALUE:
            raise self._unexpected()
        return Change(section, path, Placeholder(self._take().text))

    def _sum(self) -> Operand:
        left = self._term()
        if self._next.kind is Kind.SIGN and self._next.text in {"+", "-"}:
            return Arithmetic(self._take().text, left, self._term())
        return left

    def _term(self) -> Operand:
        if self._takes("("):
            inner = self._sum()
            self._expect(")")
            return inner
        return self._operand(UPDATE_FUNCTIONS)

    def projection(self) -> tuple[Path, ...]:
        found = [self.path()]
        while self._takes(","):
            found.append(self.path())
        return tuple(found)
