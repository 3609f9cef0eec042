"""What a capacity provider's own log says of its instances, and which of it a level lets through.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-monitoring-log-format.html
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-monitoring-system-log-events.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from lambent.dataplane import InstanceEventKind

DEFAULT_LEVEL = "INFO"
_ORDER = {"DEBUG": 0, "INFO": 1, "WARN": 2}


_FAILURES = {
    InstanceEventKind.LAUNCH_FAILED, InstanceEventKind.TERMINATE_FAILED, InstanceEventKind.HEALTH_CHECK_FAILED,
}  # fmt: skip
# AWS's documentation shows the second of these in full; the others follow it.
_MESSAGES = {
    InstanceEventKind.LAUNCHING: "Launching {type} instance {id} in {zone}",
    InstanceEventKind.LAUNCHED: "Successfully launched {type} instance {id} in {zone}",
    InstanceEventKind.LAUNCH_FAILED: "Failed to launch {type} instance in {zone}",
    InstanceEventKind.TERMINATING: "Terminating {type} instance {id} in {zone}",
    InstanceEventKind.TERMINATED: "Successfully terminated {type} instance {id} in {zone}",
    InstanceEventKind.TERMINATE_FAILED: "Failed to terminate {type} instance {id} in {zone}",
    InstanceEventKind.HEALTH_CHECK_FAILED: "Health check failed for {type} instance {id} in {zone}",
}


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event of an instance; `at` is in seconds since the epoch, `detail` why, where that is known."""

    kind: InstanceEventKind
    provider_arn: str
    instance_id: str
    instance_type: str
    zone: str
    at: float
    detail: str | None = None

    @property
    def level(self) -> str:
        """At which level it is logged."""
        return "WARN" if self.kind in _FAILURES else "INFO"

    def line(self) -> str:
        """Return the log entry, as JSON."""
        message = _MESSAGES[self.kind].format(type=self.instance_type, id=self.instance_id, zone=self.zone)
        metadata: dict[str, object] = {
            "availabilityZones": [self.zone],
            "instanceTypes": [self.instance_type],
            "capacityProviderArn": self.provider_arn,
        }
        if self.kind is not InstanceEventKind.LAUNCH_FAILED:  # what failed to be launched has no id
            metadata = {"instanceId": self.instance_id, **metadata}
        entry = {
            "timestamp": _time(self.at),
            "level": self.level,
            "message": message if self.detail is None else f"{message}: {self.detail}",
            "metadata": metadata,
        }
        return orjson.dumps(entry).decode()


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Where a capacity provider's log goes, and from which level on."""

    group: str
    level: str = DEFAULT_LEVEL

    def passes(self, event: LoggedEvent) -> bool:
        """Whether an event is logged.

        >>> event = LoggedEvent(InstanceEventKind.LAUNCHED, "arn", "i-1", "m7i.large", "us-east-1a", 0.0)
        >>> [LogSettings("group", level).passes(event) for level in ("DEBUG", "INFO", "WARN")]
        [True, True, False]
        """
        return _ORDER[event.level] >= _ORDER[self.level]


def log_settings(provider_name: str, telemetry: Mapping[str, Any] | None) -> LogSettings:  # Any: AWS's shape
    """Return where a capacity provider logs, by its TelemetryConfig.

    >>> log_settings("pool", None)
    LogSettings(group='/aws/lambda/capacity-provider/pool', level='INFO')
    """
    config = (telemetry or {}).get("LoggingConfig") or {}
    group = config.get("LogGroup") or f"/aws/lambda/capacity-provider/{provider_name}"
    return LogSettings(group, config.get("SystemLogLevel") or DEFAULT_LEVEL)


def stream_of(event: LoggedEvent) -> str:
    """Return the log stream an event goes to: one for each instance, by the day on which the event happens."""
    return f"{datetime.fromtimestamp(event.at, UTC):%Y/%m/%d}/{event.instance_id}"


def by_stream(events: Sequence[LoggedEvent]) -> dict[str, list[tuple[int, str]]]:
    """Return log events, as epoch milliseconds and message, by the stream they go to."""
    found: dict[str, list[tuple[int, str]]] = {}
    for event in events:
        found.setdefault(stream_of(event), []).append((int(event.at * 1000), event.line()))
    return found


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(at * 1000) % 1000:03d}Z"
