"""Messages on their way into a queue: durable before they are acknowledged, and then seen by whoever waits for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambent.base.identifiers import IdSource
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.faults.kind import FaultKind
from lambent.cloud.framework.faults.strikes import NEVER
from lambent.cloud.services.sqs.live import LiveQueue
from lambent.cloud.services.sqs.message_repository import Deduplicated, add_deduplicated, add_messages, stored
from lambent.cloud.services.sqs.model.message import (
    Content,
    State,
    check_message,
    content_digest,
    md5_of_attributes,
    md5_of_text,
    sequence_number,
)
from lambent.cloud.services.sqs.model.queue import DEDUPLICATION_MS
from lambent.cloud.services.sqs.numbers import Numbers
from lambent.cloud.services.sqs.times import now_ms
from lambent.cloud.store.unit_of_work import Store

Given = Mapping[str, Any]  # Any: parameters and results are botocore-shaped
_TRACE_HEADER = "x-amzn-trace-id"


class Sender:
    """Sends messages to queues."""

    def __init__(self, store: Store, ids: IdSource, numbers: Numbers) -> None:
        self._store = store
        self._ids = ids
        self._numbers = numbers
        self.strikes = NEVER
        """The faults on purpose by which messages of standard queues come twice, or out of their order."""

    async def send(self, live: LiveQueue, context: RequestContext, messages: Sequence[Given]) -> list[Given]:
        """Return what is answered for each of the messages, all of which have been checked, once they are durable."""
        at_ms = now_ms(context)
        first = await self._numbers.next(len(messages))
        made = [self._make(live, context, given, first + place, at_ms) for place, given in enumerate(messages)]
        kept: Sequence[tuple[State, Content]] = made
        if live.queue.is_fifo:
            numbered = await self._send_in_order(live, made, at_ms)
        else:
            box = live.queue.box
            if self.strikes.active:
                kept = await self._befallen(live, made)
            await self._store.write_with_others(add_messages, *[stored(box, state, content) for state, content in kept])
            numbered = [(state.number, content.message_id) for state, content in made]
        self._announce(live, [state for state, _ in kept], at_ms)
        return [
            _answer(given, number, message_id, content, is_fifo=live.queue.is_fifo)
            for given, (number, message_id), (_, content) in zip(messages, numbered, made, strict=True)
        ]

    def _make(
        self, live: LiveQueue, context: RequestContext, given: Given, number: int, at_ms: int
    ) -> tuple[State, Content]:
        settings = live.queue.settings
        delay = given.get("DelaySeconds")
        delay_s = settings.delay_s if delay is None or settings.is_fifo else delay
        group, deduplication_id = given.get("MessageGroupId"), given.get("MessageDeduplicationId")
        if settings.is_fifo and deduplication_id is None:
            deduplication_id = content_digest(given["MessageBody"])
        state = State(number, at_ms + delay_s * 1000, at_ms, ordered_in=group if settings.is_fifo else None)
        content = Content(
            message_id=self._ids.uuid(),
            body=given["MessageBody"],
            sender=context.caller.user_id,
            attributes=given.get("MessageAttributes"),
            trace=_trace(given, context),
            group_id=group,
            deduplication_id=deduplication_id,
        )
        return state, content

    async def _befallen(
        self, live: LiveQueue, made: Sequence[tuple[State, Content]]
    ) -> Sequence[tuple[State, Content]]:
        """Return messages as faults on purpose have them: visible later than those behind them, or with a copy.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
        """
        kept: list[tuple[State, Content]] = []
        for state, content in made:
            held_back_ms = int(self.strikes.spread_s(live.queue.arn) * 1000)
            state = state._replace(visible_ms=state.visible_ms + held_back_ms)  # noqa: PLW2901 - the same message
            kept.append((state, content))
            if self.strikes.strike(FaultKind.DUPLICATE, live.queue.arn) is not None:
                kept.append((state._replace(number=await self._numbers.next(1)), content))
        return kept

    async def _send_in_order(
        self, live: LiveQueue, made: Sequence[tuple[State, Content]], at_ms: int
    ) -> list[tuple[int, str]]:
        queue = live.queue
        within = queue.settings.deduplicates_by_group
        items = [
            Deduplicated(
                stored(queue.box, state, content),
                (queue.id, (content.group_id or "") if within else "", content.deduplication_id or ""),
                state.number,
                content.message_id,
                at_ms,
                at_ms + DEDUPLICATION_MS,
            )
            for state, content in made
        ]
        await self._store.write_with_others(add_deduplicated, *items)
        groups = live.known_groups()
        if groups is not None:
            for item, (state, content) in zip(items, made, strict=True):
                if item.original is None:
                    groups.sent(content.group_id or "", state.number, state.visible_ms, at_ms)
        return [item.original or (item.number, item.message_id) for item in items]

    def _announce(self, live: LiveQueue, states: Sequence[State], at_ms: int) -> None:
        if live.waiting:
            if all(state.visible_ms <= at_ms for state in states):
                live.wake(len(states))
            else:
                live.wake_all()


def checked(live: LiveQueue, given: Given) -> int:
    """Return a message's size; raises ServiceError for one that the queue does not take."""
    return check_message(given, live.queue.settings)


def _trace(given: Given, context: RequestContext) -> str | None:
    """Return the trace that a message is sent in: the one it names, or that of the request."""
    named = (given.get("MessageSystemAttributes") or {}).get("AWSTraceHeader")
    return named["StringValue"] if named else context.headers.get(_TRACE_HEADER)


def _answer(given: Given, number: int, message_id: str, content: Content, *, is_fifo: bool) -> Given:
    answer: dict[str, Any] = {"MD5OfMessageBody": md5_of_text(content.body), "MessageId": message_id}  # Any: as Given
    if content.attributes:
        answer["MD5OfMessageAttributes"] = md5_of_attributes(content.attributes)
    if given.get("MessageSystemAttributes"):
        answer["MD5OfMessageSystemAttributes"] = md5_of_attributes(given["MessageSystemAttributes"])
    if is_fifo:
        answer["SequenceNumber"] = sequence_number(number)
    return answer
