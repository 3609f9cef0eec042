"""Publish and PublishBatch: a message, taken once, owed to every subscription that wants it.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html,
https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from lambent.base.identifiers import IdSource
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.sns import message_repository, repository
from lambent.cloud.services.sns.deliveries import Owed, SnsDeliveries
from lambent.cloud.services.sns.errors import (
    batch_too_long,
    empty_batch,
    ids_not_distinct,
    invalid_entry_id,
    invalid_parameter,
    too_many_entries,
)
from lambent.cloud.services.sns.message_repository import Known
from lambent.cloud.services.sns.model import message as model
from lambent.cloud.services.sns.model.message import Message
from lambent.cloud.services.sns.model.topic import Topic
from lambent.cloud.services.sns.operations.common import the_topic
from lambent.cloud.services.sns.repository import Target
from lambent.cloud.store.unit_of_work import Store, Transaction

_MOST_ENTRIES: Final = 10
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_LONGEST_ENTRY_ID: Final = 80
_FIRST_SEQUENCE: Final = 10_000_000_000_000_000_000
_SEQUENCE_STEP: Final = 1000


@dataclass(frozen=True, slots=True)
class _Published:
    """What the caller is told of a message."""

    id: str
    sequence: str | None

    def shown(self) -> dict[str, str]:
        return (
            {"MessageId": self.id} if self.sequence is None else {"MessageId": self.id, "SequenceNumber": self.sequence}
        )


class PublishOperations:
    """The operations that take messages."""

    def __init__(self, store: Store, deliveries: SnsDeliveries, ids: IdSource) -> None:
        self._store = store
        self._deliveries = deliveries
        self._ids = ids

    @operation("Publish")
    async def publish(self, context: RequestContext, parameters: Parameters) -> Result:
        """Take a message for a topic, or for a telephone number."""
        targets = [name for name in ("TopicArn", "TargetArn", "PhoneNumber") if parameters.get(name) is not None]
        if not targets:
            raise invalid_parameter("TopicArn or TargetArn Reason: no value for required parameter")
        if targets == ["PhoneNumber"]:
            return await self._text(context, parameters)
        arn = parameters[targets[0]]
        if ":endpoint/" in arn:
            raise invalid_parameter("TargetArn Reason: No endpoint found for the target arn specified")
        model.check_subject(parameters.get("Subject"))
        if not parameters["Message"]:
            raise invalid_parameter("Empty message")
        model.check_attributes(parameters.get("MessageAttributes"))
        topic = the_topic(self._store.read, context, arn)
        if model.size_of(parameters["Message"], parameters.get("MessageAttributes")) > topic.largest_message:
            raise invalid_parameter("Message too long")
        (published,) = await self._take(context, topic, [parameters])
        return published.shown()

    @operation("PublishBatch")
    async def publish_batch(self, context: RequestContext, parameters: Parameters) -> Result:
        """Take up to ten messages for a topic."""
        entries: Sequence[Parameters] = parameters["PublishBatchRequestEntries"]
        topic = the_topic(self._store.read, context, parameters["TopicArn"])
        _check_entries(entries)
        for number, entry in enumerate(entries, start=1):
            at = f"publishBatchRequestEntries.{number}.member.messageAttributes"
            model.check_attributes(entry.get("MessageAttributes"), at=at)
        if sum(model.size_of(one["Message"], one.get("MessageAttributes")) for one in entries) > topic.largest_message:
            raise batch_too_long()
        for entry in entries:
            model.check_subject(entry.get("Subject"))
        taken = await self._take(context, topic, entries)
        shown = [{"Id": entry["Id"], **one.shown()} for entry, one in zip(entries, taken, strict=True)]
        return {"Successful": shown, "Failed": []}

    async def _take(self, context: RequestContext, topic: Topic, entries: Sequence[Parameters]) -> list[_Published]:
        """Keep messages with what is owed of them, in one commit."""
        for entry in entries:
            model.check_ordering(entry, is_fifo=topic.name.is_fifo, by_content=topic.deduplicates_by_content)
        messages = [self._message(context, topic, entry) for entry in entries]
        targets = repository.targets(self._store.read, topic.id)
        owed = [Owed(message, _wanting(message, targets)) for message in messages]
        if topic.name.is_fifo:
            return await self._store.write(lambda transaction: self._take_in_order(transaction, context, topic, owed))
        wanted = [each for each in owed if each.targets]
        if wanted:
            await self._store.write_with_others(self._deliveries.owe, *wanted)
        return [_Published(message.id, None) for message in messages]

    def _take_in_order(
        self, transaction: Transaction, context: RequestContext, topic: Topic, owed: Sequence[Owed]
    ) -> list[_Published]:
        """Keep the messages of a FIFO topic, each with its number, but for those that it knows already."""
        published: list[_Published] = []
        for each in owed:
            message = each.message
            group = (message.group or "") if topic.deduplicates_by_group else ""
            known = Known(topic.id, group, message.deduplication_id or "")
            found = message_repository.remembered(transaction, known, context.now)
            if found is not None:
                published.append(_Published(*found))
                continue
            number = repository.next_sequences(transaction, topic.id, 1)
            sequence = str(_FIRST_SEQUENCE + number * _SEQUENCE_STEP)
            message_repository.remember(transaction, known, context.now, message.id, sequence)
            if each.targets:
                self._deliveries.owe(transaction, [Owed(replace(message, sequence=sequence), each.targets)])
            published.append(_Published(message.id, sequence))
        return published

    def _message(self, context: RequestContext, topic: Topic, entry: Parameters) -> Message:
        deduplication_id = entry.get("MessageDeduplicationId")
        if topic.name.is_fifo and deduplication_id is None:
            deduplication_id = hashlib.sha256(entry["Message"].encode()).hexdigest()
        return Message(
            id=self._ids.uuid(),
            topic=topic.arn,
            texts=model.texts_of(entry),
            published_ms=int(context.now * 1000),
            subject=entry.get("Subject"),
            attributes=model.sent_attributes(entry.get("MessageAttributes")),
            group=entry.get("MessageGroupId"),
            deduplication_id=deduplication_id,
            trace=context.headers.get("x-amzn-trace-id"),
            signature_version=topic.signature_version,
        )

    async def _text(self, context: RequestContext, parameters: Parameters) -> Result:
        """Put a message for a telephone number into the outbox."""
        number = parameters["PhoneNumber"]
        if not model.PHONE_NUMBER.fullmatch(number):
            raise invalid_parameter(f"PhoneNumber Reason: {number} is not valid to publish to")
        model.check_attributes(parameters.get("MessageAttributes"))
        texts = model.texts_of(parameters)
        message_id = self._ids.uuid()
        content = {
            "to": number,
            "message_id": message_id,
            "body": texts.get("sms") or texts["default"],
            "attributes": model.sent_attributes(parameters.get("MessageAttributes")),
        }
        await self._store.write(
            lambda transaction: self._deliveries.outbox.text_message(transaction, context.scope, content)
        )
        return {"MessageId": message_id}


def _wanting(message: Message, targets: Sequence[Target]) -> list[Target]:
    """Return the subscriptions whose filter policies take a message."""
    return [target for target in targets if target.settings.filter is None or _takes(target, message)]


def _takes(target: Target, message: Message) -> bool:
    settings = target.settings
    if settings.filter is None:
        return True
    if settings.by_body:
        return settings.filter.takes_body(message.text_for(target.protocol))
    return settings.filter.takes_attributes(message.attributes)


def _check_entries(entries: Sequence[Mapping[str, object]]) -> None:
    if not entries:
        raise empty_batch()
    if len(entries) > _MOST_ENTRIES:
        raise too_many_entries()
    ids = [str(entry["Id"]) for entry in entries]
    if len(set(ids)) != len(ids):
        raise ids_not_distinct()
    for one in ids:
        if len(one) > _LONGEST_ENTRY_ID:
            raise invalid_entry_id(f"is too long: {one}")
        if not one or not _ENTRY_ID.fullmatch(one):
            raise invalid_entry_id(f"contains an impermissible character: {one}")
