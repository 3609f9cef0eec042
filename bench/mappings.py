"""How fast an event source mapping empties a queue, and what that does to others who invoke meanwhile.

    python bench/mappings.py --messages 20000

A queue is filled while its mapping is disabled; the clock runs from the moment at which that is enabled until the queue
holds nothing any more, in view or in flight. Meanwhile another function is invoked over one connection. Real store,
synced, everything on. The figures are printed.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import statistics
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import load
import servers
from figures import Promise
from invocations import ACCOUNT, call, client, make_function, package, role_of

SENDERS = 8
AT_ONCE = 10
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


def consumer() -> bytes:
    """Return a function that reads its messages."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as contents:
        contents.writestr("handler.py", CONSUMER)
    return archive.getvalue()


def fill(server: servers.Server, url: str, count: int) -> float:
    """Send so many messages over some connections; return how many a second."""

    def send(begin: int) -> None:
        queues = client(server, "sqs")
        for number in range(begin, count, SENDERS * AT_ONCE):
            entries = [{"Id": str(at), "MessageBody": json.dumps({"n": number + at})} for at in range(AT_ONCE)]
            queues.send_message_batch(QueueUrl=url, Entries=entries)

    began = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as threads:
        list(threads.map(send, range(0, SENDERS * AT_ONCE, AT_ONCE)))
    return count / (time.perf_counter() - began)


def left(queues: Any, url: str) -> int:  # Any: a boto3 client
    """Return how many messages the queue still has."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


@contextmanager
def invoked_meanwhile(server: servers.Server) -> Iterator[list[float]]:
    """Invoke a function over one connection for as long as the context lasts; yield the times, in milliseconds."""
    times: list[float] = []
    stopped = threading.Event()

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        while not stopped.wait(0.005):
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


def measure(code: Path, messages: int) -> tuple[list[Promise], list[str]]:
    """Fill a queue, empty it through a function, and return what is promised and what else was seen."""
    with servers.lambent() as server:
        make_function(server, "bench", package(code))
        make_function(server, "consumer", consumer())
        client(server, "iam").put_role_policy(
            RoleName=role_of(server).rpartition("/")[2], PolicyName="read", PolicyDocument=json.dumps(MAY_READ)
        )
        queues, functions = client(server, "sqs"), client(server, "lambda")
        url = queues.create_queue(QueueName="filled")["QueueUrl"]
        uuid = functions.create_event_source_mapping(FunctionName="consumer", EventSourceArn=QUEUE, Enabled=False)[
            "UUID"
        ]
        sent_per_s = fill(server, url, messages)
        with invoked_meanwhile(server) as alone:
            time.sleep(2)
        with invoked_meanwhile(server) as beside:
            began = time.perf_counter()
            functions.update_event_source_mapping(UUID=uuid, Enabled=True)
            while left(queues, url):
                time.sleep(0.05)
            took_s = time.perf_counter() - began
        return [Promise("messages/s, queue to function", messages / took_s, 3000, at_least=True)], [
            f"{'messages sent to the queue, batches of 10 (/s)':<52}{sent_per_s:>9.0f}",
            f"{'invocation of another function, median (ms)':<52}{statistics.median(alone):>9.2f}",
            f"{'the same while the queue is emptied':<52}{statistics.median(beside):>9.2f}",
            f"{'its 99th percentile':<52}{sorted(beside)[int(len(beside) * 0.99)]:>9.2f}",
        ]


def main() -> None:
    """Measure and print; exit with 1 where the promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000, help="how many there are in the queue")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        promises, lines = measure(load.handler_folder(Path(folder) / "code"), options.messages)
    print("\n".join([*map(str, promises), *lines]))
    if any(not promise.is_kept for promise in promises):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
