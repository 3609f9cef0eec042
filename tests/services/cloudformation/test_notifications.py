"""Stack events told to SNS topics."""

from __future__ import annotations

import json

import pytest

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import Stacks, groups
from tests.services.queue_policies import FROM_SERVICES


@pytest.mark.timeout(60)
def test_every_event_of_a_stack_reaches_its_topics(aws: ClientFactory, account: str) -> None:
    stacks = Stacks(aws("cloudformation"))
    sns, sqs = aws("sns"), aws("sqs")
    topic = sns.create_topic(Name="events")["TopicArn"]
    queue = sqs.create_queue(QueueName="events", Attributes=FROM_SERVICES)["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{account}:events")
    gone = topic.replace(":events", ":nobody")
    made = stacks.create(
        "s", groups(A={"LogGroupName": "a"}), NotificationARNs=[gone, topic], ClientRequestToken="the-token"
    )
    events = list(reversed(stacks.client.describe_stack_events(StackName="s")["StackEvents"]))
    told: list[dict[str, str]] = []
    while len(told) < len(events):
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5, MaxNumberOfMessages=10).get(
            "Messages", ()
        ):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            body = json.loads(message["Body"])
            assert body["Subject"] == "AWS CloudFormation Notification"
            told.append(dict(line.split("=", 1) for line in body["Message"].splitlines()))
    by_id = {one["EventId"].strip("'"): one for one in told}
    for event in events:
        one = {name: value.strip("'") for name, value in by_id[event["EventId"]].items()}
        assert one["StackId"] == made["StackId"]
        assert one["StackName"] == "s"
        assert one["Namespace"] == account
        assert one["LogicalResourceId"] == event["LogicalResourceId"]
        assert one["PhysicalResourceId"] == event.get("PhysicalResourceId", "")
        assert one["ResourceStatus"] == event["ResourceStatus"]
        assert one["ResourceStatusReason"] == event.get("ResourceStatusReason", "")
        assert one["ResourceType"] == event["ResourceType"]
        assert one["ResourceProperties"] == event.get("ResourceProperties", "null")
        assert one["ClientRequestToken"] == "the-token"
        assert one["Timestamp"].endswith("Z")
