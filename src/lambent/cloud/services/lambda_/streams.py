"""Answers that are passed on while they are written: an invocation on one side, a caller who reads on the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from lambent.aws.quotas import STREAMED_RESPONSE_BYTES
from lambent.base.clock import Clock
from lambent.base.tasks import OwnedTask, TaskOwner
from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.invocation import Answer, Call, Invoker, response_too_large

# How much may wait for a slow reader before the function has to wait, too.
_FULL_BYTES = 1_048_576
_BUFFERED_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer that has begun: `is_streamed` tells whether the function streams; its end is known after the chunks.

    Whoever does not read the chunks to their end says so by `abandon`.
    """

    content_type: str
    is_streamed: bool
    chunks: AsyncIterator[bytes]
    end: Callable[[], Answer]
    abandon: Callable[[], None]


class _Pipe:
    """What the data plane writes and the caller reads, in order."""

    def __init__(self, limit_bytes: int) -> None:
        self.content_type: str | None = None
        self.is_cut = False
        self._left = limit_bytes
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._moved = asyncio.Event()
        self._on_room: Callable[[], None] | None = None
        self._is_read = True

    def begin(self, content_type: str) -> None:
        """Note that the function has begun to answer."""
        self.content_type = content_type
        self._moved.set()

    def write(self, data: bytes) -> None:
        """Take what it wrote; where nobody reads any more it is dropped."""
        if len(data) > self._left:
            self.is_cut = True
            data = data[: self._left]
        self._left -= len(data)
        if not self._is_read or not data:
            return
        self._chunks.append(data)
        self._size += len(data)
        self._moved.set()

    def is_full(self, on_room: Callable[[], None]) -> bool:
        """Tell whether the writer should wait; it is called back when there is room."""
        if self._size < _FULL_BYTES:
            return False
        self._on_room = on_room
        return True

    def take(self) -> bytes | None:
        """Return the next chunk, None where none is there yet."""
        if not self._chunks:
            return None
        data = self._chunks.popleft()
        self._size -= len(data)
        if self._size < _FULL_BYTES and self._on_room is not None:
            on_room, self._on_room = self._on_room, None
            on_room()
        return data

    def abandon(self) -> None:
        """Read no more: the function goes on without waiting for anybody."""
        self._is_read = False
        self._chunks.clear()
        self._size = 0
        on_room, self._on_room = self._on_room, None
        if on_room is not None:
            on_room()

    def wake(self) -> None:
        """Have whoever waits look again."""
        self._moved.set()

    async def wait(self) -> None:
        """Return when something was written, or `wake` was called."""
        await self._moved.wait()
        self._moved.clear()


class Streams:
    """Makes invocations whose answers are read while they are written."""

    def __init__(self, invoker: Invoker, clock: Clock, *, limit_bytes: int = STREAMED_RESPONSE_BYTES) -> None:
        self.invoker = invoker
        self._limit_bytes = limit_bytes
        self._tasks = TaskOwner("lambda streams", clock=clock)

    async def stop(self) -> None:
        """Give up what is under way."""
        await self._tasks.aclose()

    async def open(self, call: Call) -> Opened:
        """Return as soon as the function answers. Raises ServiceError where it could not be run, or was throttled.

        A caller who goes away gives up the answer alone: the invocation runs to its end.
        """
        pipe = _Pipe(self._limit_bytes)
        running = self._tasks.start(self._run(replace(call, sink=pipe), pipe), name=call.request_id)
        try:
            while pipe.content_type is None and not running.done:
                await pipe.wait()
        except BaseException:
            pipe.abandon()
            raise
        if pipe.content_type is not None:
            return Opened(
                pipe.content_type,
                is_streamed=True,
                chunks=_chunks(pipe, running),
                end=lambda: _ended(running),
                abandon=pipe.abandon,
            )
        answer = await running.result()
        if isinstance(answer, ServiceError):
            raise answer
        return Opened(
            _BUFFERED_TYPE, is_streamed=False, chunks=_whole(answer), end=lambda: answer, abandon=pipe.abandon
        )

    async def _run(self, call: Call, pipe: _Pipe) -> Answer | ServiceError:
        try:
            answer = await self.invoker.run(call)
            # What goes beyond the limit is not passed on, and the caller is told so at the end.
            return response_too_large(self._limit_bytes) if pipe.is_cut else answer
        except ServiceError as error:
            return error
        finally:
            # The task is done one turn of the loop after this.
            asyncio.get_running_loop().call_soon(pipe.wake)


async def _chunks(pipe: _Pipe, running: OwnedTask[Answer | ServiceError]) -> AsyncIterator[bytes]:
    try:
        while True:
            while (data := pipe.take()) is not None:
                yield data
            if running.done:
                return
            await pipe.wait()
    finally:
        pipe.abandon()


async def _whole(answer: Answer) -> AsyncIterator[bytes]:
    if answer.function_error is None and answer.payload:
        yield answer.payload


def _ended(running: OwnedTask[Answer | ServiceError]) -> Answer:
    answer = running.value
    return Answer(str(answer).encode(), "Unhandled") if isinstance(answer, ServiceError) else answer
