"""Topics: their attributes, which of them may be set, and what is shown of them.

https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import orjson

from lambent.cloud.services.sns.errors import invalid_parameter, invalid_words
from lambent.cloud.services.sns.model import delivery_policy
from lambent.cloud.services.sns.model.delivery_policy import PolicyProblemError, WebPolicy
from lambent.cloud.services.sns.model.message import MOST_BYTES
from lambent.cloud.services.sns.model.names import TopicName, is_topic_name

FIFO: Final = "FifoTopic"
POLICY: Final = "Policy"
DELIVERY_POLICY: Final = "DeliveryPolicy"
_FLAGS: Final = ("false", "true")
_FEEDBACK: Final = frozenset(
    f"{protocol}{what}"
    for protocol in ("HTTP", "Firehose", "Lambda", "Application", "SQS")
    for what in ("SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn")
)
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "SignatureVersion": ("1", "2"),
    "TracingConfig": ("PassThrough", "Active"),
    "FifoThroughputScope": ("Topic", "MessageGroup"),
    "ContentBasedDeduplication": _FLAGS,
    FIFO: _FLAGS,
}
_FIFO_ONLY: Final = frozenset({"ContentBasedDeduplication", "FifoThroughputScope", "ArchivePolicy"})
LARGEST: Final = "MaximumMessageSize"
_FREE: Final = frozenset({"DisplayName", "KmsMasterKeyId", POLICY, DELIVERY_POLICY, "ArchivePolicy", LARGEST})
_SETTABLE: Final = _FREE | _FEEDBACK | (_CHOICES.keys() - {FIFO})
_DISPLAY_NAME = re.compile(r"[^\x00-\x1f\x7f]{0,100}")
_GREATEST_ARCHIVE_DAYS: Final = 365
_WHOLE_RATE: Final = 100
_SMALLEST_LIMIT: Final = 1024
_GREATEST_LIMIT: Final = 1_048_576
_TAKING_LARGE: Final = frozenset({"sqs", "lambda", "firehose"})
_MOST_TAKING_LARGE: Final = 100
_ALL_ACTIONS: Final = (
    "GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "Subscribe",
    "ListSubscriptionsByTopic", "Publish",
)  # fmt: skip
# What a topic's policy may allow: https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
ACTIONS: Final = frozenset({*_ALL_ACTIONS, "Receive", "ListTagsForResource", "TagResource", "UntagResource"})
_LOWER_ACTIONS: Final = frozenset(action.lower() for action in ACTIONS)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic; `id` names it inside the store, `attributes` are those that were set, as text."""

    id: int
    name: TopicName
    attributes: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    data_protection: str = ""
    deleted_subscriptions: int = 0

    @property
    def arn(self) -> str:
        """Its ARN."""
        return self.name.arn

    @property
    def policy(self) -> Mapping[str, Any]:  # Any: a policy document
        """Its access policy."""
        return _document(self.attributes.get(POLICY) or default_policy(self.name))

    @property
    def web_policy(self) -> WebPolicy:
        """How messages to HTTP/S endpoints are tried again, where a subscription does not say."""
        return delivery_policy.topic_policy(self.attributes.get(DELIVERY_POLICY, ""))

    @property
    def signature_version(self) -> str:
        """With which hash its messages are signed: 1 is SHA-1, 2 is SHA-256."""
        return self.attributes.get("SignatureVersion", "1")

    @property
    def largest_message(self) -> int:
        """How many bytes a message may have."""
        return int(self.attributes.get(LARGEST) or MOST_BYTES)

    @property
    def deduplicates_by_content(self) -> bool:
        """Whether a message without a deduplication id is known by its body."""
        return self.attributes.get("ContentBasedDeduplication") == "true"

    @property
    def deduplicates_by_group(self) -> bool:
        """Whether messages of different groups are never each other's duplicates."""
        return self.attributes.get("FifoThroughputScope") == "MessageGroup"

    def shown(self, confirmed: int, pending: int) -> dict[str, str]:
        """Return what GetTopicAttributes answers."""
        fifo = {FIFO: "true", "ContentBasedDeduplication": "false"} if self.name.is_fifo else {}
        return {
            "TopicArn": self.arn,
            "Owner": self.name.scope.account,
            "DisplayName": "",
            **fifo,
            **{name: value for name, value in self.attributes.items() if value or name == "DisplayName"},
            POLICY: self.attributes.get(POLICY) or default_policy(self.name),
            "EffectiveDeliveryPolicy": delivery_policy.shown_for_topic(self.web_policy),
            "SubscriptionsConfirmed": str(confirmed),
            "SubscriptionsPending": str(pending),
            "SubscriptionsDeleted": str(self.deleted_subscriptions),
        }


