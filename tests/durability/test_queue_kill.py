"""Queues under load, killed at a random moment: what was sent is received, and what was deleted does not come back."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambent.base.identifiers import SystemIds
from lambent.testing.clients import Clients
from tests.durability.test_platform_kill import platform

SENDERS = 4


class Traffic:
    """What was acknowledged: messages sent, and messages deleted."""

    def __init__(self, clients: Clients, url: str, tag: str) -> None:
        self.sent: set[str] = set()
        self.deleted: set[str] = set()
        self._deleting: set[str] = set()
        self._clients = clients
        self._url = url
        self._tag = tag

    @property
    def owed(self) -> set[str]:
        """What must still be there: all that was sent, but for what a deletion was asked for."""
        return self.sent - self._deleting

    def send(self, sender: int) -> None:
        sqs = self._clients.get("sqs")
        number = 0
        while True:
            number += 1
            body = f"{self._tag}-{sender}-{number}"
            try:
                sqs.send_message(QueueUrl=self._url, MessageBody=body)
            except (BotoCoreError, ClientError):
                return
            self.sent.add(body)

    def delete(self) -> None:
        sqs = self._clients.get("sqs")
        while True:
            try:
                for message in received(sqs, self._url, VisibilityTimeout=0, WaitTimeSeconds=1)[::2]:
                    self._deleting.add(message["Body"])
                    sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                    self.deleted.add(message["Body"])
            except (BotoCoreError, ClientError):
                return


def received(sqs: Any, url: str, **more: Any) -> list[dict[str, Any]]:  # Any: a boto3 client
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **more)
    messages: list[dict[str, Any]] = answer.get("Messages", [])  # Any: as above
    return messages


def test_every_acknowledged_message_survives_a_kill_and_no_deleted_one_returns(tmp_path: Path, free_port: int) -> None:
    port = free_port
    clients = Clients(f"http://127.0.0.1:{port}")
    with platform(tmp_path / "data", port) as child:
        url = clients.get("sqs").create_queue(QueueName="kept")["QueueUrl"]
        traffic = Traffic(clients, url, SystemIds().hex(6))
        with ThreadPoolExecutor(SENDERS + 1) as pool:
            for sender in range(SENDERS):
                pool.submit(traffic.send, sender)
            pool.submit(traffic.delete)
            threading.Event().wait(1.5 + SystemIds().fraction())
            os.kill(child.pid, signal.SIGKILL)
    assert len(traffic.sent) > SENDERS
    with platform(tmp_path / "data", port):
        sqs = clients.get("sqs")
        found: set[str] = set()
        while messages := received(sqs, url, VisibilityTimeout=3600):
            found.update(message["Body"] for message in messages)
    clients.close()
    assert traffic.owed - found == set()
    assert traffic.deleted & found == set()
