"""Bytes to requests: what one connection has received so far of the request under way.

It knows no socket: it is fed bytes and calls back with whole requests, inside `feed`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

import httptools

from lambent.cloud.gateway.incoming import IncomingBody
from lambent.cloud.gateway.limits import Limits
from lambent.cloud.gateway.wire import header_name, plain_error
from lambent.cloud.protocol.message import Request, Response

_HOST = "host"
_STREAMED_FROM = 256 * 1024  # a smaller body is given whole: that costs its service less than taking it apart
_HEAD_TOO_LARGE = plain_error(431, "RequestHeaderFieldsTooLarge", "The headers are too large.")


class Phase(Enum):
    """How far the request under way has come in."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()


class RefusedError(Exception):
    """The bytes are no request that can be taken; `response` says why. Nothing after them can be read either."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request, and what its head says about the connection: whether it stays, and whether chunks are understood.

    `incoming` is the body that has not come yet, where the service takes it as it comes.
    """

    request: Request
    keep_alive: bool
    can_chunk: bool
    incoming: IncomingBody | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told what arrives, inside `feed`.

    `on_request` gets each whole request, and the head of one that `streams` says is to be answered while its body
    arrives, which `make_body` then takes in. `on_continue` is called when a client waits for leave to send a body.
    """

    on_request: Callable[[Arrival], None]
    on_continue: Callable[[], None]
    streams: Callable[[Request], bool]
    make_body: Callable[[], IncomingBody]


class RequestReader:
    """Reads the requests of one connection; `incoming` is the body under way of one that is being answered already."""

    __slots__ = (
        "_body",
        "_body_bytes",
        "_fed",
        "_framing_bytes",
        "_head_bytes",
        "_headers",
        "_limits",
        "_parser",
        "_peer",
        "_receiver",
        "_refusal",
        "_suspicious_bytes",
        "_url",
        "incoming",
        "phase",
    )

    def __init__(self, limits: Limits, peer: str, receiver: Receiver) -> None:
        self._limits = limits
        self._suspicious_bytes = limits.suspicious_bytes
        self._peer = peer
        self._receiver = receiver
        self._parser = httptools.HttpRequestParser(self)
        self._headers: dict[str, str] = {}
        self._url = b""
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._head_bytes = 0
        self._fed = 0
        self._framing_bytes = 0
        self._refusal: Response | None = None
        self.incoming: IncomingBody | None = None
        self.phase = Phase.IDLE

    def feed(self, data: bytes) -> None:
        """Take in what has arrived; raises RefusedError where the connection cannot go on."""
        body_before = self._body_bytes
        self._fed = len(data)
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            refusal = self._refusal or plain_error(400, "BadRequest", "The request is not well-formed HTTP/1.1.")
            raise RefusedError(refusal) from error
        if self.phase is Phase.HEAD:
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.head_bytes:
                raise RefusedError(_HEAD_TOO_LARGE)
        elif self.phase is Phase.BODY and self._body_bytes == body_before:
            # Chunk extensions and trailers are as good as headers, and as endless as they are let be.
            self._framing_bytes += len(data)
            if self._framing_bytes > self._limits.head_bytes:
                raise RefusedError(plain_error(431, "RequestHeaderFieldsTooLarge", "The trailers are too large."))

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # We speak HTTP/1.1 alone, and say so by going on in it (RFC 9110, 7.8).
                data = data[upgrade.args[0] :]
            else:
                return

    # ── what the parser tells, inside feed_data ──

    def on_message_begin(self) -> None:
        """A request has begun."""
        self.phase = Phase.HEAD
        self._headers = {}
        self._url = b""
        self._body_bytes = 0
        self._head_bytes = 0
        self._framing_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Part of the request's target."""
        self._url = self._url + url if self._url else url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One whole header; trailers come here too, after the body, and say nothing that we use."""
        if self.phase is not Phase.HEAD:
            return
        key = header_name(name)
        text = value.decode("latin-1")
        if key not in self._headers:
            self._headers[key] = text
        elif key == _HOST:  # RFC 9112, 3.2
            self._refuse(400, "BadRequest", "The request has more than one Host.")
        else:
            self._headers[key] += ("; " if key == "cookie" else ", ") + text

    def on_headers_complete(self) -> None:
        """The head is complete: refuse here what need not be read."""
        self.phase = Phase.BODY
        most = self._limits.head_bytes
        # What has just arrived may be a body, too: only where it could be too much is the head counted by itself.
        if self._head_bytes + self._fed > most and len(self._url) + sum(map(len, self._headers.values())) > most:
            self._refuse_with(_HEAD_TOO_LARGE)
        length = self._headers.get("content-length")
        head = self._streamed_head(length)
        if head is None and length is not None and int(length) > self._suspicious_bytes:
            self._check_size(int(length))
        expectation = self._headers.get("expect")
        if expectation is not None:
            if expectation.lower() != "100-continue":
                self._refuse(417, "ExpectationFailed", "The only expectation that can be met is 100-continue.")
            self._receiver.on_continue()
        if head is not None:
            self.incoming = self._receiver.make_body()
            self._deliver(replace(head, incoming=self.incoming))

    def _streamed_head(self, length: str | None) -> Request | None:
        """Return the request without its body where its service takes that as it comes."""
        is_large = length is None or int(length) > _STREAMED_FROM
        if not is_large or self._parser.get_method() != b"PUT":
            return None
        if length is None and "transfer-encoding" not in self._headers:
            return None
        request = self._request(b"")
        return request if self._receiver.streams(request) else None

    def on_body(self, data: bytes) -> None:
        """Part of the body, already without its chunks' framing."""
        self._body_bytes += len(data)
        if self.incoming is not None:
            self.incoming.add(data)
            return
        if self._body_bytes > self._suspicious_bytes:
            self._check_size(self._body_bytes)
        self._body.append(data)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self.phase = Phase.IDLE
        if self.incoming is not None:
            self.incoming.finish()
            self.incoming = None
            return
        parts = self._body
        body = b"" if not parts else parts[0] if len(parts) == 1 else b"".join(parts)
        if parts:
            self._body = []
        self._deliver(self._request(body))

    def _request(self, body: bytes) -> Request:
        path, _, query = self._target().partition("?")
        method = self._parser.get_method().decode("latin-1")
        return Request(method, path, query, self._headers, body, self._peer)

    def _deliver(self, request: Request) -> None:
        parser = self._parser
        arrival = Arrival(request, parser.should_keep_alive(), parser.get_http_version() != "1.0", self.incoming)
        self._receiver.on_request(arrival)

    def _target(self) -> str:
        target = self._url.decode("latin-1")
        if target.startswith("/"):
            return target
        # The absolute form, which clients use with a proxy, names the host in place of the header (RFC 9112, 3.2.2).
        scheme, separator, rest = target.partition("://")
        if scheme.lower() != "http" or not separator:
            self._refuse(400, "BadRequest", "The request's target is no path.")
        authority, slash, path = rest.partition("/")
        self._headers[_HOST] = authority
        return slash + path or "/"

    def _check_size(self, size: int) -> None:
        path = self._target().partition("?")[0].rstrip("/")
        bound = self._limits.bounds.get((self._parser.get_method().decode("latin-1"), path))
        limit = self._limits.body_bytes if bound is None else bound.body_bytes
        if size > limit:
            of = "" if bound is None else f" for the {bound.operation} operation"
            self._refuse(413, "RequestEntityTooLargeException", f"Request must be smaller than {limit} bytes{of}")

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._refuse_with(plain_error(status, code, message))

    def _refuse_with(self, response: Response) -> None:
        # The parser turns what a callback raises into an error of its own, which `feed` turns into this refusal.
        self._refusal = response
        raise RefusedError(response)
