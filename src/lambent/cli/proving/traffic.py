"""Sends a function its events, one after the other or so many at a time, and notes what each was answered and when."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from lambent.base.clock import Clock
from lambent.insight.migration.candidate import Compute
from lambent.insight.migration.judging import Answer, Phase, Run

_HOST = "127.0.0.1"
_TRACE = "x-amzn-trace-id"
# What a caller waits that was throttled: to ask again at once would only take CPU from those that are served.
_THROTTLED_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Sending:
    """When and how events are sent; `patience_s` is how long an answer may take."""

    phase: Phase
    compute: Compute
    concurrency: int
    patience_s: float


class Traffic:
    """Calls one function on a local platform; `payloads` are the events' bytes."""

    def __init__(self, port: int, function: str, payloads: Sequence[bytes], clock: Clock) -> None:
        self._port = port
        self._path = f"/2015-03-31/functions/{function}/invocations"
        self._payloads = payloads
        self._clock = clock

    def one_by_one(self, order: Sequence[int], sending: Sending, *, until: float, least: int = 1) -> list[Run]:
        """Send these events, each when the one before is answered; `least` of them, and more until then (monotonic)."""
        return asyncio.run(self._send(iter(order), sending, until, 1, least=least))

    def at_once(self, order: Iterator[int], sending: Sending, *, until: float, rounds: int = 2) -> list[Run]:
        """Keep as many events under way as `sending` says until the moment `until`, and so many rounds at least."""
        least = sending.concurrency * rounds
        return asyncio.run(self._send(order, sending, until, sending.concurrency, least=least))

    async def _send(
        self, order: Iterator[int], sending: Sending, until: float, at_once: int, *, least: int
    ) -> list[Run]:
        runs: list[Run] = []
        begun = 0
        # However slow the function: those at least are begun within three times the patience of a caller.
        latest = max(until, self._clock.monotonic()) + 3 * sending.patience_s

        async def send_on() -> None:
            nonlocal begun
            async with _Caller(self._port, self._path) as caller:
                while True:
                    now = self._clock.monotonic()
                    if now >= latest or (now >= until and begun >= least):
                        return
                    event = next(order, None)
                    if event is None:
                        return
                    begun += 1
                    started = self._clock.monotonic()
                    answer = await caller.call(self._payloads[event], sending.patience_s)
                    ended = self._clock.monotonic()
                    if answer.is_throttled:
                        await self._clock.sleep_until(self._clock.now() + _THROTTLED_PAUSE_S)
                    runs.append(Run(event, sending.phase, sending.compute, at_once, answer, started, ended))

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(send_on())
        return runs


class _Caller:
    """One connection, which is made anew after an answer that did not come."""

    def __init__(self, port: int, path: str) -> None:
        self._port = port
        scope = "000000000000/20260101/us-east-1/lambda/aws4_request"
        signature = f"Credential={scope}, SignedHeaders=host, Signature={'0' * 64}"  # the scope alone is read
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: {_HOST}:{port}\r\nAuthorization: AWS4-HMAC-SHA256 {signature}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def call(self, payload: bytes, patience_s: float) -> Answer:
        """Invoke the function; an answer that does not come is told as a failure."""
        try:
            async with asyncio.timeout(patience_s):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(_HOST, self._port, limit=16 << 20)
                return await self._exchange(*self._streams, payload)
        except TimeoutError:
            await self._close()
            return Answer(0, b"", failure=f"no answer after {patience_s:.0f} s")
        except (OSError, EOFError, ValueError) as error:
            await self._close()
            return Answer(0, b"", failure=f"the connection broke: {str(error) or type(error).__name__}")

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, payload: bytes) -> Answer:
        writer.write(b"%s%d\r\n\r\n%s" % (self._head, len(payload), payload))
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        trace = headers.get(_TRACE, "").partition(";")[0].removeprefix("Root=").removeprefix("root=")
        return Answer(
            int(head[0].split()[1]),
            body,
            headers.get("x-amzn-requestid", ""),
            trace,
            headers.get("x-amz-function-error", ""),
        )

    async def _close(self) -> None:
        if self._streams is not None:
            writer, self._streams = self._streams[1], None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
