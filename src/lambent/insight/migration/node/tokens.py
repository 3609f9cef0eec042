"""JavaScript and TypeScript → tokens, and which of them run within a function: as much as is needed here.

https://tc39.es/ecma262/#sec-ecmascript-language-lexical-grammar
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_SPACE = re.compile(r"\s+|//[^\n]*|/\*.*?\*/|#![^\n]*", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_$#][\w$]*")
_NUMBER = re.compile(r"\d[\w.]*")
_STRING = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL)
_REGEX = re.compile(r"/(?![*/])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
_SIGN = re.compile(
    r">>>=|\.\.\.|===|!==|\*\*=|\?\?=|\|\|=|&&=|<<=|>>=|=>|==|!=|<=|>=|\+\+|--|\+=|-=|\*=|/=|%=|\|=|&=|\^=|\?\?|\?\.|\|\||&&|."
)
_BEFORE_REGEX = frozenset("=(,:;!&|?{}[+-*%<>~^") | {
    "return", "typeof", "case", "in", "of", "=>", "&&", "||", "??", "==", "===", "!=", "!==",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """A token: `kind` is name, number, text, template, regex or sign; `parts` are a template's, texts and tokens."""

    kind: str
    value: str
    line: int
    column: int
    parts: tuple[str | tuple[Token, ...], ...] = ()


@dataclass(eq=False)
class Body:
    """A function: its tokens from `start` to `end`, the function around it, its name, parameters and own names."""

    start: int
    end: int
    name: str
    parameters: list[str]
    around: Body | None
    is_async: bool = False
    names: set[str] = field(default_factory=set)

    def within(self) -> Iterator[Body]:
        """Yield the function and those around it, the innermost first."""
        here: Body | None = self
        while here is not None:
            yield here
            here = here.around


def tokens(text: str, line: int = 1, column: int = 1) -> list[Token]:
    """Return the tokens of a source; comments are left out."""
    found: list[Token] = []
    at, begin = 0, -(column - 1)
    while at < len(text):
        if match := _SPACE.match(text, at):
            line += match.group().count("\n")
            if "\n" in match.group():
                begin = match.start() + match.group().rindex("\n") + 1
            at = match.end()
            continue
        token, end = _token(text, at, line, at - begin + 1, found)
        found.append(token)
        passed = text[at:end]
        if "\n" in passed:
            line += passed.count("\n")
            begin = at + passed.rindex("\n") + 1
        at = end
    return found


def _token(text: str, at: int, line: int, column: int, before: list[Token]) -> tuple[Token, int]:
    if text[at] == "`":
        parts, end = _template(text, at + 1, line, column)
        return Token("template", text[at:end], line, column, parts), end
    if text[at] in "'\"" and (match := _STRING.match(text, at)):
        return Token("text", match.group()[1:-1], line, column), match.end()
    if text[at] == "/" and _may_be_regex(before) and (match := _REGEX.match(text, at)):
        return Token("regex", match.group(), line, column), match.end()
    for kind, pattern in (("name", _NAME), ("number", _NUMBER), ("sign", _SIGN)):
        match = pattern.match(text, at)
        if match:
            return Token(kind, match.group(), line, column), match.end()
    return Token("sign", text[at], line, column), at + 1


def _may_be_regex(before: list[Token]) -> bool:
    return not before or (before[-1].kind in {"sign", "name"} and before[-1].value in _BEFORE_REGEX)


def _template(text: str, at: int, line: int, column: int) -> tuple[tuple[str | tuple[Token, ...], ...], int]:
    parts: list[str | tuple[Token, ...]] = []
    known = ""
    while at < len(text) and text[at] != "`":
        if text[at] == "\\":
            known += text[at + 1 : at + 2]
            at += 2
        elif text.startswith("${", at):
            end = _closing(text, at + 2)
            parts += [known, tuple(tokens(text[at + 2 : end], line, column))]
            known, at = "", end + 1
        else:
            known += text[at]
            at += 1
    return (*parts, known), at + 1


def _closing(text: str, at: int) -> int:
    """Return where the brace closes that was opened before; templates within templates are passed over."""
    depth = 0
    while at < len(text):
        if text[at] == "`":
            _, at = _template(text, at + 1, 1, 1)
            continue
        if text[at] == "}" and depth == 0:
            return at
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return at


def pairs(found: list[Token]) -> dict[int, int]:
    """Return for every bracket that opens where it closes, and the other way round."""
    partner: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(found):
        if token.kind != "sign":
            continue
        if token.value in "([{":
            opened.append(index)
        elif token.value in ")]}" and opened:
            partner[index] = opened.pop()
            partner[partner[index]] = index
    return partner


