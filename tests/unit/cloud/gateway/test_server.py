"""HTTP as it stands on the wire: raw bytes in, raw bytes out, on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from lambent.base.clock import SystemClock
from lambent.cloud.gateway.limits import Bound, Limits
from lambent.cloud.gateway.server import HttpServer, PortInUseError
from lambent.cloud.protocol.message import Request, Response

Application = Callable[[Request], Awaitable[Response]]
_LIMITS = Limits(body_bytes=1000, head_bytes=4000, head_timeout_s=0.2, linger_s=0.5)


async def echo(request: Request) -> Response:
    """Answer what was asked."""
    return Response(200, (("X-Method", request.method),), f"{request.path}?{request.query} ".encode() + request.body)


@asynccontextmanager
async def serving(answer: Application = echo, limits: Limits = _LIMITS) -> AsyncIterator[tuple[HttpServer, int]]:
    """A server on a free port."""
    server = HttpServer(platform_clock=SystemClock(), limits=limits)
    port = await server.reserve(0)
    await server.serve(answer)
    try:
        yield server, port
    finally:
        await server.stop(1.0)


async def exchange(port: int, *sent: bytes) -> bytes:
    """Send the pieces, end our half, and return all that comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in sent:
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()
        await writer.wait_closed()


def get(path: str, *headers: str, version: str = "1.1") -> bytes:
    """Return a GET request as bytes."""
    return "\r\n".join([f"GET {path} HTTP/{version}", "Host: localhost", *headers, "", ""]).encode()


