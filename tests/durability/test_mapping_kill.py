"""Queues and streams that are read at full speed by a platform that is killed: every message and change is handled.

`ROUNDS=20` is the long form.
"""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from lambent.base.identifiers import SystemIds
from lambent.testing.builders import zip_of
from lambent.testing.clients import Clients
from tests.durability.collecting import Collector, collecting
from tests.durability.test_event_kill import ROUNDS, await_all, running
from tests.durability.test_platform_kill import TRUST

# Tells of every record it is given before it answers.
TELLING = """
import os, socket

collector = socket.create_connection(("127.0.0.1", int(os.environ["COLLECTOR"])))

def handler(event, context):
    for record in event["Records"]:
        name = record["body"] if "body" in record else record["dynamodb"]["Keys"]["id"]["S"]
        collector.sendall(name.encode() + b"\\n")
        collector.recv(1)
"""
ALLOWED = {"Effect": "Allow", "Action": ["sqs:*", "dynamodb:*"], "Resource": "*"}


def make_mapping(clients: Clients, collector: Collector) -> str:
    """Make a function that is mapped to a queue and to a table's stream; return the queue's URL."""
    iam, functions, tables = (clients.get(name) for name in ("iam", "lambda", "dynamodb"))
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [ALLOWED]})
    iam.put_role_policy(RoleName="r", PolicyName="read", PolicyDocument=document)
    url = clients.get("sqs").create_queue(QueueName="read", Attributes={"VisibilityTimeout": "3"})["QueueUrl"]
    table = tables.create_table(
        TableName="read",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )["TableDescription"]
    functions.create_function(
        FunctionName="telling",
        Runtime="python3.11",
        Role=role,
        Handler="handler.handler",
        Timeout=3,
        Code={"ZipFile": zip_of({"handler.py": TELLING})},
        Environment={"Variables": {"COLLECTOR": str(collector.port)}},
    )
    functions.get_waiter("function_active_v2").wait(
        FunctionName="telling", WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
    )
    queue = "arn:aws:sqs:us-east-1:000000000000:read"
    functions.create_event_source_mapping(FunctionName="telling", EventSourceArn=queue)
    functions.create_event_source_mapping(
        FunctionName="telling", EventSourceArn=table["LatestStreamArn"], StartingPosition="TRIM_HORIZON"
    )
    return str(url)


class Sending:
    """Messages sent and items put, side by side, until the platform is gone; `accepted` are those it answered."""

    def __init__(self, clients: Clients, url: str, tag: str) -> None:
        self.accepted: set[str] = set()
        queues, tables = clients.get("sqs"), clients.get("dynamodb")

        def send(number: int) -> list[str]:
            bodies = [f"message-{tag}-{number}-{at}" for at in range(10)]
            entries = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies)]
            answer = queues.send_message_batch(QueueUrl=url, Entries=entries)
            return [bodies[int(each["Id"])] for each in answer["Successful"]]

        def put(number: int) -> list[str]:
            tables.put_item(TableName="read", Item={"id": {"S": f"item-{tag}-{number}"}})
            return [f"item-{tag}-{number}"]

        def keep_on(write: Callable[[int], list[str]], number: int = 0) -> None:
            while True:
                number += 1
                try:
                    self.accepted.update(write(number))
                except (BotoCoreError, ClientError):
                    return

        self._threads = [threading.Thread(target=keep_on, args=(write,)) for write in (send, put)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Wait for the threads, which end when the platform does."""
        for thread in self._threads:
            thread.join()


@pytest.mark.timeout(120 + 30 * ROUNDS)
def test_every_message_and_every_change_that_a_killed_platform_accepted_is_handled(
    tmp_path: Path, free_port: int
) -> None:
    accepted: set[str] = set()
    with collecting() as collector:
        url = ""
        for number in range(ROUNDS):
            with running(tmp_path / "data", free_port) as (child, clients):
                url = url or make_mapping(clients, collector)
                sending = Sending(clients, url, str(number))
                threading.Event().wait(0.3 + 0.7 * SystemIds().fraction())
                child.send_signal(signal.SIGKILL)
                child.wait()
                sending.end()
                assert sending.accepted
                accepted |= sending.accepted
        with running(tmp_path / "data", free_port):
            await_all(lambda: accepted - collector.told)
