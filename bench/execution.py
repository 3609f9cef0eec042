"""`python bench/execution.py`: what execution environments cost to start and to keep, and accepted events to take.

cold starts   functions that have never run, one after the other (by fork; where Python is told something for its
              start; by exec) and twenty at once; beside each the platform's own Init Duration
idle          many environments that have run once and wait: their memory, and the latency of another function on
              that platform and on one without them, by turns
events        asynchronous invocations at a constant rate, each durable before its 202
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import invocations
import load
import rate
import servers
from figures import Promise
from recording import conclude

ACCOUNT = invocations.ACCOUNT
COLD_STARTS = 25
AT_ONCE = 20
PAUSE_S = 0.1  # in which what the next one starts in is made, as it is where starts come now and then
IDLE = 500
CLIENTS = 4
WARM_PER_SECOND = 300
EVENTS_PER_SECOND = 2000
EVENT_CONNECTIONS = 64
FOR_ITS_START = {"PYTHONHASHSEED": "0"}
BY_EXEC = {"MALLOC_ARENA_MAX": "2"}
# Its transport is a module in C, for which ours stands in.
AWS_CLIENT = (
    f"import sys; sys.path.append({sysconfig.get_path('purelib')!r}); transport = type(sys)('runtime_client'); "
    "transport.initialize_client = id; sys.modules['runtime_client'] = transport; import awslambdaric.bootstrap"
)


@dataclass(frozen=True, slots=True)
class Cold:
    """One first call: how long its caller waited, and what the platform reports of it."""

    call_ms: float
    init_ms: float


@dataclass(frozen=True, slots=True)
class Idle:
    """What idle environments cost: memory of each, of the platform itself before and after, latencies beside them."""

    each_mb: float
    platform_mb: tuple[float, float]
    without: tuple[rate.Rate, ...]
    beside: tuple[rate.Rate, ...]

    @property
    def median_ratio(self) -> float:
        """The median latency beside them over that without; the median of the rounds."""
        pairs = zip(self.beside, self.without, strict=True)
        return statistics.median(ours.median_ms / theirs.median_ms for ours, theirs in pairs)

    @property
    def p99_ratio(self) -> float:
        """The same of the 99th percentile."""
        pairs = zip(self.beside, self.without, strict=True)
        return statistics.median(ours.p99_ms / theirs.p99_ms for ours, theirs in pairs)


@dataclass(frozen=True, slots=True)
class Events:
    """What accepting events showed; `handled` of `accepted` were run afterwards, as their REPORT lines say."""

    loads: tuple[rate.Rate, ...]
    handled_within_s: float
    accepted: int
    handled: int


class Functions:
    """Makes functions of one package on one platform."""

    def __init__(self, server: servers.Server, code: Path) -> None:
        self.server = server
        self._package = invocations.package(code)

    def make(self, names: Sequence[str], variables: Mapping[str, str] | None = None) -> None:
        """Create functions, some at a time, and wait until they are active."""

        def one(name: str) -> None:
            invocations.make_function(self.server, name, self._package, variables=variables)

        one(names[0])  # makes the role, too
        with ThreadPoolExecutor(CLIENTS) as threads:
            list(threads.map(one, names[1:]))

    def call_all(self, names: Sequence[str]) -> None:
        """Invoke each once, a few at a time."""
        with ThreadPoolExecutor(CLIENTS) as threads:
            list(threads.map(lambda name: cold_call(self.server, name), names))


def request_for(server: servers.Server, name: str, *headers: str) -> bytes:
    """Return an Invoke of a function."""
    return rate.invoke_request(server.port, name, invocations.EVENT, ACCOUNT, *headers)


def cold_call(server: servers.Server, name: str) -> Cold:
    """Invoke a function over a connection that is open already, and read its REPORT line's Init Duration."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.connect()
    headers = {"Authorization": load.authorization(ACCOUNT), "X-Amz-Log-Type": "Tail"}
    path = f"/2015-03-31/functions/{name}/invocations"
    began = time.perf_counter()
    connection.request("POST", path, invocations.EVENT, headers)
    answer = connection.getresponse()
    body = answer.read()
    took = (time.perf_counter() - began) * 1000
    connection.close()
    if answer.status != http.HTTPStatus.OK or json.loads(body) != {"n": 10}:
        raise SystemExit(f"{name} answered {answer.status}: {body!r}")
    tail = base64.b64decode(answer.headers["X-Amz-Log-Result"]).decode()
    reported = re.search(r"Init Duration: ([\d.]+) ms", tail)
    return Cold(took, float(reported[1]) if reported else 0.0)


