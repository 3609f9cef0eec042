"""Records for the tests of the pure parts of polling."""

from __future__ import annotations

from collections.abc import Sequence

from lambent.cloud.services.lambda_.event_sources.stream_events import StreamRecord


def record(number: int, arrived_at: float | None = None) -> StreamRecord:
    """Return a record of a shard; it came `number` seconds after the epoch unless said otherwise."""
    shown = {"n": number}
    came = float(number) if arrived_at is None else arrived_at
    return StreamRecord(str(number), came, b"k", shown, b'{"n":%d}' % number)


def numbers(records: Sequence[StreamRecord]) -> list[int]:
    """Return which records these are."""
    return [int(each.sequence) for each in records]
