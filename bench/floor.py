"""The floor of an invocation: what is left when everything but HTTP, hand-over and AWS's client is taken away.

A bare uvloop/httptools server answers `POST /2015-03-31/functions/NAME/invocations` by handing the body to one of N
processes that run AWS's stock runtime client (`python -m awslambdaric`, with its C module, over its own TCP
Runtime API), and the runtime's answer back. No identity, no routing, no record, no logs, no limits, no isolation.

    python bench/floor.py --port 9000 --environments 8 --code DIR --handler module.function --interpreter python3.11
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import cast

import awslambdaric
import httptools
import uvloop

MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Http(asyncio.Protocol):
    """One connection; `handle` is called with each whole request."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""
        self._body: list[bytes] = []
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's transports do not inherit from asyncio's

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._path = b""
        self._body = []

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self.handle(self._path, b"".join(self._body))

    def handle(self, path: bytes, body: bytes) -> None:
        raise NotImplementedError


class Exchange:
    """Callers waiting for a runtime, runtimes waiting for a caller, and who waits for which answer."""

    def __init__(self, invoked_arn: str) -> None:
        self._callers: deque[tuple[Front, bytes]] = deque()
        self._runtimes: deque[Runtime] = deque()
        self._awaiting: dict[bytes, Front] = {}
        self._ids = itertools.count()
        self._arn = invoked_arn
        self.ready = 0

    def call(self, caller: Front, body: bytes) -> None:
        if self._runtimes:
            self._hand_over(caller, body, self._runtimes.popleft())
        else:
            self._callers.append((caller, body))

    def next(self, runtime: Runtime) -> None:
        self.ready += 1
        if self._callers:
            self._hand_over(*self._callers.popleft(), runtime)
        else:
            self._runtimes.append(runtime)

    def _hand_over(self, caller: Front, body: bytes, runtime: Runtime) -> None:
        request_id = b"%036d" % next(self._ids)
        self._awaiting[request_id] = caller
        deadline = int(time.time() * 1000) + 3000
        runtime.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: %b\r\n"
            b"Lambda-Runtime-Deadline-Ms: %d\r\nLambda-Runtime-Invoked-Function-Arn: %b\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (request_id, deadline, self._arn.encode(), len(body), body)
        )

    def answer(self, request_id: bytes, body: bytes) -> None:
        caller = self._awaiting.pop(request_id)
        caller.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )


class Front(Http):
    """A caller's connection."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange = exchange

    def handle(self, path: bytes, body: bytes) -> None:
        if path.endswith(b"/invocations"):
            self._exchange.call(self, body)
        elif path == b"/ready":
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n%06d" % self._exchange.ready)
        else:
            self.transport.write(MISSING)


class Runtime(Http):
    """A runtime's connection: parked `next`, then `response`."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange = exchange

    def handle(self, path: bytes, body: bytes) -> None:
        parts = path.split(b"/")
        if parts[-1] == b"next":
            self._exchange.next(self)
        elif parts[-1] in {b"response", b"error"}:
            self.transport.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
            self._exchange.answer(parts[-2], body)
        else:
            self.transport.write(MISSING)


async def serve(options: argparse.Namespace) -> None:
    """Run the server and its environments until told to stop."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    exchange = Exchange("arn:aws:lambda:us-east-1:000000000000:function:bench")
    runtime_api = await loop.create_server(lambda: Runtime(exchange), "127.0.0.1", 0)
    front = await loop.create_server(lambda: Front(exchange), "127.0.0.1", options.port)
    address = f"127.0.0.1:{runtime_api.sockets[0].getsockname()[1]}"
    library = str(Path(str(awslambdaric.__file__)).parent.parent)
    children = [
        subprocess.Popen(
            [options.interpreter, "-m", "awslambdaric", options.handler],
            cwd=options.code,
            env={
                **os.environ,
                "AWS_LAMBDA_RUNTIME_API": address,
                "PYTHONPATH": f"{options.code}:{library}",
                "AWS_LAMBDA_FUNCTION_NAME": "bench",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(options.environments)
    ]
    try:
        async with front, runtime_api:
            await stopping.wait()
    finally:
        for child in children:
            child.kill()
        for child in children:
            child.wait()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--environments", type=int, required=True)
    parser.add_argument("--code", required=True)
    parser.add_argument("--handler", required=True)
    parser.add_argument("--interpreter", default=sys.executable)
    uvloop.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
