"""What subscribers of the Telemetry API and the Logs API are sent, and when; pure.

https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from lambent.dataplane.runtime_api.subscriptions import LOGS, Subscription
from lambent.dataplane.types import InvocationReport, OutputLine

SLOW_CONSUMER: Final = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."
_OF_LOGS: Final = frozenset({"start", "end", "fault", "extension", "logsSubscription", "logsDropped", "report"})
_OF_LATER_LOGS: Final = _OF_LOGS | {"runtimeDone", "initStart", "initRuntimeDone", "initReport"}
_NOT_OF_TELEMETRY: Final = frozenset({"end", "logsSubscription"})
_FIRST_SCHEMA: Final = "2022-07-01"


@dataclass(frozen=True, slots=True)
class Event:
    """Something to be told; `stream` is what one subscribes to, `kind` the event's type."""

    stream: str
    kind: str
    at: float
    record: Mapping[str, object] | str

    def is_for(self, subscription: Subscription) -> bool:
        """Whether a subscription is told of it: by its streams, and by what its API and schema know."""
        if self.stream not in subscription.types:
            return False
        if self.stream != "platform":
            return True
        name = self.kind.removeprefix("platform.")
        if subscription.api is not LOGS:
            return name not in _NOT_OF_TELEMETRY
        return name in (_OF_LOGS if subscription.version == LOGS.versions[0] else _OF_LATER_LOGS)

    def encoded(self, subscription: Subscription) -> bytes:
        """Return it as JSON. From 2022-12-13 on a line that is a JSON object is told as such."""
        record: object = self.record
        if (
            isinstance(record, str)
            and record.startswith("{")
            and subscription.api is not LOGS
            and subscription.version != _FIRST_SCHEMA
        ):
            try:
                record = json.loads(record)
            except (ValueError, RecursionError):
                record = self.record
        told = {"time": timestamp(self.at), "type": self.kind, "record": record}
        return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def platform(name: str, at: float, record: Mapping[str, object] | str) -> Event:
    """Return an event of the platform."""
    return Event("platform", f"platform.{name}", at, record)


def line(written: OutputLine) -> Event:
    """Return the event of a line that the function or an extension wrote."""
    stream = "extension" if written.by_extension else "function"
    return Event(stream, stream, written.timestamp_ms / 1000, written.text)


def timestamp(at: float) -> str:
    """Return a moment in the form of AWS's events.

    >>> timestamp(0.25)
    '1970-01-01T00:00:00.250Z'
    """
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(at * 1000) % 1000:03d}Z"


def span(name: str, at: float, duration_ms: float) -> dict[str, object]:
    """Return a unit of work within an event."""
    return {"name": name, "start": timestamp(at), "durationMs": round(duration_ms, 3)}


def tracing(trace_id: str | None) -> dict[str, object]:
    """Return what an invocation's events tell of its trace, if that is sampled."""
    return (
        {}
        if trace_id is None or "Sampled=1" not in trace_id
        else {"tracing": {"type": "X-Amzn-Trace-Id", "value": trace_id}}
    )


def runtime_done(report: InvocationReport, produced_bytes: int, trace_id: str | None) -> Event:
    """Return the event of a runtime that has finished; `report` counts until then."""
    record: dict[str, object] = {"requestId": report.request_id, "status": str(report.status)}
    if report.error_type is not None:
        record["errorType"] = report.error_type
    metrics: dict[str, object] = {"durationMs": round(report.duration_ms, 3)}
    if report.exit is None and report.status not in {"timeout", "failure"}:
        metrics["producedBytes"] = produced_bytes
        record["spans"] = response_spans(report)
    return platform("runtimeDone", report.ended_at, {**record, "metrics": metrics, **tracing(trace_id)})


