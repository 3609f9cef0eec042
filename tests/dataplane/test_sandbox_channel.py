"""The host end of a runtime's channel against whatever the other end writes."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import pytest

from lambent.dataplane.runtime_api.companion_link import CompanionLink
from lambent.dataplane.runtime_api.messages import (
    Closed,
    CloseReason,
    ErrorAnswer,
    InvocationHeaders,
    Parked,
    Response,
    RuntimeAnswer,
)
from lambent.dataplane.runtime_api.rendezvous import RuntimeChannel
from lambent.dataplane.runtime_api.workers import Workers
from lambent.dataplane.sandbox.running import RunningSandbox, SandboxParts, Standing
from lambent.dataplane.supervision.fork_server import Child, RuntimeProcess
from lambent.dataplane.types import ExitKind, ProcessExit
from lambent.guest import framing

_HEADERS = InvocationHeaders("r", 1, "arn")
_NEXT = framing.frame(framing.NEXT, b"")


class Peer:
    """A channel and the raw other end of it."""

    def __init__(self, channel: RuntimeChannel, guest: socket.socket) -> None:
        self.channel = channel
        self.guest = guest

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.guest, data)

    async def answer_to(self, pieces: Sequence[bytes]) -> RuntimeAnswer:
        """Park, invoke, write `pieces` one by one, and return the answer."""
        await self.write(_NEXT)
        assert await self.channel.first_next == Parked()
        answer = self.channel.invoke(_HEADERS, b"{}")
        await asyncio.get_running_loop().sock_recv(self.guest, 65536)
        for piece in pieces:
            await self.write(piece)
            turn = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(turn.set_result, None)
            await turn
        return await asyncio.wait_for(answer, 10)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)  # noqa: FBT003 - the socket's own interface
    channel = await RuntimeChannel.open(ours)
    with theirs:
        yield Peer(channel, theirs)
        channel.close()
        await channel.closed


async def test_an_answer_may_come_a_byte_at_a_time(peer: Peer) -> None:
    message = framing.encode_response("application/json", b'{"a":1}')
    answer = await peer.answer_to([message[place : place + 1] for place in range(len(message))])
    assert answer == Response(b'{"a":1}', "application/json")
    assert not peer.channel.closed.done()


async def test_an_answer_over_the_limit_is_refused_unread_and_the_next_one_heard(peer: Peer) -> None:
    size = framing.MAX_RESPONSE + 1_000_000
    body = bytes(100_000)
    pieces = [framing.HEADER.pack(framing.RESPONSE, size), body]
    answer = await peer.answer_to(pieces)
    assert isinstance(answer, ErrorAnswer)
    assert answer.error_type == "Function.ResponseSizeTooLarge"
    second = peer.channel.invoke(_HEADERS, b"{}")
    await peer.write(bytes(size - len(body)) + framing.encode_response("text/plain", b"second"))
    assert await asyncio.wait_for(second, 10) == Response(b"second", "text/plain")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"POST /2018-06-01/runtime",
        framing.HEADER.pack(framing.ERROR, 0xFFFF_FFFF),
        framing.HEADER.pack(framing.NEXT, 1) + b"x",
        framing.frame(framing.NEXT, b""),  # a second time
        framing.frame(framing.RESPONSE, b""),  # no content type
        framing.frame(framing.RESPONSE, b"\xffshort"),
        framing.frame(framing.INVOKE, b""),  # ours to send
    ],
)
async def test_what_is_no_message_closes_the_channel(peer: Peer, nonsense: bytes) -> None:
    assert await peer.answer_to([nonsense]) == Closed(CloseReason.MALFORMED)
    assert peer.channel.invoke(_HEADERS, b"").result() == Closed(CloseReason.MALFORMED)


async def test_an_answer_nobody_asked_for_closes_the_channel(peer: Peer) -> None:
    await peer.write(_NEXT + framing.encode_response("a/b", b""))
    assert await asyncio.wait_for(peer.channel.closed, 10) == Closed(CloseReason.MALFORMED)


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"errorType": 7}', b"[" * 100_000])
async def test_an_error_without_a_type_has_an_unknown_one(peer: Peer, body: bytes) -> None:
    answer = await peer.answer_to([framing.frame(framing.ERROR, body)])
    assert answer == ErrorAnswer(body, "Runtime.Unknown")


async def test_an_init_error_is_what_the_first_next_resolves_to(peer: Peer) -> None:
    report = json.dumps({"errorType": "Runtime.ImportModuleError"}).encode()
    await peer.write(framing.frame(framing.INIT_ERROR, report))
    assert await peer.channel.first_next == ErrorAnswer(report, "Runtime.ImportModuleError")


class FullSink:
    """Takes what comes, and never has room for more."""

    def __init__(self) -> None:
        self.taken = b""

    def begin(self, content_type: str) -> None:
        self.taken += content_type.encode() + b": "

    def write(self, data: bytes) -> None:
        self.taken += data

    def is_full(self, on_room: Callable[[], None]) -> bool:
        return True


async def test_a_streamed_answer_that_nobody_reads_on_does_not_hold_back_the_next(peer: Peer) -> None:
    sink = FullSink()
    await peer.write(_NEXT)
    assert await peer.channel.first_next == Parked()
    parts = ((framing.STREAM, b"text/plain"), (framing.CHUNK, b"all"), (framing.STREAM_END, b""))
    streamed = peer.channel.invoke(_HEADERS, b"{}", sink)
    await peer.write(b"".join(framing.frame(kind, body) for kind, body in parts))
    assert await asyncio.wait_for(streamed, 10) == Response(b"", "text/plain")
    assert sink.taken == b"text/plain: all"
    following = peer.channel.invoke(_HEADERS, b"{}")
    await peer.write(framing.encode_response("application/json", b"1"))
    assert await asyncio.wait_for(following, 10) == Response(b"1", "application/json")


async def test_what_an_ending_process_has_written_is_read_though_its_reader_is_slow(peer: Peer) -> None:
    sink = FullSink()
    await peer.write(_NEXT)
    assert await peer.channel.first_next == Parked()
    streamed = peer.channel.invoke(_HEADERS, b"{}", sink)
    await peer.write(framing.frame(framing.STREAM, b"t") + framing.frame(framing.CHUNK, b"a"))
    peer.channel.release()
    await peer.write(framing.frame(framing.CHUNK, b"b"))
    peer.guest.close()
    assert await asyncio.wait_for(streamed, 10) == Closed(CloseReason.ENDED)
    assert sink.taken == b"t: ab"


@pytest.mark.parametrize(
    "parts",
    [
        [(framing.CHUNK, b"before it began")],
        [(framing.STREAM, b"t"), (framing.STREAM, b"t")],
        [(framing.STREAM_END, b"")],
    ],
)
async def test_a_stream_out_of_order_is_no_message(peer: Peer, parts: list[tuple[int, bytes]]) -> None:
    answer = await peer.answer_to([b"".join(framing.frame(kind, body) for kind, body in parts)])
    assert answer == Closed(CloseReason.MALFORMED)


async def test_a_streamed_answer_is_collected_where_nobody_reads_it_as_it_comes(peer: Peer) -> None:
    parts = ((framing.STREAM, b"text/plain"), (framing.CHUNK, b"a"), (framing.CHUNK, b"b"), (framing.STREAM_END, b""))
    assert await peer.answer_to([framing.frame(*part) for part in parts]) == Response(b"ab", "text/plain")


class Unreachable:
    """Stands for a fork server whose children hear nothing."""

    shared_mb = 0
    variables = ()

    def signal(self, child: Child, number: int) -> None: ...

    def dismiss(self, child: Child) -> None: ...

    def spawn_again(self, child: Child, request: Mapping[str, object], descriptors: Mapping[str, int]) -> None: ...


def beside_an_extension(channel: RuntimeChannel, link: CompanionLink, output: int, child: Child) -> RunningSandbox:
    """Return a sandbox of which only its channel, its output and the news of its process are real."""
    standing = Standing(Unreachable(), child, None, has_pid_namespace=False)
    return RunningSandbox(SandboxParts(standing, channel, link, output, None, "fork", (), 128), lambda: 0.0)


@pytest.mark.parametrize("holds_on", [False, True])
async def test_an_answer_counts_that_was_sent_just_before_the_runtime_left_its_extensions(
    peer: Peer, *, holds_on: bool
) -> None:
    loop = asyncio.get_running_loop()
    runtime = RuntimeProcess(0, loop.create_future(), loop.create_future(), loop.create_future())
    ours, theirs = socket.socketpair()
    output, written = os.pipe()
    os.set_blocking(output, False)
    with ours, theirs, socket.socket() as control:
        child = Child(0, control, runtime, loop.create_future())
        sandbox = beside_an_extension(peer.channel, CompanionLink(ours, ("extension",)), output, child)
        ends: list[str] = []
        sandbox.left.add_done_callback(lambda _: ends.append("left"))
        await peer.write(_NEXT)
        await peer.channel.first_next
        answer = peer.channel.invoke(_HEADERS, b"{}")
        answer.add_done_callback(lambda _: ends.append("answered"))
        # The news of its end overtakes what it wrote.
        runtime.left.set_result(0)
        peer.guest.send(framing.encode_response("application/json", b'"sent"'))
        if not holds_on:  # else a process that it started has the channel still
            peer.guest.close()
        assert await asyncio.wait_for(answer, 10) == Response(b'"sent"', "application/json")
        assert await asyncio.wait_for(asyncio.shield(sandbox.left), 10) == ProcessExit(ExitKind.EXITED, 0)
        assert ends == ["answered", "left"]
        peer.channel.close()
        runtime.ended.set_result(0)
        await sandbox.exited
        os.close(written)


async def test_of_two_workers_that_are_one_process_both_end_with_the_runtime() -> None:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    _, workers = await loop.create_unix_connection(lambda: Workers(loop, 2), sock=ours)
    guests = []
    with theirs:
        for _ in range(2):
            host_end, guest = socket.socketpair()
            guest.setblocking(False)  # noqa: FBT003 - the socket's own interface
            await loop.create_unix_connection(workers.hire, sock=host_end)
            guests.append(guest)
        workers.close()
        for guest in guests:
            with guest:
                assert await asyncio.wait_for(loop.sock_recv(guest, 1), 10) == b""


async def test_a_worker_is_heard_that_failed_just_before_the_first_process_ended() -> None:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    _, workers = await loop.create_unix_connection(lambda: Workers(loop, 2), sock=ours)
    host_end, guest = socket.socketpair()
    with guest:
        theirs.close()
        workers.connection_lost(None)  # as the loop does when it comes to notice
        await loop.create_unix_connection(workers.hire, sock=host_end)
        guest.send(framing.frame(framing.INIT_ERROR, b'{"errorType": "Runtime.ImportModuleError"}'))
        answer = await asyncio.wait_for(workers.first_next, 10)
    assert isinstance(answer, ErrorAnswer)
    assert answer.error_type == "Runtime.ImportModuleError"
    await asyncio.wait_for(workers.closed, 10)
