"""Where invocations meet the workers of one environment: as many as wait in `next` are served at once.

The runtime's own channel carries no invocations then. Its first process forks the workers, each of which connects a
channel of its own, and tells how each of them ended. https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-execution-environment.html
"""

from __future__ import annotations

import asyncio
import signal
import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from lambent.dataplane.runtime_api.messages import (
    Closed,
    CloseReason,
    ErrorAnswer,
    InitAnswer,
    InvocationHeaders,
    Parked,
    RuntimeAnswer,
    WorkerEnded,
)
from lambent.dataplane.runtime_api.rendezvous import RuntimeChannel
from lambent.dataplane.supervision.child import exit_of
from lambent.dataplane.types import ExitKind, ProcessExit, ResponseSink
from lambent.guest import framing

# How long the news of a worker's end may come after the end of its channel, and that end after the news.
_PATIENCE_S: Final = 1.0
_LATE_S: Final = 0.05
_CREDENTIALS: Final = struct.Struct("3i")
_UNKNOWN_END: Final = ProcessExit(ExitKind.SIGNALLED, signal.SIGKILL)


def peer_pid(connection: socket.socket) -> int | None:
    """Return the process at a connection's other end, None where the system does not tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    pid, _, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    return int(pid)


class Worker(RuntimeChannel):
    """The host end of one worker's channel. `pid` is the platform's name for the process, `number` the sandbox's."""

    bounds: ClassVar[Mapping[int, int]] = {**RuntimeChannel.bounds, framing.WORKER: framing.WORKER_ID.size}

    def __init__(self, loop: asyncio.AbstractEventLoop, workers: Workers) -> None:
        super().__init__(loop)
        self._workers = workers
        self.pid: int | None = None
        self.number: int | None = None
        self.request_id: str | None = None
        """The request it serves, if any."""
        self.end: ProcessExit | None = None
        self.has_begun = False
        self.promise: asyncio.Future[RuntimeAnswer] | None = None
        """What the request's caller waits for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Report for work; called by the loop."""
        super().connection_made(transport)
        self.pid = peer_pid(transport.get_extra_info("socket"))
        self._workers.joined(self)

    def _dispatch(self, kind: int, data: bytes, start: int) -> None:
        if kind != framing.WORKER:
            super()._dispatch(kind, data, start)
        elif self.number is not None:
            self._end(CloseReason.MALFORMED)
        else:
            (self.number,) = framing.WORKER_ID.unpack_from(data, start)


