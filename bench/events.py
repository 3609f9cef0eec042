"""`python bench/events.py`: from an object or an event that is put until its function has been entered, and many rules.

entered   one put after the other, each with an event that its function is given: from the moment before the request is
          sent until the handler's first line, by the machine's own clock, which the handler tells in a datagram
rules     PutEvents on a bus with one rule and on one with thousands, of which one matches, by turns; the target is a
          queue in both

Ours and the peers take turns. MiniStack and moto keep all of it in memory alone; what ours acknowledges has been synced
to disk. The functions of moto's server run in Docker alone, so that there is nothing to enter here.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import socket
import statistics
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import peers
import servers
from figures import Promise
from invocations import ACCOUNT, client, make_function
from recording import conclude

ROUNDS = 3
PUTS = 40  # of each kind, in a round
PAUSE_S = 0.01  # objects and events come now and then, not all at once
PER_BUS = 40
RULE_MAKERS = 8
FEW_RULES = 1000  # of a peer: it makes them at less than a thousand a second
PATIENCE_S = 30.0
BODY = os.urandom(1024)
REGION = "us-east-1"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:bench"
HANDLER = """
import os
import socket
import time

told = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
where = ("127.0.0.1", int(os.environ["TOLD_AT"]))

def handler(event, context):
    entered = time.monotonic_ns()
    name = event["detail"]["name"] if "detail" in event else event["Records"][0]["s3"]["object"]["key"]
    told.sendto(f"{entered} {name}".encode(), where)
"""


@dataclass(slots=True)
class Seen:
    """What one server showed, in milliseconds: until it answered, and until the function was entered."""

    rules: int
    rules_per_second: float = 0.0
    first_of_many_ms: float = 0.0
    put_ms: list[float] = field(default_factory=list)
    object_entered_ms: list[float] = field(default_factory=list)
    event_entered_ms: list[float] = field(default_factory=list)
    one_rule_ms: list[float] = field(default_factory=list)
    many_rules_ms: list[float] = field(default_factory=list)


class Entered:
    """Hears from functions when they were entered."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(PATIENCE_S)
        self.port: int = self._socket.getsockname()[1]

    def at_ns(self, name: str) -> int:
        """Return when the function was entered with the event of that name."""
        while True:
            moment, _, found = self._socket.recv(1024).decode().partition(" ")
            if found == name:
                return int(moment)

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


class Caller:
    """One open connection to a server; its requests have a signature in form: the scope alone is read."""

    def __init__(self, server: servers.Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def put_object(self, key: str) -> None:
        """Put an object of 1 KB into the bucket."""
        headers = {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD", "Authorization": _authorization("s3")}
        self._ask("PUT", f"/bench/{key}", BODY, headers)

    def events(self, operation: str, **parameters: Any) -> Mapping[str, Any]:  # Any: JSON
        """Carry out an operation of EventBridge."""
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AWSEvents.{operation}",
            "Authorization": _authorization("events"),
        }
        answer: Mapping[str, Any] = json.loads(
            self._ask("POST", "/", json.dumps(parameters).encode(), headers) or b"{}"
        )
        return answer

    def put_event(self, bus: str, source: str, name: str) -> None:
        """Put one event on a bus."""
        entry = {"EventBusName": bus, "Source": source, "DetailType": "made", "Detail": json.dumps({"name": name})}
        if self.events("PutEvents", Entries=[entry])["FailedEntryCount"]:
            raise SystemExit("an event was refused")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"{method} {path} was answered {answer.status}: {text.decode(errors='replace')}")
        return text


def _authorization(service: str) -> str:
    scope = f"{ACCOUNT}/20260101/{REGION}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"


