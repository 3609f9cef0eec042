"""Creation policies: how many signals a resource waits for before it counts as made, and for how long.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-creationpolicy.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambent.template.document import TemplateError

_DURATION = re.compile(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?\Z")
_LONGEST_S = 43_200


@dataclass(frozen=True, slots=True)
class ResourceSignal:
    """The signals that a resource waits for."""

    count: int = 1
    timeout_s: float = 300.0


def resource_signal(policy: Mapping[str, Any]) -> ResourceSignal | None:  # Any: JSON-shaped values of a template
    """Return what an evaluated creation policy waits for, or None. Raises TemplateError for one that says nonsense."""
    told = policy.get("ResourceSignal")
    if told is None:
        return None
    if not isinstance(told, Mapping):
        raise TemplateError("ResourceSignal is not a JSON object")
    try:
        count = int(told.get("Count", 1))
    except (TypeError, ValueError):
        raise TemplateError("Count must be an integer") from None
    return ResourceSignal(count, min(seconds(str(told.get("Timeout", "PT5M"))), _LONGEST_S))


def seconds(duration: str) -> float:
    """Return how long an ISO 8601 duration is. Raises TemplateError for what is none.

    >>> seconds("PT1H30M10S")
    5410.0
    """
    found = _DURATION.match(duration)
    if found is None:
        raise TemplateError(f"Invalid Timeout value: {duration}. It must be an ISO 8601 duration such as PT5M.")
    hours, minutes, rest = (int(part or 0) for part in found.groups())
    return float(hours * 3600 + minutes * 60 + rest)


def outcome(signals: Mapping[str, str], wanted: int) -> str | None:
    """Return what the signals so far come to: a reason to fail, nothing (an empty text), or None while more are due.

    `signals` are statuses by unique id, in the order in which they came.
    """
    for unique_id, status in signals.items():
        if status == "FAILURE":
            return f"Received FAILURE signal with UniqueId {unique_id}"
    return "" if len(signals) >= wanted else None


def missing(received: int, wanted: int) -> str:
    """Return what is told when the time is over."""
    return f"Failed to receive {wanted - received} resource signal(s) within the specified duration"
