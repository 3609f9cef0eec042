"""Event patterns, as EventBridge, the filters of event source mappings and SNS's filter policies have them."""

from lambent.aws.event_pattern.index import PatternIndex
from lambent.aws.event_pattern.operators import EVENT_BUS, EVENT_SOURCE_MAPPING, Dialect, RefusedError, matcher_of
from lambent.aws.event_pattern.pattern import EventPattern, PatternError

__all__ = [
    "EVENT_BUS",
    "EVENT_SOURCE_MAPPING",
    "Dialect",
    "EventPattern",
    "PatternError",
    "PatternIndex",
    "RefusedError",
    "matcher_of",
]
