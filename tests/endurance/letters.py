"""Reading what lies in queues: dead letters, and how asynchronous invocations ended."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambent.testing.clients import Clients
from tests.endurance.ledger import Ledger
from tests.endurance.system import DEAD, LETTERS, MESSAGES, RESULTS, url_of

Message = Mapping[str, Any]  # Any: a message as boto3 has it
_ID = re.compile(r"evt_[a-z]+_\d+(?:_[a-z]+)?")
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


@contextmanager
def reading(clients: Clients, ledger: Ledger) -> Iterator[None]:
    """Read the queues of results for as long as the context lasts."""
    stopped = threading.Event()

    def read() -> None:
        while not stopped.wait(0.02):
            try:
                if not sum(read_some(clients, ledger, queue) for queue in RESULTS):
                    stopped.wait(0.2)
            except (BotoCoreError, ClientError):
                stopped.wait(0.2)  # it is down

    thread = threading.Thread(target=read, name="results")
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def read_some(clients: Clients, ledger: Ledger, queue: str) -> int:
    """Note and delete some of a queue's messages; return how many."""
    sqs, url = clients.get("sqs"), url_of(clients, queue)
    # Of dead letters it counts how often they were received; results may be read while the platform is killed.
    hidden_s = 3 if queue in RESULTS else 30
    answer = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=hidden_s, MessageSystemAttributeNames=["All"]
    )
    messages: list[Message] = answer.get("Messages", [])
    for message in messages:
        _READERS[queue](ledger, message)
    if messages:
        entries = [{"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]} for at, each in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return len(messages)


def left_in(clients: Clients) -> dict[str, int]:
    """Return the queues in which there are messages still, with how many."""
    found: dict[str, int] = {}
    for queue in (*MESSAGES.values(), *LETTERS, *RESULTS):
        answer = clients.get("sqs").get_queue_attributes(QueueUrl=url_of(clients, queue), AttributeNames=["All"])
        count = sum(int(answer["Attributes"][name]) for name in _COUNTS)
        if count:
            found[queue] = count
    return found


def _dead(sink: str) -> Callable[[Ledger, Message], None]:
    def read(ledger: Ledger, message: Message) -> None:
        count = int(message["Attributes"]["ApproximateReceiveCount"])
        (name,) = dict.fromkeys(_ID.findall(message["Body"]))
        ledger.find(sink, {name: count})

    return read


def _ended(ledger: Ledger, message: Message) -> None:
    told = json.loads(message["Body"])
    name = told["requestPayload"]["name"]
    ledger.find("calls_ended", {name: 0})
    if told["requestContext"]["condition"] != "Success":
        ledger.find("calls", {name: 0})


def _undelivered(ledger: Ledger, message: Message) -> None:
    told = json.loads(message["Body"])
    sink = told["requestContext"]["functionArn"].split(":")[6]
    names = dict.fromkeys(_ID.findall(json.dumps(told["requestPayload"])))
    if names:
        ledger.find(sink, dict.fromkeys(names, 0))


def _given_up(ledger: Ledger, message: Message) -> None:
    batch = json.loads(message["Body"])["DDBStreamBatchInfo"]
    names = ledger.given_up(batch["startSequenceNumber"], batch["endSequenceNumber"])
    ledger.find("items", dict.fromkeys(names, 0))


_READERS: Mapping[str, Callable[[Ledger, Message], None]] = {
    **{queue: _dead(sink) for sink, queue in DEAD.items()},
    "bus-dead": _dead("bus_lost"),
    "calls-ended": _ended,
    "undelivered": _undelivered,
    "items-given-up": _given_up,
}
