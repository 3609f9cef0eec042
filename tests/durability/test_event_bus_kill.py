"""A platform killed while events come in: each that was acknowledged is archived, and reaches its targets."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
from pathlib import Path
from typing import Any

from lambent.testing.clients import Clients
from tests.durability.collecting import PACKAGE, collecting
from tests.durability.test_platform_kill import TRUST, keep_writing, platform
from tests.waiting import eventually

GROUP = "/aws/events/kept"
WRITERS = 4


def put(events: Any) -> str:  # Any: boto3's clients are classes made at run time
    """Put an event; return its id once it is acknowledged."""
    (answer,) = events.put_events(Entries=[{"Source": "shop", "DetailType": "Order", "Detail": "{}"}])["Entries"]
    return str(answer["EventId"])


def delivered(clients: Clients) -> set[str]:
    """Return the ids of the events that the target has: each has a stream of its own there."""
    pages = clients.get("logs").get_paginator("describe_log_streams").paginate(logGroupName=GROUP)
    return {stream["logStreamName"] for page in pages for stream in page["logStreams"]}


def make_function(clients: Clients, collector_port: int) -> str:
    """Make a function that tells the ids of its events, which EventBridge may invoke; return its ARN."""
    functions = clients.get("lambda")
    role = clients.get("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    arn: str = functions.create_function(
        FunctionName="telling",
        Runtime="python3.11",
        Role=role,
        Handler="telling.of_event",
        Code={"ZipFile": PACKAGE},
        Environment={"Variables": {"COLLECTOR": str(collector_port)}},
    )["FunctionArn"]
    waiting = {"Delay": 0.05, "MaxAttempts": 200}
    functions.get_waiter("function_active_v2").wait(FunctionName="telling", WaiterConfig=waiting)
    functions.add_permission(
        FunctionName="telling", StatementId="e", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    return arn


def test_events_that_were_acknowledged_survive_a_kill(tmp_path: Path, free_port: int) -> None:
    acknowledged: list[str] = []
    clients = Clients(f"http://127.0.0.1:{free_port}")
    with collecting() as collector, contextlib.closing(clients):
        with platform(tmp_path / "data", free_port) as child:
            events = clients.get("events")
            clients.get("logs").create_log_group(logGroupName=GROUP)
            prefix = "arn:aws:{}:us-east-1:000000000000:"
            events.create_archive(ArchiveName="all", EventSourceArn=f"{prefix.format('events')}event-bus/default")
            events.put_rule(Name="keep", EventPattern=json.dumps({"source": ["shop"]}))
            targets = [f"{prefix.format('logs')}log-group:{GROUP}", make_function(clients, collector.port)]
            events.put_targets(
                Rule="keep", Targets=[{"Id": str(number), "Arn": arn} for number, arn in enumerate(targets)]
            )
            stopped = threading.Event()
            writers = [
                threading.Thread(target=keep_writing, args=(lambda _: put(events), acknowledged, stopped))
                for _ in range(WRITERS)
            ]
            for writer in writers:
                writer.start()
            eventually(lambda: len(acknowledged) > 40)
            child.send_signal(signal.SIGKILL)
            child.wait()
            stopped.set()
            for writer in writers:
                writer.join()
        with platform(tmp_path / "data", free_port):
            assert clients.get("events").describe_archive(ArchiveName="all")["EventCount"] >= len(acknowledged)
            eventually(lambda: set(acknowledged) <= delivered(clients))
            eventually(lambda: set(acknowledged) <= collector.told)
            assert clients.get("events").describe_rule(Name="keep")["State"] == "ENABLED"
