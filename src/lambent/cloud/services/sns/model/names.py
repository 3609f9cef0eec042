"""ARNs of topics and subscriptions, and tokens of subscriptions that are to be confirmed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lambent.cloud.services.sns.errors import invalid_parameter, malformed_arn
from lambent.cloud.store.scope import Scope

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,251}\.fifo", re.ASCII)
_ARN_PARTS = 6
_SUBSCRIPTION_PARTS = 7
_TOKEN = re.compile(r"[0-9a-f]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class TopicName:
    """Which topic: where it is, and its name."""

    scope: Scope
    name: str

    @property
    def arn(self) -> str:
        """Its ARN."""
        scope = self.scope
        return f"arn:{scope.partition}:sns:{scope.region}:{scope.account}:{self.name}"

    @property
    def is_fifo(self) -> bool:
        """Whether it is the name of a FIFO topic."""
        return self.name.endswith(".fifo")


def topic_of(arn: str, scope: Scope, *, parameter: str = "TopicArn") -> TopicName:
    """Return the topic that an ARN names; raises InvalidParameter for no ARN, and for one of another region."""
    parts = arn.split(":")
    if len(parts) < _ARN_PARTS:
        raise malformed_arn(parameter, len(parts))
    _, _, service, region, account, name, *rest = parts
    if service != "sns" or region != scope.region or rest:
        raise invalid_parameter(parameter)
    return TopicName(Scope(account, region), name)


def subscription_of(arn: str, scope: Scope) -> tuple[TopicName, str]:
    """Return the topic and the id in a subscription's ARN; raises InvalidParameter."""
    parts = arn.split(":")
    if len(parts) < _ARN_PARTS:
        raise malformed_arn("SubscriptionArn", len(parts))
    if len(parts) != _SUBSCRIPTION_PARTS:
        raise invalid_parameter("SubscriptionId")
    return topic_of(":".join(parts[:_ARN_PARTS]), scope, parameter="SubscriptionArn"), parts[-1]


def is_topic_name(name: str, *, is_fifo: bool) -> bool:
    """Whether a topic may be called so.

    https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
    """
    return (_FIFO_NAME if is_fifo else _NAME).fullmatch(name) is not None


def token_with(region: str, digits: str) -> str:
    """Return the token of a subscription: hexadecimal digits that begin with the region, as AWS's do.

    >>> token_with("eu-west-1", "ab")
    '65752d776573742d312fab'
    """
    return f"{region}/".encode().hex() + digits


def is_token(text: str) -> bool:
    """Whether a text has the form of a token."""
    return _TOKEN.fullmatch(text) is not None and len(text) % 2 == 0