def response_spans(report: InvocationReport) -> list[dict[str, object]]:
    """Return how long an answer was waited for, and how long it took from its first byte on."""
    latency_ms = report.duration_ms - report.response_ms
    answered_at = report.ended_at - report.response_ms / 1000
    return [
        span("responseLatency", report.started_at, latency_ms),
        span("responseDuration", answered_at, report.response_ms),
    ]


def managed_report(report: InvocationReport, trace_id: str | None) -> Event:
    """Return the same on Managed Instances, where a request has neither a bill nor memory of its own.

    https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#platform-report
    """
    metrics = {"durationMs": round(report.duration_ms, 3)}
    record: dict[str, object] = {"requestId": report.request_id, "metrics": metrics, "status": str(report.status)}
    if report.error_type is not None:
        record["errorType"] = report.error_type
    if report.exit is None and report.status not in {"timeout", "failure"}:
        record["spans"] = response_spans(report)
    return platform("report", report.ended_at, {**record, **tracing(trace_id)})


def invocation_report(report: InvocationReport, trace_id: str | None) -> Event:
    """Return the event of an invocation that is over, with its extensions."""
    metrics: dict[str, object] = {
        "durationMs": round(report.duration_ms, 3),
        "billedDurationMs": report.billed_ms,
        "memorySizeMB": report.memory_mb,
        "maxMemoryUsedMB": report.max_memory_mb,
    }
    if report.init_ms is not None:
        metrics["initDurationMs"] = round(report.init_ms, 3)
    record: dict[str, object] = {"requestId": report.request_id, "metrics": metrics, "status": str(report.status)}
    if report.error_type is not None:
        record["errorType"] = report.error_type
    if report.extensions_ms is not None:
        began = report.ended_at - report.extensions_ms / 1000
        record["spans"] = [span("extensionOverhead", began, report.extensions_ms)]
    return platform("report", report.ended_at, {**record, **tracing(trace_id)})


@dataclass(slots=True)
class Buffer:
    """The events that wait for one subscriber: in `waiting`, while at most one batch is on its way.

    A subscriber that is too slow loses the newest events, and is told how many.
    https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html#telemetry-api-buffering
    """

    subscription: Subscription
    waiting: list[bytes] = field(default_factory=list)
    size: int = 0
    in_flight: list[bytes] = field(default_factory=list)
    dropped_records: int = 0
    dropped_bytes: int = 0

    @property
    def is_full(self) -> bool:
        """Whether a batch should go out now, however short it has waited."""
        buffering = self.subscription.buffering
        return len(self.waiting) >= buffering.max_items or self.size >= buffering.max_bytes

    def add(self, event: bytes) -> None:
        """Keep an event, unless there is no room while a batch is on its way."""
        if self.is_full and self.in_flight:
            self.dropped_records += 1
            self.dropped_bytes += len(event)
            return
        self.waiting.append(event)
        self.size += len(event)

    def take(self) -> bytes | None:
        """Return the next batch as it goes over the wire; None where there is none, or one is on its way."""
        if self.in_flight or not self.waiting:
            return None
        self.in_flight, self.waiting, self.size = self.waiting, [], 0
        if self.subscription.destination.protocol == "TCP":
            return b"".join(event + b"\n" for event in self.in_flight)
        return b"[" + b",".join(self.in_flight) + b"]"

    def delivered(self, failure: str | None, at: float) -> None:
        """Note how the batch on its way came to its end; what was lost is told with the next one."""
        lost, self.in_flight = self.in_flight, []
        if failure is not None:
            self.dropped_records += len(lost)
            self.dropped_bytes += sum(map(len, lost))
        if self.dropped_records:
            told = {
                "droppedBytes": self.dropped_bytes,
                "droppedRecords": self.dropped_records,
                "reason": SLOW_CONSUMER if failure is None else f"could not send events: {failure}",
            }
            event = platform("logsDropped", at, told)
            self.dropped_bytes = self.dropped_records = 0
            self.waiting.insert(0, event.encoded(self.subscription))
