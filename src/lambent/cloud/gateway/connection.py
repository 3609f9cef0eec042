"""One HTTP/1.1 connection: requests answered in order, each in one write.

A connection has one task for its whole life. Reading, which happens inside `data_received`, only queues requests; the
task takes them one after the other, so that answers to pipelined requests leave in their order and no task is made per
request. What is refused (malformed, too large, too slow) stands in the same queue as a ready response, after which the
connection closes.

An operation is not cancelled when its caller goes away, as AWS's is not: it runs to its end and its answer is dropped.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Protocol, cast

from lambent.base.clock import Clock
from lambent.base.tasks import resting
from lambent.cloud.errors import CutShortError
from lambent.cloud.gateway.incoming import IncomingBody
from lambent.cloud.gateway.limits import Limits
from lambent.cloud.gateway.outlet import SocketOutlet
from lambent.cloud.gateway.reader import Arrival, Phase, Receiver, RefusedError, RequestReader
from lambent.cloud.gateway.wire import (
    CONTINUE,
    LAST_CHUNK,
    has_body,
    plain_error,
    render_chunk,
    render_head,
    states_length,
)
from lambent.cloud.protocol.message import Request, Response, SendsItself

_log = logging.getLogger(__name__)

Application = Callable[[Request], Awaitable[Response]]
NEVER = float("inf")
_JOINED_BELOW = 65_536  # copying less than this costs less than a second buffer in the write


class Host(Protocol):
    """The server, as a connection sees it."""

    limits: Limits
    answer: Application
    platform_clock: Clock

    def streams(self, head: Request) -> bool:
        """Return whether a request is to be answered while its body arrives."""

    def attach(self, connection: Connection) -> None:
        """Take the connection in and run its `serve` as a task."""

    def detach(self, connection: Connection) -> None:
        """The connection is lost; its task ends by itself."""

    def date(self) -> str:
        """Return the present moment as a Date header has it."""


class Connection(asyncio.Protocol):
    """The protocol of one connection. `deadline` (in loop time) is when the server calls `expire`."""

    __slots__ = (
        "_can_write",
        "_closing",
        "_continue_due",
        "_host",
        "_is_busy",
        "_is_lingering",
        "_is_reading",
        "_loop",
        "_reader",
        "_transport",
        "_turns",
        "_waiter",
        "deadline",
    )

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        self._host = host
        self._loop = loop
        self._reader: RequestReader | None = None
        self._transport: asyncio.Transport | None = None
        self._turns: deque[Arrival | Response] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._can_write: asyncio.Future[None] | None = None
        self._continue_due = False
        self._is_reading = True
        self._is_busy = False
        self._is_lingering = False
        self._closing = False
        self.deadline = NEVER

    # ── what the transport tells ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        # cast: a server's connections have one; uvloop's is no subclass of it
        self._transport = cast("asyncio.Transport", transport)
        address = transport.get_extra_info("peername")
        peer = address[0] if address else ""
        receiver = Receiver(self._turns.append, self._on_continue, self._host.streams, self._make_body)
        self._reader = RequestReader(self._host.limits, peer, receiver)
        self.deadline = self._loop.time() + self._host.limits.idle_timeout_s
        self._host.attach(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, or we have closed."""
        self._break_off()
        self._transport = None
        self._reader = None
        self._closing = True
        self.deadline = NEVER
        self._turns.clear()
        self._wake()
        self.resume_writing()
        self._host.detach(self)

    def data_received(self, data: bytes) -> None:
        """Bytes have come in."""
        reader = self._reader
        if reader is None or self._closing:
            return  # refused already: what the client still sends is dropped
        before = reader.phase
        try:
            reader.feed(data)
        except RefusedError as refusal:
            self._refuse(refusal.response)
            return
        if reader.phase is not before or reader.incoming is not None:
            self._set_deadline(reader.phase)
        if reader.incoming is not None and reader.incoming.is_full:
            self._pause_reading()
        if self._turns:
            self._wake()
            if self._is_busy:
                self._pause_reading()  # a client that pipelines waits until we have caught up

    def eof_received(self) -> bool:
        """Return whether to keep our half: a client may end its own after its last request (RFC 9112, 9.6)."""
        self._closing = True
        self._break_off()
        self._wake()
        return self._is_busy or bool(self._turns)

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        if self._can_write is None:
            self._can_write = self._loop.create_future()

    def resume_writing(self) -> None:
        """The client has caught up, or is gone."""
        if self._can_write is not None:
            self._can_write.set_result(None)
            self._can_write = None

    # ── what the server tells ──

    def expire(self) -> None:
        """The deadline has passed: of a request that comes too slowly, or of a client that idles or lingers."""
        self.deadline = NEVER
        if self._transport is None:
            return
        if self._closing or self._reader is None or self._reader.phase is Phase.IDLE:
            self._transport.close()
        else:
            self._refuse(plain_error(408, "RequestTimeout", "The request was not received in time."))

    def finish(self) -> None:
        """Take no further request; close at once when idle, else after the answers that are due."""
        self._closing = True
        self._wake()

    def abort(self) -> None:
        """Drop the connection without sending what is still due."""
        if self._transport is not None:
            self._transport.abort()

    # ── a body that is answered while it arrives ──

    def _make_body(self) -> IncomingBody:
        return IncomingBody(self._host.platform_clock, self._on_room)

    def _on_room(self) -> None:
        if self._reader is not None and not self._turns:
            self._set_deadline(self._reader.phase)
            self._resume_reading()

    def _break_off(self) -> None:
        if self._reader is not None and self._reader.incoming is not None:
            self._reader.incoming.break_off()

    # ── the queue ──

    def _pause_reading(self) -> None:
        if self._is_reading and self._transport is not None:
            self._is_reading = False
            self.deadline = NEVER  # the client is not the one who is slow
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._is_reading and self._transport is not None:
            self._is_reading = True
            self._transport.resume_reading()

    def _on_continue(self) -> None:
        if self._is_busy or self._turns:
            self._continue_due = True  # an earlier answer goes first
        elif self._transport is not None:
            self._transport.write(CONTINUE)

    def _set_deadline(self, phase: Phase) -> None:
        limits = self._host.limits
        if phase is Phase.HEAD:
            self.deadline = self._loop.time() + limits.head_timeout_s
        elif phase is Phase.BODY:
            self.deadline = self._loop.time() + limits.body_timeout_s
        else:
            self.deadline = NEVER

    def _refuse(self, response: Response) -> None:
        self._closing = True
        self._turns.append(response)
        self.deadline = NEVER
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None:
            self._waiter.set_result(None)
            self._waiter = None

    async def serve(self) -> None:
        """Answer requests in order until the connection is done."""
        try:
            while (turn := await self._next_turn()) is not None:
                self._is_busy = True
                is_last = not await self._take(turn)
                self._is_busy = False
                if is_last:
                    break
        finally:
            self._turns.clear()
        if self._transport is not None and not self._is_lingering:
            self._transport.close()

    async def _next_turn(self) -> Arrival | Response | None:
        """Return what is to be answered next; None once the connection is done."""
        while not self._turns:
            if self._closing:
                return None
            self._catch_up()
            self._waiter = self._loop.create_future()
            # Nothing is in hand between requests: virtual time need not wait for this task.
            with resting(self._host.platform_clock):
                await self._waiter
        return self._turns.popleft()

    def _catch_up(self) -> None:
        # All that was read is answered: read on, and let the body come that a client announced meanwhile.
        if self._transport is None or self._reader is None:
            return
        if self._continue_due:
            self._continue_due = False
            if self._reader.phase is Phase.BODY:
                self._transport.write(CONTINUE)
        self._resume_reading()
        if self._reader.phase is Phase.IDLE:
            self.deadline = self._loop.time() + self._host.limits.idle_timeout_s

    async def _take(self, turn: Arrival | Response) -> bool:
        """Answer one request; return whether the connection may go on."""
        if isinstance(turn, Response):
            self._send(turn, "GET", keep_alive=False)
            self._linger()
            return False
        response = await self._answer(turn.request)
        if turn.incoming is not None and not turn.incoming.is_whole:
            # It was answered without its body: what is still to come of that is no request.
            self._closing = True
            self._send(response, turn.request.method, keep_alive=False)
            self._linger()
            return False
        keep_alive = turn.keep_alive and not (self._closing and not self._turns)
        if response.stream is not None:
            return await self._send_stream(response, response.stream, turn)
        self._send(response, turn.request.method, keep_alive=keep_alive)
        await self._drained()
        return keep_alive

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._host.answer(request)
        except Exception:  # noqa: BLE001 - outermost guard: the application turns its own failures into answers
            _log.exception("no answer to %s %s", request.method, request.path)
            return plain_error(500, "InternalFailure", "The request could not be answered.")

    def _send(self, response: Response, method: str, *, keep_alive: bool) -> None:
        if self._transport is None:
            return
        try:
            head = render_head(response, date=self._host.date(), keep_alive=keep_alive)
        except ValueError:
            _log.exception("an answer with headers that cannot be sent")
            response = plain_error(500, "InternalFailure", "The answer has headers that cannot be sent.")
            head = render_head(response, date=self._host.date(), keep_alive=keep_alive)
        body = response.body if has_body(response.status, method) else b""
        if len(body) < _JOINED_BELOW:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))

    async def _send_stream(self, response: Response, stream: AsyncIterator[bytes], turn: Arrival) -> bool:
        """Send a body as it comes; return whether the connection may go on. HTTP/1.0 knows its end by our closing."""
        keep_alive = turn.keep_alive and (turn.can_chunk or states_length(response.headers)) and not self._closing
        # RFC 9112, 6.1 and 6.3: no framing with a 204, none besides a stated length.
        is_stated = states_length(response.headers)
        chunked = turn.can_chunk and has_body(response.status, "GET") and not is_stated
        is_whole = False
        try:
            self._write(render_head(response, date=self._host.date(), keep_alive=keep_alive, chunked=chunked))
            if has_body(response.status, turn.request.method):
                await self._send_pieces(stream, chunked=chunked)
                if chunked:
                    self._write(LAST_CHUNK)
            is_whole = True
        except CutShortError as cause:
            _log.info("the answer to %s %s was cut short: %s", turn.request.method, turn.request.path, cause)
        except Exception:  # noqa: BLE001 - outermost guard: the head may have left, all that remains is to stop
            _log.exception("the answer to %s %s broke off", turn.request.method, turn.request.path)
        finally:
            if isinstance(stream, AsyncGenerator | SendsItself):
                await stream.aclose()
            if not is_whole:
                self.abort()  # a clean end would pass a cut answer off as a whole one
        return keep_alive and is_whole

    async def _send_pieces(self, stream: AsyncIterator[bytes], *, chunked: bool) -> None:
        if isinstance(stream, SendsItself) and stream.pays and not chunked:
            await self._send_file(stream)
        async for data in stream:
            if data:
                self._write(render_chunk(data) if chunked else data)
            if self._transport is None:
                break
            await self._drained()

    async def _send_file(self, stream: SendsItself) -> None:
        """Have a stream send itself while the client keeps up, and by pieces where it does not; what is left is little.

        The two never write at once: what we have written has left before the stream goes on.
        """
        transport = self._transport
        if transport is None:
            return
        outlet = SocketOutlet(transport.get_extra_info("socket"))
        transport.set_write_buffer_limits(0)
        try:
            while stream.pays and self._transport is not None:
                await self._drained()
                await stream.send(outlet)
                self._write(await anext(stream, b""))
        finally:
            outlet.close()
            transport.set_write_buffer_limits()

    async def _drained(self) -> None:
        if self._can_write is not None:
            with resting(self._host.platform_clock):
                await self._can_write

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None:
            self._transport.write(data)

    def _linger(self) -> None:
        # Closing while the client still sends would reset the connection and lose the answer (RFC 9112, 9.6): end our
        # half, drop what comes, and let the client close, or the deadline.
        self._is_lingering = True
        self.deadline = self._loop.time() + self._host.limits.linger_s
        if self._transport is not None:
            self._resume_reading()
            self._transport.write_eof()