def bodies(found: list[Token], partner: dict[int, int]) -> list[Body]:
    """Return the functions in the order in which they begin."""
    listed = [body for index in range(len(found)) if (body := _body(found, index, partner)) is not None]
    for body in listed:
        around = [
            one
            for one in listed
            if one.start <= body.start and body.end <= one.end and (one.start, one.end) != (body.start, body.end)
        ]
        body.around = max(around, key=lambda one: one.start, default=None)
    return listed


def _body(found: list[Token], index: int, partner: dict[int, int]) -> Body | None:
    token = found[index]
    if token.kind != "sign":
        return None
    if token.value == "=>":
        return _arrow(found, index, partner)
    if token.value != "{" or index == 0 or index not in partner or found[index - 1].value == "=>":
        return None
    close = index - 1
    if found[close].value != ")":
        close = _before_type(found, index, partner)  # TypeScript: `): Promise<X> {`
    if close not in partner or found[close].value != ")":
        return None
    opening = partner[close]
    before = found[opening - 1] if opening else None
    if before is None or before.value in {"if", "for", "while", "switch", "catch", "with", "=>", "await"}:
        return None
    is_function = before.value == "function" or (opening > 1 and found[opening - 2].value in {"function", "*"})
    if before.kind != "name" and not is_function:
        return None
    name = "" if before.value == "function" else before.value
    is_async = any(found[one].value == "async" for one in range(max(opening - 3, 0), opening))
    if not name:
        name = _assigned_name(found, opening - (3 if is_async else 2))
    return Body(index, partner[index], name, _parameters(found[opening + 1 : close]), None, is_async)


def _before_type(found: list[Token], index: int, partner: dict[int, int]) -> int:
    """Return where the parameters end before a return type, types written out in braces within it passed over."""
    at = index - 1
    while at > max(index - 64, 0):
        if found[at].value == ")" and found[at + 1].value == ":":
            return at
        if found[at].value in {";", "="} or (found[at].value == "}" and at not in partner):
            break
        if found[at].value == "}":
            # `): { ok: boolean } {` is a type; what stands before other braces is a statement of its own.
            if found[partner[at] - 1].value not in {":", "<", "|", "&", ","}:
                break
            at = partner[at]
        at -= 1
    return -1


def _arrow(found: list[Token], index: int, partner: dict[int, int]) -> Body | None:
    close = index - 1
    is_one_name = found[close].kind == "name" and found[close - 1].value in {"=", "(", ",", "async", ":", "=>"}
    if found[close].value != ")" and not is_one_name:
        close = _before_type(found, index, partner)
    if close < 0:
        return None
    if found[close].value == ")" and close in partner:
        opening = partner[close]
        given = _parameters(found[opening + 1 : close])
    else:
        opening, given = close, [found[close].value]
    at = opening - 1
    is_async = at >= 0 and found[at].value == "async"
    name = _assigned_name(found, at - 1 if is_async else at)
    if index + 1 < len(found) and found[index + 1].value == "{" and index + 1 in partner:
        return Body(index + 1, partner[index + 1], name, given, None, is_async)
    return Body(index, _end_of_expression(found, index + 1, partner), name, given, None, is_async)


def _assigned_name(found: list[Token], at: int) -> str:
    """Return the name that a function is assigned to: `const f =`, `exports.f =`, `f:`."""
    if at > 0 and found[at].value in {"=", ":"} and found[at - 1].kind == "name":
        return found[at - 1].value
    return ""


def _end_of_expression(found: list[Token], at: int, partner: dict[int, int]) -> int:
    while at < len(found):
        value = found[at].value if found[at].kind == "sign" else ""
        if value in {",", ";", ")", "]", "}"}:
            return at
        at = partner[at] + 1 if value and value in "([{" and at in partner else at + 1
    return len(found) - 1


def _parameters(given: list[Token]) -> list[str]:
    """Return the names that parameters have, those in patterns included; types and defaults are passed over."""
    names: list[str] = []
    depth, is_skipped = 0, False
    for index, token in enumerate(given):
        if token.value in {"(", "[", "<"}:
            depth += 1
        elif token.value in {")", "]", ">"}:
            depth -= 1
        elif token.value == "," and depth <= 0:
            is_skipped = False
        elif token.value in {"=", ":"} and "{" not in [one.value for one in given[:index]]:
            is_skipped = True
        elif token.kind == "name" and not is_skipped:
            names.append(token.value)
    return names
