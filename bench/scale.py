"""`python bench/scale.py [FOLDER]`: a platform with 10,000 functions of three versions each beside one with 10.

Both are filled through the API, stopped and started again; FOLDER keeps their data for the next run. Starts alternate
between the two, and so do calls, so that whatever else the machine does falls on both alike; a ratio is that of the
medians.
"""

from __future__ import annotations

import argparse
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
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from figures import Promise
from recording import record
from servers import Server, cpu_s, lambent_on, proportional_memory_mb

HERE = Path(__file__).parent
FUNCTIONS = "/2015-03-31/functions"
SIGNED = "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
FEW = 10
VERSIONS = 3
CLIENTS = 8
STARTS = 5
LIVES = 60
ROLE = "arn:aws:iam::000000000000:role/scale"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


class Client:
    """One connection."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def call(self, method: str, path: str, body: object = None, service: str = "lambda") -> dict[str, Any]:  # Any: JSON
        """Return the answer's document; one that is no success ends the benchmark."""
        data = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
        headers = {"Authorization": SIGNED.format(service)}
        if isinstance(body, str):
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, data, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300 and b"EntityAlreadyExists" not in text:
            raise SystemExit(f"{method} {path}: {answer.status} {text[:300]!r}")
        found: dict[str, Any] = {} if service != "lambda" or not text else json.loads(text)  # Any: as above
        return found


def package(number: int) -> str:
    """Return a version's archive, in base64."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("handler.py", f"def handler(event, context):\n    return {number}\n")
    return b64encode(buffer.getvalue()).decode()


def name_of(number: int) -> str:
    return f"function-{number:05}"


def filled(server: Server, count: int) -> None:
    """Create the functions, and publish a version of each of their packages."""
    roles = Client(server)
    asked = {"Action": "CreateRole", "Version": "2010-05-08", "RoleName": "scale"}
    roles.call("POST", "/", urlencode({**asked, "AssumeRolePolicyDocument": json.dumps(TRUST)}), "iam")
    codes = [package(number) for number in range(VERSIONS)]
    new = {"Role": ROLE, "Runtime": "python3.13", "Handler": "handler.handler", "Publish": True}

    def create(client: Client, number: int) -> None:
        client.call("POST", FUNCTIONS, {**new, "FunctionName": name_of(number), "Code": {"ZipFile": codes[0]}})

    def update(code: str) -> Callable[[Client, int], object]:
        body = {"ZipFile": code, "Publish": True}
        return lambda client, number: client.call("PUT", f"{FUNCTIONS}/{name_of(number)}/code", body)

    for work in (create, *map(update, codes[1:])):
        spread(server, count, work)
        time.sleep(1)  # what has been changed last becomes active


def spread(server: Server, count: int, work: Callable[[Client, int], object]) -> None:
    """Have several clients do the work for each number."""

    def one(start: int) -> None:
        client = Client(server)
        for number in range(start, count, CLIENTS):
            work(client, number)

    threads = [threading.Thread(target=one, args=(start,)) for start in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def took_ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def by_turns(few: Client, many: Client, path: str, method: str, rounds: int) -> tuple[float, float]:
    """Return the median of a call on each, one after the other."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 20):
        for client, found in zip((few, many), times, strict=True):
            took = took_ms(lambda client=client: client.call(method, path))  # type: ignore[misc] # mypy gives a lambda's default no type
            if number >= 20:
                found.append(took)
    return statistics.median(times[0]), statistics.median(times[1])


def pages(client: Client, query: str) -> list[float]:
    """Return what each page of a whole listing took."""
    found: list[float] = []
    marker = ""
    while True:
        began = time.perf_counter()
        page = client.call("GET", f"{FUNCTIONS}?MaxItems=50{query}{marker}")
        found.append((time.perf_counter() - began) * 1000)
        if "NextMarker" not in page:
            return found
        marker = f"&Marker={page['NextMarker']}"