def package() -> bytes:
    """Return the function that tells when it was entered."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as contents:
        contents.writestr("handler.py", HANDLER)
    return archive.getvalue()


def make_ways(server: servers.Server, told_at: int) -> None:
    """Make the function, a bucket that tells it of objects, and a rule that gives it events."""
    make_function(server, "entered", package(), variables={"TOLD_AT": str(told_at)})
    functions, buckets, events = (client(server, service) for service in ("lambda", "s3", "events"))
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:entered"
    for service in ("s3", "events"):
        functions.add_permission(
            FunctionName="entered",
            StatementId=service,
            Action="lambda:InvokeFunction",
            Principal=f"{service}.amazonaws.com",
        )
    buckets.create_bucket(Bucket="bench")
    buckets.put_bucket_notification_configuration(
        Bucket="bench",
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    events.put_rule(Name="entered", EventPattern=json.dumps({"source": ["bench"]}))
    events.put_targets(Rule="entered", Targets=[{"Id": "function", "Arn": arn}])


def make_rules(server: servers.Server, count: int) -> float:
    """Make a bus with one rule and one with many, all to one queue; return how many rules a second were made."""
    client(server, "sqs").create_queue(QueueName="bench")
    for bus in ("one", "many"):
        client(server, "events").create_event_bus(Name=bus)

    def some(begin: int) -> None:
        caller = Caller(server)
        for number in range(begin, count, RULE_MAKERS):
            make_rule(caller, "many", number)
        caller.close()

    caller = Caller(server)
    make_rule(caller, "one", 0)
    caller.close()
    began = time.perf_counter()
    with ThreadPoolExecutor(RULE_MAKERS) as threads:
        list(threads.map(some, range(RULE_MAKERS)))
    return count / (time.perf_counter() - began)


def make_rule(caller: Caller, bus: str, number: int) -> None:
    """Make the rule for the events of one source."""
    rule, pattern = f"rule-{number}", json.dumps({"source": [f"shop-{number}"], "detail-type": ["made"]})
    caller.events("PutRule", Name=rule, EventBusName=bus, EventPattern=pattern)
    target = {"Id": "queue", "Arn": QUEUE}
    if caller.events("PutTargets", Rule=rule, EventBusName=bus, Targets=[target])["FailedEntryCount"]:
        raise SystemExit("a target was refused")


def one_round(server: servers.Server, entered: Entered | None, seen: Seen, number: int) -> None:
    """Put objects and events one after the other; without functions, events to queues alone."""
    caller = Caller(server)
    for count in range(PUTS if entered else 0):
        name = f"object-{number}-{count}"
        began, answered, told = _until_entered(entered, name, lambda: caller.put_object(name))  # noqa: B023 - at once
        seen.put_ms.append((answered - began) / 1e6)
        seen.object_entered_ms.append((told - began) / 1e6)
    for count in range(PUTS if entered else 0):
        name = f"event-{number}-{count}"
        began, _, told = _until_entered(entered, name, lambda: caller.put_event("default", "bench", name))  # noqa: B023
        seen.event_entered_ms.append((told - began) / 1e6)
    for _ in range(PER_BUS):
        for bus, times in (("one", seen.one_rule_ms), ("many", seen.many_rules_ms)):
            began_s = time.perf_counter()
            caller.put_event(bus, "shop-0", "none")
            times.append((time.perf_counter() - began_s) * 1000)
    caller.close()


def _until_entered(entered: Entered | None, name: str, put: Callable[[], None]) -> tuple[int, int, int]:
    """Return when a put began, when it was answered, and when the function was entered with what came of it."""
    if entered is None:
        raise ValueError("there is no function to enter")
    time.sleep(PAUSE_S)
    began = time.monotonic_ns()
    put()
    return began, time.monotonic_ns(), entered.at_ns(name)


def prepare(server: servers.Server, entered: Entered | None, rules: int) -> Seen:
    """Make what the rounds need, and go each way once."""
    seen = Seen(rules)
    if entered is not None:
        make_ways(server, entered.port)
    seen.rules_per_second = make_rules(server, rules)
    caller = Caller(server)
    if entered is not None:
        _until_entered(entered, "first-object", lambda: caller.put_object("first-object"))
        _until_entered(entered, "first-event", lambda: caller.put_event("default", "bench", "first-event"))
    caller.put_event("one", "shop-0", "none")
    began = time.perf_counter()
    caller.put_event("many", "shop-0", "none")
    seen.first_of_many_ms = (time.perf_counter() - began) * 1000
    caller.close()
    return seen


def measure(peer: Path | None, rules: int) -> dict[str, Seen]:
    """Measure all servers by turns and return what was seen, by server."""
    with contextlib.ExitStack() as open_sockets, peers.competitors(peer) as running:
        seen: dict[str, Seen] = {}
        hearing: dict[str, Entered | None] = {}
        for server in running:
            has_functions = server.name != "moto"
            hearing[server.name] = open_sockets.enter_context(contextlib.closing(Entered())) if has_functions else None
            wanted = rules if server.name == "lambent" else min(rules, FEW_RULES)
            seen[server.name] = prepare(server, hearing[server.name], wanted)
        for number in range(ROUNDS):
            for server in running:
                one_round(server, hearing[server.name], seen[server.name], number)
        return seen


def promises(ours: Seen) -> list[Promise]:
    """Return every figure that has a bound."""
    ratio = statistics.median(ours.many_rules_ms) / statistics.median(ours.one_rule_ms)
    return [
        Promise("put of 1 KB to handler entered, median (ms)", statistics.median(ours.object_entered_ms), 10),
        Promise("PutEvents to handler entered, median (ms)", statistics.median(ours.event_entered_ms), 8),
        Promise(f"PutEvents with {ours.rules} rules, over one rule", ratio, 2),
    ]


def table(seen: Mapping[str, Seen]) -> list[str]:
    """Return all that was seen, a column for each server."""
    rows: list[tuple[str, Callable[[Seen], Sequence[float]]]] = [
        ("S3 put of 1 KB to handler entered", lambda one: one.object_entered_ms),
        ("the put itself", lambda one: one.put_ms),
        ("PutEvents to handler entered", lambda one: one.event_entered_ms),
        ("PutEvents, one rule", lambda one: one.one_rule_ms),
        ("PutEvents, many rules", lambda one: one.many_rules_ms),
    ]
    lines = [f"{'median and p99 (ms)':<36}" + "".join(f"{name:>19}" for name in seen)]
    for label, times in rows:
        lines.append(f"{label:<36}" + "".join(_both(times(one)) for one in seen.values()))
    lines.append(f"{'how many rules':<36}" + "".join(f"{one.rules:>19}" for one in seen.values()))
    lines.append(
        f"{'made, with a target each (/s)':<36}" + "".join(f"{x.rules_per_second:>19.0f}" for x in seen.values())
    )
    lines.append(
        f"{'first event on that bus (ms)':<36}" + "".join(f"{one.first_of_many_ms:>19.1f}" for one in seen.values())
    )
    return lines


def _both(times: Sequence[float]) -> str:
    if not times:
        return f"{'Docker alone':>19}"
    ordered = sorted(times)
    return f"{statistics.median(ordered):>10.2f}{ordered[int(len(ordered) * 0.99)]:>9.2f}"


def main() -> None:
    """Measure, print and record; exit with 1 where a promise is not kept."""
    parser = peers.arguments(__doc__)
    parser.add_argument("--rules", type=int, default=10_000, help="on the bus with many")
    options = parser.parse_args()
    seen = measure(peers.meant(options), options.rules)
    last = f"load average afterwards {os.getloadavg()[0]:.1f}; {ROUNDS} rounds by turns"
    conclude("events", promises(seen["lambent"]), [*table(seen), "", last], keep=not options.no_record)


if __name__ == "__main__":
    main()
