"""A runtime that polls for each invocation: the host's end of its connections, without any process."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from lambent.dataplane.runtime_api.messages import (
    Closed,
    ErrorAnswer,
    InvocationHeaders,
    Parked,
    Response,
    RuntimeAnswer,
    WorkerEnded,
)
from lambent.dataplane.runtime_api.pollers import Pollers
from lambent.dataplane.types import ExitKind, ProcessExit
from lambent.guest import framing

NEXT = framing.frame(framing.NEXT, b"")
ANSWER = framing.encode_response("application/json", b"1")


@dataclass(slots=True)
class Runtime:
    """A runtime's ends: its own channel, and as many connections as a test makes."""

    pollers: Pollers
    own: socket.socket
    made: list[socket.socket] = field(default_factory=list)

    async def knock(self) -> socket.socket:
        """Return a connection of which nothing is known yet."""
        host_end, guest = socket.socketpair()
        guest.setblocking(False)  # noqa: FBT003 - the socket's own interface
        await asyncio.get_running_loop().create_unix_connection(self.pollers.hire, sock=host_end)
        self.made.append(guest)
        return guest

    async def connect(self, thread: int = 1) -> socket.socket:
        """Return a connection that a thread has made."""
        guest = await self.knock()
        await asyncio.get_running_loop().sock_sendall(
            guest, framing.frame(framing.WORKER, framing.WORKER_ID.pack(thread))
        )
        return guest

    def invoke(self, request_id: str) -> asyncio.Future[RuntimeAnswer]:
        """Hand an invocation over."""
        return self.pollers.invoke(InvocationHeaders(request_id, 1, "arn"), b"{}")


async def say(guest: socket.socket, *frames: bytes) -> None:
    """Send frames in one piece, and let the host take them in."""
    await asyncio.get_running_loop().sock_sendall(guest, b"".join(frames))
    for _ in range(5):
        await asyncio.sleep(0)  # noqa: TID251 - turns of the loop, no time


async def given(guest: socket.socket) -> str | None:
    """Return the id of the request that a connection is given; None where it is closed."""
    data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(guest, 65_536), 10)
    return framing.decode_invoke(memoryview(data)[framing.HEADER.size :])[0][0] if data else None


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)  # noqa: FBT003 - the socket's own interface
    _, pollers = await loop.create_unix_connection(lambda: Pollers(loop, 3), sock=ours)
    made = Runtime(pollers, theirs)
    yield made
    pollers.close()
    for each in (theirs, *made.made):
        each.close()


async def test_whoever_polls_first_is_served_first_and_a_request_waits_for_a_poll(runtime: Runtime) -> None:
    first, second = await runtime.connect(), await runtime.connect(2)
    await say(second, NEXT)
    await say(first, NEXT)
    assert isinstance(runtime.pollers.first_next.result(), Parked)
    answers = [runtime.invoke(each) for each in ("a", "b", "c")]
    assert [await given(second), await given(first)] == ["a", "b"]
    assert runtime.pollers.waiting == 3
    # The answer and the next poll come in one piece.
    await say(second, ANSWER, NEXT)
    assert await given(second) == "c"
    assert await answers[0] == Response(b"1", "application/json")
    assert not answers[1].done()


async def test_a_request_that_nobody_has_polled_for_can_be_taken_back_and_another_can_not(runtime: Runtime) -> None:
    guest = await runtime.connect()
    await say(guest, NEXT)
    begun = runtime.invoke("begun")
    waits = runtime.invoke("waits")
    assert runtime.pollers.withdraw("waits")
    assert not runtime.pollers.withdraw("begun")
    assert await given(guest) == "begun"
    await say(guest, ANSWER, NEXT)
    later = runtime.invoke("later")
    assert await given(guest) == "later"
    assert [each.done() for each in (begun, later, waits)] == [True, False, False]


@pytest.mark.parametrize("polls", [(NEXT, NEXT), (ANSWER,)], ids=["twice", "answer to nothing"])
async def test_a_connection_that_talks_nonsense_is_closed(runtime: Runtime, polls: tuple[bytes, ...]) -> None:
    guest = await runtime.connect()
    await say(guest, NEXT)
    await say(guest, *polls)
    assert await given(guest) is None


async def test_the_end_of_a_thread_fails_all_that_it_had_and_nothing_else(runtime: Runtime) -> None:
    ending = [await runtime.connect(7), await runtime.connect(7)]
    other = await runtime.connect(8)
    for guest in (*ending, other):
        await say(guest, NEXT)
    answers = [runtime.invoke(each) for each in ("a", "b", "c")]
    for guest in ending:
        guest.close()
    await say(runtime.own, framing.frame(framing.WORKER_ENDED, framing.WORKER_END.pack(7, 3 << 8)))
    assert [await each for each in answers[:2]] == [WorkerEnded(ProcessExit(ExitKind.EXITED, 3))] * 2
    await say(other, ANSWER)
    assert isinstance(await answers[2], Response)


async def test_the_end_of_the_runtime_is_told_to_those_who_wait_for_a_poll(runtime: Runtime) -> None:
    waits = runtime.invoke("a")
    runtime.own.shutdown(socket.SHUT_RDWR)
    assert isinstance(await asyncio.wait_for(waits, 10), Closed)
    assert isinstance(await runtime.invoke("b"), Closed)
    assert (runtime.pollers.waiting, runtime.pollers.alive) == (0, 0)


async def test_more_connections_than_polls_and_requests_are_turned_away(runtime: Runtime) -> None:
    for _ in range(2 * 3 + 512):
        runtime.pollers.joined(runtime.pollers.hire())
    assert await given(await runtime.knock()) is None


async def test_an_init_error_is_told_by_the_runtime_or_by_any_connection(runtime: Runtime) -> None:
    report = json.dumps({"errorType": "Own.Kind", "errorMessage": "as asked"}).encode()
    await say(runtime.own, framing.frame(framing.INIT_ERROR, report))
    assert runtime.pollers.first_next.result() == ErrorAnswer(report, "Own.Kind")


async def test_a_line_belongs_to_the_request_under_way_that_it_names(runtime: Runtime) -> None:
    guest = await runtime.connect()
    await say(guest, NEXT)
    serving = runtime.invoke("ab-12")
    line = '{"timestamp":"now","level":"INFO","requestId":"ab-12","message":"\\"requestId\\":\\"cd-34\\""}'
    assert runtime.pollers.request_of(1, line) == "ab-12"
    assert runtime.pollers.request_of(1, line.replace("ab-12", "ef-56")) is None
    assert runtime.pollers.request_of(1, "plain") is None
    await say(guest, ANSWER)
    assert runtime.pollers.request_of(1, line) is None
    assert serving.done()