def p99(times: Iterable[float]) -> float:
    ordered = sorted(times)
    return ordered[max(0, -(-len(ordered) * 99 // 100) - 1)]


def made(folder: Path, count: int) -> tuple[Path, float]:
    """Return a data directory with so many functions, and the memory of the platform that has just made them."""
    data = folder / f"data-{count}"
    figure = folder / f"data-{count}.memory"
    if not figure.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with lambent_on(data) as server:
            filled(server, count)
            figure.write_text(str(proportional_memory_mb(server.pid)))
    return data, float(figure.read_text())


@dataclass(frozen=True, slots=True)
class Start:
    """How long a start took until the platform was ready, and how much of that on a processor; medians of some."""

    ready_s: float
    cpu_s: float


def starts(*places: Path) -> list[Start]:
    """Return how starts on each directory went, one after the other."""
    found: list[list[Start]] = [[] for _ in places]
    for _ in range(STARTS):
        for data, some in zip(places, found, strict=True):
            with lambent_on(data) as server:
                some.append(Start(server.ready_ms / 1000, cpu_s(server.pid)))
    return [
        Start(statistics.median(one.ready_s for one in some), statistics.median(one.cpu_s for one in some))
        for some in found
    ]


def call_of(client: Client, number: int) -> Callable[[], object]:
    """Return a GetFunction of one function."""
    return lambda: client.call("GET", f"{FUNCTIONS}/{name_of(number)}")


def lives(few: Client, many: Client) -> dict[str, tuple[float, float]]:
    """Return the medians of what each step in the life of new functions takes on either."""
    new = {"Role": ROLE, "Runtime": "python3.13", "Handler": "handler.handler", "Code": {"ZipFile": package(0)}}
    steps: dict[str, Callable[[Client, str], object]] = {
        "CreateFunction": lambda client, name: client.call("POST", FUNCTIONS, {**new, "FunctionName": name}),
        "UpdateFunctionCode": lambda client, name: client.call(
            "PUT", f"{FUNCTIONS}/{name}/code", {"ZipFile": package(1)}
        ),
        "PublishVersion": lambda client, name: client.call("POST", f"{FUNCTIONS}/{name}/versions", {}),
        "GetAccountSettings": lambda client, _: client.call("GET", "/2016-08-19/account-settings"),
        "DeleteFunction": lambda client, name: client.call("DELETE", f"{FUNCTIONS}/{name}"),
    }
    found = {}
    for step, work in steps.items():
        times: tuple[list[float], list[float]] = ([], [])
        for number in range(LIVES):
            for client, some in zip((few, many), times, strict=True):
                some.append(took_ms(partial(work, client, f"new-{number}")))
        found[step] = (statistics.median(times[0]), statistics.median(times[1]))
        time.sleep(1)  # what has been changed last becomes active
    return found


def measure(folder: Path, count: int, rounds: int) -> tuple[list[Promise], list[str]]:
    """Return the figures that have a bound, and further lines."""
    (small, _), (large, grown) = made(folder, FEW), made(folder, count)
    fewer, start = starts(small, large)
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(lambent_on(data)) for data in (small, large)]
        time.sleep(1)
        memory = [proportional_memory_mb(server.pid) for server in servers]
        few, many = map(Client, servers)
        one = name_of(FEW // 2)
        get = by_turns(few, many, f"{FUNCTIONS}/{one}", "GET", rounds)
        invoke = by_turns(few, many, f"{FUNCTIONS}/{one}/invocations", "POST", rounds)
        listed, every = pages(many, ""), pages(many, "&FunctionVersion=ALL")
        some = range(0, count, max(1, count // 200))
        first = statistics.median(took_ms(call_of(many, number)) for number in some)
        steps = lives(few, many)
    found = [
        Promise("Invoke, median over that with 10 functions", invoke[1] / invoke[0], 1.2),
        Promise("GetFunction, median over that with 10", get[1] / get[0], 1.2),
        Promise("a page of ListFunctions, median (ms)", statistics.median(listed), 20),
        Promise("a page of ListFunctions ALL, median (ms)", statistics.median(every), 20),
        Promise("CPU time of a start, median over that with 10", start.cpu_s / fewer.cpu_s, 1.2),
        Promise("ready after start, median (s)", start.ready_s, 2),
        Promise("memory after start, all processes (MB)", memory[1], 400),
        Promise("memory of the one that made them (MB)", grown, 400),
    ]
    lines = [
        f"{count} functions of {VERSIONS} versions; with {FEW} of them {memory[0]:.1f} MB",
        f"ready (s): {fewer.ready_s:.2f} and {start.ready_s:.2f}, CPU {fewer.cpu_s:.2f} and {start.cpu_s:.2f}",
        f"medians (ms): Invoke {invoke[0]:.2f} and {invoke[1]:.2f}, GetFunction {get[0]:.2f} and {get[1]:.2f}",
        f"GetFunction of one after the other (ms): median {first:.2f}",
        "medians (ms) with 10 and all: " + ", ".join(f"{step} {a:.2f} and {b:.2f}" for step, (a, b) in steps.items()),
        f"p99 of {len(listed)} pages of $LATEST (ms): {p99(listed):.2f}",
        f"p99 of {len(every)} pages of every version (ms): {p99(every):.2f}",
    ]
    return found, lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="where the data stays for the next run")
    parser.add_argument("--functions", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--no-record", action="store_true", help="leave the documents as they are")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="lambent-bench-", dir=HERE))
        )
        found, lines = measure(folder.absolute(), options.functions, options.rounds)
    lines.append(f"load average afterwards {os.getloadavg()[0]:.1f}; {options.rounds} calls by turns")
    text = "\n".join([*(str(promise) for promise in found), "", *lines])
    print(text)
    if not options.no_record:
        record("scale", text)
    if failed := [str(promise) for promise in found if not promise.is_kept]:
        raise SystemExit("not kept: " + "; ".join(failed))


if __name__ == "__main__":
    main()
