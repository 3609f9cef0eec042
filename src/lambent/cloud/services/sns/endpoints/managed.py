"""Endpoints that AWS manages: queues, functions and delivery streams, called as SNS's own service principal."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lambent.aws.arn import Arn, queue_url
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import service_principal
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.sns.endpoints.contract import Effect, failure_of
from lambent.cloud.services.sns.model.message import Message, queue_attributes
from lambent.cloud.services.sns.model.names import TopicName
from lambent.cloud.services.sns.model.notification import Renderer
from lambent.cloud.services.sns.model.subscription import Subscription
from lambent.cloud.store.scope import Scope

HOST: Final = "sns.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Letter:
    """What a queue is sent; `attributes` are as a message keeps them."""

    queue: str
    body: str
    attributes: Mapping[str, Mapping[str, str]]
    group: str | None = None
    deduplication_id: str | None = None
    trace: str | None = None

    def as_json(self) -> dict[str, Any]:  # Any: JSON of our own writing
        """Return it as JSON to be kept."""
        return dataclasses.asdict(self)


class Services:
    """Calls AWS services for a topic."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def call(
        self, operation: str, parameters: Parameters, *, endpoint: Arn, topic: TopicName, trace: str | None
    ) -> None:
        """Call an operation of the endpoint's service, where it is, for the topic; raises as `Endpoint.deliver`."""
        principal = dataclasses.replace(service_principal(HOST, topic.scope, topic.arn), trace=trace)
        scope = Scope(endpoint.account, endpoint.region)
        try:
            await self._client.call(endpoint.service, operation, parameters, scope=scope, principal=principal)
        except ServiceError as error:
            raise failure_of(error) from error

    async def send(self, letter: Letter, topic: TopicName) -> None:
        """Send a letter to its queue; raises as `Endpoint.deliver`."""
        queue = Arn.parse(letter.queue)
        message: dict[str, object] = {
            "QueueUrl": queue_url(queue),
            "MessageBody": letter.body,
        }
        if letter.attributes:
            message["MessageAttributes"] = queue_attributes(letter.attributes)
        if letter.group is not None:
            message["MessageGroupId"] = letter.group
        if letter.deduplication_id is not None:
            message["MessageDeduplicationId"] = letter.deduplication_id
        if letter.trace is not None:
            header = {"DataType": "String", "StringValue": letter.trace}
            message["MessageSystemAttributes"] = {"AWSTraceHeader": header}
        await self.call("SendMessage", message, endpoint=queue, topic=topic, trace=letter.trace)


class Queues:
    """SQS queues: https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html."""

    def __init__(self, services: Services, renderer: Renderer) -> None:
        self._services = services
        self._renderer = renderer

    async def deliver(self, message: Message, subscription: Subscription) -> Effect:
        """Send the message."""
        letter = letter_of(message, subscription, subscription.endpoint, self._renderer)
        await self._services.send(letter, subscription.topic)
        return None


class Functions:
    """Lambda functions, invoked with an event: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html."""

    def __init__(self, services: Services, renderer: Renderer) -> None:
        self._services = services
        self._renderer = renderer

    async def deliver(self, message: Message, subscription: Subscription) -> Effect:
        """Invoke the function."""
        invocation = {
            "FunctionName": subscription.endpoint,
            "InvocationType": "Event",
            "Payload": self._renderer.event(message, subscription),
        }
        endpoint = Arn.parse(subscription.endpoint)
        await self._services.call(
            "Invoke", invocation, endpoint=endpoint, topic=subscription.topic, trace=message.trace
        )
        return None


class Streams:
    """Firehose delivery streams: https://docs.aws.amazon.com/sns/latest/dg/sns-firehose-as-subscriber.html."""

    def __init__(self, services: Services, renderer: Renderer) -> None:
        self._services = services
        self._renderer = renderer

    async def deliver(self, message: Message, subscription: Subscription) -> Effect:
        """Put the message as a record, a line of its own."""
        endpoint = Arn.parse(subscription.endpoint)
        body = body_of(message, subscription, self._renderer)
        record = {
            "DeliveryStreamName": endpoint.resource.rpartition("/")[2],
            "Record": {"Data": f"{body}\n".encode()},
        }
        await self._services.call("PutRecord", record, endpoint=endpoint, topic=subscription.topic, trace=None)
        return None


def body_of(message: Message, subscription: Subscription, renderer: Renderer) -> str:
    """Return what a subscription gets of a message: its text where delivery is raw, else the notification."""
    if subscription.settings.is_raw:
        return message.text_for(subscription.protocol)
    return renderer.notification(message, subscription)


def letter_of(message: Message, subscription: Subscription, queue: str, renderer: Renderer) -> Letter:
    """Return what is sent to a queue of a message: the subscription's own, or that of its dead letters."""
    is_fifo = queue.endswith(".fifo")
    deduplication_id = message.deduplication_id
    if is_fifo and deduplication_id is None:
        deduplication_id = hashlib.sha256(message.text_for(subscription.protocol).encode()).hexdigest()
    return Letter(
        queue,
        body_of(message, subscription, renderer),
        message.attributes if subscription.settings.is_raw else {},
        # A standard topic's groups are told to standard queues, which are fair to them; a FIFO topic's are not:
        # https://docs.aws.amazon.com/sns/latest/dg/fifo-topic-message-delivery.html
        message.group if is_fifo or not subscription.topic.is_fifo else None,
        deduplication_id if is_fifo else None,
        message.trace,
    )
