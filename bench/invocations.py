"""How fast the platform is, in one run against the floor and a peer.

    make bench                                       all of it, about three minutes
    python bench/invocations.py --seconds 10 --peer .venv-peer/bin/python

The floor is `floor.py`; the peer is MiniStack, installed into an environment of its own. Same runtime name, same
interpreter, same handler, same load on all: wrk with one connection, then with eight. Every figure of ours is with
everything on: identity, routing, records, logs, durable store. What counts are the ratios of one run.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import io
import json
import os
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import load
import servers
from botocore.config import Config

ACCOUNT = "000000000000"
RUNTIME = f"python3.{sys.version_info.minor}"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
EVENT = '{"n": 10}'


def client(server: servers.Server, service: str) -> Any:
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


def make_function(server: servers.Server, name: str, code: bytes) -> None:
    """Create the execution role and one function, and wait until it is active."""
    iam, functions = client(server, "iam"), client(server, "lambda")
    try:
        role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    except iam.exceptions.EntityAlreadyExistsException:
        role = iam.get_role(RoleName="bench")["Role"]["Arn"]
    functions.create_function(
        FunctionName=name, Runtime=RUNTIME, Role=role, Handler="handler.handler", Code={"ZipFile": code}, MemorySize=128
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})


def first_call_ms(server: servers.Server, name: str) -> float:
    """Return how long one Invoke takes over a connection that is open already."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.connect()
    headers = {"Authorization": load.authorization(ACCOUNT)}
    began = time.perf_counter()
    connection.request("POST", f"/2015-03-31/functions/{name}/invocations", EVENT, headers)
    answer = connection.getresponse()
    body = answer.read()
    took = (time.perf_counter() - began) * 1000
    connection.close()
    if answer.status != http.HTTPStatus.OK or json.loads(body) != {"n": 10}:
        raise SystemExit(f"{server.name} answered {answer.status}: {body!r}")
    return took


def loads(server: servers.Server, seconds: int) -> list[load.Load]:
    """Return what one and eight connections see, after a warm-up with eight."""
    url = f"{server.url}/2015-03-31/functions/bench/invocations"
    script = load.invoke_script(EVENT, ACCOUNT)
    warm_up = load.run(url, script, connections=8, seconds=1)
    measured = [load.run(url, script, connections=connections, seconds=seconds) for connections in (1, 8)]
    failures = sum(each.failures for each in [warm_up, *measured])
    if failures:
        raise SystemExit(f"{server.name}: {failures} calls failed")
    return [warm_up, *measured]


def count_reports(server: servers.Server, expected: int) -> int:
    """Return how many REPORT lines the function's log group holds, once it no longer grows."""
    logs, found, before = client(server, "logs"), 0, -1
    while found != before and found < expected:
        before = found
        time.sleep(0.5)
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName="/aws/lambda/bench", filterPattern="REPORT"
        )
        found = sum(len(page["events"]) for page in pages)
    return found


def measure_ours(code: Path, seconds: int) -> dict[str, Any]:
    """Measure our platform: readiness, idle memory, warm invocations, cold starts, creation."""
    with servers.lambent() as server:
        idle_mb = servers.proportional_memory_mb(server.pid)
        make_function(server, "bench", package(code))
        seen = loads(server, seconds)
        calls = sum(each.requests for each in seen)
        reports = count_reports(server, calls)
        cold = measure_cold_starts(server, package(code), 25)
        created = measure_creation(server, package(code, 4700), seconds)
        return {
            "ready_ms": server.ready_ms,
            "idle_mb": idle_mb,
            "loads": seen[1:],
            "calls": calls,
            "reports": reports,
            # What wrk had sent when its time was up has run, but wrk does not count it.
            "cut_off": sum(each.connections for each in seen),
            "cold_ms": cold,
            "created_per_second": created,
        }


def measure_cold_starts(server: servers.Server, code: bytes, functions: int) -> list[float]:
    """Return the first call's time of each of some functions that have never run."""
    for number in range(functions):
        make_function(server, f"cold-{number}", code)
    return sorted(first_call_ms(server, f"cold-{number}") for number in range(functions))


