"""How fast queues are: messages sent durably, and received and deleted, against a peer in the same run.

    python bench/messages.py --seconds 8 --peer .venv-peer/bin/python

Sends come from wrk over eight connections, one message each; receives and deletions from four clients in batches of
ten, as a poller makes them. The peer is MiniStack, which keeps messages in memory alone; ours are on the disk before
they are acknowledged. Ours and the peer's take turns, so that a noisy minute meets both.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import statistics
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import load
import servers
from figures import Promise

ACCOUNT = "000000000000"
BODY = "x" * 256
POLLERS = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """What one server did: sends a second, and messages received and deleted a second."""

    sent: load.Load
    drained_per_second: float


def headers(operation: str) -> dict[str, str]:
    """Return the headers of a request, with a signature in form: the scope alone is read."""
    scope = f"{ACCOUNT}/20260101/us-east-1/sqs/aws4_request"
    return {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"AmazonSQS.{operation}",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}",
    }


def call(connection: http.client.HTTPConnection, operation: str, **parameters: Any) -> Mapping[str, Any]:  # Any: JSON
    """Carry out one operation."""
    connection.request("POST", "/", json.dumps(parameters), headers(operation))
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{operation} was answered {answer.status}: {body.decode(errors='replace')}")
    told: Mapping[str, Any] = json.loads(body or b"{}")  # Any: as above
    return told


def send_script(url: str) -> str:
    """Return wrk's Lua of one SendMessage after another."""
    lines = ['wrk.method = "POST"', f"wrk.body = [==[{json.dumps({'QueueUrl': url, 'MessageBody': BODY})}]==]"]
    return "\n".join(
        [*lines, *(f'wrk.headers["{name}"] = "{value}"' for name, value in headers("SendMessage").items())]
    )


def drain(server: servers.Server, url: str) -> float:
    """Receive and delete all that is in a queue, and return how many messages a second that were."""

    def poll(_: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        count = 0
        while found := call(connection, "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(found)]
            call(connection, "DeleteMessageBatch", QueueUrl=url, Entries=entries)
            count += len(found)
        connection.close()
        return count

    began = time.perf_counter()
    with ThreadPoolExecutor(POLLERS) as pollers:
        total = sum(pollers.map(poll, range(POLLERS)))
    return total / (time.perf_counter() - began)


def measure(server: servers.Server, seconds: int, name: str) -> Seen:
    """Fill a queue for a while, and empty it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    url = str(call(connection, "CreateQueue", QueueName=name)["QueueUrl"])
    connection.close()
    sent = load.run(server.url, send_script(url), connections=8, seconds=seconds)
    return Seen(sent, drain(server, url))


def promises(ours: list[Seen]) -> list[Promise]:
    """Return every figure that has a bound."""
    sent = statistics.median(seen.sent.per_second for seen in ours)
    drained = statistics.median(seen.drained_per_second for seen in ours)
    return [
        Promise("SendMessage, durable, 8 connections (/s)", sent, 2000, at_least=True),
        Promise("received and deleted, batches of 10 (/s)", drained, 3000, at_least=True),
    ]


@contextlib.contextmanager
def competitors(peer: Path | None) -> Iterator[dict[str, servers.Server]]:
    """Run ours, and the peer where there is one."""
    with contextlib.ExitStack() as running:
        found = {"lambent": running.enter_context(servers.lambent())}
        if peer is not None:
            found["ministack"] = running.enter_context(servers.ministack(peer))
        yield found


def main() -> None:
    """Measure and print; exit with 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8, help="how long each load lasts")
    parser.add_argument("--rounds", type=int, default=2, help="how often ours and the peer take turns")
    parser.add_argument("--peer", type=Path, help="a Python that has the peer")
    options = parser.parse_args()
    seen: dict[str, list[Seen]] = {}
    with competitors(options.peer) as found:
        for number in range(options.rounds):
            for name, server in found.items():
                one = measure(server, options.seconds, f"bench-{number}")
                seen.setdefault(name, []).append(one)
                print(
                    f"{name:<10} sent {one.sent.per_second:8.0f}/s (median {one.sent.median_ms:.1f} ms, "
                    f"{one.sent.failures} failed)   drained {one.drained_per_second:8.0f}/s",
                    flush=True,
                )
    kept = promises(seen["lambent"])
    print("\n".join(map(str, kept)))
    if failed := [str(promise) for promise in kept if not promise.is_kept]:
        raise SystemExit("not kept: " + "; ".join(failed))


if __name__ == "__main__":
    main()