def at_once_ms(server: servers.Server, names: Sequence[str]) -> list[float]:
    """Invoke functions that have never run, all at the same moment, and return how long each caller waited."""
    calls = [socket.create_connection(("127.0.0.1", server.port)) for _ in names]
    requests = [request_for(server, name) for name in names]
    took: list[float] = []
    with selectors.DefaultSelector() as answers:
        for call in calls:
            answers.register(call, selectors.EVENT_READ, call)
        began = time.perf_counter()
        for call, request in zip(calls, requests, strict=True):
            call.sendall(request)
        while len(took) < len(calls):
            for key, _ in answers.select(60):
                call = key.data
                if not call.recv(65536).startswith(b"HTTP/1.1 200"):  # so small that it comes in one piece
                    raise SystemExit("one of the calls at once failed")
                took.append((time.perf_counter() - began) * 1000)
                answers.unregister(call)
                call.close()
    return took


def cold_starts(functions: Functions, kind: str, variables: Mapping[str, str]) -> list[Cold]:
    """Return the first call of each of some functions, one after the other."""
    names = [f"cold-{kind}-{number}" for number in range(COLD_STARTS)]
    functions.make(names, variables)
    calls = []
    for name in names:
        time.sleep(PAUSE_S)
        calls.append(cold_call(functions.server, name))
    return calls


def many_at_once(functions: Functions, rounds: int) -> list[float]:
    """Return how long callers waited in all rounds of cold starts that begin together."""
    took = []
    for number in range(rounds):
        names = [f"at-once-{number}-{each}" for each in range(AT_ONCE)]
        functions.make(names)
        time.sleep(AT_ONCE * PAUSE_S)
        took += at_once_ms(functions.server, names)
    return took


def idle(busy: Functions, quiet: Functions, count: int, rounds: int) -> Idle:
    """Fill one platform with environments that wait, and compare another function's latency there and elsewhere."""
    for functions in (busy, quiet):
        functions.make(["warm"])
        warm_load(functions.server, 1)
    names = [f"idle-{number}" for number in range(count)]
    busy.make(names)
    before = servers.proportional_memory_mb(busy.server.pid), servers.own_memory_mb(busy.server.pid)
    busy.call_all(names)
    after = servers.proportional_memory_mb(busy.server.pid), servers.own_memory_mb(busy.server.pid)
    without, beside = [], []
    for _ in range(rounds):
        without.append(warm_load(quiet.server, 2))
        beside.append(warm_load(busy.server, 2))
    return Idle((after[0] - before[0]) / count, (before[1], after[1]), tuple(without), tuple(beside))


def warm_load(server: servers.Server, seconds: float) -> rate.Rate:
    """Invoke the warm function at a rate that leaves the machine time."""
    return rate.run(server.port, request_for(server, "warm"), WARM_PER_SECOND, seconds, CLIENTS)


def events(functions: Functions, seconds: float, rounds: int) -> Events:
    """Send events at a constant rate to a function that has never run, round after round, and await their end."""
    server = functions.server
    functions.make(["events"])
    request = request_for(server, "events", "X-Amz-Invocation-Type: Event")
    loads = tuple(rate.run(server.port, request, EVENTS_PER_SECOND, seconds, EVENT_CONNECTIONS) for _ in range(rounds))
    accepted = sum(each.requests - each.failures for each in loads)
    began = time.perf_counter()
    handled = invocations.count_reports(server, "events", accepted)
    return Events(loads, time.perf_counter() - began, accepted, handled)