def new_attributes(name: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of a new topic; raises InvalidParameter for a name or attributes that cannot be."""
    is_fifo = given.get(FIFO, "").lower() == "true"
    if not is_topic_name(name, is_fifo=is_fifo):
        raise invalid_parameter("Topic Name")
    for attribute, value in given.items():
        if attribute not in _SETTABLE and attribute != FIFO:
            raise invalid_parameter(f"Attributes Reason: Unknown attribute {attribute}")
        _check(attribute, value, is_fifo=is_fifo, prefix="Attributes Reason: ")
    return {attribute: _normal(attribute, value) for attribute, value in given.items() if attribute != FIFO}


def changed_attributes(topic: Topic, attribute: str, value: str) -> dict[str, str]:
    """Return a topic's attributes with one set to another value; raises InvalidParameter."""
    if attribute not in _SETTABLE:
        raise invalid_parameter("AttributeName")
    _check(attribute, value, is_fifo=topic.name.is_fifo, prefix="")
    changed = {**topic.attributes, attribute: _normal(attribute, value)}
    if not value and attribute != "DisplayName":
        del changed[attribute]
    return changed


def differs(topic: Topic, attributes: Mapping[str, str]) -> bool:
    """Whether a topic has another value for one of the attributes that it is to be created with, again."""
    shown = topic.shown(0, 0)
    return any(shown.get(name, "") != value for name, value in attributes.items())


def check_large(topic: Topic, protocols: frozenset[str], subscriptions: int = 0) -> None:
    """Raise InvalidParameter where a topic for large messages has subscriptions that cannot take them.

    https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html
    """
    if topic.largest_message <= MOST_BYTES:
        return
    if not protocols <= _TAKING_LARGE or subscriptions > _MOST_TAKING_LARGE:
        raise invalid_parameter(
            f"{LARGEST} Reason: A topic with a MaximumMessageSize above 256 KiB must have 100 or fewer subscriptions,"
            " and each must be an Amazon SQS, Amazon Data Firehose, or Lambda subscription"
        )


def check_data_protection(text: str) -> None:
    """Raise InvalidParameter for a data protection policy that is no JSON object."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise invalid_parameter("DataProtectionPolicy Reason: failed to parse JSON.") from error
    if not isinstance(document, dict):
        raise invalid_parameter("DataProtectionPolicy Reason: must be a JSON object")


@lru_cache(maxsize=1024)
def default_policy(name: TopicName) -> str:
    """Return the access policy of a topic that has none of its own: its owner may do everything.

    https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    """
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in _ALL_ACTIONS],
        "Resource": name.arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": name.scope.account}},
    }
    document = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    return orjson.dumps(document).decode()


def with_permission(topic: Topic, label: str, accounts: list[str], actions: list[str]) -> str:
    """Return a topic's policy with one statement more; raises InvalidParameter for a label that is there."""
    statements = _statements(topic)
    if any(statement.get("Sid") == label for statement in statements):
        raise invalid_words("Invalid parameter: Statement already exists")
    for action in actions:
        if action not in ACTIONS:
            raise invalid_words("Invalid parameter: Policy statement action out of service scope!")
    partition = topic.name.scope.partition
    principals = [f"arn:{partition}:iam::{account}:root" for account in accounts]
    named = [f"SNS:{action}" for action in actions]
    statement = {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": principals if len(principals) > 1 else principals[0]},
        "Action": named if len(named) > 1 else named[0],
        "Resource": topic.arn,
    }
    return orjson.dumps({**topic.policy, "Statement": [*statements, statement]}).decode()


def without_permission(topic: Topic, label: str) -> str:
    """Return a topic's policy without the statement of that label, or as it is."""
    kept = [statement for statement in _statements(topic) if statement.get("Sid") != label]
    return orjson.dumps({**topic.policy, "Statement": kept}).decode()


def _statements(topic: Topic) -> list[Mapping[str, Any]]:  # Any: as above
    found = topic.policy.get("Statement", [])
    return list(found) if isinstance(found, list) else [found]


@lru_cache(maxsize=1024)
def _document(text: str) -> Mapping[str, Any]:  # Any: as above
    parsed: Mapping[str, Any] = orjson.loads(text)  # Any: as above
    return parsed


def _normal(attribute: str, value: str) -> str:
    return value.lower() if _CHOICES.get(attribute) == _FLAGS else value


def _check(attribute: str, value: str, *, is_fifo: bool, prefix: str) -> None:
    if attribute in _FIFO_ONLY and not is_fifo:
        raise invalid_parameter(f"{prefix}{attribute}: can only be set on FIFO topics" if prefix else attribute)
    choices = _CHOICES.get(attribute)
    if choices is not None:
        if value not in choices and not (choices == _FLAGS and value.lower() in _FLAGS):
            raise invalid_parameter(f"{prefix}{attribute}: Invalid value [{value}]. Must be {' or '.join(choices)}.")
    elif attribute in _CHECKS:
        _CHECKS[attribute](value, prefix)
    elif attribute.endswith("SampleRate") and not (value.isdecimal() and int(value) <= _WHOLE_RATE):
        raise invalid_parameter(f"{prefix}{attribute}")


def _check_display_name(text: str, prefix: str) -> None:
    if not _DISPLAY_NAME.fullmatch(text):
        raise invalid_parameter(f"{prefix}DisplayName")


def _check_delivery_policy(text: str, prefix: str) -> None:
    try:
        delivery_policy.topic_policy(text)
    except PolicyProblemError as problem:
        raise invalid_parameter(f"{prefix}DeliveryPolicy: {problem}") from problem


def _check_largest(text: str, prefix: str) -> None:
    if text and not (text.isdecimal() and _SMALLEST_LIMIT <= int(text) <= _GREATEST_LIMIT):
        raise invalid_parameter(f"{prefix}{LARGEST}")


def _check_policy(text: str, prefix: str) -> None:
    if not text:
        return
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise invalid_parameter(f"{prefix}Policy Error: null") from error
    statements = document.get("Statement") if isinstance(document, dict) else None
    listed = [one for one in (statements if isinstance(statements, list) else [statements]) if isinstance(one, dict)]
    if not listed or not all(one.get("Effect") in {"Allow", "Deny"} for one in listed):
        raise invalid_parameter(f"{prefix}Policy Error: null")
    if not all("Principal" in one or "NotPrincipal" in one for one in listed):
        raise invalid_parameter(f"{prefix}Policy statement must contain principals")
    for action in (action for one in listed for action in _actions(one)):
        service, _, name = action.partition(":")
        is_known = "*" in name or name.lower() in _LOWER_ACTIONS
        if action != "*" and not (service.lower() == "sns" and is_known):
            raise invalid_parameter(f"{prefix}Policy statement action out of service scope!")


def _actions(statement: Mapping[str, object]) -> list[str]:
    actions = statement.get("Action", [])
    return [str(action) for action in actions] if isinstance(actions, list) else [str(actions)]


def _check_archive(text: str, prefix: str) -> None:
    if not text:
        return
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise invalid_parameter(f"{prefix}ArchivePolicy: failed to parse JSON.") from error
    days = document.get("MessageRetentionPeriod") if isinstance(document, dict) else None
    count = int(days) if isinstance(days, int | str) and str(days).isdecimal() else 0
    if document != {} and not 1 <= count <= _GREATEST_ARCHIVE_DAYS:
        raise invalid_parameter(f"{prefix}ArchivePolicy: MessageRetentionPeriod must be between 1 and 365 days")


_CHECKS: Final[Mapping[str, Callable[[str, str], None]]] = {
    "DisplayName": _check_display_name,
    POLICY: _check_policy,
    DELIVERY_POLICY: _check_delivery_policy,
    LARGEST: _check_largest,
    "ArchivePolicy": _check_archive,
}
