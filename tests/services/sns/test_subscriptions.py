"""Subscriptions: made, changed, listed and ended."""

from __future__ import annotations

import json

import pytest

from tests.services.sns.conftest import Client, outcome

PHONE = "+15551234567"
FIFO_QUEUE = (
    "Invalid parameter: Invalid parameter: Endpoint Reason:"
    " FIFO SQS Queues can not be subscribed to standard SNS topics"
)
REDACTED = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"


def queue_arn(account: str, name: str = "q") -> str:
    return f"arn:aws:sqs:us-east-1:{account}:{name}"


@pytest.fixture
def topic(sns: Client) -> str:
    return str(sns.create_topic(Name="t")["TopicArn"])


def test_a_subscription_shows_what_it_was_made_with(sns: Client, topic: str, account: str) -> None:
    made = sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue_arn(account), Attributes={"RawMessageDelivery": "True"}
    )["SubscriptionArn"]
    assert made.startswith(f"{topic}:")
    assert sns.get_subscription_attributes(SubscriptionArn=made)["Attributes"] == {
        "SubscriptionArn": made,
        "TopicArn": topic,
        "Owner": account,
        "Protocol": "sqs",
        "Endpoint": queue_arn(account),
        "SubscriptionPrincipal": f"arn:aws:iam::{account}:root",
        "ConfirmationWasAuthenticated": "true",
        "PendingConfirmation": "false",
        "RawMessageDelivery": "true",
    }
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed == sns.list_subscriptions()["Subscriptions"]
    assert listed == [
        {
            "SubscriptionArn": made,
            "Owner": account,
            "Protocol": "sqs",
            "Endpoint": queue_arn(account),
            "TopicArn": topic,
        }
    ]
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"] == "1"


def test_subscribing_again_returns_the_subscription_unless_it_differs(sns: Client, topic: str, account: str) -> None:
    given = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue_arn(account)}
    made = sns.subscribe(**given, Attributes={"RawMessageDelivery": "true"})["SubscriptionArn"]
    assert sns.subscribe(**given)["SubscriptionArn"] == made
    assert sns.subscribe(**given, Attributes={"RawMessageDelivery": "true"})["SubscriptionArn"] == made
    assert outcome(sns.subscribe, **given, Attributes={"RawMessageDelivery": "false"}) == (
        400,
        "InvalidParameter",
        "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
    )


@pytest.mark.parametrize(
    ("protocol", "endpoint", "message"),
    [
        ("post", "x", "Invalid parameter: Amazon SNS does not support this protocol string: post"),
        ("http", "https://a.example", "Invalid parameter: Endpoint must match the specified protocol"),
        ("sqs", "http://localhost/1/q", "Invalid parameter: SQS endpoint ARN"),
        ("lambda", "arn:aws:sqs:us-east-1:123456789012:q", "Invalid parameter: Lambda endpoint ARN"),
        ("sms", "NAA+15551234567", "Invalid SMS endpoint: NAA+15551234567"),
        ("email", "nobody", "Invalid parameter: Email address"),
        ("sqs", "arn:aws:sqs:us-east-1:123456789012:q.fifo",
         FIFO_QUEUE),
    ],
)  # fmt: skip
def test_endpoints_that_cannot_be_are_refused(
    sns: Client, topic: str, protocol: str, endpoint: str, message: str
) -> None:
    refused = outcome(sns.subscribe, TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    assert refused == (400, "InvalidParameter", message)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Nothing", "x", "AttributeName"),
        ("RawMessageDelivery", "wrong", "RawMessageDelivery: Invalid value [wrong]. Must be true or false."),
        ("FilterPolicyScope", "Other",
         "FilterPolicyScope: Invalid value [Other]. Please use either MessageBody or MessageAttributes"),
        ("RedrivePolicy", '{"deadLetterTargetArn": "x"}', "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        ("FilterPolicy", '{"a": {"b": ["c"]}}',
         "Filter policy scope MessageAttributes does not support nested filter policy"),
        ("FilterPolicy", '{"a":"b"}',
         f'FilterPolicy: "a" must be an object or an array\n at [Source: {REDACTED}; line: 1, column: 7]'),
        ("ReplayPolicy", "{}", "ReplayPolicy: messages are not archived here, so none can be replayed"),
    ],
)  # fmt: skip
def test_attributes_that_cannot_be_are_refused_when_made_and_when_set(
    sns: Client, topic: str, name: str, value: str, message: str
) -> None:
    given = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": topic.replace(":sns:", ":sqs:")}
    refused = outcome(sns.subscribe, **given, Attributes={name: value})
    assert refused == (400, "InvalidParameter", f"Invalid parameter: Attributes Reason: {message}")
    made = sns.subscribe(**given)["SubscriptionArn"]
    setting = {"SubscriptionArn": made, "AttributeName": name, "AttributeValue": value}
    refused = outcome(sns.set_subscription_attributes, **setting)
    assert refused == (400, "InvalidParameter", f"Invalid parameter: {message}")


