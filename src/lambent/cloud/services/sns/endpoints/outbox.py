"""E-mail and text messages: what would have been sent is kept, to be looked at under `/_lambent/outbox`.

https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from lambent.base.clock import Clock
from lambent.cloud.services.sns import message_repository
from lambent.cloud.services.sns.endpoints.contract import Effect
from lambent.cloud.services.sns.model.message import Message
from lambent.cloud.services.sns.model.notification import Renderer
from lambent.cloud.services.sns.model.subscription import Subscription
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Transaction

_SENDER: Final = "no-reply@sns.amazonaws.com"
_ASKED: Final = (
    "You have chosen to subscribe to the topic: \n{topic}\n\n"
    "To confirm this subscription, click or visit the link below (If this was in error no action is necessary): \n{url}"
)
_FOOT: Final = (
    "\n\n--\nIf you wish to stop receiving notifications from this topic, please click or visit the link below to"
    " unsubscribe:\n{url}\n\nPlease do not reply directly to this email."
)


class Outbox:
    """Puts into the outbox what is not sent from here."""

    def __init__(self, renderer: Renderer, clock: Clock) -> None:
        self._renderer = renderer
        self._clock = clock

    async def deliver(self, message: Message, subscription: Subscription) -> Effect:
        """Return what puts the message into the outbox."""
        text = message.text_for(subscription.protocol)
        if subscription.protocol == "email":
            text += _FOOT.format(url=self._renderer.unsubscribe_url(subscription))
        elif subscription.protocol == "email-json":
            text = self._renderer.notification(message, subscription)
        content: dict[str, object] = {**_named(subscription), "message_id": message.id, "body": text}
        if subscription.protocol != "sms":
            content["subject"] = message.subject or "AWS Notification Message"
        return self._putting(subscription.topic.scope, content)

    def ask(self, message_id: str, subscription: Subscription, at_ms: int) -> Effect:
        """Return what puts a request to confirm into the outbox, with the token that does so."""
        url = self._renderer.subscribe_url(subscription)
        if subscription.protocol == "email":
            body = _ASKED.format(topic=subscription.topic.arn, url=url)
        else:
            body = self._renderer.request(message_id, subscription, at_ms)
        content = {
            **_named(subscription),
            "message_id": message_id,
            "subject": "AWS Notification - Subscription Confirmation",
            "body": body,
            "token": subscription.token,
            "subscribe_url": url,
        }
        return self._putting(subscription.topic.scope, content)

    def text_message(self, transaction: Transaction, scope: Scope, content: Mapping[str, object]) -> None:
        """Put a text message that was published to a telephone number into the outbox."""
        message_repository.put_into_outbox(transaction, scope, self._clock.now(), {"protocol": "sms", **content})

    def _putting(self, scope: Scope, content: Mapping[str, object]) -> Effect:
        return partial(message_repository.put_into_outbox, scope=scope, sent=self._clock.now(), content=content)


def _named(subscription: Subscription) -> dict[str, object]:
    found: dict[str, object] = {
        "protocol": subscription.protocol,
        "to": subscription.endpoint,
        "topic_arn": subscription.topic.arn,
        "subscription_arn": subscription.arn,
    }
    return found if subscription.protocol == "sms" else {**found, "from": _SENDER}