def measure_creation(server: servers.Server, code: bytes, seconds: int) -> float:
    """Return how many functions eight clients create a second."""
    role = client(server, "iam").get_role(RoleName="bench")["Role"]["Arn"]
    script = load.create_script(base64.b64encode(code).decode(), role, ACCOUNT)
    seen = load.run(server.url, script, connections=8, seconds=min(seconds, 5))
    if seen.failures:
        raise SystemExit(f"{seen.failures} creations failed")
    return seen.per_second


def measure_floor(code: Path, seconds: int) -> list[load.Load]:
    """Measure the floor with the interpreter that our platform uses for the same runtime name."""
    with servers.floor(code, "handler.handler", os.path.realpath(sys.executable), 8) as server:
        return loads(server, seconds)[1:]


def measure_peer(code: Path, seconds: int, python: Path) -> dict[str, Any]:
    """Measure MiniStack: first call and warm invocations."""
    with servers.ministack(python) as server:
        make_function(server, "bench", package(code))
        first = first_call_ms(server, "bench")
        return {"ready_ms": server.ready_ms, "first_ms": first, "loads": loads(server, seconds)[1:]}


def report(
    floor: list[load.Load], ours: dict[str, Any], peer: dict[str, Any] | None, tell: Callable[[str], None]
) -> None:
    """Print the figures and, for each one that was promised, the promise beside it."""
    one, eight = ours["loads"]
    cold = ours["cold_ms"]
    tell(f"{'':<34}{'floor':>10}{'lambent':>10}{'peer':>10}")
    peer_one, peer_eight = peer["loads"] if peer else (None, None)

    def row(label: str, low: float, our: float, other: float | None) -> None:
        tell(f"{label:<34}{low:>10.2f}{our:>10.2f}{'-' if other is None else f'{other:.2f}':>10}")

    row("median, 1 connection (ms)", floor[0].median_ms, one.median_ms, peer_one and peer_one.median_ms)
    row("p99, 1 connection (ms)", floor[0].p99_ms, one.p99_ms, peer_one and peer_one.p99_ms)
    row("calls/s, 1 connection", floor[0].per_second, one.per_second, peer_one and peer_one.per_second)
    row("calls/s, 8 connections", floor[1].per_second, eight.per_second, peer_eight and peer_eight.per_second)
    row("p99, 8 connections (ms)", floor[1].p99_ms, eight.p99_ms, peer_eight and peer_eight.p99_ms)
    tell("")
    tell(f"median / floor                    {one.median_ms / floor[0].median_ms:8.2f}   (promised: at most 2)")
    tell(f"p99, 1 connection                 {one.p99_ms:8.2f} ms (at most 5)")
    tell(f"throughput / floor, 8 connections {eight.per_second / floor[1].per_second:8.2f}   (at least 0.40)")
    tell(
        f"cold start, median of {len(cold):<11} {statistics.median(cold):8.1f} ms (at most 25)"
        f"   p90 {cold[int(len(cold) * 0.9)]:.1f}"
    )
    tell(f"ready after start                 {ours['ready_ms']:8.0f} ms (at most 500)")
    tell(f"idle memory, all processes        {ours['idle_mb']:8.1f} MB (at most 80)")
    tell(f"CreateFunction, 5 KB, 8 clients   {ours['created_per_second']:8.0f} /s (at least 200)")
    tell(f"REPORT lines / calls              {ours['reports']} / {ours['calls']} (equal, but for up to {ours['cut_off']} cut off at wrk's end)")
    if peer:
        tell(f"peer: first call                  {peer['first_ms']:8.1f} ms, ready after {peer['ready_ms']:.0f} ms")
        tell(f"times the peer's calls/s          {eight.per_second / peer_eight.per_second:8.1f}")


def main() -> None:
    """Measure all three and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8, help="how long each load lasts")
    parser.add_argument("--peer", type=Path, help="the Python that MiniStack is installed in")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        code = load.handler_folder(Path(folder) / "code")
        Path(folder).chmod(0o755)
        floor = measure_floor(code, options.seconds)
        ours = measure_ours(code, options.seconds)
        peer = measure_peer(code, options.seconds, options.peer) if options.peer else None
    report(floor, ours, peer, print)
    if not ours["calls"] <= ours["reports"] <= ours["calls"] + ours["cut_off"]:
        raise SystemExit("REPORT lines and calls differ")


if __name__ == "__main__":
    main()
