"""Where invocations meet a runtime that asks for each of them: threads of Node.js, or a program that a function brings.

As on AWS, whoever polls first is served first, and nobody who has not polled. Every request travels on a connection of
its own, so that an answer that is streamed slowly holds up no other; a connection is used again for the next poll.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-nodejs-runtime.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from lambent.dataplane.runtime_api.messages import (
    CloseReason,
    ErrorAnswer,
    InitAnswer,
    InvocationHeaders,
    Parked,
    RuntimeAnswer,
)
from lambent.dataplane.runtime_api.workers import Worker, Workers
from lambent.dataplane.types import ResponseSink
from lambent.guest import framing

# Beside a connection for each request under way, one for each poll: how many of those there are, the runtime says.
_POLLS: Final = 512
_REQUEST_ID: Final = re.compile(r'"requestId":\s*"([0-9a-fA-F-]{1,64})"')


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An invocation that nobody has polled for yet."""

    headers: InvocationHeaders
    payload: bytes
    sink: ResponseSink | None
    promise: asyncio.Future[RuntimeAnswer]


class Poller(Worker):
    """The host end of one connection: a poll, an invocation, its answer, and then perhaps another poll."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pollers: Pollers) -> None:
        super().__init__(loop, pollers)
        self._pollers = pollers
        self.asks = False
        """Whether it has polled, and nothing has come of that yet."""

    def _dispatch(self, kind: int, data: bytes, start: int) -> None:
        if kind != framing.NEXT or not self.first_next.done():
            super()._dispatch(kind, data, start)
        elif self.asks or self._answer is not None:
            self._end(CloseReason.MALFORMED)
        else:
            self.asks = True
            self._pollers.polled(self)


class Pollers(Workers):
    """The host end of a runtime that polls as often as it likes.

    An invocation that meets nobody who polls waits for one: the slots of the environment bound how many do.
    """

    bounds: ClassVar[Mapping[int, int]] = {**Workers.bounds, framing.INIT_ERROR: framing.MAX_ERROR}

    def __init__(self, loop: asyncio.AbstractEventLoop, size: int) -> None:
        super().__init__(loop, size)
        self._queue: deque[_Waiting] = deque()
        self._most = 2 * size + _POLLS
        self.coming = 0  # whoever polls first opens every slot

    @property
    def waiting(self) -> int:
        """How many invocations it would take now, as far as polls bound them: any, as long as it is there."""
        return 0 if self.closed.done() else self._size

    @property
    def alive(self) -> int:
        """How many of the slots can serve: all, as long as it is there."""
        return self.waiting

    def hire(self) -> Poller:
        """Return the channel for a connection that was made; what the listening socket asks for."""
        return Poller(self._loop, self)

    def request_of(self, pid: int | None, line: str) -> str | None:
        """Return the request under way that a line names as its own: what a process wrote tells nothing here."""
        del pid
        for named in _REQUEST_ID.finditer(line):
            if any(worker.request_id == named[1] for worker in self._workers):
                return named[1]
        return None

    def invoke(
        self, headers: InvocationHeaders, payload: bytes, sink: ResponseSink | None = None
    ) -> asyncio.Future[RuntimeAnswer]:
        """Hand one invocation to whoever has waited longest, or else to the next to poll; as for any workers."""
        promise: asyncio.Future[RuntimeAnswer] = self._loop.create_future()
        if self.closed.done():
            promise.set_result(self.closed.result())
            return promise
        self._queue.append(_Waiting(headers, payload, sink, promise))
        self._match()
        return promise

    def withdraw(self, request_id: str) -> bool:
        """Take back an invocation that nobody has polled for; return whether there was one."""
        found = next((each for each in self._queue if each.headers.request_id == request_id), None)
        if found is not None:
            self._queue.remove(found)
        return found is not None

    def polled(self, worker: Worker) -> None:
        """Take a poll up: at once, or when the answer just before it has been passed on."""
        if isinstance(worker, Poller) and worker.asks and worker.request_id is None and not worker.closed.done():
            self._waiting.append(worker)
            self._match()

    def _dispatch(self, kind: int, data: bytes, start: int) -> None:
        if kind == framing.INIT_ERROR:  # of a program that could not even be started
            self._take_first(kind, data[start:])
        else:
            super()._dispatch(kind, data, start)

    def _match(self) -> None:
        while self._queue and self._waiting:
            waiting, worker = self._queue.popleft(), self._waiting.popleft()
            if isinstance(worker, Poller):
                worker.asks = False
            self._hand(worker, waiting.headers, waiting.payload, waiting.sink, waiting.promise)

    def _joins(self) -> bool:
        return len(self._workers) < self._most

    def _initialized(self, worker: Worker, answer: InitAnswer) -> None:
        if isinstance(answer, Parked):
            worker.has_begun = True
            if not self.first_next.done():
                if self.on_rest is not None:
                    self.on_rest(worker)
                self.first_next.set_result(answer)
            if isinstance(worker, Poller):
                worker.asks = True
            self.polled(worker)
        elif isinstance(answer, ErrorAnswer) and not self.first_next.done():
            self.first_next.set_result(answer)

    def _rests(self, worker: Worker) -> None:
        """Keep nobody for another invocation who has not polled for it."""
        self.polled(worker)

    def _lost(self, worker: Worker) -> None:
        super()._lost(worker)
        self._forget(worker)

    def _conclude(self, worker: Worker) -> asyncio.Future[RuntimeAnswer] | None:
        promise = super()._conclude(worker)
        self._forget(worker)
        return promise

    def _forget(self, worker: Worker) -> None:
        """Keep no connection that is closed, once its request has been told of that."""
        if worker.closed.done() and worker.promise is None and worker in self._workers:
            self._workers.remove(worker)

    def _end(self, reason: CloseReason) -> None:
        super()._end(reason)
        closed = self.closed.result()
        while self._queue:
            promise = self._queue.popleft().promise
            if not promise.done():
                promise.set_result(closed)
