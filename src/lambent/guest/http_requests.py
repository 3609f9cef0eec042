"""What serves HTTP inside a sandbox has in common: who may ask, how a body is read, and who else answers.

Requests that are not the runtime's are passed on to the platform, which knows the Extensions and the Telemetry API.
"""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler

from lambent.guest import framing, peers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Callable

    Relay = Callable[[str, str, dict[str, str], bytes], tuple[int, dict[str, str], bytes]]

_PART = 262_144
_MAX_HEADER = 1024


class TruncatedError(Exception):
    """A request's body ended before the place that it announced."""


class Requests(BaseHTTPRequestHandler):
    """One connection of the runtime or of an extension."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes: the second would wait for the first's receipt
    relay: Relay

    def setup(self) -> None:
        """Take the connection in only if a process of this sandbox made it: the port is the machine's."""
        super().setup()
        self.is_ours = peers.is_of_this_sandbox(self.client_address[1])

    def do_GET(self) -> None:
        """Answer what is asked for, such as `next`, which waits as long as it takes."""
        self._answer()

    def do_POST(self) -> None:
        """Answer what is told."""
        self._answer()

    def do_PUT(self) -> None:
        """Answer a subscription."""
        self._answer()

    def _answer(self) -> None:
        if self._is_allowed():
            self._pass_on()

    def _pass_on(self) -> None:
        try:
            body = self._body(framing.MAX_CALL)
        except TruncatedError:
            self.close_connection = True
            return
        if len(body) > framing.MAX_CALL:
            message = f"Exceeded maximum allowed payload size ({framing.MAX_CALL} bytes)."
            self._reply(413, {"errorMessage": message, "errorType": "RequestEntityTooLarge"})
            return
        told = {name.lower(): value[:_MAX_HEADER] for name, value in self.headers.items() if _is_told(name)}
        status, headers, content = self.relay(self.command, self.path[:_MAX_HEADER], told, body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _is_allowed(self) -> bool:
        if self.is_ours:
            return True
        self.close_connection = True
        self._reply(403, {"errorMessage": "Forbidden", "errorType": "AccessDenied"})
        return False

    def _body(self, most: int = framing.MAX_RESPONSE) -> bytes:
        """Return the request's body: all of it, or a little more than `most` where it is larger."""
        body = bytearray()
        for part in self._parts():
            if len(body) <= most:
                body += part
        return bytes(body)

    def _drain(self) -> None:
        for _ in self._parts():
            continue

    def _parts(self) -> Iterator[bytes]:
        self.trailers: dict[str, str] = {}
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield from self._exactly(self._announced())
            return
        while size := self._chunk_size():
            yield from self._exactly(size)
            self._text_line()
        while line := self._text_line():
            name, _, value = line.partition(":")
            self.trailers[name.strip().lower()] = value.strip()

    def _announced(self) -> int:
        try:
            return int(self.headers.get("Content-Length") or 0)
        except ValueError as error:
            raise TruncatedError from error

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size > 0:
            try:
                part = self.rfile.read(min(size, _PART))
            except OSError as error:
                raise TruncatedError from error
            if not part:
                raise TruncatedError
            size -= len(part)
            yield part

    def _chunk_size(self) -> int:
        try:
            return int(self._text_line().partition(";")[0], 16)
        except ValueError as error:
            raise TruncatedError from error

    def _text_line(self) -> str:
        try:
            line = self.rfile.readline(_PART)
        except OSError as error:
            raise TruncatedError from error
        if not line.endswith(b"\n"):
            raise TruncatedError
        return line.decode("latin-1").strip()

    def _reply(self, status: int, content: dict[str, str]) -> None:
        self._send(status, "application/json", json.dumps(content).encode())

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet: stderr is the function's."""


def _is_told(name: str) -> bool:
    return name.lower().startswith("lambda-extension-")
