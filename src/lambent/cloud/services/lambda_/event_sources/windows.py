"""Tumbling windows: which records belong together, and what the function is told of the window they are in.

https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-windows.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from lambent.cloud.services.lambda_.event_sources.stream_events import StreamRecord

State = Mapping[str, Any]  # Any: JSON of the function's
STATE_BYTES: Final = 1024 * 1024
"""How large a window's state may become before the window is ended early."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window that is open: from when to when, and what the function has kept of its records so far."""

    start: float
    length_s: int
    state: State = field(default_factory=dict)

    @property
    def end(self) -> float:
        """When it is over."""
        return self.start + self.length_s

    @property
    def is_too_large(self) -> bool:
        """Whether its state has outgrown the limit, so that it ends early."""
        return len(orjson.dumps(self.state)) > STATE_BYTES

    def event(
        self,
        records: Sequence[StreamRecord],
        shard: str,
        source_arn: str,
        *,
        is_final: bool = False,
        early: bool = False,
    ) -> bytes:
        """Return the event of some of its records, or of its end."""
        return orjson.dumps({
            "Records": [orjson.Fragment(record.json) for record in records],
            "window": {"start": _dated(self.start), "end": _dated(self.end)},
            "state": self.state,
            "shardId": shard,
            "eventSourceARN": source_arn,
            "isFinalInvokeForWindow": is_final,
            "isWindowTerminatedEarly": early,
        })  # fmt: skip


def window_at(moment: float, length_s: int) -> Window:
    """Return the window that a moment lies in: they follow one another without a gap, since the epoch.

    >>> window_at(125.0, 60)
    Window(start=120, length_s=60, state={})
    """
    return Window(int(moment // length_s) * length_s, length_s)


def within(records: Sequence[StreamRecord], length_s: int) -> int:
    """Return how many of the first records belong to the window of the first.

    A record that is dated before those ahead of it has come too late for its own window, and goes with them.
    """
    if not records:
        return 0
    end = window_at(records[0].arrived_at, length_s).end
    return next((at for at, record in enumerate(records) if record.arrived_at >= end), len(records))


def _dated(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
