"""A platform that is killed right after it took a message: every subscription gets it all the same."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.durability.test_platform_remains import running
from tests.services.queue_policies import FROM_SERVICES
from tests.waiting import eventually

SUBSCRIPTIONS = 3


@pytest.mark.timeout(90)
def test_what_was_published_before_a_kill_reaches_every_subscription(tmp_path: Path, free_port: int) -> None:
    data = tmp_path / "data"
    published: set[str] = set()
    with running(data, free_port) as platform:
        sns, queues = platform.client("sns"), platform.client("sqs")
        topic = sns.create_topic(Name="t")["TopicArn"]
        for number in range(SUBSCRIPTIONS):
            queues.create_queue(QueueName=f"q{number}", Attributes=FROM_SERVICES)
            arn = f"arn:aws:sqs:us-east-1:000000000000:q{number}"
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        for number in range(2):
            entries = [{"Id": str(one), "Message": f"m{number}-{one}"} for one in range(10)]
            answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
            published |= {one["MessageId"] for one in answer["Successful"]}
        platform.process.send_signal(signal.SIGKILL)
        platform.process.wait()
    with running(data, free_port) as platform:
        queues = platform.client("sqs")
        for number in range(SUBSCRIPTIONS):
            url = queues.get_queue_url(QueueName=f"q{number}")["QueueUrl"]
            arrived: set[str] = set()

            def look(url: str = url, arrived: set[str] = arrived) -> bool:
                messages = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
                arrived.update(json.loads(message["Body"])["MessageId"] for message in messages)
                return arrived >= published

            eventually(look)
            assert arrived == published
