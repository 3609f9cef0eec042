"""Patterns of filter criteria: which of them AWS takes.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax
"""

from __future__ import annotations


def is_valid_pattern(text: str | None) -> bool:
    """Whether a pattern is one of event patterns in the dialect of event source mappings.

    >>> is_valid_pattern('{"body": {"size": [{"numeric": [">", 100]}], "kind": ["a", "b"]}}')
    True
    >>> is_valid_pattern('{"eventSource": "aws:sqs"}'), is_valid_pattern('{"eventSource": []}')
    (False, False)
    """
    # With the first filter, not with the platform: the package takes as long to import as a service does to start.
    from lambent.aws.event_pattern import EVENT_SOURCE_MAPPING, EventPattern, PatternError  # noqa: PLC0415

    try:
        EventPattern.parse(text or "", EVENT_SOURCE_MAPPING)
    except PatternError:
        return False
    return True
