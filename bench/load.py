"""Load by wrk: a generator that is not the bottleneck, with its figures as values."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw: latencies in milliseconds, requests per second, and answers that were not 2xx or never came."""

    connections: int
    median_ms: float
    p99_ms: float
    per_second: float
    requests: int
    failures: int


def run(url: str, script: str, *, connections: int, seconds: int) -> Load:
    """Load `url` for a while over `connections` and return what was seen. `script` is wrk's Lua."""
    if shutil.which("wrk") is None:
        raise SystemExit("The load generator wrk is not installed (Debian and Homebrew have a package of that name).")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "--latency"]
        printed = subprocess.run(
            [*command, "-s", file.name, url], capture_output=True, text=True, check=True, timeout=seconds + 60
        ).stdout
    return Load(
        connections=connections,
        median_ms=_latency(printed, "50%"),
        p99_ms=_latency(printed, "99%"),
        per_second=float(_first(r"Requests/sec:\s+([\d.]+)", printed) or 0),
        requests=int(_first(r"(\d+) requests in", printed) or 0),
        failures=_failures(printed),
    )


def _latency(printed: str, percentile: str) -> float:
    found = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s|m)\b", printed)
    return float(found[1]) * _UNITS_MS[found[2]] if found else float("nan")


def _failures(printed: str) -> int:
    refused = int(_first(r"Non-2xx or 3xx responses: (\d+)", printed) or 0)
    broken = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", printed)
    return refused + (sum(int(count) for count in broken.groups()) if broken else 0)


def _first(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text)
    return found[1] if found else None


def authorization(access_key: str) -> str:
    """Return a Lambda request's Authorization header, whose signature is one in form alone."""
    scope = f"{access_key}/20260101/us-east-1/lambda/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"


def invoke_script(payload: str, access_key: str) -> str:
    """Return the Lua of one Invoke after another, with a signature in form: the scope alone is read."""
    return "\n".join(
        [
            'wrk.method = "POST"',
            f"wrk.body = [==[{payload}]==]",
            'wrk.headers["Content-Type"] = "application/json"',
            f'wrk.headers["Authorization"] = "{authorization(access_key)}"',
        ]
    )


def create_script(packages_base64: Sequence[str], role: str, access_key: str) -> str:
    """Return the Lua of one CreateFunction after another, each with a name and, until they run out, code of its own."""
    body = f'{{"Runtime": "python3.11", "Role": "{role}", "Handler": "handler.handler", "Code": {{"ZipFile": "'
    return "\n".join(
        [
            "local made = 0",
            f"local packages = {{{', '.join(f'[==[{package}]==]' for package in packages_base64)}}}",
            f"local body = [==[{body}]==]",
            "local headers = {",
            '  ["Content-Type"] = "application/json",',
            f'  ["Authorization"] = "{authorization(access_key)}",',
            "}",
            "function request()",
            "  made = made + 1",
            "  local package = packages[(made - 1) % #packages + 1]",
            """  local rest = package .. [==["}, "FunctionName": "made-]==] .. made .. [==["}]==]""",
            '  return wrk.format("POST", "/2015-03-31/functions", headers, body .. rest)',
            "end",
        ]
    )


def handler_folder(where: Path) -> Path:
    """Write the function that all servers run: it answers with a part of its event."""
    where.mkdir(parents=True, exist_ok=True)
    (where / "handler.py").write_text('def handler(event, context):\n    return {"n": event["n"]}\n', encoding="utf-8")
    return where
