"""How fast the platform is, in one run against the floor and a peer.

    make bench                                       all of it, about two minutes
    python bench/invocations.py --seconds 8 --peer .venv-peer/bin/python

The floor is `floor.py`; the peer is MiniStack, installed into an environment of its own. Same runtime name, same
interpreter, same handler, same load on all: wrk with one connection, then with eight, floor and ours by turns, so that
a noisy minute meets both. Every figure of ours is with everything on: identity, routing, records, logs, durable store.
What counts are the ratios of one run.
"""

from __future__ import annotations

import argparse
import base64
import functools
import http.client
import io
import json
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import load
import rate
import servers
from botocore.config import Config
from figures import Figures, Peer, Rounds, failed_promises, table

ACCOUNT = "000000000000"
RUNTIME = f"python3.{sys.version_info.minor}"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
EVENT = '{"n": 10}'
# One vCPU's worth: below that Lambda gives a share of one, and the floor has no such quota.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MEMORY_MB = 1769
COLD_STARTS = 25
STARTS = 5
PACKAGES = 1500
EXACT_CALLS = 1000


@functools.cache
def client(server: servers.Server, service: str) -> Any:  # Any: boto3's clients are classes made at run time
    """Return a boto3 client of a server."""
    return boto3.client(
        service,
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
    )


def package(code: Path, padding: int = 0) -> bytes:
    """Return a zip of the handler, made larger by `padding` bytes that do not compress."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as contents:
        contents.write(code / "handler.py", "handler.py")
        if padding:
            contents.writestr("padding.bin", os.urandom(padding))
    return archive.getvalue()


def make_function(
    server: servers.Server,
    name: str,
    code: bytes,
    *,
    variables: Mapping[str, str] | None = None,
    **settings: int,
) -> None:
    """Create the execution role, where it is not there, and one function, and wait until it is active.

    `settings` are numbers of CreateFunction by their names there, like MemorySize.
    """
    functions = client(server, "lambda")
    functions.create_function(
        FunctionName=name,
        Runtime=RUNTIME,
        Role=role_of(server),
        Handler="handler.handler",
        Code={"ZipFile": code},
        Environment={"Variables": dict(variables or {})},
        **{"MemorySize": MEMORY_MB, **settings},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})


@functools.cache
def role_of(server: servers.Server) -> str:
    """Return the ARN of the server's execution role, made when it is first asked for."""
    role: str = client(server, "iam").create_role(RoleName="bench", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"][
        "Arn"
    ]
    return role


def first_call_ms(server: servers.Server, name: str) -> float:
    """Return how long one Invoke takes over a connection that is open already."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.connect()
    began = time.perf_counter()
    call(connection, name)
    took = (time.perf_counter() - began) * 1000
    connection.close()
    return took


def call(connection: http.client.HTTPConnection, name: str) -> None:
    """Invoke a function once and check its answer."""
    headers = {"Authorization": load.authorization(ACCOUNT)}
    connection.request("POST", f"/2015-03-31/functions/{name}/invocations", EVENT, headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != http.HTTPStatus.OK or json.loads(body) != {"n": 10}:
        raise SystemExit(f"{name} answered {answer.status}: {body!r}")


def one_load(server: servers.Server, connections: int, seconds: int) -> load.Load:
    """Return what a load of Invoke calls saw; ends the run where a call failed."""
    url = f"{server.url}/2015-03-31/functions/bench/invocations"
    seen = load.run(url, load.invoke_script(EVENT, ACCOUNT), connections=connections, seconds=seconds)
    if seen.failures:
        raise SystemExit(f"{server.name}: {seen.failures} calls failed")
    return seen


def exact_calls(server: servers.Server, name: str, connections: int = 8) -> None:
    """Invoke a function EXACT_CALLS times over some connections that stay open."""

    def some(count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        for _ in range(count):
            call(connection, name)
        connection.close()

    with ThreadPoolExecutor(connections) as threads:
        list(threads.map(some, [EXACT_CALLS // connections] * connections))


def count_reports(server: servers.Server, name: str, expected: int) -> int:
    """Return how many REPORT lines the function's log group holds, once it no longer grows."""
    logs, found, before = client(server, "logs"), 0, -1
    while found != before and found < expected:
        before = found
        time.sleep(0.5)
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{name}", filterPattern="REPORT"
        )
        found = sum(len(page["events"]) for page in pages)
    return found


