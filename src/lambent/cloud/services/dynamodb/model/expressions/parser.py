"""Tokens to trees, for conditions, updates and projections.

Trees are kept by text, for most programs send the same few texts again and again. An expression of 4 KB can be nested
deeper than Python calls can be: conditions are read without recursion, and what else nests is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-expression-parameters
_MOST_OPERATORS = 300
_MOST_CHOICES = 100
_DEEPEST_PATH = 32
_LARGEST_PLACE = (1 << 31) - 1
# No expression that AWS takes nests functions deeper than one in another, or but a few times in updates.
_DEEPEST_CALLS = 16
_KEPT = 1024
_COMPARATORS = frozenset({"=", "<>", "<", "<=", ">", ">="})
# How strongly the operators of conditions bind; a parenthesis holds them apart.
_STRENGTH: Mapping[str, int] = {"(": 0, "OR": 1, "AND": 2, "NOT": 3}
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
        self._closers = _closers(self._tokens) if "(" in text else {}
        self._place = 0
        self._operators = 0
        self._depth = 0

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

    def _misused(self, function: str) -> ServiceError:
        return self._wrong(f"The function is not allowed to be used this way in an expression; function: {function}")

    def _count_operator(self) -> None:
        self._operators += 1
        if self._operators > _MOST_OPERATORS:
            raise self._wrong(f"The expression contains too many operators; operator count: {self._operators}")

    def expect_end(self) -> None:
        if self._next.kind is not Kind.END:
            raise self._unexpected()

    def _open(self) -> None:
        """Take a parenthesis that groups; raises where it holds nothing but another one."""
        inner, closer = self._place + 1, self._closers.get(self._place)
        if closer is not None and self._closers.get(inner) == closer - 1:
            raise self._wrong("The expression has redundant parentheses;")
        self._place = inner

    # conditions: what is not joined yet, and the operators that wait for what comes behind them

    def condition(self) -> Condition:
        found: list[Condition] = []
        waiting: list[str] = []
        while True:
            self._take_begin(waiting)
            found.append(self._test())
            while self._closes_group(waiting):
                _join(found, waiting, _STRENGTH["OR"])
                waiting.pop()
            word = self._next.word
            if word not in {"AND", "OR"}:
                break
            self._take()
            self._count_operator()
            _join(found, waiting, _STRENGTH[word])
            waiting.append(word)
        _join(found, waiting, _STRENGTH["OR"])
        if waiting:
            raise self._unexpected()
        return found[0]

    def _take_begin(self, waiting: list[str]) -> None:
        """Take what may stand before a test: NOT, and parentheses around conditions."""
        while True:
            if self._takes_word("NOT"):
                self._count_operator()
                waiting.append("NOT")
            elif self._next.text == "(" and not self._opens_operand():
                self._open()
                waiting.append("(")
            else:
                return

    def _opens_operand(self) -> bool:
        """Whether the next parenthesis is around an operand, which is compared with what follows it."""
        closer = self._closers.get(self._place)
        if closer is None:
            return False
        following = self._tokens[closer + 1]
        return following.text in _COMPARATORS or following.word in {"BETWEEN", "IN"}

    def _closes_group(self, waiting: Sequence[str]) -> bool:
        return "(" in waiting and self._takes(")")

    def _test(self) -> Condition:
        operand = self._operand(CONDITION_FUNCTIONS)
        if self._next.text in _COMPARATORS:
            self._count_operator()
            return Comparison(self._take().text, self._compared(operand), self._compared_next())
        if self._takes_word("BETWEEN"):
            self._count_operator()
            low = self._compared_next()
            if not self._takes_word("AND"):
                raise self._unexpected()
            return Between(self._compared(operand), low, self._compared_next())
        if self._takes_word("IN"):
            self._count_operator()
            choices = tuple(map(self._compared, self._listed(CONDITION_FUNCTIONS)))
            if len(choices) > _MOST_CHOICES:
                raise self._wrong(
                    f"The IN operator is provided with too many operands; number of operands: {len(choices)}"
                )
            return In(self._compared(operand), choices)
        if not isinstance(operand, Call):
            raise self._unexpected()
        if operand.function == "size":
            raise self._misused("size")
        return operand

    def _compared_next(self) -> Operand:
        return self._compared(self._operand(CONDITION_FUNCTIONS))

    def _compared(self, operand: Operand) -> Operand:
        """Return an operand of a comparison: of the functions, only size has a value."""
        if isinstance(operand, Call) and operand.function != "size":
            raise self._misused(operand.function)
        return operand

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
        if token.text == "(":
            self._open()
            if self._next.text == "(":
                raise self._unexpected()
            inner = self._operand(functions)
            self._expect(")")
            return inner
        following = self._tokens[min(self._place + 1, len(self._tokens) - 1)]
        if token.kind is Kind.NAME and following.text == "(" and following.kind is Kind.SIGN:
            return self._call(functions)
        return self.path()

    def _call(self, functions: Mapping[str, int]) -> Call:
        name = self._take().text
        if name not in functions:
            if name in CONDITION_FUNCTIONS or name in UPDATE_FUNCTIONS:
                raise self._wrong(f"The function is not allowed in {self._article()}; function: {name}")
            raise self._wrong(f"Invalid function name; function: {name}")
        self._depth += 1
        if self._depth > _DEEPEST_CALLS:
            raise self._misused(name)
        operands = self._listed(functions)
        self._depth -= 1
        if len(operands) != functions[name]:
            raise self._wrong(
                "Incorrect number of operands for operator or function; operator or function: "
                f"{name}, number of operands: {len(operands)}"
            )
        for each in operands:
            if isinstance(each, Call) and not (each.function in UPDATE_FUNCTIONS or each.function == "size"):
                raise self._misused(each.function)
        return Call(name, operands)

    def _article(self) -> str:
        return "an update expression" if self._kind == "UpdateExpression" else "a condition expression"

    def path(self) -> Path:
        parts: list[str | int] = [self._name()]
        while True:
            if self._takes("."):
                parts.append(self._name())
            elif self._takes("["):
                parts.append(self._list_place())
                self._expect("]")
            else:
                break
        if len(parts) > _DEEPEST_PATH:
            raise self._wrong(f"The document path has too many nesting levels; nesting levels: {len(parts)}")
        return Path(tuple(parts))

    def _list_place(self) -> int:
        if self._next.kind is not Kind.NUMBER:
            raise self._unexpected()
        place = int(self._take().text)
        if place > _LARGEST_PLACE:
            raise self._wrong(f"List index is not within the allowable range; index: [{place}]")
        return place

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
            self._count_operator()
            return Arithmetic(self._take().text, left, self._term())
        return left

    def _term(self) -> Operand:
        if self._next.text != "(":
            return self._operand(UPDATE_FUNCTIONS)
        self._depth += 1
        if self._depth > _DEEPEST_CALLS:
            raise self._unexpected()
        self._open()
        inner = self._sum()
        self._expect(")")
        self._depth -= 1
        return inner

    def projection(self) -> tuple[Path, ...]:
        found = [self.path()]
        while self._takes(","):
            found.append(self.path())
        return tuple(found)


def _closers(found: Sequence[Token]) -> dict[int, int]:
    """Return the places of the parentheses that open and are closed, and where."""
    closers: dict[int, int] = {}
    opened: list[int] = []
    for place, token in enumerate(found):
        if token.text == "(":
            opened.append(place)
        elif token.text == ")" and opened:
            closers[opened.pop()] = place
    return closers


def _join(found: list[Condition], waiting: list[str], strength: int) -> None:
    """Join what the last operators that wait, and bind so strongly or more, stand between."""
    while waiting and _STRENGTH[waiting[-1]] >= strength:
        operator = waiting.pop()
        last = found.pop()
        found.append(Not(last) if operator == "NOT" else (Both if operator == "AND" else Either)(found.pop(), last))
