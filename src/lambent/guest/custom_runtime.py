"""The Runtime API over HTTP, for runtimes that a function brings itself: a program called `bootstrap`.

It passes on, over the runtime's channel, what that program asks and answers; extensions.py serves it.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import contextlib
import json
import os
import threading

from lambent.guest import framing
from lambent.guest.http_requests import Requests, TruncatedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

_PREFIX = "/2018-06-01/runtime/"
_TEXTS = (
    "Lambda-Runtime-Aws-Request-Id",
    "Lambda-Runtime-Deadline-Ms",
    "Lambda-Runtime-Invoked-Function-Arn",
    "Lambda-Runtime-Trace-Id",
    "Lambda-Runtime-Client-Context",
    "Lambda-Runtime-Cognito-Identity",
)
_JSON_TEXTS = frozenset({"Lambda-Runtime-Client-Context", "Lambda-Runtime-Cognito-Identity"})


class Rendezvous:
    """The invocation under way, and the channel to the platform; whoever asks has its turn alone."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._turn = threading.Lock()
        self._sending = threading.Lock()
        self._current: str | None = None
        self._has_parked = False

    def next(self) -> tuple[dict[str, str], bytes] | None:
        """Return the next invocation's headers and event; None where the one before has not been answered."""
        with self._turn:
            if self._current is not None:
                return None
            if not self._has_parked:
                self._has_parked = True
                self.say(framing.frame(framing.NEXT, b""))
            message = framing.receive(self._channel)
            if message is None:
                os._exit(0)  # the platform is gone
            texts, payload = framing.decode_invoke(message[1])
            self._current = texts[0] or ""
            return {name: _line(name, text) for name, text in zip(_TEXTS, texts) if text is not None}, payload

    def answer(self, request_id: str, frame: bytes) -> bool:
        """Send an invocation's answer; False where it is not the one under way."""
        with self._sending:
            if request_id != self._current:
                return False
            self._current = None
            self._channel.sendall(frame)
        return True

    def is_current(self, request_id: str) -> bool:
        """Whether an answer to this invocation is expected."""
        return request_id == self._current

    def say(self, frame: bytes) -> None:
        """Send a part of an answer, or a report about init."""
        with self._sending:
            self._channel.sendall(frame)


class Handler(Requests):
    """One connection of the runtime, or of an extension."""

    rendezvous: Rendezvous
    is_streaming = False

    def _answer(self) -> None:
        if not self.path.startswith(_PREFIX):
            super()._answer()
        elif self._is_allowed():
            if self.command == "GET":
                self._give()
            else:
                self._accept()

    def _give(self) -> None:
        if self.path != _PREFIX + "invocation/next":
            self._reply(404, {"errorMessage": "404 page not found", "errorType": "NotFound"})
            return
        found = self.rendezvous.next()
        if found is None:
            self._reply(403, {"errorMessage": "State transition is not allowed", "errorType": "InvalidStateTransition"})
            return
        headers, payload = found
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _accept(self) -> None:
        parts = self.path[len(_PREFIX) :].split("/")
        self.is_streaming = False  # a connection carries many requests
        try:
            self._take(parts)
        except TruncatedError:
            self.close_connection = True
            if len(parts) == 3:
                self._give_up(parts[1])

    def _take(self, parts: list[str]) -> None:
        if parts == ["init", "error"]:
            self.rendezvous.say(framing.frame(framing.INIT_ERROR, self._error_body()))
            self._reply(202, {"status": "OK"})
        elif len(parts) == 3 and parts[0] == "invocation" and parts[2] in {"response", "error"}:
            self._take_answer(parts[1], is_error=parts[2] == "error")
        else:
            self._drain()
            self._reply(404, {"errorMessage": "404 page not found", "errorType": "NotFound"})

    def _take_answer(self, request_id: str, *, is_error: bool) -> None:
        if not self.rendezvous.is_current(request_id):
            self._drain()
            self._reply(400, {"errorMessage": "Invalid request ID", "errorType": "InvalidRequestID"})
            return
        if is_error:
            self.rendezvous.answer(request_id, framing.frame(framing.ERROR, self._error_body()))
        elif self.headers.get("Lambda-Runtime-Function-Response-Mode", "").lower() == "streaming":
            self._stream(request_id)
        else:
            body = self._body()
            if len(body) > framing.MAX_RESPONSE:
                self.rendezvous.answer(request_id, framing.frame(framing.TOO_LARGE, b""))
                message = f"Exceeded maximum allowed payload size ({framing.MAX_RESPONSE} bytes)."
                self._reply(413, {"errorMessage": message, "errorType": "RequestEntityTooLarge"})
                return
            content_type = self.headers.get("Content-Type", "application/json")
            self.rendezvous.answer(request_id, framing.encode_response(content_type, body))
        self._reply(202, {"status": "OK"})

    def _give_up(self, request_id: str) -> None:
        """End an invocation whose answer broke off: half of it must not pass for the whole."""
        report = json.dumps({"errorType": "Runtime.TruncatedResponse", "errorMessage": "The response was truncated."})
        kind = framing.STREAM_END if self.is_streaming else framing.ERROR
        self.rendezvous.answer(request_id, framing.frame(kind, report.encode()))
        with contextlib.suppress(OSError):  # whoever sent it may be gone
            self._reply(400, {"errorMessage": "The response was truncated.", "errorType": "Runtime.TruncatedResponse"})

    def _stream(self, request_id: str) -> None:
        self.is_streaming = True
        content_type = self.headers.get("Content-Type", "application/octet-stream")
        self.rendezvous.say(framing.frame(framing.STREAM, content_type.encode("latin-1", "replace")[:255]))
        for part in self._parts():
            self.rendezvous.say(framing.frame(framing.CHUNK, part))
        self.rendezvous.answer(request_id, framing.frame(framing.STREAM_END, self._trailing_error()))

    def _trailing_error(self) -> bytes:
        kind = self.trailers.get("lambda-runtime-function-error-type")
        if kind is None:
            return b""
        import base64

        try:
            body = base64.b64decode(self.trailers.get("lambda-runtime-function-error-body", ""))
        except ValueError:
            body = b""
        return body or json.dumps({"errorType": kind, "errorMessage": ""}).encode()

    def _error_body(self) -> bytes:
        """Return an error's JSON; its type is the header's, where the body has none."""
        body = self._body()[: framing.MAX_ERROR]
        kind = self.headers.get("Lambda-Runtime-Function-Error-Type")
        try:
            report = json.loads(body)
        except ValueError:
            report = None
        if isinstance(report, dict) and (report.get("errorType") or not kind):
            return body
        report = report if isinstance(report, dict) else {"errorMessage": body.decode("utf-8", "replace")}
        return json.dumps(dict(report, errorType=kind or "Runtime.Unknown")).encode()


def _line(name: str, text: str) -> str:
    # The caller's JSON may have line breaks and any character: a header has neither.
    return json.dumps(json.loads(text)) if name in _JSON_TEXTS else text
