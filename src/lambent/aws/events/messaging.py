"""Events of queues, topics and brokers: SQS, SNS, Kafka, Amazon MQ.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html, with-sns.html, with-msk.html, with-mq.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Final

from lambent.aws.events.kind import Event, Kind, Values

_QUEUE: Final = {"queue": "example-queue", "body": "Hello from SQS!", "count": "1"}
_FIFO: Final = {**_QUEUE, "queue": "example-queue.fifo", "group": "group-1"}
_TOPIC: Final = {"topic": "example-topic", "message": "Hello from SNS!", "subject": ""}
_KAFKA: Final = {
    "topic": "example-topic",
    "key": "record-key",
    "value": '{"key": "value"}',
    "partition": "0",
    "offset": "15",
}
_BROKER: Final = {"broker": "example-broker", "queue": "example-queue", "data": '{"key": "value"}'}


def _sqs(*, is_fifo: bool) -> Callable[[Values], Event]:
    def message(values: Values) -> Event:
        attributes = {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(values.now_ms),
            "SenderId": f"AIDA{values.ids.base32(17)}",
            "ApproximateFirstReceiveTimestamp": str(values.now_ms + 1),
        }
        if is_fifo:
            attributes |= {
                "SequenceNumber": values.digits(20),
                "MessageGroupId": values["group"],
                "MessageDeduplicationId": hashlib.sha256(values["body"].encode()).hexdigest(),
            }
        return {
            "messageId": values.ids.uuid(),
            "receiptHandle": values.ids.base32(120),
            "body": values["body"],
            "attributes": attributes,
            "messageAttributes": {},
            "md5OfBody": hashlib.md5(values["body"].encode(), usedforsecurity=False).hexdigest(),
            "eventSource": "aws:sqs",
            "eventSourceARN": values.arn("sqs", values["queue"]),
            "awsRegion": values.region,
        }

    return lambda values: {"Records": [message(values) for _ in range(int(values["count"]))]}


def _sns(values: Values) -> Event:
    topic = values.arn("sns", values["topic"])
    subscription = f"{topic}:{values.ids.uuid()}"
    host = f"https://sns.{values.region}.amazonaws.com"
    notification: Event = {
        "Type": "Notification",
        "MessageId": values.ids.uuid(),
        "TopicArn": topic,
        "Subject": values["subject"] or None,
        "Message": values["message"],
        "Timestamp": values.time(),
        "SignatureVersion": "1",
        "Signature": values.ids.base32(88),
        "SigningCertUrl": f"{host}/SimpleNotificationService-{values.ids.hex(32)}.pem",
        "UnsubscribeUrl": f"{host}/?Action=Unsubscribe&SubscriptionArn={subscription}",
        "MessageAttributes": {},
    }
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription,
        "Sns": notification,
    }
    return {"Records": [record]}


def _kafka_record(values: Values) -> Event:
    return {
        "topic": values["topic"],
        "partition": int(values["partition"]),
        "offset": int(values["offset"]),
        "timestamp": values.now_ms,
        "timestampType": "CREATE_TIME",
        "key": values.base64("key"),
        "value": values.base64("value"),
        "headers": [{"headerKey": list(b"headerValue")}],
    }


def _msk(values: Values) -> Event:
    cluster = f"{values['cluster']}/{values.ids.uuid()}-4"
    host = f"{values['cluster'].lower()}.{values.ids.hex(6)}.c4.kafka.{values.region}.amazonaws.com:9098"
    return {
        "eventSource": "aws:kafka",
        "eventSourceArn": values.arn("kafka", f"cluster/{cluster}"),
        "bootstrapServers": f"b-1.{host},b-2.{host}",
        "records": {f"{values['topic']}-{values['partition']}": [_kafka_record(values)]},
    }


def _self_managed(values: Values) -> Event:
    return {
        "eventSource": "SelfManagedKafka",
        "bootstrapServers": values["servers"],
        "records": {f"{values['topic']}-{values['partition']}": [_kafka_record(values)]},
    }


def _active(values: Values) -> Event:
    broker = f"b-{values.ids.uuid()}"
    message = {
        "messageID": f"ID:{broker}-1.mq.{values.region}.amazonaws.com-37557-{values.now_ms}-4:1:1:1:1",
        "messageType": "jms/text-message",
        "deliveryMode": 1,
        "replyTo": None,
        "type": None,
        "expiration": "60000",
        "priority": 1,
        "correlationId": "myJMSCoID",
        "redelivered": False,
        "destination": {"physicalName": values["queue"]},
        "data": values.base64("data"),
        "timestamp": values.now_ms,
        "brokerInTime": values.now_ms,
        "brokerOutTime": values.now_ms + 1,
        "properties": {"index": "1"},
    }
    arn = values.arn("mq", f"broker:{values['broker']}:{broker}")
    return {"eventSource": "aws:mq", "eventSourceArn": arn, "messages": [message]}


def _rabbit(values: Values) -> Event:
    basic = {
        "contentType": "application/json",
        "contentEncoding": None,
        "headers": {"header1": {"bytes": list(b"value1")}, "numberInHeader": 10},
        "deliveryMode": 1,
        "priority": 34,
        "correlationId": None,
        "replyTo": None,
        "expiration": "60000",
        "messageId": None,
        "timestamp": "Jan 1, 1970, 12:33:41 AM",
        "type": None,
        "userId": "AIDACKCEVSQ6C2EXAMPLE",
        "appId": None,
        "clusterId": None,
        "bodySize": len(values["data"].encode()),
    }
    message = {"basicProperties": basic, "redelivered": False, "data": values.base64("data")}
    return {
        "eventSource": "aws:rmq",
        "eventSourceArn": values.arn("mq", f"broker:{values['broker']}:b-{values.ids.uuid()}"),
        "rmqMessagesByQueue": {f"{values['queue']}::/": [message]},
    }


def _kinds() -> Iterator[Kind]:
    yield Kind("sqs", "message", "a batch of messages from a standard queue", _sqs(is_fifo=False), _QUEUE)
    yield Kind("sqs", "fifo", "a batch of messages from a FIFO queue", _sqs(is_fifo=True), _FIFO)
    yield Kind("sns", "notification", "a message that was published to a topic", _sns, _TOPIC)
    yield Kind("kafka", "msk", "records from Amazon MSK", _msk, {**_KAFKA, "cluster": "ExampleCluster"})
    servers = {"servers": "kafka-1.example.com:9092,kafka-2.example.com:9092"}
    yield Kind(
        "kafka", "self-managed", "records from a Kafka cluster of one's own", _self_managed, {**_KAFKA, **servers}
    )
    yield Kind("mq", "activemq", "messages from an Amazon MQ broker for ActiveMQ", _active, _BROKER)
    yield Kind("mq", "rabbitmq", "messages from an Amazon MQ broker for RabbitMQ", _rabbit, _BROKER)


KINDS: Final = tuple(_kinds())
