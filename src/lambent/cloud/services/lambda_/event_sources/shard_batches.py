"""Batches of one shard: invoked, tried again, cut in two, given up; each step of the way is kept."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.checkpoint_repository import Checkpoint, Progress, write_progress
from lambent.cloud.services.lambda_.deliveries import TOPIC
from lambent.cloud.services.lambda_.event_sources.attempts import (
    Part,
    RetryRules,
    after_failure,
    pause_after,
    rules_of,
    young_of,
)
from lambent.cloud.services.lambda_.event_sources.batching import event_of
from lambent.cloud.services.lambda_.event_sources.parts import FUNCTION_FAILED, OK, Parts
from lambent.cloud.services.lambda_.event_sources.replies import REPORTS, Reply, failed_items, state_of
from lambent.cloud.services.lambda_.event_sources.stream_events import (
    Failure,
    GivenUp,
    StreamRecord,
    failure_key,
    failure_object,
    failure_record,
)
from lambent.cloud.services.lambda_.event_sources.stream_source import StreamSource
from lambent.cloud.services.lambda_.event_sources.windows import Window, window_at
from lambent.cloud.services.lambda_.event_sources.workers import Workers
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping
from lambent.cloud.services.lambda_.model.function import function_arn
from lambent.cloud.store.unit_of_work import OutboxEffect

_log = logging.getLogger(__name__)


class ShardBatches:
    """Has the function handle batches of a shard, in order, and keeps how far it has come."""

    def __init__(
        self, mapping: EventSourceMapping, checkpoint: Checkpoint, source: StreamSource, parts: Parts, workers: Workers
    ) -> None:
        settings: Mapping[str, Any] = mapping.settings  # Any: as the model has checked
        self.checkpoint = checkpoint
        """How far the shard has been handled, as it is kept."""
        self.rules: RetryRules = rules_of(settings, mapping.kind)
        self._mapping = mapping
        self._source = source
        self._parts = parts
        self._workers = workers
        self._window_s: int = settings["TumblingWindowInSeconds"]
        self._reports = REPORTS in settings["FunctionResponseTypes"]
        self._destination: str | None = settings["DestinationConfig"]["OnFailure"].get("Destination")
        self._failures = 0

    @property
    def window(self) -> Window | None:
        """The tumbling window that is open."""
        start = self.checkpoint.window_start
        return None if start is None else Window(start, self._window_s, self.checkpoint.state)

    async def handle(self, batch: Sequence[StreamRecord], *, read_to: str | None) -> bool:
        """Have a batch handled or given up, then go on behind `read_to`; False where polling ended before."""
        waiting = deque([Part(batch)])
        while waiting:
            part = await self._without_expired(waiting.popleft())
            if not part.records:
                continue
            if self._workers.has_ended:
                return False
            waiting.extendleft(reversed(await self._try(part)))
        if self.checkpoint.sequence != read_to:
            await self.keep(replace(self.checkpoint, sequence=read_to))
        return True

    async def end_window(self) -> bool:
        """Tell the function that the open window is over, and forget it; False where polling ended before.

        However often that fails, nothing more is read of the shard until it succeeds: no number of attempts, and no
        age of records, ends it. https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html
        """
        window = self.window
        while window is not None:
            if self._workers.has_ended:
                return False
            event = window.event(
                (), self.checkpoint.shard, self._mapping.source_arn or "", is_final=True, early=window.is_too_large
            )
            reply = await self._invoke(event)
            if reply is not None and reply.function_error is None:
                break
            if reply is not None:
                self._parts.tell(self._mapping, FUNCTION_FAILED)
            await self._pause()
        self._failures = 0
        await self.keep(replace(self.checkpoint, window_start=None, state={}))
        return True

    async def keep(self, checkpoint: Checkpoint, deliveries: Sequence[OutboxEffect] = ()) -> None:
        """Return once a checkpoint, and what goes out with it, is durable."""
        self.checkpoint = checkpoint
        await self._parts.store.write_with_others(write_progress, Progress(self._mapping, checkpoint, deliveries))

    async def _try(self, part: Part) -> list[Part]:
        """Invoke the function with a part once; return what is left to be tried, in order."""
        reply = await self._invoke(self._event(part.records))
        if reply is None:
            await self._pause()
            return [part]
        self._parts.counts.invoked += len(part.records)
        first_failed = self._first_failed(part, reply)
        if first_failed:
            await self._advance(part.records[:first_failed], reply)
        if first_failed == len(part.records):
            self._failures = 0
            self._parts.tell(self._mapping, OK)
            return []
        self._parts.counts.failed += len(part.records) - first_failed
        self._parts.tell(self._mapping, FUNCTION_FAILED)
        left = after_failure(part, first_failed, self.rules)
        if left is None:
            failure = Failure(part.records, GivenUp.RETRIES_EXHAUSTED, part.invocations + 1, reply)
            await self._give_up(failure)
            return []
        if first_failed or len(left) > 1:
            self._failures = 0
        else:
            await self._pause()
        return left

    async def _invoke(self, event: bytes) -> Reply | None:
        """Return how an invocation ended; None where the function cannot be run just now."""
        try:
            return await self._parts.delivery.invoke(self._mapping, event)
        except ServiceError as error:
            if not self._failures:
                _log.info("%s waits: %s", self._mapping.arn, error)
            return None

    def _event(self, records: Sequence[StreamRecord]) -> bytes:
        if not self._window_s:
            return event_of([record.json for record in records])
        window = self.window or window_at(records[0].arrived_at, self._window_s)
        return window.event(records, self.checkpoint.shard, self._mapping.source_arn or "")

    def _first_failed(self, part: Part, reply: Reply) -> int:
        """Return how many of a part's records were handled before the first that failed."""
        if self._window_s and state_of(reply) is None:
            return 0
        sequences = [record.sequence for record in part.records]
        failed = failed_items(reply, sequences, reports=self._reports)
        return next((at for at, sequence in enumerate(sequences) if sequence in failed), len(sequences))

    async def _advance(self, handled: Sequence[StreamRecord], reply: Reply) -> None:
        """Keep that records were handled, and the state that the function has made of them."""
        checkpoint = replace(self.checkpoint, sequence=handled[-1].sequence)
        if not self._window_s:
            await self.keep(checkpoint)
            return
        window = self.window or window_at(handled[0].arrived_at, self._window_s)
        await self.keep(replace(checkpoint, window_start=window.start, state=state_of(reply) or {}))
        if self.window is not None and self.window.is_too_large:
            await self.end_window()

    async def _without_expired(self, part: Part) -> Part:
        expired, young = young_of(part, self.rules, self._parts.clock.now())
        if expired:
            await self._give_up(Failure(expired, GivenUp.AGE_EXCEEDED, part.invocations, None))
        return young

    async def _give_up(self, failure: Failure) -> None:
        """Go on behind records that were given up, and send their record to the destination."""
        self._failures = 0
        self._parts.counts.dropped += len(failure.records)
        deliveries = [] if self._destination is None else [self._record_of(failure, self._destination)]
        self._parts.counts.delivered_on_failure += len(failure.records) * len(deliveries)
        await self.keep(replace(self.checkpoint, sequence=failure.records[-1].sequence), deliveries)

    def _record_of(self, failure: Failure, destination: str) -> OutboxEffect:
        mapping, now = self._mapping, self._parts.clock.now()
        shard = self._source.shard(self.checkpoint.shard)
        request_id = self._parts.ids.uuid()
        make = failure_object if ":s3:" in destination else failure_record
        told = {
            "target": destination,
            "account": mapping.scope.account,
            "region": mapping.scope.region,
            "function": function_arn(mapping.scope, mapping.function.name),
            "request_id": request_id,
            "trace": None,
            "body": make(mapping, shard, failure, request_id, now).decode(),
            "key": failure_key(mapping, shard, now, self._parts.ids.uuid()),
        }
        return OutboxEffect(TOPIC, orjson.dumps(told).decode())

    async def _pause(self) -> None:
        self._failures += 1
        await self._workers.sleep_until(self._parts.clock.now() + pause_after(self._failures))
