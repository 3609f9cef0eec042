"""Sending, receiving and deleting messages, one at a time and in batches."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.sqs import errors
from lambent.cloud.services.sqs.live import LiveQueue, Queues
from lambent.cloud.services.sqs.lookups import queue_meant
from lambent.cloud.services.sqs.model.message import (
    Content,
    State,
    asked_attributes,
    md5_of_attributes,
    md5_of_text,
    size_of,
    system_attributes,
)
from lambent.cloud.services.sqs.model.queue import LARGEST_MESSAGE, LONGEST_VISIBILITY_S
from lambent.cloud.services.sqs.model.receipt import Receipt
from lambent.cloud.services.sqs.receipts import Presented, Receipts
from lambent.cloud.services.sqs.receiving import Receiver, Wanted
from lambent.cloud.services.sqs.sending import Sender, checked
from lambent.cloud.services.sqs.times import now_ms

Entry = Mapping[str, Any]  # Any: an entry of a batch, botocore-shaped
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_MOST_ENTRIES = 10
_MOST_RECEIVED = 10
_LONGEST_WAIT_S = 20


class MessageOperations:
    """The operations on messages."""

    def __init__(self, queues: Queues, sender: Sender, receiver: Receiver, receipts: Receipts) -> None:
        self._queues = queues
        self._sender = sender
        self._receiver = receiver
        self._receipts = receipts

    @operation("SendMessage")
    async def send(self, context: RequestContext, parameters: Parameters) -> Result:
        """Send a message."""
        live = queue_meant(self._queues, context, parameters)
        checked(live, parameters)
        (answer,) = await self._sender.send(live, context, [parameters])
        return answer

    @operation("SendMessageBatch")
    async def send_batch(self, context: RequestContext, parameters: Parameters) -> Result:
        """Send up to ten messages, each of which is taken or refused by itself."""
        live = queue_meant(self._queues, context, parameters)
        entries = _entries(parameters, "SendMessageBatch")
        size = sum(size_of(entry.get("MessageBody") or "", entry.get("MessageAttributes")) for entry in entries)
        if size > LARGEST_MESSAGE:
            raise errors.batch_too_long(LARGEST_MESSAGE, size)
        _check_order(live, entries)
        failed: list[Result] = []
        taken: list[Entry] = []
        for entry in entries:
            try:
                checked(live, entry)
                taken.append(entry)
            except ServiceError as error:
                failed.append(_failure(entry, error))
        answers = await self._sender.send(live, context, taken) if taken else []
        sent = [{"Id": entry["Id"], **answer} for entry, answer in zip(taken, answers, strict=True)]
        return _outcome(sent, failed)

    @operation("ReceiveMessage")
    async def receive(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return messages, waiting for them as long as is asked for."""
        live = queue_meant(self._queues, context, parameters)
        wanted = _wanted(context, live, parameters)
        found = await self._receiver.receive(live, wanted)
        if not found:
            return {}
        system = {*(parameters.get("MessageSystemAttributeNames") or parameters.get("AttributeNames") or ())}
        names = parameters.get("MessageAttributeNames") or ()
        received_ms = found[0][0].visible_ms - wanted.visibility_s * 1000
        return {
            "Messages": [
                _shown(state, content, Receipt(live.queue.id, state.number, state.received, received_ms), system, names)
                for state, content in found
            ]
        }

    @operation("DeleteMessage")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove a message."""
        live = queue_meant(self._queues, context, parameters)
        handle = _handle(parameters)
        state = self._receipts.removable(live, self._receipts.presented(live, [handle]), handle, now_ms(context))
        if state is not None:
            await self._receipts.remove(live, [state], now_ms(context))
        return {}

    @operation("DeleteMessageBatch")
    async def delete_batch(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove up to ten messages."""
        live = queue_meant(self._queues, context, parameters)
        entries = _entries(parameters, "DeleteMessageBatch")
        presented = self._receipts.presented(live, _handles(entries))
        at_ms = now_ms(context)
        chosen = _Chosen(entries, lambda entry: self._receipts.removable(live, presented, _handle(entry), at_ms))
        if chosen.states:
            await self._receipts.remove(live, chosen.states, now_ms(context))
        return chosen.outcome

    @operation("ChangeMessageVisibility")
    async def change_visibility(self, context: RequestContext, parameters: Parameters) -> Result:
        """Let a message become visible at another time."""
        live = queue_meant(self._queues, context, parameters)
        presented = self._receipts.presented(live, _handles([parameters]))
        state = self._changeable(presented, context, parameters)
        if state is not None:
            await self._receipts.change(live, [state])
        return {}

    @operation("ChangeMessageVisibilityBatch")
    async def change_visibility_batch(self, context: RequestContext, parameters: Parameters) -> Result:
        """Let up to ten messages become visible at other times."""
        live = queue_meant(self._queues, context, parameters)
        entries = _entries(parameters, "ChangeMessageVisibilityBatch")
        presented = self._receipts.presented(live, _handles(entries))
        chosen = _Chosen(entries, lambda entry: self._changeable(presented, context, entry))
        if chosen.states:
            await self._receipts.change(live, chosen.states)
        return chosen.outcome

    def _changeable(self, presented: Presented, context: RequestContext, given: Entry) -> State | None:
        timeout = given.get("VisibilityTimeout")
        if timeout is None:
            raise errors.missing_parameter("VisibilityTimeout")
        return self._receipts.changeable(presented, _handle(given), timeout, now_ms(context))