def post(path: str, body: bytes, *headers: str) -> bytes:
    """Return a POST request as bytes."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


_CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_pipelined_requests_are_answered_in_their_order_even_if_the_first_is_the_slowest() -> None:
    async def answer(request: Request) -> Response:
        for _ in range(50 if request.path == "/first" else 0):
            await SystemClock().sleep_until(0)
        return await echo(request)

    async with serving(answer) as (_, port):
        got = await exchange(port, get("/first") + post("/second", b"body") + get("/third"))
    assert [got.index(path) for path in (b"/first", b"/second", b"/third")] == sorted(
        got.index(path) for path in (b"/first", b"/second", b"/third")
    )
    assert got.count(b"HTTP/1.1 200 OK") == 3


async def test_an_operation_may_have_a_bound_of_its_own() -> None:
    bounds = {("POST", "/things"): Bound(10, "CreateThing")}
    async with serving(limits=Limits(body_bytes=1000, bounds=bounds)) as (_, port):
        assert b" 200 OK" in await exchange(port, post("/things", b"x" * 10))
        for path in ("/things", "/things/?a=b"):
            refused = await exchange(port, post(path, b"x" * 11))
            assert b" 413 " in refused
            assert b"Request must be smaller than 10 bytes for the CreateThing operation" in refused
        assert b" 200 OK" in await exchange(port, post("/others", b"x" * 11))
        assert b'Request must be smaller than 1000 bytes"' in await exchange(port, post("/others", b"x" * 1001))


async def test_a_chunked_body_arrives_whole_and_its_trailers_are_no_headers() -> None:
    seen: list[Request] = []

    async def answer(request: Request) -> Response:
        seen.append(request)
        return Response(204)

    head = b"POST /c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with serving(answer) as (_, port):
        await exchange(port, head, b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\nX-Late: 1\r\n\r\n")
    assert [request.body for request in seen] == [b"abcde"]
    assert "x-late" not in seen[0].headers


async def test_a_client_that_waits_for_leave_to_send_gets_it() -> None:
    async with serving() as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /e HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hi")
        assert b" 200 OK" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET ftp://h/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001, 413),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: a-pony\r\n\r\n", 417),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 5000, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 5000 + b"\r\n\r\n", 431),
        (_CHUNKED + b"-1\r\nx", 400),
        (_CHUNKED + b"F" * 17 + b"\r\nx", 400),
        (_CHUNKED + b"1;" + b"x" * 200_000, 431),
        (_CHUNKED + b"1\r\nx\r\n0\r\n" + b"a: b\r\n" * 40_000, 431),
    ],
)
async def test_what_cannot_be_taken_is_refused_and_the_connection_closed(sent: bytes, status: int) -> None:
    async def answer(request: Request) -> Response:
        raise AssertionError(f"a refused request reached the application: {request}")

    async with serving(answer) as (_, port):
        got = await exchange(port, sent)
    assert got.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Connection: close" in got
    assert b"100 Continue" not in got


async def test_a_refusal_waits_for_the_answers_before_it() -> None:
    async with serving() as (_, port):
        got = await exchange(port, get("/fine") + b"NONSENSE\r\n\r\n")
    assert got.index(b" 200 OK") < got.index(b" 400 Bad Request")


async def test_a_request_that_comes_too_slowly_is_given_up() -> None:
    async with serving() as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: lo")
        assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 408 ")
        writer.close()
        await writer.wait_closed()


async def test_head_gets_the_length_without_the_body() -> None:
    async with serving() as (_, port):
        got = await exchange(port, b"HEAD /h HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"Content-Length: 4\r\n" in got
    assert got.endswith(b"\r\n\r\n")


async def test_the_absolute_form_names_path_and_host() -> None:
    seen: list[Request] = []

    async def answer(request: Request) -> Response:
        seen.append(request)
        return Response(200)

    async with serving(answer) as (_, port):
        await exchange(port, b"GET http://localhost:1/a?b=c HTTP/1.1\r\nHost: other\r\n\r\n")
    assert [(each.path, each.query, each.headers["host"]) for each in seen] == [("/a", "b=c", "localhost:1")]


async def pieces(*parts: bytes, fails: bool = False) -> AsyncIterator[bytes]:
    """A streamed body."""
    for part in parts:
        yield part
    if fails:
        raise ValueError("the source broke off")


@pytest.mark.parametrize(
    ("version", "expected"), [("1.1", b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"), ("1.0", b"Connection: close\r\n\r\nabc")]
)
async def test_a_stream_is_sent_as_the_client_understands_it(version: str, expected: bytes) -> None:
    async def answer(_request: Request) -> Response:
        return Response(200, stream=pieces(b"a", b"", b"bc"))

    async with serving(answer) as (_, port):
        assert (await exchange(port, get("/", version=version))).endswith(expected)


async def test_a_stream_that_breaks_off_is_not_passed_off_as_whole() -> None:
    async def answer(_request: Request) -> Response:
        return Response(200, stream=pieces(b"a", fails=True))

    async with serving(answer) as (_, port):
        try:
            got = await exchange(port, get("/"))
        except ConnectionResetError:
            got = b""
    assert not got.endswith(b"0\r\n\r\n")


async def test_a_streamed_answer_whose_head_cannot_be_sent_closes_its_stream() -> None:
    closed = []

    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"a"
        finally:
            closed.append(True)

    stream = body()

    async def answer(_request: Request) -> Response:
        await anext(stream)
        return Response(200, (("X", "a\r\nSet-Cookie: b"),), stream=stream)

    async with serving(answer) as (_, port):
        try:
            got = await exchange(port, get("/"))
        except ConnectionResetError:
            got = b""
    assert got == b""
    assert closed == [True]


@pytest.mark.parametrize("response", [Response(200, (("X", "a\r\nSet-Cookie: b"),)), Response(200, (("X", "a\nb"),))])
async def test_a_header_that_would_forge_others_becomes_a_failure(response: Response) -> None:
    async def answer(_request: Request) -> Response:
        return response

    async with serving(answer) as (_, port):
        got = await exchange(port, get("/"))
    assert got.startswith(b"HTTP/1.1 500 ")
    assert b"Set-Cookie" not in got


async def test_stopping_answers_what_is_under_way_and_drops_what_takes_too_long() -> None:
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def answer(request: Request) -> Response:
        begun.set()
        await (let_go.wait() if request.path == "/soon" else asyncio.Event().wait())
        return await echo(request)

    async with serving(answer) as (server, port):
        asked = asyncio.gather(exchange(port, get("/soon")), exchange(port, get("/never")), return_exceptions=True)
        await begun.wait()
        idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", port)
        stopping = asyncio.gather(server.stop(0.3))
        assert await asyncio.wait_for(idle_reader.read(), 20) == b""
        let_go.set()
        await stopping
        soon, never = await asked
        assert isinstance(soon, bytes)
        assert b"Connection: close" in soon
        assert b"/soon" in soon
        assert not isinstance(never, bytes) or never == b""
        idle_writer.close()


async def test_an_operation_outlives_its_caller() -> None:
    begun, let_go, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(_request: Request) -> Response:
        begun.set()
        await let_go.wait()
        ended.set()
        return Response(200)

    async with serving(answer) as (_, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(get("/"))
        await begun.wait()
        writer.transport.abort()
        let_go.set()
        await asyncio.wait_for(ended.wait(), 20)


async def test_a_port_that_is_taken_is_said_so() -> None:
    async with serving() as (_, port):
        other = HttpServer(platform_clock=SystemClock())
        with pytest.raises(PortInUseError) as refused:
            await other.reserve(port)
        await other.stop()
    assert refused.value.port == port
