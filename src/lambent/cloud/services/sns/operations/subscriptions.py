"""Subscriptions: made, confirmed, ended, listed, and their attributes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from lambent.base.identifiers import IdSource
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import page_read
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.sns import repository
from lambent.cloud.services.sns.deliveries import SnsDeliveries
from lambent.cloud.services.sns.errors import (
    invalid_parameter,
    invalid_words,
    not_authorized,
    subscription_not_found,
    too_many_filter_policies,
)
from lambent.cloud.services.sns.model import subscription as model
from lambent.cloud.services.sns.model import topic as topics
from lambent.cloud.services.sns.model.names import is_token, subscription_of, token_with, topic_of
from lambent.cloud.services.sns.model.subscription import MAIL, WEB, Subscription
from lambent.cloud.services.sns.model.topic import Topic
from lambent.cloud.services.sns.operations.common import PAGE, listing, position_of, the_subscription, the_topic
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction

PENDING_S: Final = 2 * 86_400.0
"""How long a subscription may wait to be confirmed: https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html."""
_TOKEN_DIGITS: Final = 268
_MOST_FILTERS: Final = 200


class SubscriptionOperations:
    """The operations on subscriptions."""

    def __init__(self, store: Store, deliveries: SnsDeliveries, ids: IdSource) -> None:
        self._store = store
        self._deliveries = deliveries
        self._ids = ids

    @operation("Subscribe")
    async def subscribe(self, context: RequestContext, parameters: Parameters) -> Result:
        """Subscribe an endpoint; whom AWS does not know to be the caller's must confirm it."""
        topic = the_topic(self._store.read, context, parameters["TopicArn"])
        new = self._new(context, topic, parameters)
        made = await self._store.write(lambda transaction: self._subscribe(transaction, context, new))
        shows_arn = made.is_confirmed or parameters.get("ReturnSubscriptionArn")
        return {"SubscriptionArn": made.arn if shows_arn else "pending confirmation"}

    def _new(self, context: RequestContext, topic: Topic, parameters: Parameters) -> Subscription:
        protocol, endpoint = parameters["Protocol"], parameters.get("Endpoint") or ""
        model.check_endpoint(topic.name, protocol, endpoint)
        given: Mapping[str, str] = parameters.get("Attributes") or {}
        caller = context.caller
        is_own = protocol not in WEB | MAIL and (protocol != "sqs" or endpoint.split(":")[4] == caller.account)
        return Subscription(
            id=0,
            topic=topic.name,
            guid=self._ids.uuid(),
            owner=caller.account,
            principal=caller.arn,
            protocol=protocol,
            endpoint=endpoint,
            is_confirmed=is_own,
            was_authenticated=is_own,
            needs_signature=False,
            token=token_with(topic.name.scope.region, self._ids.hex(_TOKEN_DIGITS)),
            created=context.now,
            attributes=model.new_attributes(topic.name, protocol, endpoint, given),
        )

    def _subscribe(self, transaction: Transaction, context: RequestContext, new: Subscription) -> Subscription:
        topic = the_topic(transaction, context, new.topic.arn)
        found = repository.subscription_of_endpoint(transaction, topic.id, new.protocol, new.endpoint)
        if found is not None and found.is_confirmed:
            if model.differs(found, new.attributes):
                raise invalid_parameter("Attributes Reason: Subscription already exists with different attributes")
            return found
        _check_filters(transaction, topic, new)
        topics.check_large(topic, repository.protocols(transaction, topic.id) | {new.protocol})
        if found is None:
            kept = dataclasses.replace(new, id=repository.add_subscription(transaction, topic.id, new))
        else:
            kept = dataclasses.replace(found, attributes=new.attributes)
            repository.change_subscription(transaction, kept)
        if not kept.is_confirmed:
            self._deliveries.ask(transaction, kept, self._ids.uuid())
        return kept

    @operation("ConfirmSubscription")
    async def confirm(self, context: RequestContext, parameters: Parameters) -> Result:
        """Confirm a subscription with the token that its endpoint was sent."""
        topic_of(parameters["TopicArn"], context.scope)
        token = parameters["Token"]
        if not is_token(token):
            raise invalid_words("Invalid token")
        wants_signature = (parameters.get("AuthenticateOnUnsubscribe") or "").lower() == "true"

        def work(transaction: Transaction) -> Subscription:
            found = repository.subscription_by_token(transaction, token)
            if found is None or found.topic.arn != parameters["TopicArn"]:
                raise invalid_parameter("Token")
            if found.is_confirmed:
                return found
            if context.now > found.created + PENDING_S:
                raise invalid_parameter("Token")
            is_signed = context.caller.kind != "anonymous"
            kept = dataclasses.replace(
                found,
                is_confirmed=True,
                was_authenticated=is_signed and wants_signature,
                needs_signature=is_signed and wants_signature,
            )
            repository.change_subscription(transaction, kept)
            return kept

        return {"SubscriptionArn": (await self._store.write(work)).arn}

    @operation("Unsubscribe")
    async def unsubscribe(self, context: RequestContext, parameters: Parameters) -> Result:
        """End a subscription; one that is not there has ended already."""
        named = subscription_of(parameters["SubscriptionArn"], context.scope)
        caller = context.caller

        def work(transaction: Transaction) -> None:
            found = repository.subscription(transaction, *named)
            if found is None:
                return
            is_owner = caller.account in {found.owner, found.topic.scope.account}
            if not is_owner and (found.needs_signature or caller.kind != "anonymous"):
                raise not_authorized(caller.arn, "SNS:Unsubscribe", found.arn)
            repository.delete_subscription(transaction, found.id)

        await self._store.write(work)
        return {}

    @operation("ListSubscriptions")
    async def list(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the account's subscriptions."""
        after = _after(parameters)
        return _listing(repository.subscriptions(self._store.read, context.scope, after, PAGE + 1))

    @operation("ListSubscriptionsByTopic")
    async def list_by_topic(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of a topic's subscriptions."""
        topic = the_topic(self._store.read, context, parameters["TopicArn"])
        return _listing(repository.subscriptions_of(self._store.read, topic.id, _after(parameters), PAGE + 1))

    @operation("GetSubscriptionAttributes")
    async def get_attributes(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a subscription's attributes."""
        found = the_subscription(self._store.read, context, parameters["SubscriptionArn"])
        _check_owner(context, found, "SNS:GetSubscriptionAttributes")
        topic = repository.topic(self._store.read, found.topic)
        if topic is None:
            raise subscription_not_found()
        return {"Attributes": found.shown(topic.web_policy)}

    @operation("SetSubscriptionAttributes")
    async def set_attribute(self, context: RequestContext, parameters: Parameters) -> Result:
        """Set one of a subscription's attributes."""
        name, value = parameters["AttributeName"], parameters.get("AttributeValue") or ""

        def work(transaction: Transaction) -> None:
            found = the_subscription(transaction, context, parameters["SubscriptionArn"])
            _check_owner(context, found, "SNS:SetSubscriptionAttributes")
            kept = dataclasses.replace(found, attributes=model.changed_attributes(found, name, value))
            if "FilterPolicy" not in found.attributes:
                _check_filters(transaction, the_topic(transaction, context, found.topic.arn), kept)
            repository.change_subscription(transaction, kept)

        await self._store.write(work)
        return {}


def _after(parameters: Parameters) -> int:
    position = position_of(parameters.get("NextToken"))
    if position and not position.isdecimal():
        raise invalid_parameter("NextToken")
    return int(position or 0)


def _listing(found: Sequence[Subscription]) -> Result:
    page = page_read(found, lambda one: str(one.id), limit=PAGE)
    return listing("Subscriptions", page, Subscription.listed)


def _check_filters(reader: Reader, topic: Topic, kept: Subscription) -> None:
    if "FilterPolicy" in kept.attributes and repository.count_of_filters(reader, topic.id) >= _MOST_FILTERS:
        raise too_many_filter_policies()


def _check_owner(context: RequestContext, found: Subscription, action: str) -> None:
    if context.caller.account not in {found.owner, found.topic.scope.account}:
        raise not_authorized(context.caller.arn, action, found.arn)
