"""What follows when a batch of a stream's records fails: tried again, in halves, or given up.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from lambent.cloud.services.lambda_.event_sources.stream_events import StreamRecord
from lambent.cloud.services.lambda_.model.event_source import SourceKind

_UNLIMITED: Final = -1
_TABLE_RETENTION_S: Final = 86_400.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class RetryRules:
    """How often records are tried again, how old they may become, and whether a batch that fails is cut in two."""

    retries: int = _UNLIMITED
    age_s: float | None = None
    bisects: bool = False


def rules_of(settings: Mapping[str, Any], kind: SourceKind) -> RetryRules:  # Any: a mapping's settings
    """Return the rules of a mapping. A table's stream keeps records for a day: then they are tried no more."""
    asked = settings["MaximumRecordAgeInSeconds"]
    age_s = None if asked == _UNLIMITED else float(asked)
    if kind is SourceKind.DYNAMODB:
        age_s = min(age_s or _TABLE_RETENTION_S, _TABLE_RETENTION_S)
    return RetryRules(
        retries=settings["MaximumRetryAttempts"],
        age_s=age_s,
        bisects=settings["BisectBatchOnFunctionError"],
    )


@dataclass(frozen=True, slots=True)
class Part:
    """Records that are tried together: how often that failed so far, and how often the function has had them."""

    records: Sequence[StreamRecord]
    failures: int = 0
    invocations: int = 0


def young_of(part: Part, rules: RetryRules, now: float) -> tuple[Sequence[StreamRecord], Part]:
    """Return the first records of a part that have become too old, and the part without them."""
    if rules.age_s is None:
        return (), part
    oldest = now - rules.age_s
    count = next((at for at, each in enumerate(part.records) if each.arrived_at >= oldest), len(part.records))
    return part.records[:count], replace(part, records=part.records[count:]) if count else part


def after_failure(part: Part, first_failed: int, rules: RetryRules) -> list[Part] | None:
    """Return what is tried next, in order, after a part failed from its record number `first_failed` on.

    None where it was tried often enough. What a function has handled of it counts as progress: the rest begins anew.
    Cutting a part in two uses up none of its retries.
    """
    tried = replace(part, invocations=part.invocations + 1)
    if first_failed:
        return [Part(part.records[first_failed:], invocations=tried.invocations)]
    if rules.bisects and len(part.records) > 1:
        middle = len(part.records) // 2
        return [replace(tried, records=part.records[:middle]), replace(tried, records=part.records[middle:])]
    if rules.retries != _UNLIMITED and part.failures >= rules.retries:
        return None
    return [replace(tried, failures=part.failures + 1)]


def pause_after(failures: int) -> float:
    """Return the seconds until the next attempt after so many in a row came to nothing.

    >>> [pause_after(count) for count in (1, 2, 3, 20)]
    [1.0, 2.0, 4.0, 60.0]
    """
    return min(_FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20), _LONGEST_PAUSE_S)
