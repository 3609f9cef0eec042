"""Reading one shard: records in order, gathered to batches, handled one batch after another.

A shard that fails is blocked until its records are handled or given up. Where several readers share a shard, each
reads all of it and takes the records of its own keys, so that those keep their order.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.checkpoint_repository import Checkpoint
from lambent.cloud.services.lambda_.event_sources.attempts import pause_after
from lambent.cloud.services.lambda_.event_sources.batching import PAYLOAD_BYTES, fitting
from lambent.cloud.services.lambda_.event_sources.filtering import Filters, filters_of
from lambent.cloud.services.lambda_.event_sources.parts import Parts
from lambent.cloud.services.lambda_.event_sources.shard_batches import ShardBatches
from lambent.cloud.services.lambda_.event_sources.stream_events import StreamRecord
from lambent.cloud.services.lambda_.event_sources.stream_source import HORIZON, LATEST, Position, StreamSource
from lambent.cloud.services.lambda_.event_sources.windows import within
from lambent.cloud.services.lambda_.event_sources.workers import Workers
from lambent.cloud.services.lambda_.model.event_source import SourceKind
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping

_log = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 1.0
# Less than an iterator lives.
_WAITED_FOR_S: Final = 300.0
_TRIMMED: Final = "TrimmedDataAccessException"
_LOST_ITERATOR: Final = frozenset({"ExpiredIteratorException", _TRIMMED})


class ShardReader:
    """One of the readers of a shard, from its checkpoint on until the shard's end or the end of polling."""

    def __init__(
        self, mapping: EventSourceMapping, checkpoint: Checkpoint, source: StreamSource, parts: Parts, workers: Workers
    ) -> None:
        settings: Mapping[str, Any] = mapping.settings  # Any: as the model has checked
        self.has_ended = False
        """Whether the shard was read to its end."""
        self._mapping = mapping
        self._source = source
        self._parts = parts
        self._workers = workers
        self._shard = checkpoint.shard
        self._checkpoint = checkpoint
        self._batches = ShardBatches(mapping, checkpoint, source, parts, workers)
        self._filters: Filters = filters_of(settings)
        self._batch_size: int = settings["BatchSize"]
        self._wait_s: int = settings["MaximumBatchingWindowInSeconds"]
        self._window_s: int = settings["TumblingWindowInSeconds"]
        self._buffer: list[StreamRecord] = []
        self._due_at = 0.0
        self._iterator: str | None = None
        self._read_to = checkpoint.sequence
        self._is_closed = False
        self._first = HORIZON

    @property
    def checkpoint(self) -> Checkpoint:
        """How far the shard has been handled."""
        return self._batches.checkpoint

    async def open(self, first: Position, *, is_new: bool) -> None:
        """Take the position to read from: `first` where nothing was read yet. Raises ServiceError."""
        self._first = first
        position = first if is_new and self._read_to is None else self._position()
        try:
            self._iterator = await self._source.iterator(self._shard, position)
        except ServiceError as error:
            if error.code != _TRIMMED:
                raise
            self._begin_at_the_horizon()

    async def run(self) -> None:
        """Read until the shard, or polling, has ended."""
        failures = 0
        while not self._workers.has_ended and not self.has_ended:
            try:
                found = await self._fill()
            except ServiceError as error:
                failures += 1
                await self._recover(error, failures)
                continue
            failures = 0
            now = self._parts.clock.now()
            if self._is_due(now) or self._window_is_over(found=found, now=now):
                await self._deliver()
            elif self._is_closed:
                await self._finish()
            elif not found and not self._source.can_wait:
                await self._workers.sleep_until(min(now + _LOOK_EVERY_S, self._next_event(now + _LOOK_EVERY_S)))

    async def _recover(self, error: ServiceError, failures: int) -> None:
        if error.code in _LOST_ITERATOR:
            # Whatever failed before: with the iterator that it has, it would never read on.
            self._iterator = None
            if error.code == _TRIMMED:
                self._begin_at_the_horizon()
            if failures == 1:
                return
        elif failures == 1:
            _log.warning("shard %s of %s cannot be read: %s", self._shard, self._mapping.source_arn, error)
        await self._workers.sleep_until(self._parts.clock.now() + pause_after(failures))

    def _position(self) -> Position:
        if self._read_to is not None:
            return Position("AFTER_SEQUENCE_NUMBER", self._read_to)
        since = self._checkpoint.since
        if self._first.kind == LATEST.kind and since is not None and self._source.kind is SourceKind.KINESIS:
            # What came after polling had begun, and was not read before the platform stopped.
            return Position("AT_TIMESTAMP", moment=since)
        return self._first

    def _begin_at_the_horizon(self) -> None:
        """Read on from the oldest record that is left: those before it are gone."""
        self._first, self._read_to = HORIZON, None

    async def _fill(self) -> bool:
        """Read as many records as a batch has room for; return whether there were any."""
        room = self._batch_size - len(self._buffer)
        if room <= 0 or self._is_closed or sum(len(each.json) for each in self._buffer) >= PAYLOAD_BYTES:
            return False
        with self._workers.waiting():
            if self._iterator is None:
                self._iterator = await self._source.iterator(self._shard, self._position())
            now = self._parts.clock.now()
            wait_s = min(max(0.0, self._next_event(now + _WAITED_FOR_S) - now), _WAITED_FOR_S)
            read = await self._source.read(self._shard, self._iterator, room, wait_s=wait_s)
        if read.records:
            self._take(read.records)
        self._iterator = read.following
        self._is_closed = read.following is None
        return bool(read.records)

    def _take(self, records: Sequence[StreamRecord]) -> None:
        """Keep what is for this reader and passes the filters."""
        self._read_to = records[-1].sequence
        mine = [each for each in records if self._is_mine(each)]
        wanted = [each for each in mine if self._passes(each)]
        counts = self._parts.counts
        counts.polled += len(mine)
        counts.filtered_out += len(mine) - len(wanted)
        if wanted and not self._buffer:
            self._due_at = self._parts.clock.now() + self._wait_s
        self._buffer.extend(wanted)

    def _is_mine(self, record: StreamRecord) -> bool:
        lanes = self._checkpoint.lanes
        return lanes == 1 or zlib.crc32(record.key) % lanes == self._checkpoint.lane

    def _passes(self, record: StreamRecord) -> bool:
        match = self._filters.match_data if self._source.kind is SourceKind.KINESIS else self._filters.match_change
        return match(record.shown)

    def _is_due(self, now: float) -> bool:
        if not self._buffer:
            return False
        is_full = len(self._buffer) >= self._batch_size or fitting(
            [len(each.json) for each in self._buffer], most=self._batch_size
        ) < len(self._buffer)
        return is_full or now >= self._due_at or self._is_closed or self._reaches_next_window()

    def _reaches_next_window(self) -> bool:
        return bool(self._window_s) and within(self._buffer, self._window_s) < len(self._buffer)

    def _window_is_over(self, *, found: bool, now: float) -> bool:
        """Whether the open window has to be ended though no record of a later one has come."""
        window = self._batches.window
        return window is not None and not self._buffer and not found and (now >= window.end or self._is_closed)

    def _next_event(self, otherwise: float) -> float:
        """Return when something is due, whatever is read until then."""
        moments = [self._due_at] if self._buffer else []
        if self._batches.window is not None and not self._buffer:
            moments.append(self._batches.window.end)
        return min(moments, default=otherwise)

    async def _deliver(self) -> None:
        """Handle one batch of what was gathered, and the end of its window before, if there is one."""
        if self._window_s and not await self._enter_window():
            return
        count = fitting([len(each.json) for each in self._buffer], most=self._batch_size)
        if self._window_s:
            count = min(count, within(self._buffer, self._window_s))
        batch = self._buffer[:count]
        if not batch:
            return
        is_all = count == len(self._buffer)
        if await self._batches.handle(batch, read_to=self._read_to if is_all else batch[-1].sequence):
            del self._buffer[:count]
            self._due_at = self._parts.clock.now()

    async def _enter_window(self) -> bool:
        """End the open window where the next records belong to a later one; return whether to go on."""
        window = self._batches.window
        if window is None or (self._buffer and self._buffer[0].arrived_at < window.end):
            return True
        return await self._batches.end_window()

    async def _finish(self) -> None:
        await self._batches.keep(replace(self.checkpoint, has_ended=True, sequence=self._read_to))
        self.has_ended = True
