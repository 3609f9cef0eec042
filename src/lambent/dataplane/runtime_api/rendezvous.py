"""Where an invocation meets the runtime that waits in `next`: the host end of a runtime's channel.

What arrives here was written inside a sandbox and is read like any stranger's input: every size is checked before
anything is kept, and what is no message closes the channel.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, Self, cast

from lambent.dataplane.runtime_api.messages import (
    Closed,
    CloseReason,
    ErrorAnswer,
    InitAnswer,
    InvocationHeaders,
    Parked,
    Response,
    RuntimeAnswer,
    Snapshot,
)
from lambent.dataplane.runtime_api.streamed import TOO_LARGE, StreamedAnswer
from lambent.dataplane.types import ResponseSink
from lambent.guest import framing

_RESPONSE_OVERHEAD: Final = 256  # the content type and its length
_BOUNDS: Final = {
    framing.NEXT: 0,
    framing.RESPONSE: framing.MAX_RESPONSE + _RESPONSE_OVERHEAD,
    framing.ERROR: framing.MAX_ERROR,
    framing.INIT_ERROR: framing.MAX_ERROR,
    framing.TOO_LARGE: 0,
    framing.STREAM: _RESPONSE_OVERHEAD,
    framing.CHUNK: framing.MAX_CHUNK,
    framing.STREAM_END: framing.MAX_ERROR,
    framing.SNAPSHOT: 1024,
}
_STREAMED: Final = frozenset({framing.STREAM, framing.CHUNK, framing.STREAM_END})


class RuntimeChannel(asyncio.Protocol):
    """The host end of one runtime's inherited socket; used on the loop that opened it.

    `first_next` resolves once: `Parked` when init is over, `ErrorAnswer` when the runtime reported an init error,
    `Closed` when it ended before either. `closed` resolves when the channel has ended. No future here ever fails.
    """

    bounds: ClassVar[Mapping[int, int]] = _BOUNDS
    """The largest body of each kind of message that may arrive."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.first_next: Final[asyncio.Future[InitAnswer]] = loop.create_future()
        self.closed: Final[asyncio.Future[Closed]] = loop.create_future()
        self._answer: asyncio.Future[RuntimeAnswer] | None = None
        self._sink: ResponseSink | None = None
        self._streamed: StreamedAnswer | None = None
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._to_skip = 0
        self._is_paused = False
        self._is_released = False

    @classmethod
    async def open(cls, host_end: socket.socket) -> Self:
        """Return a channel on `host_end`, a connected stream socket, which the channel owns from now on."""
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_unix_connection(lambda: cls(loop), sock=host_end)
        return channel

    def invoke(
        self, headers: InvocationHeaders, payload: bytes, sink: ResponseSink | None = None
    ) -> asyncio.Future[RuntimeAnswer]:
        """Hand one invocation to the runtime and return the future of its answer, which never fails.

        An answer that is streamed goes to `sink`, or is collected where there is none. One invocation at a time: the
        one before must have been answered. Cancelling the future gives up the answer, not the invocation; the
        environment must then be ended.
        """
        if self._answer is not None:
            raise RuntimeError("the runtime has not answered the invocation before")
        answer: asyncio.Future[RuntimeAnswer] = self._loop.create_future()
        if self._transport is None or self.closed.done():
            answer.set_result(self.closed.result() if self.closed.done() else Closed(CloseReason.ENDED))
            return answer
        self._answer, self._sink = answer, sink
        texts = (
            headers.request_id,
            str(headers.deadline_ms),
            headers.invoked_function_arn,
            headers.trace_id,
            headers.client_context,
            headers.cognito_identity,
        )
        self._transport.write(framing.encode_invoke(texts, payload))
        return answer

    def stand_by(self) -> None:
        """Let a template fork; without effect where it has ended."""
        with contextlib.suppress(OSError):
            self.restore(framing.frame(framing.STAND_BY, b""), ())

    def restore(self, request: bytes, descriptors: Sequence[int]) -> None:
        """Hand a RESTORE frame and descriptors to a template; raises OSError where it cannot take them."""
        if self._transport is None or self.closed.done():
            raise BrokenPipeError("the template has ended")
        # A template has nothing else to read, so that what we send beside the transport cannot cut into its words.
        with socket.socket(fileno=os.dup(self._transport.get_extra_info("socket").fileno())) as raw:
            if socket.send_fds(raw, [request], descriptors) < len(request):
                raise BlockingIOError("the template takes no more requests")

    def close(self) -> None:
        """Close the host end; idempotent."""
        self._end(CloseReason.ENDED)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; called by the loop."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own classes derive from neither

    def connection_lost(self, exc: Exception | None) -> None:
        """Resolve whatever is still waiting; called by the loop."""
        self._end(CloseReason.ENDED)

    def data_received(self, data: bytes) -> None:
        """Take in what the runtime sent; called by the loop."""
        # The usual case, one whole frame in one read, is parsed where it lies.
        if not self._received and not self._to_skip and self._take_whole(data):
            return
        self._received += data
        while self._take_next():
            pass

    def _take_whole(self, data: bytes) -> bool:
        if len(data) < framing.HEADER.size:
            return False
        kind, size = framing.HEADER.unpack_from(data)
        if len(data) != framing.HEADER.size + size or size > self.bounds.get(kind, -1):
            return False
        self._dispatch(kind, data, framing.HEADER.size)
        return True

    def _take_next(self) -> bool:
        """Consume one frame, or the part of an oversized one that is here; False when more must arrive."""
        received = self._received
        if self._to_skip:
            skipped = min(self._to_skip, len(received))
            del received[:skipped]
            self._to_skip -= skipped
        if len(received) < framing.HEADER.size or self._to_skip:
            return False
        kind, size = framing.HEADER.unpack_from(received)
        bound = self.bounds.get(kind)
        if bound is None or (size > bound and kind != framing.RESPONSE):
            self._end(CloseReason.MALFORMED)
            return False
        if size > bound:
            # An answer over the limit is never held: it is read past, and the invocation answered at once.
            del received[: framing.HEADER.size]
            self._to_skip = size
            self._settle(TOO_LARGE)
            return True
        end = framing.HEADER.size + size
        if len(received) < end:
            return False
        whole = bytes(received[:end])
        del received[:end]
        self._dispatch(kind, whole, framing.HEADER.size)
        return not self.closed.done()

    def _dispatch(self, kind: int, data: bytes, start: int) -> None:
        if kind == framing.RESPONSE:
            self._respond(data, start)
        elif kind == framing.ERROR:
            self._settle(_error_answer(data[start:]))
        elif kind == framing.TOO_LARGE:
            self._settle(TOO_LARGE)
        elif kind in _STREAMED:
            self._stream(kind, data[start:])
        else:
            self._take_first(kind, data[start:])

    def _take_first(self, kind: int, body: bytes) -> None:
        if self.first_next.done():
            self._end(CloseReason.MALFORMED)
        else:
            self.first_next.set_result(_init_answer(kind, body))

    def _respond(self, data: bytes, start: int) -> None:
        type_end = start + 1 + data[start] if len(data) > start else len(data) + 1
        if type_end > len(data):
            self._end(CloseReason.MALFORMED)
            return
        payload = data[type_end:]
        if len(payload) > framing.MAX_RESPONSE:
            self._settle(TOO_LARGE)
        else:
            self._settle(Response(payload, str(data[start + 1 : type_end], "latin-1")))

    def _stream(self, kind: int, body: bytes) -> None:
        """Take one part of a streamed answer: it begins once, while an invocation waits for it, and ends once."""
        if self._answer is None or (kind == framing.STREAM) == (self._streamed is not None):
            self._end(CloseReason.MALFORMED)
        elif kind == framing.STREAM:
            self._streamed = StreamedAnswer(str(body, "latin-1"), self._sink)
        elif self._streamed is not None:
            if kind == framing.STREAM_END:
                self._settle(_error_answer(body) if body else self._streamed.result())
            elif self._streamed.take(body, self._resume) and not self._is_released and self._transport is not None:
                self._is_paused = True
                self._transport.pause_reading()

    def release(self) -> None:
        """Wait for no reader any more: the process is ending, and what is left of its words must be read."""
        self._is_released = True
        self._resume()

    def _resume(self) -> None:
        if self._is_paused and self._transport is not None and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()

    def _settle(self, result: RuntimeAnswer) -> None:
        answer, self._answer = self._answer, None
        self._sink, self._streamed = None, None
        self._resume()
        if answer is None:
            self._end(CloseReason.MALFORMED)  # an answer nobody asked for
        elif not answer.done():
            answer.set_result(result)

    def _end(self, reason: CloseReason) -> None:
        if self.closed.done():
            return
        closed = Closed(reason)
        self.closed.set_result(closed)
        self._received.clear()
        if not self.first_next.done():
            self.first_next.set_result(closed)
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(closed)
        if self._transport is not None:
            self._transport.close()


def _init_answer(kind: int, body: bytes) -> InitAnswer:
    if kind == framing.NEXT:
        return Parked()
    if kind == framing.SNAPSHOT:
        return Snapshot(_text_of(body, "obstacle"))
    return _error_answer(body)


def _error_answer(body: bytes) -> ErrorAnswer:
    return ErrorAnswer(payload=body, error_type=_text_of(body, "errorType") or "Runtime.Unknown")


def _text_of(body: bytes, member: str) -> str | None:
    """Return a text of a JSON object; None where there is no such text, or no such object."""
    try:
        report = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = report.get(member) if isinstance(report, dict) else None
    # JSON can name half of a surrogate pair, which no log could be written with.
    return found.encode("utf-8", "replace").decode() if isinstance(found, str) else None
