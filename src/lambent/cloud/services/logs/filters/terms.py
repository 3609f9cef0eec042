"""Terms: words and phrases that a message must contain, may contain, or must not."""

from __future__ import annotations

import re
from collections.abc import Callable

from lambent.cloud.services.logs.filters.syntax import InvalidPatternError, Matcher, regex, unescaped

_TERM = re.compile(r'\s*(?P<mark>[?-]?)(?:"(?P<quoted>(?:\\.|[^"\\])*)"|%(?P<regex>[^%]*)%|(?P<word>[^\s"]+))')


def compile_terms(pattern: str) -> Matcher:
    """Return what tells whether a message has the pattern's terms; raises InvalidPatternError."""
    needed: list[Matcher] = []
    optional: list[Matcher] = []
    excluded: list[Matcher] = []
    place = 0
    while place < len(pattern):
        found = _TERM.match(pattern, place)
        if found is None:
            raise InvalidPatternError("Invalid filter pattern: a quotation mark is not closed")
        {"": needed, "?": optional, "-": excluded}[found["mark"]].append(_contains(found))
        place = found.end()
        if pattern[place:].isspace():
            break
    # Beside terms of other kinds, optional ones change nothing.
    if needed or excluded:
        return lambda message: all(has(message) for has in needed) and not any(has(message) for has in excluded)
    return lambda message: not optional or any(has(message) for has in optional)


def _contains(found: re.Match[str]) -> Callable[[str], bool]:
    if found["regex"] is not None:
        expression = regex(found["regex"])
        return lambda message: expression.search(message) is not None
    if found["word"] is not None:
        word = found["word"]
        if not word.replace("_", "a").isalnum():
            raise InvalidPatternError(f"Invalid character(s) in term '{word}'")
    else:
        word = unescaped(found["quoted"])
    return lambda message: word in message
