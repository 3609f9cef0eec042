"""What SNS owes: each message to each of its subscriptions, dead letters, and requests to confirm.

A delivery is written by the commit that takes the message, so none is lost; the endpoint may see one twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import orjson

from lambent.base.clock import Clock
from lambent.cloud.framework.deliveries import Addition, Deliveries, Delivery, Retry, Settled
from lambent.cloud.framework.faults.strikes import Strikes
from lambent.cloud.services.sns import message_repository, repository
from lambent.cloud.services.sns.endpoints.contract import (
    Effect,
    Endpoint,
    UnavailableError,
    UndeliverableError,
)
from lambent.cloud.services.sns.endpoints.managed import Functions, Letter, Queues, Services, Streams, letter_of
from lambent.cloud.services.sns.endpoints.outbox import Outbox
from lambent.cloud.services.sns.endpoints.web import WebEndpoints
from lambent.cloud.services.sns.model import delivery_policy
from lambent.cloud.services.sns.model.delivery_policy import AWS_MANAGED, RetryPolicy, WebPolicy
from lambent.cloud.services.sns.model.message import Message
from lambent.cloud.services.sns.model.names import TopicName
from lambent.cloud.services.sns.model.notification import Renderer
from lambent.cloud.services.sns.model.subscription import MAIL, WEB, Subscription
from lambent.cloud.services.sns.repository import Target
from lambent.cloud.services.sns.signing import SigningKey
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store, Transaction

_log = logging.getLogger(__name__)
Payload = Mapping[str, Any]  # Any: JSON of our own writing

# A message that takes more room than this in its deliveries together is kept once for all of them.
_MOST_COPIED_BYTES: Final = 262_144


@dataclass(frozen=True, slots=True)
class Owed:
    """A message and whom it is owed to."""

    message: Message
    targets: Sequence[Target]


class SnsDeliveries:
    """Adds deliveries and carries them out."""

    def __init__(self, store: Store, clock: Clock, services: Services, renderer: Renderer, key: SigningKey) -> None:
        self._store = store
        self._clock = clock
        self._services = services
        self._renderer = renderer
        self._key = key
        self._web = WebEndpoints(renderer)
        self.outbox = Outbox(renderer, clock)
        self._endpoints: Mapping[str, Endpoint] = {
            "sqs": Queues(services, renderer),
            "lambda": Functions(services, renderer),
            "firehose": Streams(services, renderer),
            **dict.fromkeys((*MAIL, "sms"), self.outbox),
        }
        self._queue = Deliveries("sns", store, clock, self._attempt)
        # Sites may take their time, and nobody else is to wait behind them.
        self._to_sites = Deliveries("sns/sites", store, clock, self._attempt)

    def expose_to(self, strikes: Strikes) -> None:
        """Let faults on purpose of topics strike the deliveries of their messages."""
        for queue in (self._queue, self._to_sites):
            queue.expose_to(strikes, self._sources_of)

    def _sources_of(self, delivery: bytes) -> Sequence[str]:
        """Return the topic whose message is delivered; of a dead letter, or a request to confirm, nothing."""
        payload: Payload = orjson.loads(delivery)
        subscription = repository.subscription_by_id(self._store.read, payload["to"]) if "to" in payload else None
        return () if subscription is None else (subscription.topic.arn,)

    async def start(self) -> None:
        """Take up what an earlier run left."""
        await self._queue.start()
        await self._to_sites.start()

    async def stop(self) -> None:
        """End what is under way; it is tried again after the next start."""
        await self._queue.stop()
        await self._to_sites.stop()

    def owe(self, transaction: Transaction, owed: Sequence[Owed]) -> None:
        """Write the deliveries of messages."""
        to_sites: list[Addition] = []
        to_others: list[Addition] = []
        for each in owed:
            for target, addition in zip(each.targets, _additions(transaction, each), strict=True):
                (to_sites if target.protocol in WEB else to_others).append(addition)
        for queue, additions in ((self._to_sites, to_sites), (self._queue, to_others)):
            if additions:
                queue.add_all(transaction, additions)

    def ask(self, transaction: Transaction, subscription: Subscription, message_id: str) -> None:
        """Write the request that a new subscription be confirmed."""
        asked = {"confirm": subscription.id, "id": message_id, "at": int(self._clock.now() * 1000)}
        queue = self._to_sites if subscription.protocol in WEB else self._queue
        queue.add(transaction, orjson.dumps(asked))

    async def _attempt(self, delivery: Delivery) -> Settled | Retry:
        await self._key.load()
        payload: Payload = orjson.loads(delivery.payload)
        if "letter" in payload:
            return await self._send_letter(delivery, payload)
        if "confirm" in payload:
            return await self._ask(delivery, payload)
        release = _releasing(payload)
        message = self._message_of(payload)
        subscription = repository.subscription_by_id(self._store.read, payload["to"])
        if message is None or subscription is None or not subscription.is_confirmed:
            return Settled(release)
        policy = self._policy_of(subscription)
        try:
            if subscription.protocol in WEB:
                effect = await self._web.post(message, subscription, policy.content_type)
            else:
                effect = await self._endpoints[subscription.protocol].deliver(message, subscription)
        except UnavailableError as failure:
            again = self._again(delivery, policy.retry if subscription.protocol in WEB else AWS_MANAGED)
            return again or Settled(self._lost(message, subscription, failure, release))
        except UndeliverableError as failure:
            return Settled(self._lost(message, subscription, failure, release))
        return Settled(_both(release, effect))

    async def _send_letter(self, delivery: Delivery, payload: Payload) -> Settled | Retry:
        """Try to deliver a dead letter."""
        letter, topic = Letter(**payload["letter"]), payload["topic"]
        try:
            await self._services.send(letter, TopicName(Scope(topic[0], topic[1]), topic[2]))
        except UnavailableError as failure:
            again = self._again(delivery, AWS_MANAGED)
            if again is not None:
                return again
            _log.error("a dead letter of %s did not reach %s: %s", topic[2], letter.queue, failure)
        except UndeliverableError as failure:
            _log.error("a dead letter of %s did not reach %s: %s", topic[2], letter.queue, failure)
        return Settled()

    async def _ask(self, delivery: Delivery, payload: Payload) -> Settled | Retry:
        """Try to ask for a confirmation."""
        subscription = repository.subscription_by_id(self._store.read, payload["confirm"])
        if subscription is None or subscription.is_confirmed:
            return Settled()
        try:
            if subscription.protocol in MAIL:
                return Settled(self.outbox.ask(payload["id"], subscription, payload["at"]))
            if subscription.protocol in WEB:
                await self._web.ask(payload["id"], subscription, payload["at"])
            else:
                body = self._renderer.request(payload["id"], subscription, payload["at"])
                await self._services.send(Letter(subscription.endpoint, body, {}), subscription.topic)
        except UnavailableError as failure:
            again = self._again(delivery, self._policy_of(subscription).retry)
            if again is not None:
                return again
            _log.warning("%s was not asked to confirm its subscription: %s", subscription.endpoint, failure)
        except UndeliverableError as failure:
            _log.warning("%s was not asked to confirm its subscription: %s", subscription.endpoint, failure)
        return Settled()

    def _message_of(self, payload: Payload) -> Message | None:
        if "message" in payload:
            return Message.from_json(payload["message"])
        kept = message_repository.kept_message(self._store.read, payload["shared"])
        return None if kept is None else Message.from_json(orjson.loads(kept))

    def _policy_of(self, subscription: Subscription) -> WebPolicy:
        """Return the delivery policy of an HTTP/S subscription; that of others says nothing."""
        if subscription.protocol not in WEB:
            return WebPolicy()
        topic = repository.topic(self._store.read, subscription.topic)
        of_topic = WebPolicy() if topic is None else topic.web_policy
        return delivery_policy.subscription_policy(subscription.settings.delivery_policy, of_topic)

    def _again(self, delivery: Delivery, policy: RetryPolicy) -> Retry | None:
        delay = policy.delay_before(delivery.attempts + 1)
        return None if delay is None else Retry(self._clock.now() + delay)

    def _lost(self, message: Message, subscription: Subscription, failure: Exception, release: Effect) -> Effect:
        """Return what becomes of a message that cannot be delivered: a dead letter, if the subscription wants one."""
        queue = subscription.settings.dead_letters
        _log.warning("message %s did not reach %s: %s", message.id, subscription.endpoint, failure)
        if queue is None:
            return release
        letter = letter_of(message, subscription, queue, self._renderer)
        name = subscription.topic
        topic = [name.scope.account, name.scope.region, name.name]
        payload = orjson.dumps({"letter": letter.as_json(), "topic": topic})
        # The letters of one group of a FIFO topic stay in their order.
        key = f"{subscription.id}/letters/{message.group}" if message.sequence is not None else ""
        return _both(release, partial(self._queue.add, payload=payload, key=key))


def _additions(transaction: Transaction, owed: Owed) -> list[Addition]:
    message, targets = owed.message, owed.targets
    members = message.as_json()
    if len(targets) > 1 and len(orjson.dumps(members)) * len(targets) > _MOST_COPIED_BYTES:
        number = message_repository.keep_message(transaction, orjson.dumps(members), len(targets))
        content: dict[str, object] = {"shared": number}
    else:
        content = {"message": members}
    is_fifo = message.sequence is not None
    return [
        Addition(orjson.dumps({"to": target.id, **content}), f"{target.id}/{message.group}" if is_fifo else "")
        for target in targets
    ]


def _releasing(payload: Payload) -> Effect:
    return partial(message_repository.release_message, number=payload["shared"]) if "shared" in payload else None


def _both(one: Effect, other: Effect) -> Effect:
    if one is None or other is None:
        return one or other
    first: Callable[[Transaction], None] = one
    second: Callable[[Transaction], None] = other

    def write(transaction: Transaction) -> None:
        first(transaction)
        second(transaction)

    return write