def test_a_filter_policy_shows_its_scope_and_goes_when_it_is_emptied(sns: Client, topic: str, account: str) -> None:
    made = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn(account))["SubscriptionArn"]

    def put(name: str, value: str) -> dict[str, str]:
        sns.set_subscription_attributes(SubscriptionArn=made, AttributeName=name, AttributeValue=value)
        return dict(sns.get_subscription_attributes(SubscriptionArn=made)["Attributes"])

    assert "FilterPolicyScope" not in put("FilterPolicyScope", "MessageBody")
    nested = json.dumps({"a": {"b": ["c"]}})
    shown = put("FilterPolicy", nested)
    assert (shown["FilterPolicy"], shown["FilterPolicyScope"]) == (nested, "MessageBody")
    assert not {"FilterPolicy", "FilterPolicyScope"} & put("FilterPolicy", "").keys()


def test_an_empty_filter_policy_is_none(sns: Client, topic: str, account: str) -> None:
    made = sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue_arn(account), Attributes={"FilterPolicy": "{}"}
    )["SubscriptionArn"]

    def put(policy: str) -> str | None:
        sns.set_subscription_attributes(SubscriptionArn=made, AttributeName="FilterPolicy", AttributeValue=policy)
        shown: str | None = sns.get_subscription_attributes(SubscriptionArn=made)["Attributes"].get("FilterPolicy")
        return shown

    assert "FilterPolicy" not in sns.get_subscription_attributes(SubscriptionArn=made)["Attributes"]
    assert put('{"a": ["b"]}') == '{"a": ["b"]}'
    assert put("{ }") is None


def test_an_ended_subscription_is_gone(sns: Client, topic: str) -> None:
    made = sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=PHONE)["SubscriptionArn"]
    for _ in range(2):
        sns.unsubscribe(SubscriptionArn=made)
    assert sns.list_subscriptions()["Subscriptions"] == []
    gone = (404, "NotFound", "Subscription does not exist")
    assert outcome(sns.get_subscription_attributes, SubscriptionArn=made) == gone
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsDeleted"] == "1"
    assert outcome(sns.unsubscribe, SubscriptionArn="x")[2].startswith(
        "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements"
    )


def test_tokens_that_confirm_nothing_are_refused(sns: Client, topic: str) -> None:
    for token, message in (("random", "Invalid token"), ("51b2ff3e", "Invalid parameter: Token")):
        refused = outcome(sns.confirm_subscription, TopicArn=topic, Token=token)
        assert refused == (400, "InvalidParameter", message)


def test_subscriptions_are_listed_in_pages(sns: Client, topic: str) -> None:
    for number in range(101):
        sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=f"+1555{number:07d}")
    pages = list(sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic))
    assert [len(page["Subscriptions"]) for page in pages] == [100, 1]
    assert sum(len(page["Subscriptions"]) for page in sns.get_paginator("list_subscriptions").paginate()) == 101