def measure(options: argparse.Namespace, code: Path) -> tuple[list[Promise], list[str]]:
    """Measure everything; return the figures that have a bound, and plain lines."""
    with servers.lambent() as server:
        functions = Functions(server, code)
        forked = cold_starts(functions, "fork", {})
        told = cold_starts(functions, "told", FOR_ITS_START)
        executed = cold_starts(functions, "exec", BY_EXEC)
        alone = statistics.median(interpreter_ms("pass") for _ in range(COLD_STARTS))
        client = statistics.median(interpreter_ms(AWS_CLIENT) for _ in range(COLD_STARTS))
        together = sorted(many_at_once(functions, options.rounds))
    with servers.lambent() as server:
        taken = events(Functions(server, code), options.seconds, options.rounds)
    with servers.lambent() as server, servers.lambent() as other:
        waiting = idle(Functions(server, code), Functions(other, code), options.idle, options.rounds)
    event_p99 = statistics.median(each.p99_ms for each in taken.loads)
    found = [
        Promise("cold start by fork, median (ms)", _median_call(forked), 15),
        Promise("cold start with PYTHONHASHSEED set, median (ms)", _median_call(told), 40),
        Promise("cold start by exec, median (ms)", _median_call(executed), 40),
        Promise(f"{AT_ONCE} cold starts at once, p99 (ms)", together[len(together) * 99 // 100], 60),
        Promise("memory of one more idle environment (MB)", waiting.each_mb, 8),
        Promise(f"median beside {options.idle} idle environments / without", waiting.median_ratio, 1.25),
        Promise(f"p99 beside {options.idle} idle environments / without", waiting.p99_ratio, 1.5),
        Promise("events accepted (/s)", _per_second(taken), EVENTS_PER_SECOND * 0.99, at_least=True),
        Promise("p99 of accepting an event (ms)", event_p99, 20),
        Promise("accepted events that were not handled", taken.accepted - taken.handled, 0),
    ]
    lines = [
        f"starting the interpreter, median: {alone:.2f} ms alone, {client:.2f} ms with AWS's client imported",
    ]
    return found, lines + _lines(forked, executed, together, waiting, taken)


def interpreter_ms(statements: str) -> float:
    """Return how long the interpreter that runs functions here takes to start, execute this and end.

    With `AWS_CLIENT` that is the floor of an exec.
    """
    began = time.perf_counter()
    subprocess.run([os.path.realpath(sys.executable), "-s", "-S", "-c", statements], check=True)
    return (time.perf_counter() - began) * 1000


def _lines(
    forked: Sequence[Cold], executed: Sequence[Cold], together: Sequence[float], waiting: Idle, taken: Events
) -> list[str]:
    loads = "; ".join(f"{each.median_ms:.2f}/{each.p99_ms:.2f}/{each.worst_ms:.2f}" for each in taken.loads)
    without, beside = _latencies(waiting.without), _latencies(waiting.beside)
    return [
        f"Init Duration, median: {_median_init(forked):.2f} ms by fork, {_median_init(executed):.2f} ms by exec",
        f"{AT_ONCE} at once: median {statistics.median(together):.2f} ms, slowest {together[-1]:.2f} ms",
        f"the platform's own memory: {waiting.platform_mb[0]:.1f} MB before, {waiting.platform_mb[1]:.1f} MB after",
        f"warm calls at {WARM_PER_SECOND}/s, median and p99 (ms): {without} without idle ones, {beside} beside them",
        f"events, median/p99/slowest of each round (ms): {loads}",
        f"{taken.handled} of {taken.accepted} events handled, all within {taken.handled_within_s:.1f} s of the last",
    ]


def _median_call(calls: Sequence[Cold]) -> float:
    return statistics.median(each.call_ms for each in calls)


def _median_init(calls: Sequence[Cold]) -> float:
    return statistics.median(each.init_ms for each in calls)


def _per_second(taken: Events) -> float:
    return statistics.median(each.per_second for each in taken.loads)


def _latencies(loads: Sequence[rate.Rate]) -> str:
    median, p99 = (statistics.median(getattr(each, name) for each in loads) for name in ("median_ms", "p99_ms"))
    return f"{median:.2f} and {p99:.2f}"


def main() -> None:
    """Measure, print, record; exit with 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each load and each start at once is repeated")
    parser.add_argument("--seconds", type=float, default=4, help="how long each load of events lasts")
    parser.add_argument("--idle", type=int, default=IDLE, help="how many environments wait")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        found, lines = measure(options, load.handler_folder(Path(folder) / "code"))
    lines.append(f"load average afterwards {os.getloadavg()[0]:.1f}; medians of {options.rounds} rounds")
    conclude("execution", found, lines)


if __name__ == "__main__":
    main()
