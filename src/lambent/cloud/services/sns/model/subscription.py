"""Subscriptions: protocols and endpoints, attributes and their rules, and what is shown of them.

https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html,
https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson

from lambent.aws.arn import Arn, MalformedArnError
from lambent.aws.filter_policy import FilterPolicy, FilterPolicyError, parse_filter_policy
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.sns.errors import invalid_parameter, invalid_words
from lambent.cloud.services.sns.model import delivery_policy
from lambent.cloud.services.sns.model.delivery_policy import PolicyProblemError, WebPolicy
from lambent.cloud.services.sns.model.message import PHONE_NUMBER
from lambent.cloud.services.sns.model.names import TopicName

WEB: Final = frozenset({"http", "https"})
MAIL: Final = frozenset({"email", "email-json"})
PROTOCOLS: Final = frozenset({*WEB, *MAIL, "sms", "sqs", "lambda", "firehose"})
ATTRIBUTES_SCOPE: Final = "MessageAttributes"
BODY_SCOPE: Final = "MessageBody"
_NAMES: Final = frozenset(
    {
        "DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy", "ReplayPolicy",
        "SubscriptionRoleArn",
    }
)  # fmt: skip
_RAW_PROTOCOLS: Final = frozenset({*WEB, "sqs", "firehose"})
# https://docs.aws.amazon.com/sns/latest/dg/message-filtering-apply.html: that takes a filter policy away.
_NO_POLICY = re.compile(r"\s*\{\s*\}\s*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a subscription's attributes mean."""

    filter: FilterPolicy | None
    by_body: bool
    is_raw: bool
    dead_letters: str | None
    delivery_policy: str
    role: str | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription of a topic; `id` names it inside the store, `guid` is the last part of its ARN.

    `token` confirms it, `is_confirmed` says whether that was done, `needs_signature` whether only its owners may end
    it. `attributes` are those that were set, as text.
    """

    id: int
    topic: TopicName
    guid: str
    owner: str
    principal: str
    protocol: str
    endpoint: str
    is_confirmed: bool
    was_authenticated: bool
    needs_signature: bool
    token: str
    created: float
    attributes: Mapping[str, str]

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"{self.topic.arn}:{self.guid}"

    @property
    def settings(self) -> Settings:
        """What its attributes mean."""
        return settings_of(orjson.dumps(self.attributes).decode())

    def listed(self) -> dict[str, str]:
        """Return what the lists show of it."""
        return {
            "SubscriptionArn": self.arn if self.is_confirmed else "PendingConfirmation",
            "Owner": self.owner,
            "Protocol": self.protocol,
            "Endpoint": self.endpoint,
            "TopicArn": self.topic.arn,
        }

    def shown(self, of_topic: WebPolicy) -> dict[str, str]:
        """Return what GetSubscriptionAttributes answers."""
        attributes = {name: value for name, value in self.attributes.items() if value}
        if "FilterPolicy" in attributes:
            attributes.setdefault("FilterPolicyScope", ATTRIBUTES_SCOPE)
        else:
            attributes.pop("FilterPolicyScope", None)
        if self.protocol in WEB:
            policy = delivery_policy.subscription_policy(attributes.get("DeliveryPolicy", ""), of_topic)
            attributes["EffectiveDeliveryPolicy"] = delivery_policy.shown_for_subscription(policy)
        return {
            "SubscriptionArn": self.arn,
            "TopicArn": self.topic.arn,
            "Owner": self.owner,
            "Protocol": self.protocol,
            "Endpoint": self.endpoint,
            "SubscriptionPrincipal": self.principal,
            "ConfirmationWasAuthenticated": _flag(self.was_authenticated),
            "PendingConfirmation": _flag(not self.is_confirmed),
            "RawMessageDelivery": "false",
            **attributes,
        }


@lru_cache(maxsize=4096)
def settings_of(text: str) -> Settings:
    """Return what a subscription's attributes mean, given as they are kept: JSON that was checked when it was set."""
    attributes: Mapping[str, str] = orjson.loads(text)
    policy, redrive = attributes.get("FilterPolicy"), attributes.get("RedrivePolicy")
    by_body = attributes.get("FilterPolicyScope") == BODY_SCOPE
    return Settings(
        filter=parse_filter_policy(policy, nested=True) if policy else None,
        by_body=by_body,
        is_raw=attributes.get("RawMessageDelivery") == "true",
        dead_letters=orjson.loads(redrive).get("deadLetterTargetArn") if redrive else None,
        delivery_policy=attributes.get("DeliveryPolicy", ""),
        role=attributes.get("SubscriptionRoleArn"),
    )


