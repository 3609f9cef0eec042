"""How fast an event source mapping empties a queue, and what that does to others who invoke meanwhile.

    python bench/mappings.py                      ours and MiniStack, about a minute
    python bench/mappings.py --alone --no-record  ours alone

A queue is filled while its mapping is disabled; the clock runs from the moment at which that is enabled until the queue
holds nothing any more, in view or in flight, or until so many seconds have gone. The function reads its messages, ten
at a time. Twice: once with nothing else to do, once while another function, which is warm, is invoked over one
connection fifty times a second. Ours has its real store, synced, and everything on. Of the peers MiniStack runs
functions; moto's server does so in Docker alone and has no part in this.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import statistics
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import load
import messages
import peers
import servers
from figures import Promise
from invocations import ACCOUNT, call, client, make_function, package, role_of
from recording import conclude

SENDERS = 4
AT_ONCE = 10
PERIOD_S = 0.02
ALONE_S = 3
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:filled"
CONSUMER = """
import json

def handler(event, context):
    for record in event["Records"]:
        json.loads(record["body"])["n"]
"""
MAY_READ = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": QUEUE}],
}


@dataclass(frozen=True, slots=True)
class Drained:
    """How one queue was emptied: messages, how long that took, and the processor time of the server alone."""

    messages: int
    took_s: float
    cpu_s: float

    @property
    def per_second(self) -> float:
        """How many messages a second were handled and deleted."""
        return self.messages / self.took_s

    @property
    def cpu_s_of_10_000(self) -> float:
        """The server's processor time for ten thousand messages, without that of the functions."""
        return self.cpu_s / max(1, self.messages) * 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What one server did. The times are those of another function's invocations, in milliseconds."""

    alone: Drained
    beside: Drained
    quiet_ms: list[float]
    meanwhile_ms: list[float]


def consumer() -> bytes:
    """Return a function that reads its messages."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as contents:
        contents.writestr("handler.py", CONSUMER)
    return archive.getvalue()


def fill(server: servers.Server, url: str, count: int) -> None:
    """Send so many messages over some connections."""

    def send(begin: int) -> None:
        for number in range(begin, count, SENDERS * AT_ONCE):
            entries = [{"Id": str(at), "MessageBody": json.dumps({"n": number + at})} for at in range(AT_ONCE)]
            messages.call(server, "SendMessageBatch", QueueUrl=url, Entries=entries)

    with ThreadPoolExecutor(SENDERS) as threads:
        list(threads.map(send, range(0, SENDERS * AT_ONCE, AT_ONCE)))


@contextlib.contextmanager
def invoked_meanwhile(server: servers.Server) -> Iterator[list[float]]:
    """Invoke a function over one connection for as long as the context lasts; yield the times, in milliseconds."""
    times: list[float] = []
    stopped = threading.Event()

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        while not stopped.wait(PERIOD_S):
            began = time.perf_counter()
            call(connection, "bench")
            times.append((time.perf_counter() - began) * 1000)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield times
    finally:
        stopped.set()
        thread.join()


def drain(server: servers.Server, url: str, uuid: str, patience_s: float) -> Drained:
    """Enable the mapping and return how its queue was emptied, or what was handled until patience ended."""
    mappings = client(server, "lambda")
    count = messages.waiting(server, url)
    cpu_s, began = servers.cpu_s(server.pid), time.perf_counter()
    mappings.update_event_source_mapping(UUID=uuid, Enabled=True)
    while (left := messages.waiting(server, url)) and time.perf_counter() - began < patience_s:
        time.sleep(0.05)
    drained = Drained(count - left, time.perf_counter() - began, servers.cpu_s(server.pid) - cpu_s)
    mappings.update_event_source_mapping(UUID=uuid, Enabled=False)
    while mappings.get_event_source_mapping(UUID=uuid)["State"] != "Disabled":
        time.sleep(0.05)
    return drained


def measure(server: servers.Server, code: Path, count: int, patience_s: float) -> Seen:
    """Fill a queue and empty it through a function, with nothing else to do and beside other invocations."""
    make_function(server, "bench", package(code))
    make_function(server, "consumer", consumer())
    client(server, "iam").put_role_policy(
        RoleName=role_of(server).rpartition("/")[2], PolicyName="read", PolicyDocument=json.dumps(MAY_READ)
    )
    url = str(messages.call(server, "CreateQueue", QueueName="filled")["QueueUrl"])
    uuid = client(server, "lambda").create_event_source_mapping(
        FunctionName="consumer", EventSourceArn=QUEUE, Enabled=False
    )["UUID"]
    fill(server, url, count)
    alone = drain(server, url, uuid, patience_s)
    fill(server, url, alone.messages)  # what was left is still there
    with invoked_meanwhile(server) as quiet:
        time.sleep(ALONE_S)
    with invoked_meanwhile(server) as meanwhile:
        beside = drain(server, url, uuid, patience_s)
    return Seen(alone, beside, quiet, meanwhile)


def promises(ours: Seen) -> list[Promise]:
    """Return every figure that has a bound."""
    slower = statistics.median(ours.meanwhile_ms) / statistics.median(ours.quiet_ms)
    return [
        Promise("messages/s, queue to function, batches of 10", ours.alone.per_second, 3000, at_least=True),
        Promise("Invoke of another function, over without it", slower, 3),
    ]


def table(seen: dict[str, Seen]) -> list[str]:
    """Return what every server did, side by side."""
    rows: tuple[tuple[str, Callable[[Seen], float]], ...] = (
        ("messages handled (/s)", lambda one: one.alone.per_second),
        ("the same beside other invocations (/s)", lambda one: one.beside.per_second),
        ("processor time of 10,000 messages (s)", lambda one: one.alone.cpu_s_of_10_000),
        ("another function, median (ms)", lambda one: statistics.median(one.quiet_ms)),
        ("meanwhile, median (ms)", lambda one: statistics.median(one.meanwhile_ms)),
        ("its 99th percentile (ms)", lambda one: sorted(one.meanwhile_ms)[int(len(one.meanwhile_ms) * 0.99)]),
    )
    lines = [" " * 40 + "".join(f"{name:>12}" for name in seen)]
    for label, figure in rows:
        lines.append(f"{label:<40}" + "".join(f"{figure(one):>12.2f}" for one in seen.values()))
    return lines


def main() -> None:
    """Measure, print, record; exit with 1 where a promise is not kept."""
    parser = peers.arguments(__doc__)
    parser.add_argument("--messages", type=int, default=20_000, help="how many there are in the queue, each time")
    parser.add_argument("--patience", type=float, default=12.0, help="how many seconds one queue may take")
    options = parser.parse_args()
    seen: dict[str, Seen] = {}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        code = load.handler_folder(Path(folder) / "code")
        with servers.lambent() as ours:
            seen[ours.name] = measure(ours, code, options.messages, options.patience)
        python = peers.meant(options)
        if python is not None:
            with servers.ministack(python) as peer:
                seen[peer.name] = measure(peer, code, options.messages, options.patience)
    lines = [*table(seen), "", "moto's server runs functions in Docker alone and has no part in this"]
    lines.append(f"load average afterwards {os.getloadavg()[0]:.1f}")
    conclude("mappings", promises(seen["lambent"]), lines, keep=not options.no_record)


if __name__ == "__main__":
    main()
