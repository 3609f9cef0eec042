"""What follows a log group: subscription filters and metric filters, and what a batch of events means to them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Subscriptions.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lambent.cloud.services.logs.filters import compile_pattern, text_of, value_of
from lambent.cloud.services.logs.model import Event, Group


@dataclass(frozen=True, slots=True)
class SubscriptionFilter:
    """Where a group's events go that match a pattern: a function, a Kinesis stream or a Firehose stream."""

    name: str
    pattern: str
    destination: str
    created_ms: int
    role: str | None = None
    distribution: str = "ByLogStream"


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """Which number of the events that match a pattern becomes a data point of a metric."""

    name: str
    pattern: str
    created_ms: int
    metric: str
    namespace: str
    value: str
    default: float | None = None
    unit: str | None = None
    dimensions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """What a subscription's destination gets of one batch."""

    filter: SubscriptionFilter
    content: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DataPoint:
    """One value of a metric."""

    value: float
    timestamp_ms: int
    dimensions: Mapping[str, str]


def matching(one: SubscriptionFilter, events: Sequence[tuple[int, str]]) -> list[int]:
    """Return the places of the events of a batch that match a filter's pattern."""
    matches = compile_pattern(one.pattern)
    return [place for place, (_, message) in enumerate(events) if matches(message)]


def message_for(one: SubscriptionFilter, group: Group, stream: str, found: Sequence[Event]) -> Message:
    """Return what a filter's destination is sent of the events that match."""
    content = {
        "messageType": "DATA_MESSAGE",
        "owner": group.scope.account,
        "logGroup": group.name,
        "logStream": stream,
        "subscriptionFilters": [one.name],
        "logEvents": [
            {"id": event.id, "timestamp": event.position.timestamp, "message": event.message} for event in found
        ],
    }
    return Message(one, content)


def points_of(one: MetricFilter, events: Sequence[tuple[int, str]]) -> list[DataPoint]:
    """Return the data points that a filter makes of a batch; its default value where no event matches.

    An event without the value, or without one of the dimensions' values, makes no point.
    """
    matches = compile_pattern(one.pattern)
    found: list[DataPoint] = []
    is_matched = False
    for timestamp, message in events:
        if not matches(message):
            continue
        is_matched = True
        value = value_of(one.pattern, message, one.value)
        dimensions = _dimensions(one, message)
        if value is not None and len(dimensions) == len(one.dimensions):
            found.append(DataPoint(value, timestamp, dimensions))
    if not is_matched and one.default is not None:
        return [DataPoint(one.default, events[-1][0], {})]
    return found


def _dimensions(one: MetricFilter, message: str) -> dict[str, str]:
    values = {name: text_of(one.pattern, message, selector) for name, selector in one.dimensions.items()}
    return {name: value for name, value in values.items() if value is not None}
