"""The platform's end of the socket to the process of a sandbox that serves the Extensions and the Telemetry API.

What arrives was written inside a sandbox and is read like any stranger's input: sizes are bounded, and what is no
message ends the link. For most sandboxes nothing ever arrives, so nothing is made before something does.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from lambent.guest import framing

_READ_SIZE: Final = 65_536
_BOUND: Final = framing.MAX_CALL + 65_536
_MAX_UNSENT: Final = 16_777_216


@dataclass(frozen=True, slots=True)
class Call:
    """A request of an extension: `headers` have lower-case names."""

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """What an extension is answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LaunchFailed:
    """An external extension could not be started, for the reason that the kernel gave."""

    name: str
    errno: int
    reason: str


@dataclass(frozen=True, slots=True)
class ExtensionEnded:
    """An external extension's process has ended, with this wait status."""

    name: str
    wait_status: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """A batch has been delivered or, with a reason, not."""

    number: int
    failure: str | None


@dataclass(frozen=True, slots=True)
class LinkClosed:
    """The process that serves has ended, or talked nonsense."""


Told = Call | LaunchFailed | ExtensionEnded | Delivered | LinkClosed


class CompanionLink:
    """Sends to and receives from the process that serves; used on the loop that made it.

    `expected` are the names of the external extensions that it starts. Nothing is read before `on_told`.
    """

    def __init__(self, host_end: socket.socket, expected: tuple[str, ...]) -> None:
        host_end.setblocking(False)  # noqa: FBT003 - the socket's own interface
        self.expected: Final = expected
        self._socket = host_end
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._unsent = bytearray()
        self._callback: Callable[[Told], None] | None = None
        self._is_open = True

    def on_told(self, callback: Callable[[Told], None]) -> None:
        """Begin to read, and pass on what is told."""
        self._callback = callback
        if self._is_open:
            self._loop.add_reader(self._socket.fileno(), self._on_readable)

    def answer(self, number: int, answer: CallAnswer) -> None:
        """Answer a call."""
        head: dict[str, object] = {"number": number, "status": answer.status, "headers": dict(answer.headers)}
        self._send(framing.encode_headed(framing.ANSWER, head, answer.body))

    def open_gate(self) -> None:
        """Let the runtime start."""
        self._send(framing.encode_headed(framing.OPEN_GATE, {}))

    def deliver(self, number: int, destination: Mapping[str, object], body: bytes) -> None:
        """Ask for a batch to be delivered; `Delivered` will tell how that went."""
        self._send(framing.encode_headed(framing.DELIVER, {"number": number, **destination}, body))

    def close(self) -> None:
        """Close this end; idempotent."""
        if self._is_open:
            self._is_open = False
            if self._callback is not None:
                self._loop.remove_reader(self._socket.fileno())
                self._loop.remove_writer(self._socket.fileno())
            self._socket.close()

    def _send(self, frame: bytes) -> None:
        if not self._is_open:
            return
        if not self._unsent:
            frame = frame[self._try_send(frame) :]
        if frame and self._is_open:
            self._unsent += frame
            self._loop.add_writer(self._socket.fileno(), self._on_writable)
            if len(self._unsent) > _MAX_UNSENT:
                self._end()  # it does not read any more

    def _try_send(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:  # it has ended; the reader learns of it
            return len(data)

    def _on_writable(self) -> None:
        del self._unsent[: self._try_send(self._unsent)]
        if not self._unsent:
            self._loop.remove_writer(self._socket.fileno())

    def _on_readable(self) -> None:
        try:
            data = self._socket.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end()
            return
        self._received += data
        while self._is_open and len(self._received) >= framing.HEADER.size:
            kind, size = framing.HEADER.unpack_from(self._received)
            end = framing.HEADER.size + size
            if size > _BOUND:
                self._end()
            elif len(self._received) < end:
                return
            else:
                told = parse(kind, bytes(self._received[framing.HEADER.size : end]))
                del self._received[:end]
                if told is None:
                    self._end()
                elif self._callback is not None:
                    self._callback(told)

    def _end(self) -> None:
        self.close()
        if self._callback is not None:
            self._callback(LinkClosed())


def parse(kind: int, data: bytes) -> Told | None:
    r"""Return what a frame tells, or None where it is no message.

    >>> parse(framing.EXTENSION_ENDED, b'{"name": "a", "status": 256}\n')
    ExtensionEnded(name='a', wait_status=256)
    """
    try:
        head, body = framing.decode_headed(data)
        if kind == framing.CALL:
            return _call(head, body)
        if kind == framing.LAUNCH_FAILED:
            return LaunchFailed(_text(head, "name"), _number(head, "errno"), _text(head, "reason"))
        if kind == framing.EXTENSION_ENDED:
            return ExtensionEnded(_text(head, "name"), _number(head, "status"))
        if kind == framing.DELIVERED:
            failure = None if head.get("failure") is None else _text(head, "failure")
            return Delivered(_number(head, "number"), failure)
    except (ValueError, KeyError, RecursionError):
        return None
    return None


def _call(head: Mapping[str, object], body: bytes) -> Call:
    headers = head["headers"]
    if not isinstance(headers, dict):
        raise ValueError("headers")  # noqa: TRY004 - told as malformed, whatever is wrong
    named = {str(name): str(value) for name, value in headers.items()}
    return Call(_number(head, "number"), _text(head, "method"), _text(head, "path"), named, body)


def _text(head: Mapping[str, object], name: str) -> str:
    value = head[name]
    if not isinstance(value, str):
        raise ValueError(name)  # noqa: TRY004 - as above
    return value[:1024]


def _number(head: Mapping[str, object], name: str) -> int:
    value = head[name]
    if not isinstance(value, int) or not -(1 << 31) <= value < 1 << 31:
        raise ValueError(name)
    return value
