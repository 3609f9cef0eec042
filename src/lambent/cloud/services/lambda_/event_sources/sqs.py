"""Polling a queue: lanes that receive, invoke and delete, as many as there is to do; one of them listens when idle.

A lane that has received messages has another one listen before it handles them, for as long as the scaling lets there
be one more. One that finds the queue empty ends, unless nobody else listens: then it waits with a long poll.

Messages of a batch that failed are left alone: they come back once the queue's visibility timeout is over, and go
where its redrive policy says. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lambent.aws.arn import Arn, queue_url
from lambent.base.clock import SystemClock
from lambent.base.tasks import let_others_run, shielded
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.lambda_.event_sources.batching import PAYLOAD_BYTES, batches, event_of
from lambent.cloud.services.lambda_.event_sources.filtering import filters_of
from lambent.cloud.services.lambda_.event_sources.parts import Parts
from lambent.cloud.services.lambda_.event_sources.queue_events import QueueRecord, queue_record, rendered
from lambent.cloud.services.lambda_.event_sources.replies import REPORTS, Reply, failed_items
from lambent.cloud.services.lambda_.event_sources.scaling import Scaling, scaling_of
from lambent.cloud.services.lambda_.event_sources.workers import Workers
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping
from lambent.cloud.store.scope import Scope

_log = logging.getLogger(__name__)
_LONG_POLL_S: Final = 3600  # SQS lets its callers from within AWS wait so long
_AT_ONCE: Final = 10  # the most that a request to the queue is about
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 60.0
_LONGEST_PAUSE_AFTER_ERRORS_S: Final = 5.0
# While a batch is gathered its lane must hear within a moment that the mapping has changed.
_GATHERED_FOR_S: Final = 1.0


@dataclass(slots=True)
class _Gathered:
    """Messages as records of an event, those that go to the function and those that its filters leave out.

    `size` is that of their bodies.
    """

    chosen: list[QueueRecord] = field(default_factory=list)
    missed: list[QueueRecord] = field(default_factory=list)
    count: int = 0
    size: int = 0


class QueuePoller:
    """Polls one queue for one mapping, until its workers end."""

    def __init__(self, mapping: EventSourceMapping, parts: Parts) -> None:
        source = Arn.parse(mapping.source_arn or "")
        settings: Mapping[str, Any] = mapping.settings  # Any: as the model has checked
        self.workers = Workers(parts.tasks, parts.clock)
        self._mapping = mapping
        self._parts = parts
        self._arn = source
        self._owner = Scope(source.account, source.region)
        self._url = queue_url(source)
        self._is_fifo = source.resource.endswith(".fifo")
        self._batch_size: int = settings["BatchSize"]
        self._window_s: int = settings.get("MaximumBatchingWindowInSeconds", 0)
        self._reports = REPORTS in settings.get("FunctionResponseTypes", ())
        self._filters = filters_of(settings)
        self._scaling: Scaling = scaling_of(settings)
        self._real_now = SystemClock().monotonic
        self._lanes = 0
        self._batch_s = math.inf
        self._listening = 0
        self._unread = 0
        self._failures = 0
        self._reader: Principal = parts.delivery.reader_of(mapping)

    def start(self) -> None:
        """Begin to poll; at the end of its workers it receives no more, and handles what it has received."""
        self._add_lane()

    async def opened(self) -> None:
        """Return once polling has begun."""

    def _add_lane(self) -> None:
        if not self.workers.has_ended:
            self._lanes += 1
            self.workers.start(self._lane(), name=self._mapping.arn)

    async def _lane(self) -> None:
        try:
            await self._poll()
        finally:
            self._lanes -= 1

    async def _poll(self) -> None:
        while not self.workers.has_ended:
            is_alone = not self._listening
            if self._lanes == 1:
                self._scaling = self._scaling.idle()
            began = self._real_now()
            try:
                messages = await self._listen(_LONG_POLL_S if is_alone else 0)
            except ServiceError as error:
                if not is_alone or not await self._recovered(error):
                    return
                continue
            self._unread = 0
            if messages:
                await self._handle(messages, self._real_now() - began)
                if self._lanes > self._scaling.lanes:
                    return
            elif self._listening:
                return
            else:
                await let_others_run()  # a queue that answers without waiting must not keep the loop for itself

    async def _recovered(self, error: ServiceError) -> bool:
        """Wait after the queue could not be read; False where polling has ended meanwhile."""
        self._unread += 1
        if self._unread == 1:
            _log.warning("%s cannot be read: %s", self._arn, error)
        await self._pause(self._unread, _LONGEST_PAUSE_S)
        self._reader = self._parts.delivery.reader_of(self._mapping)
        return not self.workers.has_ended

    async def _listen(self, wait_s: float) -> list[dict[str, Any]]:  # Any: a message, as SQS answers it
        self._listening += 1
        try:
            with self.workers.waiting():
                found = await self._receive(wait_s, self._batch_size)
        finally:
            self._listening -= 1
        return found

    async def _receive(self, wait_s: float, most: int) -> list[dict[str, Any]]:  # Any: as above
        asked = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": min(most, _AT_ONCE),
            "WaitTimeSeconds": wait_s,
            "MessageAttributeNames": ["All"],
            "MessageSystemAttributeNames": ["All"],
        }
        return list((await self._ask("ReceiveMessage", asked)).get("Messages") or ())

    def _call_for_more(self, took_s: float) -> None:
        """Have another lane listen while this one is at work."""
        if self._listening:
            return
        if self._lanes >= self._scaling.lanes:
            self._scaling = self._scaling.busy(self._parts.clock.now(), took_s, self._batch_s)
        if self._lanes < self._scaling.lanes:
            self._add_lane()

    async def _handle(self, messages: list[dict[str, Any]], took_s: float) -> None:  # Any: as above
        received_at = self._parts.clock.now()
        gathered = _Gathered()
        self._add(gathered, messages)
        if self._window_s:
            # Nobody else listens meanwhile: two lanes would each wait with half of what makes a batch.
            await self._gather(gathered, received_at + self._window_s)
        self._call_for_more(took_s)
        await let_others_run()  # to make records of messages and to hand them over take half a millisecond each
        if gathered.missed:
            self._parts.counts.filtered_out += len(gathered.missed)
            await self._delete(gathered.missed)
        for batch in batches(gathered.chosen, lambda record: len(record.json), most=self._batch_size):
            handled = await self._deliver(batch, received_at)
            if self._is_fifo and not handled:
                return  # what stands behind in the queue must not overtake

    def _add(self, gathered: _Gathered, messages: Sequence[Mapping[str, Any]]) -> None:  # Any: as above
        """Add messages as they come, ten at a time: ten thousand in one go would hold up the whole platform."""
        self._parts.counts.polled += len(messages)
        for message in messages:
            record = queue_record(message, str(self._arn), self._owner.region)
            chosen = self._filters.match_message(record)
            (gathered.chosen if chosen else gathered.missed).append(rendered(record))
            gathered.count += 1
            gathered.size += len(message["Body"])

    async def _gather(self, gathered: _Gathered, until: float) -> None:
        """Add messages until the batch is full, or its window is over."""
        clock = self._parts.clock
        while gathered.count < self._batch_size and gathered.size < PAYLOAD_BYTES and not self.workers.has_ended:
            left_s = until - clock.now()
            if left_s <= 0:
                return
            try:
                more = await self._receive(min(left_s, _GATHERED_FOR_S), self._batch_size - gathered.count)
            except ServiceError:
                return  # what was gathered goes; the next to listen finds out what is wrong
            self._add(gathered, more)

    async def _deliver(self, batch: Sequence[QueueRecord], received_at: float) -> bool:
        """Invoke the function with a batch and delete what it has handled; return whether it handled all."""
        began = self._real_now()
        reply = await self._invoke(batch, received_at)
        self._batch_s = self._real_now() - began
        if reply is None:
            return False
        ids = [record.message_id for record in batch]
        failed = failed_items(reply, ids, reports=self._reports)
        self._parts.counts.invoked += len(batch)
        await self._done_with([record for record in batch if record.message_id not in failed])
        if not failed:
            self._failures = 0
            self._scaling = self._scaling.succeeded()
            return True
        self._parts.counts.failed += len(failed)
        if len(failed) == len(batch):
            self._failures += 1
            self._scaling = self._scaling.failed(self._parts.clock.now())
            await self._pause(self._failures, _LONGEST_PAUSE_AFTER_ERRORS_S)
        return False

    async def _invoke(self, batch: Sequence[QueueRecord], received_at: float) -> Reply | None:
        """Return how the invocation ended; None where the messages came back before the function could be run."""
        event = event_of([record.json for record in batch])
        traces = [record.trace for record in batch if record.trace is not None]
        attempts, visible_at = 0, math.inf
        while True:
            try:
                return await self._parts.delivery.invoke(self._mapping, event, traces)
            except ServiceError as error:
                attempts += 1
                if attempts == 1:
                    _log.info("%s waits: %s", self._mapping.arn, error)
                    visible_at = received_at + await self._visibility_timeout_s()
                    self._scaling = self._scaling.failed(self._parts.clock.now())
            if self.workers.has_ended:
                await self._give_back(batch)
                return None
            if self._pause_s(attempts, _LONGEST_PAUSE_S) + self._now() >= visible_at:
                return None
            try:
                await self._pause(attempts, _LONGEST_PAUSE_S)
            except asyncio.CancelledError:
                await shielded(self._give_back(batch))
                raise

    async def _give_back(self, batch: Sequence[QueueRecord]) -> None:
        """Have messages be visible again that the function never got; they may be already."""
        for begin in range(0, len(batch), _AT_ONCE):
            some = batch[begin : begin + _AT_ONCE]
            entries = [
                {"Id": str(at), "ReceiptHandle": record.receipt_handle, "VisibilityTimeout": 0}
                for at, record in enumerate(some)
            ]
            try:
                await self._ask("ChangeMessageVisibilityBatch", {"QueueUrl": self._url, "Entries": entries})
            except ServiceError as error:
                _log.info("%d messages of %s stay hidden for a while: %s", len(some), self._arn, error)

    async def _visibility_timeout_s(self) -> float:
        asked = {"QueueUrl": self._url, "AttributeNames": ["VisibilityTimeout"]}
        try:
            answer = await self._ask("GetQueueAttributes", asked)
        except ServiceError:
            return 0.0
        return float(answer["Attributes"]["VisibilityTimeout"])

    async def _done_with(self, records: Sequence[QueueRecord]) -> None:
        """Delete messages: those of a FIFO queue before the next are received, others meanwhile, in one commit."""
        if self._is_fifo or self.workers.has_ended:
            await self._delete(records)
        elif records:
            self.workers.start(self._delete(records), name=self._mapping.arn)

    async def _delete(self, records: Sequence[QueueRecord]) -> None:
        for begin in range(0, len(records), _AT_ONCE):
            some = records[begin : begin + _AT_ONCE]
            entries = [{"Id": str(at), "ReceiptHandle": record.receipt_handle} for at, record in enumerate(some)]
            try:
                answer = await self._ask("DeleteMessageBatch", {"QueueUrl": self._url, "Entries": entries})
            except ServiceError as error:
                _log.warning("%d messages of %s were not deleted: %s", len(some), self._arn, error)
            else:
                self._parts.counts.deleted += len(answer.get("Successful") or ())

    def _pause_s(self, failures: int, longest_s: float) -> float:
        return min(_FIRST_PAUSE_S * 2.0 ** min(failures - 1, 20), longest_s)

    async def _pause(self, failures: int, longest_s: float) -> None:
        await self.workers.sleep_until(self._now() + self._pause_s(failures, longest_s))

    def _now(self) -> float:
        return self._parts.clock.now()

    async def _ask(self, operation: str, parameters: Parameters) -> Result:
        return await self._parts.client.call("sqs", operation, parameters, scope=self._owner, principal=self._reader)
