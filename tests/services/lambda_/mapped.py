"""Functions mapped to sources on a platform of virtual time, and what they were invoked with."""

from __future__ import annotations

import itertools
import json
from typing import Any

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform
from tests.services.lambda_.event_sources import MAY_READ, look_until_at_rest
from tests.waiting import eventually

_names = itertools.count(1)
Event = dict[str, Any]  # Any: JSON

# Fails where a record says so, as a whole or in part; reports nothing of what it has handled.
HANDLER = """
import base64, json

def text_of(record):
    if 'kinesis' in record:
        return base64.b64decode(record['kinesis']['data']).decode()
    if 'dynamodb' in record:
        return record['dynamodb']['Keys']['id']['S']
    return record['body']

def handler(event, context):
    print('got', json.dumps(event))
    texts = [text_of(record) for record in event['Records']]
    if any(text.startswith('poison') for text in texts):
        raise RuntimeError('no')
    names = [
        record.get('messageId') or record.get('kinesis', {}).get('sequenceNumber') or
        record['dynamodb']['SequenceNumber'] for record in event['Records']
    ]
    failed = [name for name, text in zip(names, texts) if text.startswith('bad')]
    return {'batchItemFailures': [{'itemIdentifier': name} for name in failed]}
"""
REPORTS = ["ReportBatchItemFailures"]


class Mapped:
    """A function of a name of its own, and the mapping that feeds it."""

    def __init__(self, platform: LocalPlatform, code: str = HANDLER) -> None:
        self.platform = platform
        self.name = f"mapped-{next(_names)}"
        self.functions = platform.client("lambda")
        self._logs = platform.client("logs")
        role = platform.create_function(self.name, zip_of({"handler.py": code}), Timeout=20)["Role"]
        platform.client("iam").put_role_policy(
            RoleName=role.rpartition("/")[2], PolicyName="read", PolicyDocument=json.dumps(MAY_READ)
        )
        self.uuid = ""

    def to(self, source_arn: str, **settings: object) -> None:
        """Map the function to a source, and wait until the mapping is at rest."""
        made = self.functions.create_event_source_mapping(FunctionName=self.name, EventSourceArn=source_arn, **settings)
        self.uuid = made["UUID"]
        look_until_at_rest(self.functions, self.uuid)

    def update(self, **settings: object) -> None:
        """Change the mapping, and wait until it is at rest."""
        self.functions.update_event_source_mapping(UUID=self.uuid, **settings)
        look_until_at_rest(self.functions, self.uuid)

    def delete(self) -> None:
        """Delete the mapping, so that it polls no more while other tests move the time."""
        self.functions.delete_event_source_mapping(UUID=self.uuid)
        assert look_until_at_rest(self.functions, self.uuid) is None

    def events(self) -> list[Event]:
        """Return what the function was invoked with so far."""
        try:
            found = self._logs.filter_log_events(logGroupName=f"/aws/lambda/{self.name}", filterPattern="got")["events"]
        except self._logs.exceptions.ResourceNotFoundException:
            return []
        return [json.loads(each["message"].removeprefix("got ")) for each in found]

    def bodies(self) -> list[list[str]]:
        """Return the bodies of the messages of each invocation so far."""
        return [[record["body"] for record in event["Records"]] for event in self.events()]

    def await_bodies(self, *expected: list[str]) -> None:
        """Wait until the invocations so far had these bodies."""
        eventually(lambda: self.bodies() == list(expected))

    def await_handled(self, *expected: str) -> None:
        """Wait until these bodies were handled, in whatever batches."""
        eventually(lambda: sorted(body for batch in self.bodies() for body in batch) == sorted(expected))

    def counts(self) -> dict[str, int]:
        """Return what was counted of the mapping."""

        async def view(inside: Any) -> dict[str, int]:  # Any: the platform inside
            found: dict[str, int] = inside.registry.service("lambda").views()["event-source-mappings"]()[self.uuid]
            return found

        return self.platform.on_loop(view)


class Queue:
    """A queue of a name of its own."""

    def __init__(self, platform: LocalPlatform, *, fifo: bool = False, **attributes: str) -> None:
        self._queues = platform.client("sqs")
        self.name = f"queue-{next(_names)}{'.fifo' if fifo else ''}"
        wanted = {"FifoQueue": "true", "ContentBasedDeduplication": "true", **attributes} if fifo else attributes
        self.url: str = self._queues.create_queue(QueueName=self.name, Attributes=wanted)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:000000000000:{self.name}"

    def send(self, *bodies: str, **parameters: object) -> None:
        """Send messages one after the other."""
        for body in bodies:
            self._queues.send_message(QueueUrl=self.url, MessageBody=body, **parameters)

    def send_together(self, *bodies: str) -> None:
        """Send up to ten messages at once."""
        entries = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies)]
        assert len(self._queues.send_message_batch(QueueUrl=self.url, Entries=entries)["Successful"]) == len(bodies)

    def left(self) -> tuple[int, int]:
        """Return how many messages there are, in view and in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._queues.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def await_empty(self) -> None:
        """Wait until all messages are deleted."""
        eventually(lambda: self.left() == (0, 0))

    def receive(self) -> list[Event]:
        """Receive what there is."""
        return list(self._queues.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", []))


class Table:
    """A table of a name of its own, with a stream."""

    def __init__(self, platform: LocalPlatform) -> None:
        self._tables = platform.client("dynamodb")
        self.name = f"table-{next(_names)}"
        made = self._tables.create_table(
            TableName=self.name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.arn: str = made["TableDescription"]["LatestStreamArn"]

    def put(self, *ids: str, **more: str) -> None:
        """Put items one after the other; `more` are further attributes, texts."""
        for each in ids:
            item = {"id": {"S": each}, **{name: {"S": text} for name, text in more.items()}}
            self._tables.put_item(TableName=self.name, Item=item)


def ids_of(event: Event) -> list[str]:
    """Return the keys of the items that an event is about."""
    return [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]