class _Chosen:
    """The messages that the entries of a batch are about, and what is answered for each entry."""

    def __init__(self, entries: Sequence[Entry], choose: Callable[[Entry], State | None]) -> None:
        self.states: list[State] = []
        done: list[Result] = []
        failed: list[Result] = []
        for entry in entries:
            try:
                state = choose(entry)
            except ServiceError as error:
                failed.append(_failure(entry, error))
                continue
            done.append({"Id": entry["Id"]})
            if state is not None:
                self.states.append(state)
        self.outcome = _outcome(done, failed)


def _wanted(context: RequestContext, live: LiveQueue, parameters: Parameters) -> Wanted:
    settings = live.queue.settings
    most = parameters.get("MaxNumberOfMessages", 1)
    if not 1 <= most <= _MOST_RECEIVED:
        raise errors.invalid_value(most, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
    visibility = parameters.get("VisibilityTimeout", settings.visibility_s)
    if not 0 <= visibility <= LONGEST_VISIBILITY_S:
        raise errors.invalid_value(visibility, "VisibilityTimeout", "Must be >= 0 and <= 43200, if provided.")
    wait = parameters.get("WaitTimeSeconds", settings.wait_s)
    # AWS's own pollers wait for as long as they like, so that a queue where nothing happens costs nothing.
    if not 0 <= wait <= _LONGEST_WAIT_S and not context.caller.is_aws:
        raise errors.invalid_value(wait, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
    return Wanted(most, visibility, wait, parameters.get("ReceiveRequestAttemptId"))


def _shown(state: State, content: Content, receipt: Receipt, system: set[str], names: Sequence[str]) -> Result:
    message: dict[str, Any] = {  # Any: as Entry
        "MessageId": content.message_id,
        "ReceiptHandle": receipt.handle,
        "MD5OfBody": md5_of_text(content.body),
        "Body": content.body,
    }
    if system:
        own = system_attributes(state, content)
        chosen = own if "All" in system else {name: value for name, value in own.items() if name in system}
        if chosen:
            message["Attributes"] = chosen
    attributes = asked_attributes(content.attributes, names) if names and content.attributes else {}
    if attributes:
        message["MD5OfMessageAttributes"] = md5_of_attributes(attributes)
        message["MessageAttributes"] = attributes
    return message


def _handle(given: Entry) -> str:
    handle = given.get("ReceiptHandle")
    if not handle:
        raise errors.missing_parameter("ReceiptHandle")
    return str(handle)


def _handles(entries: Sequence[Entry]) -> list[str]:
    return [str(entry.get("ReceiptHandle") or "") for entry in entries]


def _entries(parameters: Parameters, name: str) -> Sequence[Entry]:
    """Return the entries of a batch; raises ServiceError for what no batch may be."""
    entries: Sequence[Entry] = parameters.get("Entries") or ()
    if not entries:
        raise errors.empty_batch(name)
    if len(entries) > _MOST_ENTRIES:
        raise errors.too_many_entries(len(entries))
    known: set[str] = set()
    for number, entry in enumerate(entries, 1):
        entry_id = entry.get("Id")
        if entry_id is None:
            raise errors.missing_parameter(f"{name}RequestEntry.{number}.Id")
        if not _ENTRY_ID.fullmatch(entry_id):
            raise errors.invalid_entry_id()
        if entry_id in known:
            raise errors.repeated_entry_id(entry_id)
        known.add(entry_id)
    return entries


def _check_order(live: LiveQueue, entries: Sequence[Entry]) -> None:
    """Raise what a batch as a whole is refused with, unlike a single message."""
    if not live.queue.is_fifo:
        return
    for entry in entries:
        if not entry.get("MessageDeduplicationId") and not live.queue.settings.deduplicates_by_content:
            raise errors.invalid_parameter(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
                "explicitly"
            )
        if not entry.get("MessageGroupId"):
            raise errors.invalid_parameter("The request must contain the parameter MessageGroupId.")


def _outcome(done: Sequence[Result], failed: Sequence[Result]) -> Result:
    answer: dict[str, Any] = {}  # Any: as Entry
    if done:
        answer["Successful"] = done
    if failed:
        answer["Failed"] = failed
    return answer


def _failure(entry: Entry, error: ServiceError) -> Result:
    return {"Id": entry["Id"], "SenderFault": error.is_senders_fault, "Code": error.code, "Message": error.message}
