"""Events: made of what PutEvents is given or of a schedule's coming due, and refused one by one.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from lambent.cloud.services.events.errors import invalid
from lambent.cloud.store.scope import Scope

Entry = Mapping[str, Any]  # Any: an entry as PutEvents takes it, which the service model has checked
Event = Mapping[str, Any]  # Any: an event's JSON
# AWS raised the limit of a request from 256 KB:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size
LARGEST_REQUEST = 1024 * 1024
_TIME_SIZE = 14


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """Why one entry of a request became no event, as the answer says."""

    code: str
    message: str


def check_size(entries: Sequence[Entry]) -> None:
    """Raise ValidationException for entries that are too much together."""
    if sum(map(_size, entries)) > LARGEST_REQUEST:
        raise invalid("Total size of the entries in the request is over the limit.")


def _size(entry: Entry) -> int:
    texts = [entry.get(name, "") for name in ("Source", "DetailType", "Detail")] + list(entry.get("Resources", ()))
    return sum(len(text.encode()) for text in texts) + (_TIME_SIZE if "Time" in entry else 0)


def event_of(entry: Entry, scope: Scope, event_id: str, now: float, *, is_aws: bool) -> Event | RefusedEntry:
    """Return the event that an entry becomes, or why it becomes none; sources of AWS's are for AWS's services."""
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            return RefusedEntry(
                "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument."
            )
    source: str = entry["Source"]
    if source.startswith("aws.") and not is_aws:
        return RefusedEntry("NotAuthorizedForSource", "Not authorized for the source.")
    try:
        detail = orjson.loads(entry["Detail"])
    except orjson.JSONDecodeError:
        detail = None
    if not isinstance(detail, dict):
        return RefusedEntry("MalformedDetail", "Detail is malformed.")
    return {
        "version": "0",
        "id": event_id,
        "detail-type": entry["DetailType"],
        "source": source,
        "account": scope.account,
        "time": moment_text(_moment(entry.get("Time"), now)),
        "region": scope.region,
        "resources": list(entry.get("Resources", ())),
        "detail": detail,
    }


def scheduled_event(scope: Scope, rule: str, event_id: str, due_at: float) -> Event:
    """Return the event of a rule that falls due; `rule` is its ARN."""
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": scope.account,
        "time": moment_text(due_at),
        "region": scope.region,
        "resources": [rule],
        "detail": {},
    }


def replayed(event: Event, replay: str) -> Event:
    """Return an event as a replay gives it to rules: it names the replay behind its region."""
    told: dict[str, Any] = {}  # Any: as above
    for name, value in event.items():
        told[name] = value
        if name == "region":
            told["replay-name"] = replay
    return told


def moment_text(moment: float) -> str:
    """Return a moment as events tell it, to the second.

    >>> moment_text(1767225600.9)
    '2026-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(given: object, now: float) -> float:
    if isinstance(given, datetime):
        return given.timestamp()
    return float(given) if isinstance(given, int | float) else now