def check_endpoint(topic: TopicName, protocol: str, endpoint: str) -> None:
    """Raise InvalidParameter for a protocol that there is not, and for an endpoint that is none of it."""
    if protocol == "application":
        raise invalid_parameter("Amazon SNS does not support this protocol string: application (not offered here)")
    if protocol not in PROTOCOLS:
        raise invalid_parameter(f"Amazon SNS does not support this protocol string: {protocol}")
    if not endpoint:
        raise invalid_parameter("Endpoint Reason: no value for required parameter")
    _ENDPOINTS[protocol](protocol, endpoint)
    if protocol == "sqs" and endpoint.endswith(".fifo") and not topic.is_fifo:
        raise invalid_parameter(
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
        )
    if topic.is_fifo and protocol != "sqs":
        raise invalid_parameter(
            f"Invalid parameter: Protocol Reason: FIFO topics do not support the protocol: {protocol}"
        )


def new_attributes(topic: TopicName, protocol: str, endpoint: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of a new subscription; raises InvalidParameter."""
    refuse = _refusing("Attributes Reason: ")
    scope = given.get("FilterPolicyScope", ATTRIBUTES_SCOPE)
    for name, value in given.items():
        _check(_Setting(topic, protocol, endpoint, name, value, scope), refuse)
    if protocol == "firehose" and not given.get("SubscriptionRoleArn"):
        raise refuse("SubscriptionRoleArn: no value for required parameter")
    attributes = {name: _normal(name, value) for name, value in given.items()}
    return {name: value for name, value in attributes.items() if value or name != "FilterPolicy"}


def changed_attributes(subscription: Subscription, name: str, value: str) -> dict[str, str]:
    """Return a subscription's attributes with one set to another value; raises InvalidParameter."""
    scope = subscription.attributes.get("FilterPolicyScope", ATTRIBUTES_SCOPE)
    setting = _Setting(subscription.topic, subscription.protocol, subscription.endpoint, name, value, scope)
    _check(setting, _refusing(""))
    changed = {**subscription.attributes, name: _normal(name, value)}
    if not changed[name]:
        del changed[name]
    return changed


def differs(subscription: Subscription, attributes: Mapping[str, str]) -> bool:
    """Whether a subscription has another value for one of the attributes with which it is to be made again."""
    own = {"RawMessageDelivery": "false", "FilterPolicyScope": ATTRIBUTES_SCOPE, **subscription.attributes}
    return any(own.get(name, "") != value for name, value in attributes.items())


@dataclass(frozen=True, slots=True)
class _Setting:
    topic: TopicName
    protocol: str
    endpoint: str
    name: str
    value: str
    scope: str


_Refuse = Callable[[str], ServiceError]


def _refusing(prefix: str) -> _Refuse:
    return lambda what: invalid_parameter(prefix + what)


def _check(setting: _Setting, refuse: _Refuse) -> None:
    if setting.name not in _NAMES:
        raise refuse("AttributeName")
    check = _CHECKS.get(setting.name)
    if check is not None:
        check(setting, refuse)


def _check_raw(setting: _Setting, refuse: _Refuse) -> None:
    value = setting.value
    if value.lower() not in {"true", "false"}:
        raise refuse(f"RawMessageDelivery: Invalid value [{value}]. Must be true or false.")
    if value.lower() == "true" and setting.protocol not in _RAW_PROTOCOLS:
        raise refuse(
            f"RawMessageDelivery: Delivery protocol [{setting.protocol}] does not support raw message delivery."
        )


def _check_scope(setting: _Setting, refuse: _Refuse) -> None:
    if setting.value not in {ATTRIBUTES_SCOPE, BODY_SCOPE}:
        raise refuse(
            f"FilterPolicyScope: Invalid value [{setting.value}]. Please use either MessageBody or MessageAttributes"
        )


def _check_filter(setting: _Setting, refuse: _Refuse) -> None:
    if not _normal(setting.name, setting.value):
        return
    try:
        parse_filter_policy(setting.value, nested=setting.scope == BODY_SCOPE)
    except FilterPolicyError as problem:
        raise refuse(str(problem)) from problem


def _check_redrive(setting: _Setting, refuse: _Refuse) -> None:
    if not setting.value:
        return
    try:
        document = orjson.loads(setting.value)
    except orjson.JSONDecodeError as error:
        raise refuse("RedrivePolicy: failed to parse JSON.") from error
    target = document.get("deadLetterTargetArn") if isinstance(document, dict) else None
    try:
        arn = Arn.parse(target if isinstance(target, str) else "")
    except MalformedArnError as error:
        raise refuse("RedrivePolicy: deadLetterTargetArn is an invalid arn") from error
    if arn.service != "sqs":
        raise refuse("RedrivePolicy: deadLetterTargetArn is an invalid arn")
    is_fifo = arn.resource.endswith(".fifo")
    if setting.topic.is_fifo and setting.endpoint.endswith(".fifo") and not is_fifo:
        raise refuse("RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.")
    if is_fifo and not setting.topic.is_fifo:
        raise refuse("RedrivePolicy: must use a standard queue as DLQ for a subscription to a standard Topic.")


def _check_delivery(setting: _Setting, refuse: _Refuse) -> None:
    if setting.value and setting.protocol not in WEB:
        raise refuse(f"DeliveryPolicy: Delivery protocol [{setting.protocol}] does not support delivery policies.")
    try:
        delivery_policy.subscription_policy(setting.value, WebPolicy())
    except PolicyProblemError as problem:
        raise refuse(f"DeliveryPolicy: {problem}") from problem


def _check_replay(setting: _Setting, refuse: _Refuse) -> None:
    if setting.value:
        raise refuse("ReplayPolicy: messages are not archived here, so none can be replayed")


_CHECKS: Final[Mapping[str, Callable[[_Setting, _Refuse], None]]] = {
    "RawMessageDelivery": _check_raw,
    "FilterPolicyScope": _check_scope,
    "FilterPolicy": _check_filter,
    "RedrivePolicy": _check_redrive,
    "DeliveryPolicy": _check_delivery,
    "ReplayPolicy": _check_replay,
}


def _check_url(protocol: str, endpoint: str) -> None:
    if not endpoint.startswith(f"{protocol}://"):
        raise invalid_parameter("Endpoint must match the specified protocol")


def _check_email(_protocol: str, endpoint: str) -> None:
    if not _EMAIL.fullmatch(endpoint):
        raise invalid_parameter("Email address")


def _check_phone(_protocol: str, endpoint: str) -> None:
    if not PHONE_NUMBER.fullmatch(endpoint):
        raise invalid_words(f"Invalid SMS endpoint: {endpoint}")


def _check_arn(protocol: str, endpoint: str) -> None:
    named = {"sqs": "SQS", "lambda": "Lambda", "firehose": "Firehose"}[protocol]
    try:
        arn = Arn.parse(endpoint)
    except MalformedArnError as error:
        raise invalid_parameter(f"{named} endpoint ARN") from error
    kinds = {"lambda": "function", "firehose": "deliverystream"}
    if arn.service != protocol or arn.resource_type != kinds.get(protocol, ""):
        raise invalid_parameter(f"{named} endpoint ARN")


_ENDPOINTS: Final[Mapping[str, Callable[[str, str], None]]] = {
    **dict.fromkeys(WEB, _check_url),
    **dict.fromkeys(MAIL, _check_email),
    **dict.fromkeys(("sqs", "lambda", "firehose"), _check_arn),
    "sms": _check_phone,
}


def _normal(name: str, value: str) -> str:
    if name == "FilterPolicy" and _NO_POLICY.fullmatch(value):
        return ""
    return value.lower() if name == "RawMessageDelivery" else value


def _flag(value: Any) -> str:  # Any: whatever is taken as true or false
    return "true" if value else "false"
