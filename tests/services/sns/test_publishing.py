"""Messages: what may be published, and what of it queues get."""

from __future__ import annotations

import re

from tests.services.sns.conftest import Client, MakeQueue, subscribe


def test_a_queue_gets_a_notification_with_aws_members_in_aws_order(
    sns: Client, make_queue: MakeQueue, account: str
) -> None:
    topic = sns.create_topic(Name="news")["TopicArn"]
    queue = make_queue()
    subscription = subscribe(sns, topic, queue)
    attributes = {
        "n": {"DataType": "Number", "StringValue": "1"},
        "b": {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"},
    }
    sent = sns.publish(TopicArn=topic, Message="hé\nllo", Subject="A subject", MessageAttributes=attributes)
    (message,) = queue.receive()
    assert message["Body"].startswith('{\n  "Type" : "Notification",\n  "MessageId" : "')
    assert '"attr' not in message["Body"]
    import json

    body = json.loads(message["Body"])
    assert list(body) == [
        "Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature",
        "SigningCertURL", "UnsubscribeURL", "MessageAttributes",
    ]  # fmt: skip
    assert body["MessageId"] == sent["MessageId"]
    assert (body["TopicArn"], body["Subject"], body["Message"]) == (topic, "A subject", "hé\nllo")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["Timestamp"])
    assert body["UnsubscribeURL"].endswith(f"/?Action=Unsubscribe&SubscriptionArn={subscription}")
    assert body["MessageAttributes"] == {
        "n": {"Type": "Number", "Value": "1"},
        "b": {"Type": "Binary", "Value": "AgME"},
    }
    assert "MessageAttributes" not in message
