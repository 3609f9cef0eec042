"""Filter patterns: a text that says which log messages are meant, in one of three notations.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

from functools import lru_cache

from lambent.cloud.services.logs.filters import json_pattern, space_pattern, terms
from lambent.cloud.services.logs.filters.syntax import InvalidPatternError, Matcher, number_in

__all__ = ["InvalidPatternError", "Matcher", "compile_pattern", "extracted", "text_of", "value_of"]


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Matcher:
    """Return what tells whether a message matches `pattern`; raises InvalidPatternError.

    >>> compile_pattern('{ $.latency > 100 && $.user = "a*" }')('{"latency": 120, "user": "ann"}')
    True
    """
    text = pattern.strip()
    if text.startswith("{"):
        return json_pattern.compile_json(text)
    if text.startswith("["):
        return space_pattern.compile_fields(text)
    return terms.compile_terms(text)


def extracted(pattern: str, message: str) -> dict[str, str]:
    """Return what a pattern reads from a message that it matches, by the selectors and names in it.

    >>> extracted("[host, status, ...]", "a.example 200 17")
    {'$host': 'a.example', '$status': '200'}
    """
    text = pattern.strip()
    if text.startswith("{"):
        return json_pattern.fields_in(text, message)
    if text.startswith("["):
        return {f"${name}": value for name, value in space_pattern.fields_in(text, message).items()}
    return {}


def value_of(pattern: str, message: str, wanted: str) -> float | None:
    """Return the number that `wanted` stands for: a literal, `$.selector` of a JSON message, or `$name` of a field.

    None where the message has no such value, or it is no number.

    >>> value_of("{ $.ms > 0 }", '{"ms": 12.5}', "$.ms")
    12.5
    """
    return number_in(text_of(pattern, message, wanted) if wanted.startswith("$") else wanted)


def text_of(pattern: str, message: str, selector: str) -> str | None:
    """Return what a message has for `$.selector` or, where the pattern names fields, for `$name`; None for nothing.

    >>> text_of("{ $.ms > 0 }", '{"ms": 12.5, "route": "/"}', "$.route")
    '/'
    """
    text = pattern.strip()
    if text.startswith("["):
        return space_pattern.fields_in(text, message).get(selector[1:])
    return json_pattern.text_at(selector, message)
