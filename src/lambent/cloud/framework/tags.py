"""What every AWS service asks of tags; each says it in words of its own.

https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto

MOST_TAGS = 50
_LONGEST_KEY = 128
_LONGEST_VALUE = 256
_ALLOWED = re.compile(r"[\w\s_.:/=+\-@]*", re.UNICODE)


class TagProblem(Enum):
    """Why tags are refused."""

    KEY_LENGTH = auto()
    VALUE_LENGTH = auto()
    KEY_CHARACTERS = auto()
    VALUE_CHARACTERS = auto()
    RESERVED_PREFIX = auto()
    TOO_MANY = auto()


def find_problem(added: Mapping[str, str], present: Mapping[str, str] | None = None) -> TagProblem | None:
    """Return why `added` cannot join the tags already `present`, or None where they can.

    >>> find_problem({"aws:team": "a"})
    <TagProblem.RESERVED_PREFIX: 5>
    """
    for key, value in added.items():
        problem = _problem_of(key, value)
        if problem is not None:
            return problem
    # Tags that AWS itself set (aws:cloudformation:…) do not count.
    own = [key for key in {**(present or {}), **added} if not key.lower().startswith("aws:")]
    return TagProblem.TOO_MANY if len(own) > MOST_TAGS else None


def _problem_of(key: str, value: str) -> TagProblem | None:
    if not 1 <= len(key) <= _LONGEST_KEY:
        return TagProblem.KEY_LENGTH
    if len(value) > _LONGEST_VALUE:
        return TagProblem.VALUE_LENGTH
    if key.lower().startswith("aws:"):
        return TagProblem.RESERVED_PREFIX
    if not _ALLOWED.fullmatch(key):
        return TagProblem.KEY_CHARACTERS
    if not _ALLOWED.fullmatch(value):
        return TagProblem.VALUE_CHARACTERS
    return None
