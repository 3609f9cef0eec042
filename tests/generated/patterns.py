"""Texts that a regular expression of the service model matches, made from its parse tree."""

from __future__ import annotations

import functools
import importlib
import re
from typing import Any

from tests.generated.chance import Chance

# The standard library's own parser; typeshed does not know it.
_parser: Any = importlib.import_module("re._parser")  # Any: as above
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ANY = _LETTERS + "0123456789-_./:= "
_CLASSES = {
    "CATEGORY_DIGIT": "0123456789",
    "CATEGORY_SPACE": " ",
    "CATEGORY_WORD": _LETTERS + "0123456789_",
    "CATEGORY_NOT_SPACE": _LETTERS + "0123456789-_./",
    "CATEGORY_NOT_DIGIT": _LETTERS,
    "CATEGORY_NOT_WORD": "-./:",
}
_UNBOUNDED = 12
_TRIES = 60
# As the model means it: Java's classes are those of ASCII, but for those that name a property of Unicode.
_JAVA = {r"\p{L}": "a-zA-Zäß漢", r"\p{Z}": " ", r"\p{N}": "0-9"}


def as_python(pattern: str) -> str:
    for java, python in _JAVA.items():
        pattern = pattern.replace(java, python)
    return re.sub(r"(\\[wds])-(?!\])", r"\1\\-", pattern)


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(as_python(pattern), re.ASCII)


def is_match(pattern: str, text: str) -> bool:
    return compiled(pattern).fullmatch(text) is not None


def text_of(pattern: str, chance: Chance, *, least: int, most: int) -> str | None:
    """Return a text that the pattern matches, within those lengths; None where none was found."""
    tree = _tree(pattern)
    for number in range(_TRIES):
        # The later the longer, so that those with a long minimum are found too.
        text = "".join(_sequence(tree, chance, max(_UNBOUNDED, least) + number))
        if least <= len(text) <= most and is_match(pattern, text):
            return text
    return None


@functools.cache
def _tree(pattern: str) -> Any:  # Any: the parse tree of a private module
    return _parser.parse(as_python(pattern))


def _sequence(tree: Any, chance: Chance, longest: int) -> list[str]:  # Any: as above
    return [_node(str(kind), argument, chance, longest) for kind, argument in tree]


def _node(kind: str, argument: Any, chance: Chance, longest: int) -> str:  # Any: as above
    if kind == "LITERAL":
        return chr(argument)
    if kind == "NOT_LITERAL":
        return chance.one_of([each for each in _ANY if ord(each) != argument])
    if kind == "ANY":
        return chance.one_of(_ANY)
    if kind == "IN":
        return _member(argument, chance)
    if kind in {"MAX_REPEAT", "MIN_REPEAT"}:
        least, most, below = argument
        count = chance.between(int(least), max(int(least), min(int(most), longest)))
        return "".join("".join(_sequence(below, chance, longest)) for _ in range(count))
    if kind == "SUBPATTERN":
        return "".join(_sequence(argument[3], chance, longest))
    if kind == "BRANCH":
        return "".join(_sequence(chance.one_of(argument[1]), chance, longest))
    return ""  # an assertion: whether it holds is looked at in the end


def _member(argument: Any, chance: Chance) -> str:  # Any: as above
    allowed: list[str] = []
    is_negated = False
    for kind, value in argument:
        name = str(kind)
        if name == "NEGATE":
            is_negated = True
        elif name == "LITERAL":
            allowed.append(chr(value))
        elif name == "RANGE":
            allowed += [chr(code) for code in range(value[0], min(value[1], value[0] + 40) + 1)]
        elif name == "CATEGORY":
            allowed += _CLASSES[str(value)]
    if is_negated:
        allowed = [each for each in _ANY if each not in allowed]
    return chance.one_of(allowed)
