"""Stacks of topics, subscriptions and their policies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import Stacks

Template = dict[str, Any]  # Any: a template


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    return Stacks(aws("cloudformation"))


def body(**resources: Template) -> Template:
    return {"Resources": {name: {"Type": one.pop("Type"), "Properties": one} for name, one in resources.items()}}


def topics(display: str, endpoint: str, scope: str, action: str) -> Template:
    topic = {"Ref": "Topic"}
    statement = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": action, "Resource": topic}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    key = "a" if scope == "MessageAttributes" else "b"
    return body(
        Topic={
            "Type": "AWS::SNS::Topic",
            "TopicName": "made",
            "DisplayName": display,
            "TracingConfig": "Active",
            "SignatureVersion": "2",
            "Subscription": [{"Protocol": "sms", "Endpoint": endpoint}],
            "Tags": [{"Key": "display", "Value": display}],
            "DeliveryStatusLogging": [
                {"Protocol": "http/s", "SuccessFeedbackRoleArn": "arn:aws:iam::123456789012:role/r"}
            ],
        },
        Told={
            "Type": "AWS::SNS::Subscription",
            "TopicArn": topic,
            "Protocol": "sqs",
            "Endpoint": {"Fn::Sub": "arn:aws:sqs:us-east-1:${AWS::AccountId}:q"},
            "RawMessageDelivery": True,
            "FilterPolicyScope": scope,
            "FilterPolicy": {key: ["x"]} if scope == "MessageAttributes" else {"nested": {key: ["x"]}},
        },
        Policy={"Type": "AWS::SNS::TopicPolicy", "PolicyDocument": policy, "Topics": [topic]},
        Ordered={
            "Type": "AWS::SNS::Topic",
            "FifoTopic": True,
            "ContentBasedDeduplication": True,
            "FifoThroughputScope": "MessageGroup",
            "ArchivePolicy": {"MessageRetentionPeriod": 30},
        },
        Inline={
            "Type": "AWS::SNS::TopicInlinePolicy",
            "TopicArn": {"Ref": "Ordered"},
            "PolicyDocument": {**policy, "Statement": [{**statement, "Resource": {"Ref": "Ordered"}}]},
        },
    )


@pytest.mark.timeout(90)
def test_topics_are_made_changed_and_removed(stacks: Stacks, aws: ClientFactory, account: str) -> None:
    sns = aws("sns")
    made = topics("One", "+15551234567", "MessageAttributes", "sns:Publish")
    assert stacks.create("s", made)["StackStatus"] == "CREATE_COMPLETE", stacks.events("s")
    topic = f"arn:aws:sns:us-east-1:{account}:made"

    def shown() -> dict[str, str]:
        return dict(sns.get_topic_attributes(TopicArn=topic)["Attributes"])

    def told() -> dict[str, str]:
        found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        arn = next(one["SubscriptionArn"] for one in found if one["Protocol"] == "sqs")
        return dict(sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"])

    first = shown()
    assert (first["DisplayName"], first["TracingConfig"], first["SignatureVersion"]) == ("One", "Active", "2")
    assert first["HTTPSuccessFeedbackRoleArn"].endswith("role/r")
    assert json.loads(first["Policy"])["Statement"][0]["Action"] == "sns:Publish"
    tags = {one["Key"]: one["Value"] for one in sns.list_tags_for_resource(ResourceArn=topic)["Tags"]}
    assert (tags["display"], tags["aws:cloudformation:stack-name"]) == ("One", "s")
    assert (told()["RawMessageDelivery"], told()["FilterPolicyScope"]) == ("true", "MessageAttributes")
    (fifo,) = (one["TopicArn"] for one in sns.list_topics()["Topics"] if one["TopicArn"].endswith(".fifo"))
    ordered = sns.get_topic_attributes(TopicArn=fifo)["Attributes"]
    assert (ordered["ContentBasedDeduplication"], ordered["FifoThroughputScope"]) == ("true", "MessageGroup")
    assert json.loads(ordered["ArchivePolicy"]) == {"MessageRetentionPeriod": 30}
    assert json.loads(ordered["Policy"])["Statement"][0]["Resource"] == fifo

    changed = topics("Two", "+15557654321", "MessageBody", "sns:Subscribe")
    assert stacks.update("s", changed)["StackStatus"] == "UPDATE_COMPLETE", stacks.events("s")
    assert shown()["DisplayName"] == "Two"
    assert json.loads(shown()["Policy"])["Statement"][0]["Action"] == "sns:Subscribe"
    assert json.loads(told()["FilterPolicy"]) == {"nested": {"b": ["x"]}}
    endpoints = {one["Endpoint"] for one in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]}
    assert endpoints == {"+15557654321", f"arn:aws:sqs:us-east-1:{account}:q"}
    tags = {one["Key"]: one["Value"] for one in sns.list_tags_for_resource(ResourceArn=topic)["Tags"]}
    assert tags["display"] == "Two"

    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")
    assert sns.list_topics()["Topics"] == sns.list_subscriptions()["Subscriptions"] == []
