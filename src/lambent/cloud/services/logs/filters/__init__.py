"""Filter patterns: a text that says which log messages are meant, in one of three notations.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

from functools import lru_cache

from lambent.cloud.services.logs.filters import json_pattern, space_pattern, terms
from lambent.cloud.services.logs.filters.syntax import InvalidPatternError, Matcher

__all__ = ["InvalidPatternError", "Matcher", "compile_pattern"]


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
