"""Load at a constant rate by `rate.c`, compiled when it is first needed: what wrk, which has no rate, cannot make."""

from __future__ import annotations

import atexit
import functools
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import load

SOURCE = Path(__file__).with_name("rate.c")
_SLOWEST_PER_SECOND = 50


@dataclass(frozen=True, slots=True)
class Rate:
    """What a load at a constant rate saw; latencies are counted from the moment at which each request was due."""

    asked_per_second: float
    per_second: float
    median_ms: float
    p99_ms: float
    worst_ms: float
    requests: int
    failures: int


@functools.cache
def program() -> Path:
    """Return the compiled generator, which goes when we end."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise SystemExit("A C compiler (cc) is needed for the load at a constant rate.")
    folder = Path(tempfile.mkdtemp(prefix="lambent-bench-"))
    atexit.register(shutil.rmtree, folder)
    subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-o", folder / "rate", SOURCE], check=True)
    return folder / "rate"


def invoke_request(port: int, function: str, payload: str, access_key: str, *headers: str) -> bytes:
    """Return an Invoke as it goes over the wire."""
    lines = [
        f"POST /2015-03-31/functions/{function}/invocations HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: {load.authorization(access_key)}",
        "Content-Type: application/json",
        f"Content-Length: {len(payload.encode())}",
        *headers,
    ]
    return "\r\n".join([*lines, "", payload]).encode()


def command(port: int, request: bytes, per_second: float, seconds: float, connections: int) -> list[str]:
    """Return the words that run a load; one more, a file's name, has it note the id of each answer there."""
    with tempfile.NamedTemporaryFile(dir=program().parent, delete=False) as file:
        file.write(request)
    return [str(program()), str(port), str(connections), str(per_second), str(seconds), file.name]


def run(port: int, request: bytes, per_second: float, seconds: float, connections: int) -> Rate:
    """Send `request` so many times a second for a while, and return what was seen."""
    words = command(port, request, per_second, seconds, connections)
    # No server is so slow: a rate that nothing reaches takes as long as the requests do.
    patience_s = 60 + seconds + per_second * seconds / _SLOWEST_PER_SECOND
    printed = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, timeout=patience_s).stdout
    seen = {name: float(value) for name, value in re.findall(r"(\w+) ([\d.]+)", printed)}
    return Rate(
        asked_per_second=per_second,
        per_second=seen["per_second"],
        median_ms=seen["median_ms"],
        p99_ms=seen["p99_ms"],
        worst_ms=seen["worst_ms"],
        requests=int(seen["requests"]),
        failures=int(seen["failures"]),
    )
