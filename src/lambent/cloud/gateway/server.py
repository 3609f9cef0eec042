"""HTTP on 127.0.0.1: listens, keeps track of connections, and ends them.

Nothing here knows AWS: an `Application` turns each `Request` into a `Response` (`pipeline.py`).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

from lambent.base.clock import Clock, SystemClock
from lambent.cloud.gateway.connection import Application, Connection
from lambent.cloud.gateway.limits import Limits
from lambent.cloud.gateway.wire import http_date
from lambent.cloud.protocol.message import Request

_log = logging.getLogger(__name__)

_ADDRESS = "127.0.0.1"
_BACKLOG = 1024
_SWEEP_S = 1.0


class PortInUseError(OSError):
    """Another program listens on the port."""

    def __init__(self, port: int) -> None:
        super().__init__(errno.EADDRINUSE, f"port {port} of {_ADDRESS} is in use")
        self.port = port


class HttpServer:
    """The gateway's listener.

    Answers are dated by the machine's own clock, by which callers correct the time of their signatures; the
    `platform_clock` is only told when a connection has nothing in hand.
    """

    answer: Application

    def __init__(self, *, platform_clock: Clock, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.platform_clock = platform_clock
        self._clock = SystemClock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._tasks: dict[asyncio.Task[None], Connection] = {}
        self._connections: set[Connection] = set()
        self._others: list[asyncio.Server] = []
        self._is_serving = False
        self._streams: Callable[[Request], bool] = _streams_nothing
        self._date = ""
        self._date_holds_until = 0.0

    async def reserve(self, port: int) -> int:
        """Take `port` (0 for any free one) and return it, without listening yet; raises PortInUseError."""
        loop = asyncio.get_running_loop()
        self._loop = loop
        # Bound here: to look up an address the loop would start threads, and load the tables of foreign names.
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((_ADDRESS, port))
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRINUSE:
                raise PortInUseError(port) from error
            raise
        self._listener = await loop.create_server(
            lambda: Connection(self, loop), sock=listener, backlog=_BACKLOG, start_serving=False
        )
        return int(self._listener.sockets[0].getsockname()[1])

    async def serve(self, answer: Application, streams: Callable[[Request], bool] | None = None) -> None:
        """Listen on the reserved port and answer with `answer`; raises PortInUseError.

        `streams` is asked, of the head of a request with a large body, whether it is answered while that arrives.
        """
        self.answer = answer
        self._streams = streams or _streams_nothing
        assert self._listener is not None  # noqa: S101 - reserve comes first
        assert self._loop is not None  # noqa: S101 - as above
        try:
            await self._listener.start_serving()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUseError(int(self._listener.sockets[0].getsockname()[1])) from error
            raise
        for listener in self._others:
            await listener.start_serving()
        self._is_serving = True
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)

    async def serve_also(self, listener: socket.socket) -> asyncio.Server:
        """Answer on another listening socket as well, from `serve` on, until what is returned is closed."""
        assert self._loop is not None  # noqa: S101 - reserve comes first
        loop = self._loop
        server = await loop.create_server(
            lambda: Connection(self, loop), sock=listener, backlog=_BACKLOG, start_serving=self._is_serving
        )
        if not self._is_serving:
            self._others.append(server)
        return server

    async def stop(self, grace_s: float | None = None) -> None:
        """Listen no more, answer what is under way within `grace_s`, and drop the rest.

        When it returns, also after being cancelled, no connection and no task is left. A second call does nothing.
        """
        if self._listener is not None:
            self._listener.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in tuple(self._connections):
            connection.finish()
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self.limits.stop_grace_s if grace_s is None else grace_s)
        finally:
            await self._drop_all()

    async def _drop_all(self) -> None:
        if self._tasks:
            _log.warning("%d requests were still under way and are dropped", len(self._tasks))
        for task in tuple(self._tasks):
            task.cancel()
        for connection in tuple(self._connections):
            connection.abort()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._listener is not None:
            await self._listener.wait_closed()
            self._listener = None

    # ── what a connection asks of its host ──

    def attach(self, connection: Connection) -> None:
        """Take the connection in and run its `serve` as a task, which `stop` awaits."""
        assert self._loop is not None  # noqa: S101 - connections come from a started listener
        self._connections.add(connection)
        task = self._loop.create_task(connection.serve())
        self._tasks[task] = connection
        task.add_done_callback(self._ended)

    def detach(self, connection: Connection) -> None:
        """Forget a lost connection; its task ends by itself."""
        self._connections.discard(connection)

    def streams(self, head: Request) -> bool:
        """Return whether a request is to be answered while its body arrives."""
        return self._streams(head)

    def date(self) -> str:
        """Return the present moment as a Date header has it, made at most once a second."""
        assert self._loop is not None  # noqa: S101 - as above
        now = self._loop.time()
        if now >= self._date_holds_until:
            self._date = http_date(self._clock.now())
            self._date_holds_until = now + 1.0
        return self._date

    def _ended(self, task: asyncio.Task[None]) -> None:
        connection = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a connection failed", exc_info=error)
            connection.abort()

    def _sweep(self) -> None:
        # One timer for all connections: a timer each would cost every request two calls into the loop.
        assert self._loop is not None  # noqa: S101 - as above
        now = self._loop.time()
        for connection in tuple(self._connections):
            if connection.deadline <= now:
                connection.expire()
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)


def _streams_nothing(_head: Request) -> bool:
    return False