def rounds_of(floor: servers.Server, ours: servers.Server, seconds: int, rounds: int) -> Rounds:
    """Load the floor and ours by turns, after a warm-up of each."""
    warm_up = [one_load(server, 8, 1) for server in (floor, ours)][1]
    ones, eights, halves = [], [], []
    for _ in range(rounds):
        ones.append([one_load(server, 1, seconds) for server in (floor, ours)])
        eights.append([one_load(server, 8, seconds) for server in (floor, ours)])
        halves.append([half_load(*pair, seconds / 2) for pair in zip((floor, ours), eights[-1], strict=True)])
    floor_one, our_one = zip(*ones, strict=True)
    floor_eight, our_eight = zip(*eights, strict=True)
    floor_half, our_half = zip(*halves, strict=True)
    return Rounds(floor_one, our_one, floor_eight, our_eight, floor_half, our_half, warm_up)


def half_load(server: servers.Server, full: load.Load, seconds: float) -> rate.Rate:
    """Return what calls at half the rate see that a server has just shown to be its most."""
    request = rate.invoke_request(server.port, "bench", EVENT, ACCOUNT)
    seen = rate.run(server.port, request, full.per_second / 2, seconds, full.connections)
    if seen.failures:
        raise SystemExit(f"{server.name}: {seen.failures} calls failed")
    return seen


def cold_starts(server: servers.Server, code: bytes) -> tuple[float, ...]:
    """Return the first call's time of each of some functions that have never run, sorted."""
    for number in range(COLD_STARTS):
        make_function(server, f"cold-{number}", code)
    return tuple(sorted(first_call_ms(server, f"cold-{number}") for number in range(COLD_STARTS)))


def creations(server: servers.Server, code: Path) -> float:
    """Return how many functions, each with code of its own, eight clients create a second."""
    role = role_of(server)
    packages = [base64.b64encode(package(code, 4700)).decode() for _ in range(PACKAGES)]
    seen = load.run(server.url, load.create_script(packages, role, ACCOUNT), connections=8, seconds=4)
    if seen.failures:
        raise SystemExit(f"{seen.failures} creations failed")
    return seen.per_second


def starts() -> tuple[float, ...]:
    """Return how long each of some starts took until health answered, sorted."""
    taken = []
    for _ in range(STARTS):
        with servers.lambent() as server:
            taken.append(server.ready_ms)
    return tuple(sorted(taken))


def measure(code: Path, seconds: int, rounds: int, peer: Path | None) -> Figures:
    """Measure everything."""
    ready = starts()
    with servers.lambent() as ours:
        time.sleep(1)  # its fork server is still importing when it is ready
        idle_mb = servers.proportional_memory_mb(ours.pid)
        make_function(ours, "bench", package(code))
        make_function(ours, "exact", package(code))
        # The interpreter that our platform uses for the same runtime name.
        with servers.floor(code, "handler.handler", os.path.realpath(sys.executable), 8) as floor:
            warm = rounds_of(floor, ours, seconds, rounds)
        exact_calls(ours, "exact")
        return Figures(
            load_average=os.getloadavg()[0],
            ready_ms=ready,
            idle_mb=idle_mb,
            rounds=warm,
            reports=count_reports(ours, "bench", warm.calls),
            exact_calls=EXACT_CALLS,
            exact_reports=count_reports(ours, "exact", EXACT_CALLS),
            cold_ms=cold_starts(ours, package(code)),
            created_per_second=creations(ours, code),
            peer=measure_peer(code, seconds, peer) if peer else None,
        )


def measure_peer(code: Path, seconds: int, python: Path) -> Peer:
    """Measure MiniStack: first call and warm invocations."""
    with servers.ministack(python) as server:
        make_function(server, "bench", package(code))
        first = first_call_ms(server, "bench")
        one_load(server, 8, 1)
        return Peer(server.ready_ms, first, one_load(server, 1, seconds), one_load(server, 8, seconds))


def run(seconds: int, rounds: int, peer: Path | None) -> Figures:
    """Measure in a folder that goes afterwards, and return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        return measure(load.handler_folder(Path(folder) / "code"), seconds, rounds, peer)


def main() -> None:
    """Measure all three and print the comparison; exit with 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8, help="how long each load lasts")
    parser.add_argument("--rounds", type=int, default=2, help="how often floor and ours take turns")
    parser.add_argument("--peer", type=Path, help="the Python that MiniStack is installed in")
    options = parser.parse_args()
    found = run(options.seconds, options.rounds, options.peer)
    print(table(found))
    if failed := failed_promises(found):
        raise SystemExit("not kept: " + "; ".join(failed))


if __name__ == "__main__":
    main()
