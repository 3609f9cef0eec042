"""What an endpoint is sent: JSON of a message, or of a request to confirm, in the order of members that AWS has.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol
from urllib.parse import quote

import orjson

from lambent.cloud.services.sns.model.message import Message
from lambent.cloud.services.sns.model.subscription import Subscription

NOTIFICATION: Final = "Notification"
CONFIRMATION: Final = "SubscriptionConfirmation"
# What is signed, in this order: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
_SIGNED: Final = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_REQUEST: Final = (
    "You have chosen to subscribe to the topic {topic}.\n"
    "To confirm the subscription, visit the SubscribeURL included in this message."
)


class Signer(Protocol):
    """Signs what is sent."""

    @property
    def certificate_url(self) -> str:
        """Where the certificate of the key is to be had."""

    def sign(self, text: str, version: str) -> str:
        """Return the signature of a text, in base64; version 1 takes SHA-1, version 2 SHA-256."""


@dataclass(frozen=True, slots=True)
class Renderer:
    """Makes what is sent; `endpoint_url` is where whoever gets it finds the platform."""

    endpoint_url: str
    signer: Signer

    def notification(self, message: Message, subscription: Subscription) -> str:
        """Return what queues and HTTP/S endpoints get of a message; FIFO topics do not sign."""
        kept = _core(NOTIFICATION, message, message.text_for(subscription.protocol))
        if message.sequence is None:
            kept |= self._signature(kept, message.signature_version, "SigningCertURL")
        kept["UnsubscribeURL"] = self.unsubscribe_url(subscription)
        return _pretty(kept, _shown_attributes(message))

    def event(self, message: Message, subscription: Subscription) -> bytes:
        """Return the event of a function: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html."""
        core = _core(NOTIFICATION, message, message.text_for(subscription.protocol))
        signature = self._signature(core, message.signature_version, "SigningCertUrl")
        notification = {
            "Type": core["Type"],
            "MessageId": core["MessageId"],
            "TopicArn": core["TopicArn"],
            "Subject": message.subject,
            "Message": core["Message"],
            "Timestamp": core["Timestamp"],
            **signature,
            "UnsubscribeUrl": self.unsubscribe_url(subscription),
            "MessageAttributes": _shown_attributes(message),
        }
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription.arn,
            "Sns": notification,
        }
        return orjson.dumps({"Records": [record]})

    def request(self, message_id: str, subscription: Subscription, at_ms: int) -> str:
        """Return what asks an endpoint to confirm its subscription."""
        topic = subscription.topic.arn
        kept = {
            "Type": CONFIRMATION,
            "MessageId": message_id,
            "Token": subscription.token,
            "TopicArn": topic,
            "Message": _REQUEST.format(topic=topic),
            "SubscribeURL": self.subscribe_url(subscription),
            "Timestamp": timestamp(at_ms),
        }
        return _pretty({**kept, **self._signature(kept, "1", "SigningCertURL")}, {})

    def subscribe_url(self, subscription: Subscription) -> str:
        """Return what is visited to confirm a subscription."""
        topic, token = subscription.topic.arn, subscription.token
        return f"{self.endpoint_url}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}"

    def unsubscribe_url(self, subscription: Subscription) -> str:
        """Return what is visited to end a subscription."""
        return f"{self.endpoint_url}/?Action=Unsubscribe&SubscriptionArn={quote(subscription.arn, safe=':')}"

    def _signature(self, signed: Mapping[str, str], version: str, url: str) -> dict[str, str]:
        signature = self.signer.sign(canonical(signed), version)
        return {"SignatureVersion": version, "Signature": signature, url: self.signer.certificate_url}


def canonical(members: Mapping[str, str]) -> str:
    r"""Return the text that is signed.

    >>> canonical({"Type": "Notification", "Message": "hello", "SignatureVersion": "1"})
    'Message\nhello\nType\nNotification\n'
    """
    return "".join(f"{name}\n{members[name]}\n" for name in _SIGNED if name in members)


def timestamp(at_ms: int) -> str:
    """Return a moment as messages show it.

    >>> timestamp(1_700_000_000_123)
    '2023-11-14T22:13:20.123Z'
    """
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def _core(kind: str, message: Message, text: str) -> dict[str, str]:
    found = {"Type": kind, "MessageId": message.id}
    if message.sequence is not None:
        found["SequenceNumber"] = message.sequence
    found["TopicArn"] = message.topic
    if message.subject is not None:
        found["Subject"] = message.subject
    return {**found, "Message": text, "Timestamp": timestamp(message.published_ms)}


def _shown_attributes(message: Message) -> dict[str, dict[str, str]]:
    return {
        name: {"Type": one["DataType"], "Value": one.get("StringValue") or one.get("BinaryValue", "")}
        for name, one in message.attributes.items()
    }


def _pretty(members: Mapping[str, str], attributes: Mapping[str, Mapping[str, str]]) -> str:
    """Return JSON with the line breaks and spaces that AWS's has."""
    lines = [f"  {json.dumps(name)} : {_text(value)}" for name, value in members.items()]
    if attributes:
        shown = [f"    {_text(name)} : {_compact(one)}" for name, one in attributes.items()]
        lines.append('  "MessageAttributes" : {\n' + ",\n".join(shown) + "\n  }")
    return "{\n" + ",\n".join(lines) + "\n}"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _compact(value: Mapping[str, str]) -> str:
    return orjson.dumps(value).decode()
