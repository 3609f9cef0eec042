"""Those who send events, as clients of the platform: each notes what was answered with 2xx, and nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from lambent.base.clock import SystemClock
from lambent.base.identifiers import IdSource, SeededIds
from lambent.testing.clients import Clients
from tests.endurance.ledger import Ledger, number_of
from tests.endurance.system import PREFIX, SINKS, function_arn, url_of

Names = Sequence[str]
Send = Callable[[Clients, Names], Names]
# What waits is bounded, so that it is the pace that is kept and not the disk that fills.
_MOST_WAITING = 1000
_SENT_AGAIN = 0.1


def put_objects(clients: Clients, names: Names) -> Names:
    for name in names:
        clients.get("s3").put_object(Bucket="things", Key=name, Body=b"x" * (10 if number_of(name) % 2 else 20_000))
    return names


def send_orders(clients: Clients, names: Names) -> Names:
    entries = [{"Id": str(at), "MessageBody": name} for at, name in enumerate(names)]
    answer = clients.get("sqs").send_message_batch(QueueUrl=url_of(clients, "orders"), Entries=entries)
    return [names[int(each["Id"])] for each in answer.get("Successful", ())]


def send_lines(clients: Clients, names: Names) -> Names:
    entries = [
        {
            "Id": str(at),
            "MessageBody": name,
            "MessageGroupId": str(number_of(name) % SINKS["lines"].groups),
            "MessageDeduplicationId": name,
        }
        for at, name in enumerate(names)
    ]
    answer = clients.get("sqs").send_message_batch(QueueUrl=url_of(clients, "lines.fifo"), Entries=entries)
    return [names[int(each["Id"])] for each in answer.get("Successful", ())]


def publish_news(clients: Clients, names: Names) -> Names:
    entries = [{"Id": str(at), "Message": name} for at, name in enumerate(names)]
    topic = PREFIX.format("sns", "news")
    answer = clients.get("sns").publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    return [names[int(each["Id"])] for each in answer.get("Successful", ())]


def put_events(clients: Clients, names: Names) -> Names:
    entries = [
        {
            "Source": "endurance",
            "DetailType": "lost" if name.endswith("_lost") else "found",
            "Detail": json.dumps({"name": name}),
        }
        for name in names
    ]
    answer = clients.get("events").put_events(Entries=entries)
    return [name for name, each in zip(names, answer["Entries"], strict=True) if "EventId" in each]


def call(clients: Clients, names: Names) -> Names:
    for name in names:
        clients.get("lambda").invoke(FunctionName="calls", InvocationType="Event", Payload=json.dumps({"name": name}))
    return names


def put_items(clients: Clients, names: Names) -> Names:
    tables = clients.get("dynamodb")
    for name in names:
        key = str(number_of(name) % SINKS["items"].groups)
        tables.put_item(TableName="items", Item={"pk": {"S": key}, "id": {"S": name}})
    return names


def schedule(clients: Clients, names: Names, due_in_s: int) -> Names:
    for name in names:
        due = datetime.fromtimestamp(SystemClock().now() + due_in_s, UTC)
        clients.get("scheduler").create_schedule(
            Name=name,
            ScheduleExpression=f"at({due:%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={
                "Arn": function_arn("schedules"),
                "RoleArn": PREFIX.format("iam", "role/r").replace("us-east-1", ""),
                "Input": json.dumps({"name": name}),
            },
        )
    return names


@dataclass(frozen=True, slots=True)
class Flow:
    """Events of one kind: how they are sent, how many at a time, how often a second, and which of them are special.

    Where their order counts, they are sent again until they are accepted, and `is_repeated` says so.
    """

    name: str
    send: Send
    per_second: float
    at_once: int = 1
    kinds: Mapping[str, float] = field(default_factory=dict)
    is_repeated: bool = False
    is_deduplicated: bool = False

    def names(self, first: int, chance: IdSource) -> list[str]:
        """Return the names of the next events."""
        return [f"evt_{self.name}_{first + at}{self._kind(chance.fraction())}" for at in range(self.at_once)]

    def _kind(self, fraction: float) -> str:
        for kind, share in self.kinds.items():
            if fraction < share:
                return f"_{kind}"
            fraction -= share
        return ""


def flows(due_in_s: int) -> Sequence[Flow]:
    """Return all flows; what is scheduled is due in so many seconds."""
    return (
        Flow("objects", put_objects, 8),
        Flow("orders", send_orders, 5, at_once=10, kinds={"poison": 0.004, "shaky": 0.02}),
        Flow(
            "lines",
            send_lines,
            3,
            at_once=10,
            kinds={"poison": 0.002, "shaky": 0.004},
            is_repeated=True,
            is_deduplicated=True,
        ),
        Flow("news", publish_news, 2, at_once=10),
        Flow("bus", put_events, 3, at_once=10, kinds={"lost": 0.1}),
        Flow("calls", call, 10, kinds={"poison": 0.02}),
        Flow("items", put_items, 15, kinds={"poison": 0.001}, is_repeated=True),
        Flow("schedules", partial(schedule, due_in_s=due_in_s), 2),
    )


@dataclass(frozen=True, slots=True)
class Pace:
    """What decides what is sent, how much of it, and when schedules are due."""

    seed: int
    factor: float = 1.0
    due_in_s: int = 5


class Producers:
    """A thread for each flow, until they are told to stop."""

    def __init__(self, clients: Clients, ledger: Ledger, pace: Pace) -> None:
        self._clients = clients
        self._ledger = ledger
        self._pace = pace
        self._stopped = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Send for as long as the context lasts."""
        threads = [
            threading.Thread(target=partial(self._drive, flow, SeededIds(self._pace.seed + at)), name=flow.name)
            for at, flow in enumerate(flows(self._pace.due_in_s))
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()

    def _drive(self, flow: Flow, chance: IdSource) -> None:
        number = 0
        while not self._stopped.is_set():
            if self._ledger.waiting(flow.name) > _MOST_WAITING:
                self._stopped.wait(0.1)
                continue
            names = flow.names(number, chance)
            number += len(names)
            accepted = self._attempt(flow, names)
            while flow.is_repeated and len(accepted) < len(names) and not self._stopped.wait(0.1):
                accepted = self._attempt(flow, names)
            if accepted:
                self._ledger.accept(flow.name, accepted)
            if flow.is_deduplicated and chance.fraction() < _SENT_AGAIN:
                self._attempt(flow, names)
            self._stopped.wait(1 / (flow.per_second * self._pace.factor))

    def _attempt(self, flow: Flow, names: Names) -> Names:
        """Send events; return those that were accepted, none where the platform is not there."""
        try:
            return flow.send(self._clients, names)
        except BotoCoreError:
            self._stopped.wait(0.1)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status < 500:
                self._ledger.complain(f"{flow.name}: {error}")
        return ()
