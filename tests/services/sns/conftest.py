"""Queues that are subscribed to topics, and what has arrived in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory
from tests.waiting import eventually

Client = Any  # boto3's clients are made at run time
Message = dict[str, Any]  # Any: as boto3 has it


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and what has arrived in it."""

    client: Client
    url: str
    arn: str

    def receive(self, count: int = 1) -> list[Message]:
        """Wait until so many messages have arrived; return them, having deleted them."""
        found: list[Message] = []

        def look() -> bool:
            asked = self.client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            for message in asked.get("Messages", []):
                self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                found.append(message)
            return len(found) >= count

        eventually(look)
        return found

    def notifications(self, count: int = 1) -> list[Message]:
        """Wait until so many notifications have arrived; return them as parsed JSON."""
        return [json.loads(message["Body"]) for message in self.receive(count)]

    def texts(self, count: int) -> list[str]:
        """Wait until so many notifications have arrived; return their messages."""
        return [str(one["Message"]) for one in self.notifications(count)]


MakeQueue = Callable[..., Queue]


@pytest.fixture
def sns(aws: ClientFactory) -> Client:
    """A client of SNS."""
    return aws("sns")


@pytest.fixture
def make_queue(aws: ClientFactory, account: str) -> MakeQueue:
    """Makes queues that every topic of the account may send to."""

    def make(name: str = "q", **attributes: str) -> Queue:
        client = aws("sqs")
        arn = f"arn:aws:sqs:us-east-1:{account}:{name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:sns:us-east-1:{account}:*"}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        url = client.create_queue(QueueName=name, Attributes={"Policy": policy, **attributes})["QueueUrl"]
        return Queue(client, url, arn)

    return make


def subscribe(sns: Client, topic: str, queue: Queue, **attributes: str) -> str:
    """Subscribe a queue and return the subscription's ARN."""
    made = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)
    return str(made["SubscriptionArn"])


def outcome(call: Callable[..., object], **parameters: object) -> tuple[int, str, str]:
    """Return the status, code and message of a call's refusal."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    error = response["Error"]
    return response["ResponseMetadata"]["HTTPStatusCode"], str(error["Code"]), str(error["Message"])