class Workers(RuntimeChannel):
    """The host end of a runtime that serves several requests at once.

    To its environment it is a channel: `first_next` resolves with the first worker that waits, or that fails to get so
    far; `closed` when the runtime's first process has ended. `invoke` hands each invocation to a worker of its own.
    """

    bounds: ClassVar[Mapping[int, int]] = {framing.WORKER_ENDED: framing.WORKER_END.size}

    def __init__(self, loop: asyncio.AbstractEventLoop, size: int) -> None:
        super().__init__(loop)
        self._size = size
        self._workers: list[Worker] = []
        self._by_pid: dict[int, Worker] = {}
        self._waiting: deque[Worker] = deque()
        self.coming = size
        """How many workers have yet to come to their first `next`."""
        self.early_end: ProcessExit | None = None
        """How the first worker ended that did so before its first `next`; None while none has."""
        self.on_change: Callable[[], None] | None = None
        """Called whenever fewer workers are coming: one has come to its first `next`, or to its end before that."""
        self.on_rest: Callable[[Worker], None] | None = None
        """Called when a worker came to a `next` or its end, before anybody hears of it: what it wrote comes first."""
        self.typed: Callable[[int], ProcessExit] = exit_of
        """Returns the cause in a wait status."""

    @property
    def waiting(self) -> int:
        """How many workers wait for an invocation now."""
        return len(self._waiting)

    @property
    def alive(self) -> int:
        """How many workers serve, wait, or have yet to come to their first `next`."""
        return self.coming + len(self._waiting) + sum(worker.promise is not None for worker in self._workers)

    def request_of(self, pid: int | None, line: str) -> str | None:
        """Return what the worker that is this process serves now, if anything; `line` is what it wrote."""
        del line
        worker = self._by_pid.get(pid) if pid is not None else None
        return None if worker is None else worker.request_id

    def hire(self) -> Worker:
        """Return the channel for a connection that a worker has made; what the listening socket asks for."""
        return Worker(self._loop, self)

    def joined(self, worker: Worker) -> None:
        """Take up a worker that has connected; more than were to be forked are turned away."""
        if not self._joins() or self.closed.done():
            worker.close()
            return
        self._workers.append(worker)
        if worker.pid is not None:
            self._by_pid[worker.pid] = worker  # of several connections that one process makes, the last
        worker.first_next.add_done_callback(lambda answer: self._initialized(worker, answer.result()))
        worker.closed.add_done_callback(lambda _: self._lost(worker))

    def invoke(
        self, headers: InvocationHeaders, payload: bytes, sink: ResponseSink | None = None
    ) -> asyncio.Future[RuntimeAnswer]:
        """Hand one invocation to the worker that has waited longest and return the future of its answer.

        It never fails; a worker that ends before it answers is told as `WorkerEnded`.
        """
        promise: asyncio.Future[RuntimeAnswer] = self._loop.create_future()
        if not self._waiting:
            # Slots are counted by who waits: this is the moment between a process's end and the news of it.
            promise.set_result(WorkerEnded(_UNKNOWN_END))
            return promise
        self._hand(self._waiting.popleft(), headers, payload, sink, promise)
        return promise

    def withdraw(self, request_id: str) -> bool:
        """Take back an invocation that no worker has begun; return whether there was one. Here each begins at once."""
        del request_id
        return False

    def release(self) -> None:
        """Wait for no reader any more, as of any worker."""
        super().release()
        for worker in self._workers:
            worker.release()

    def connection_lost(self, exc: Exception | None) -> None:
        """End with the first process; a moment later where no worker has been heard yet. Called by the loop."""
        if self.first_next.done():
            super().connection_lost(exc)
        else:
            # It ends with the last worker, whose report of what went wrong may still lie in a channel of its own.
            self._loop.call_later(_LATE_S, self._end, CloseReason.ENDED)

    def _dispatch(self, kind: int, data: bytes, start: int) -> None:
        number, status = framing.WORKER_END.unpack_from(data, start)
        ended = [each for each in self._workers if each.number == number]
        if not any(each.has_begun for each in ended):
            self.early_end = self.early_end or self.typed(status)
            self.coming = max(0, self.coming - 1)
            self._changed()
        for worker in ended:
            worker.end = self.typed(status)
            if worker.closed.done():
                self._tell_end(worker)
            else:
                # A process that the function started may hold the channel open. What was sent before still counts.
                self._loop.call_later(_LATE_S, worker.close)

    def _hand(
        self,
        worker: Worker,
        headers: InvocationHeaders,
        payload: bytes,
        sink: ResponseSink | None,
        promise: asyncio.Future[RuntimeAnswer],
    ) -> None:
        worker.request_id, worker.promise = headers.request_id, promise
        worker.invoke(headers, payload, sink).add_done_callback(lambda answer: self._answered(worker, answer.result()))

    def _joins(self) -> bool:
        return len(self._workers) < self._size

    def _rests(self, worker: Worker) -> None:
        """Have a worker that has answered wait for the next invocation: it asks for that by its answer."""
        if not worker.closed.done():
            self._waiting.append(worker)

    def _initialized(self, worker: Worker, answer: InitAnswer) -> None:
        if isinstance(answer, Parked):
            worker.has_begun = True
            if self.on_rest is not None:
                self.on_rest(worker)
            self.coming = max(0, self.coming - 1)
            self._waiting.append(worker)
            if not self.first_next.done():
                self.first_next.set_result(answer)
            self._changed()
        elif isinstance(answer, ErrorAnswer) and not self.first_next.done():
            # The first to report an error speaks for all, as in AWS, whose Runtime API refuses the others' reports.
            self.first_next.set_result(answer)

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()

    def _answered(self, worker: Worker, answer: RuntimeAnswer) -> None:
        if isinstance(answer, Closed):
            if self.closed.done() or worker.end is not None:
                self._tell_end(worker)
            else:
                # One that talks nonsense finds its channel closed, and ends. It is not killed from here: its process id
                # was true when it connected, and may be another's by now.
                self._loop.call_later(_PATIENCE_S, self._tell_end, worker)
            return
        promise = self._conclude(worker)
        self._rests(worker)
        if promise is not None:
            promise.set_result(answer)

    def _tell_end(self, worker: Worker) -> None:
        promise = self._conclude(worker)
        if promise is not None:
            # Without a worker's own end it is the whole runtime's, which its exit tells.
            is_alone = worker.end is not None or not self.closed.done()
            promise.set_result(WorkerEnded(worker.end or _UNKNOWN_END) if is_alone else self.closed.result())

    def _conclude(self, worker: Worker) -> asyncio.Future[RuntimeAnswer] | None:
        if self.on_rest is not None:
            self.on_rest(worker)
        promise, worker.promise, worker.request_id = worker.promise, None, None
        return promise

    def _lost(self, worker: Worker) -> None:
        if worker in self._waiting:
            self._waiting.remove(worker)

    def _end(self, reason: CloseReason) -> None:
        super()._end(reason)
        for worker in tuple(self._workers):
            worker.close()
