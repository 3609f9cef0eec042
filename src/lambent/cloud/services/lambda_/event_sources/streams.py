"""Polling a stream: its shards are found, and each is read; those that follow one another one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from lambent.base.tasks import wait_for_event
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.checkpoint_repository import (
    Checkpoint,
    Progress,
    checkpoints_of,
    drop_checkpoints,
    write_progress,
)
from lambent.cloud.services.lambda_.event_sources.attempts import pause_after
from lambent.cloud.services.lambda_.event_sources.parts import Parts
from lambent.cloud.services.lambda_.event_sources.shards import ShardReader
from lambent.cloud.services.lambda_.event_sources.stream_source import (
    HORIZON,
    LATEST,
    FoundShard,
    Position,
    StreamSource,
)
from lambent.cloud.services.lambda_.event_sources.workers import Workers
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping
from lambent.cloud.store.unit_of_work import Transaction

_log = logging.getLogger(__name__)
# How often AWS looks for new shards is not documented. Those that follow a closed one are looked for when it ends.
_LOOK_EVERY_S: Final = 60.0


class StreamPoller:
    """Polls one stream for one mapping, until its workers end."""

    def __init__(self, mapping: EventSourceMapping, parts: Parts) -> None:
        settings: Mapping[str, Any] = mapping.settings  # Any: as the model has checked
        self.workers = Workers(parts.tasks, parts.clock)
        self._mapping = mapping
        self._parts = parts
        self._source = StreamSource(mapping, parts.client, parts.delivery)
        self._lanes: int = settings["ParallelizationFactor"]
        self._position = _position_of(settings)
        self._is_new = True
        self._at_start: set[str] = set()
        self._reading: set[str] = set()
        self._kept: dict[str, list[Checkpoint]] = {}
        self._has_changed = asyncio.Event()
        self._has_opened = asyncio.Event()

    def start(self) -> None:
        """Begin to poll; at the end of its workers it reads no more, and handles what it has begun."""
        self.workers.start(self._run(), name=self._mapping.arn)

    async def opened(self) -> None:
        """Return once the positions to read from are taken, or the stream was found not to be readable."""
        await wait_for_event(self._has_opened, self._parts.clock)

    async def _run(self) -> None:
        for checkpoint in checkpoints_of(self._parts.store.read, self._mapping):
            self._kept.setdefault(checkpoint.shard, []).append(checkpoint)
        self._is_new = not self._kept
        failures = 0
        try:
            while not self.workers.has_ended:
                self._has_changed.clear()
                try:
                    await self._look()
                except ServiceError as error:
                    failures += 1
                    if failures == 1:
                        _log.warning("%s cannot be read: %s", self._mapping.source_arn, error)
                    self._has_opened.set()
                    await self.workers.sleep_until(self._parts.clock.now() + pause_after(failures))
                    continue
                failures = 0
                self._has_opened.set()
                with self.workers.waiting():
                    await wait_for_event(self._has_changed, self._parts.clock, self._parts.clock.now() + _LOOK_EVERY_S)
        finally:
            self._has_opened.set()

    async def _look(self) -> None:
        """Begin to read the shards that can be read and are not."""
        with self.workers.waiting():
            found = await self._source.shards()
        names = {shard.name for shard in found}
        if self._is_new:
            self._at_start |= names
        for shard in found:
            if shard.name in self._reading or self._has_ended(shard.name):
                continue
            if (self._is_new and self._position is LATEST) or not self._waits_for_parent(shard, names):
                await self._begin(shard, self._position if self._was_at_start(shard) else HORIZON)
        self._is_new = False

    def _was_at_start(self, shard: FoundShard) -> bool:
        """Whether a shard was there when the mapping began: others are read from their own beginning."""
        return shard.name in self._at_start or any(each.since is not None for each in self._kept.get(shard.name, ()))

    def _has_ended(self, shard: str) -> bool:
        kept = self._kept.get(shard, ())
        return bool(kept) and all(each.has_ended for each in kept)

    def _waits_for_parent(self, shard: FoundShard, names: set[str]) -> bool:
        return shard.parent is not None and shard.parent in names and not self._has_ended(shard.parent)

    async def _begin(self, shard: FoundShard, first: Position) -> None:
        since = self._parts.clock.now() if first is self._position else None
        is_new = shard.name not in self._kept
        with self.workers.waiting():
            # What begins at the end keeps where that was: another start would find another end.
            behind = await self._source.end_of(shard.name) if is_new and first is LATEST else None
            begun = Checkpoint(shard.name, behind, since=since)
            checkpoints = shared_by(self._kept.get(shard.name, ()), self._lanes, begun)
            readers = [
                ShardReader(self._mapping, each, self._source, self._parts, self.workers) for each in checkpoints
            ]
            for reader in readers:
                await reader.open(first, is_new=is_new)
        await self._keep(shard.name, checkpoints)
        self._reading.add(shard.name)
        for reader in readers:
            self.workers.start(self._read(reader, shard.name, readers), name=f"{self._mapping.arn} {shard.name}")

    def _reader(self, checkpoint: Checkpoint) -> ShardReader:
        return ShardReader(self._mapping, checkpoint, self._source, self._parts, self.workers)

    async def _keep(self, shard: str, checkpoints: Sequence[Checkpoint]) -> None:
        """Keep the checkpoints of a shard, in place of those of another number of readers."""
        before = {each.key for each in self._kept.get(shard, ())}
        self._kept[shard] = list(checkpoints)
        now = {each.key for each in checkpoints}
        if before == now:
            return

        def work(transaction: Transaction) -> None:
            drop_checkpoints(transaction, self._mapping, sorted(before - now))
            write_progress(transaction, [Progress(self._mapping, each) for each in checkpoints])

        await self._parts.store.write(work)

    async def _read(self, reader: ShardReader, shard: str, readers: Sequence[ShardReader]) -> None:
        await reader.run()
        if all(each.has_ended for each in readers):
            self._kept[shard] = [each.checkpoint for each in readers]
            self._has_changed.set()


def shared_by(kept: Sequence[Checkpoint], lanes: int, begun: Checkpoint) -> list[Checkpoint]:
    """Return the checkpoints of a shard's readers; where there were more or fewer, from where the last of them was.

    Without any they are as `begun`.

    >>> two = [Checkpoint("s", "7", 0, 2), Checkpoint("s", "5", 1, 2)]
    >>> [each.sequence for each in shared_by(two, 1, Checkpoint("s"))]
    ['5']
    """
    known = {each.lane: each for each in kept if each.lanes == lanes}
    if len(known) == lanes:
        return [known[lane] for lane in range(lanes)]
    if kept:
        sequences = [each.sequence for each in kept if each.sequence is not None]
        sequence = min(sequences, key=int) if len(sequences) == len(kept) else None
        since = next((each.since for each in kept if each.since is not None), begun.since)
        begun = Checkpoint(begun.shard, sequence, since=since)
    return [replace(begun, lane=lane, lanes=lanes) for lane in range(lanes)]


def _position_of(settings: Mapping[str, Any]) -> Position:  # Any: as the model has checked
    match settings["StartingPosition"]:
        case "LATEST":
            return LATEST
        case "AT_TIMESTAMP":
            return Position("AT_TIMESTAMP", moment=float(settings["StartingPositionTimestamp"]))
        case _:
            return HORIZON
