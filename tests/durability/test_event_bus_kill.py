"""A platform killed while events come in: each that was acknowledged is archived, and reaches its target."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Any

from lambent.testing.clients import Clients
from tests.durability.test_platform_kill import keep_writing, platform
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


def test_events_that_were_acknowledged_survive_a_kill(tmp_path: Path, free_port: int) -> None:
    acknowledged: list[str] = []
    clients = Clients(f"http://127.0.0.1:{free_port}")
    try:
        with platform(tmp_path / "data", free_port) as child:
            events = clients.get("events")
            clients.get("logs").create_log_group(logGroupName=GROUP)
            prefix = "arn:aws:{}:us-east-1:000000000000:"
            events.create_archive(ArchiveName="all", EventSourceArn=f"{prefix.format('events')}event-bus/default")
            events.put_rule(Name="keep", EventPattern=json.dumps({"source": ["shop"]}))
            target = {"Id": "1", "Arn": f"{prefix.format('logs')}log-group:{GROUP}"}
            events.put_targets(Rule="keep", Targets=[target])
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
            assert clients.get("events").describe_rule(Name="keep")["State"] == "ENABLED"
    finally:
        clients.close()
