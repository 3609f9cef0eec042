from __future__ import annotations

import asyncio

import pytest

from lambent.base.clock import SystemClock
from lambent.cloud.errors import CutShortError
from lambent.cloud.gateway.incoming import IncomingBody
from lambent.cloud.gateway.limits import Limits
from lambent.cloud.gateway.server import HttpServer
from lambent.cloud.protocol.message import Request, Response

MEGABYTE = 1024 * 1024


def body(room: list[bool] | None = None) -> IncomingBody:
    return IncomingBody(SystemClock(), lambda: (room if room is not None else []).append(True))


async def test_a_body_is_given_as_it_arrives_and_asks_for_more_when_there_is_room() -> None:
    room: list[bool] = []
    incoming = body(room)
    for number in range(5):
        incoming.add(bytes([number]) * MEGABYTE)
    assert incoming.is_full
    for number in range(4):
        assert room == []
        assert (await anext(incoming))[0] == number
    assert (room, incoming.is_full) == ([True], False)
    incoming.finish()
    assert [piece[0] async for piece in incoming] == [4]


async def test_whoever_waits_is_told_that_the_client_is_gone() -> None:
    incoming = body()
    asyncio.get_running_loop().call_soon(incoming.break_off)
    with pytest.raises(CutShortError):
        await anext(incoming)


async def test_a_large_body_reaches_its_service_before_it_is_whole() -> None:
    sizes: list[int] = []
    seen = asyncio.Event()

    async def answer(request: Request) -> Response:
        if request.incoming is None:
            return Response(200, (), b"whole %d" % len(request.body))
        if request.path == "/refused":
            return Response(403)
        async for piece in request.incoming:
            sizes.append(len(piece))
            seen.set()
        return Response(200, (), b"%d" % sum(sizes))

    server = HttpServer(platform_clock=SystemClock(), limits=Limits(body_bytes=MEGABYTE))
    port = await server.reserve(0)
    await server.serve(answer, lambda head: head.path.startswith("/"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = b"PUT /%b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % (b"k", 2 * MEGABYTE) + bytes(MEGABYTE))
        await asyncio.wait_for(seen.wait(), 10)
        writer.write(bytes(MEGABYTE) + head % (b"small", 3) + b"abc")
        assert (await reader.readuntil(b"2097152")).startswith(b"HTTP/1.1 200")
        assert (await reader.readuntil(b"whole 3")).startswith(b"HTTP/1.1 200")
        writer.write(head % (b"refused", 2 * MEGABYTE) + bytes(1000))
        assert b"Connection: close" in await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()
        await server.stop(1.0)
