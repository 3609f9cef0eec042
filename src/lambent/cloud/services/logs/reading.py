"""Events in their order, from chunks that overlap in time.

The order is that of AWS: by timestamp, then by when they were ingested. Chunks are read a few at a time; a chunk
spans at most `CHUNK_SPAN_MS`, so only events within that of the next chunk's beginning have to be held back.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from lambent.cloud.services.logs.model import CHUNK_SPAN_MS, Event, Position
from lambent.cloud.store.unit_of_work import Reader

Row = Sequence[Any]  # Any: the tables are STRICT, so each column has the type that the schema says

_CHUNKS_AT_ONCE = 16
_COLUMNS = "id, stream_id, first_ms, ingested_ms, events"


@dataclass(frozen=True, slots=True)
class Source:
    """Where to read: one stream, or a group; of a group perhaps only the streams in `only`."""

    kind: Literal["stream_id", "group_id"]
    id: int
    only: AbstractSet[int] | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Which events: from the position `start` to before the position `end`."""

    start: Position
    end: Position


def ascending(reader: Reader, source: Source, span: Span) -> Iterator[Event]:
    """Yield the events of the span, oldest first."""
    held: list[tuple[Position, int, Event]] = []
    seen = (max(0, span.start.timestamp - CHUNK_SPAN_MS), -1)
    while rows := _chunks_after(reader, source, seen, span):
        for row in rows:
            chunk_id, first_ms = row[0], row[2]
            while held and held[0][0] < (first_ms, chunk_id, 0):
                yield heapq.heappop(held)[2]
            for event in _events(row, source, span):
                heapq.heappush(held, (event.position, 0, event))
            seen = (first_ms, chunk_id)
    while held:
        yield heapq.heappop(held)[2]


def descending(reader: Reader, source: Source, span: Span) -> Iterator[Event]:
    """Yield the events of the span, newest first."""
    held: list[tuple[tuple[int, ...], int, Event]] = []
    seen = (span.end.timestamp + 1, 0)
    while rows := _chunks_before(reader, source, seen, span):
        for row in rows:
            chunk_id, first_ms = row[0], row[2]
            # Whatever is still to be read began no later than this chunk, so it ends within the span of a chunk.
            while held and -held[0][0][0] > first_ms + CHUNK_SPAN_MS:
                yield heapq.heappop(held)[2]
            for event in _events(row, source, span):
                heapq.heappush(held, (tuple(-part for part in event.position), 0, event))
            seen = (first_ms, chunk_id)
    while held:
        yield heapq.heappop(held)[2]


def _chunks_after(reader: Reader, source: Source, seen: tuple[int, int], span: Span) -> Sequence[Row]:
    where = f"{source.kind} = ? AND (first_ms, id) > (?, ?) AND first_ms <= ? AND last_ms >= ?"
    return reader.all(
        f"SELECT {_COLUMNS} FROM logs_chunk WHERE {where} ORDER BY first_ms, id LIMIT ?",  # noqa: S608 - our own names
        (source.id, *seen, span.end.timestamp, span.start.timestamp, _CHUNKS_AT_ONCE),
    )


def _chunks_before(reader: Reader, source: Source, seen: tuple[int, int], span: Span) -> Sequence[Row]:
    where = f"{source.kind} = ? AND (first_ms, id) < (?, ?) AND first_ms >= ? AND last_ms >= ?"
    start_ms = span.start.timestamp
    return reader.all(
        f"SELECT {_COLUMNS} FROM logs_chunk WHERE {where} ORDER BY first_ms DESC, id DESC LIMIT ?",  # noqa: S608 - our own names
        (source.id, *seen, start_ms - CHUNK_SPAN_MS, start_ms, _CHUNKS_AT_ONCE),
    )


def _events(row: Row, source: Source, span: Span) -> Iterator[Event]:
    chunk_id, stream_id, _, ingested_ms, events = row
    if source.only is not None and stream_id not in source.only:
        return
    for index, (timestamp, message) in enumerate(orjson.loads(events)):
        position = Position(timestamp, chunk_id, index)
        if span.start <= position < span.end:
            yield Event(position, stream_id, message, ingested_ms)
