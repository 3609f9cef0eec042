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
    from collections.abc import Mapping, Sequence
    from typing import Callable, Protocol

    class Turn(Protocol):
        """One invocation under way, and the way of its answer."""

        @property
        def headers(self) -> Mapping[str, str]:
            """What is told beside the event."""

        @property
        def payload(self) -> bytes:
            """The event."""

        @property
        def is_late(self) -> bool:
            """Whether nobody waits for the answer any more."""

        def enter(self, state: str) -> object:
            """Begin to answer; raises RefusedError where that may not be."""

        def say(self, frame: bytes) -> None:
            """Send a part of an answer."""

        def answer(self, frame: bytes) -> None:
            """Send the end of an answer."""

        def abandon(self) -> None:
            """Note that whoever asked for it has not got it."""

    class Turns(Protocol):
        """Where a runtime asks for invocations."""

        def next(self) -> Turn:
            """Return the next invocation; raises RefusedError."""

        def turn_of(self, request_id: str) -> Turn | None:
            """Return the invocation that an answer is for."""

        def fail_init(self, read: Callable[[], bytes]) -> None:
            """Report that init failed, in a frame that is read only then; raises RefusedError."""


_PREFIX = "/2018-06-01/runtime/"
_JSON_TEXTS = frozenset({"Lambda-Runtime-Client-Context", "Lambda-Runtime-Cognito-Identity"})
_INVOCATION_ID = "Lambda-Runtime-Invocation-Id"
# The states that AWS's API names in its refusals, and from which of them each may be entered.
# https://github.com/aws/aws-lambda-runtime-interface-emulator/blob/develop/internal/lambda/core/states.go
STARTED, READY, RUNNING, SENT = "Started", "Ready", "Running", "RuntimeResponseSentState"
INIT_ERROR, RESPONDING, FAILING = "InitError", "InvocationResponse", "InvocationErrorResponse"
_ENTERED_FROM = {
    READY: frozenset({STARTED, READY, RUNNING, SENT}),
    INIT_ERROR: frozenset({STARTED}),
    RESPONDING: frozenset({RUNNING}),
    FAILING: frozenset({RUNNING}),
}


class RefusedError(Exception):
    """What the runtime asks for is none of what may follow now; text, type and status are the API's."""

    def __init__(self, message: str, kind: str = "InvalidStateTransition", status: int = 403) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status


def transition_refused(before: str, state: str) -> RefusedError:
    """Return how a move between the API's states is refused."""
    return RefusedError(
        f"State transition from {before} to {state} failed for runtime. Error: State transition is not allowed"
    )


class Rendezvous:
    """The invocation under way, and the channel to the platform; whoever asks has its turn alone."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._turn = threading.Lock()
        self._sending = threading.Lock()
        self._state = STARTED
        self._event: tuple[dict[str, str], bytes] = {}, b""

    def next(self) -> Turn:
        """Return the next invocation: the one under way again, until it is answered.

        Raises RefusedError while an answer is being given, and after init has failed.
        """
        with self._turn:
            before = self.enter(READY)
            if before == RUNNING:
                return self
            if before == STARTED:
                self.say(framing.frame(framing.NEXT, b""))
            message = framing.receive(self._channel)
            if message is None:
                os._exit(0)  # the platform is gone
            texts, payload = framing.decode_invoke(message[1])
            self._event, self._state = (headers_of(texts), payload), RUNNING
            return self

    @property
    def headers(self) -> dict[str, str]:
        """What is told beside the event."""
        return self._event[0]

    @property
    def payload(self) -> bytes:
        """The event, until it has been answered."""
        return self._event[1]

    @property
    def is_late(self) -> bool:
        """Whether nobody waits for the answer: a runtime whose time is over is ended."""
        return False

    def turn_of(self, request_id: str) -> Turn | None:
        """Return the invocation that an answer is for; None where it is for another."""
        return self if request_id == self.headers.get(framing.TEXTS[0]) else None

    def fail_init(self, read: Callable[[], bytes]) -> None:
        """Report that init failed, in a frame that is read only then; raises RefusedError once it is over."""
        self.enter(INIT_ERROR)
        self.say(read())

    def abandon(self) -> None:
        """Keep the invocation for whoever asks again."""

    def enter(self, state: str) -> str:
        """Enter a state and return the one before; raises RefusedError where it may not follow."""
        with self._sending:
            before = self._state
            if before not in _ENTERED_FROM[state]:
                raise transition_refused(before, state)
            if before != RUNNING or state != READY:
                self._state = state
            return before

    def answer(self, frame: bytes) -> None:
        """Send the end of an answer."""
        with self._sending:
            self._state, self._event = SENT, (self._event[0], b"")
            self._channel.sendall(frame)

    def say(self, frame: bytes) -> None:
        """Send a part of an answer, or a report about init."""
        with self._sending:
            self._channel.sendall(frame)


class Handler(Requests):
    """One connection of the runtime, or of an extension."""

    rendezvous: Turns
    turn: Turn
    is_answering = False
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
            self._unknown()
            return
        try:
            turn = self.rendezvous.next()
        except RefusedError as refused:
            self._refuse(refused)
            return
        payload = turn.payload
        try:
            self.send_response(200)
            for name, value in turn.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)
        except OSError:
            turn.abandon()
            raise

    def _refuse(self, refused: RefusedError) -> None:
        self._reply(refused.status, {"errorMessage": str(refused), "errorType": refused.kind})

    def _accept(self) -> None:
        parts = self.path[len(_PREFIX) :].split("/")
        self.is_answering = self.is_streaming = False  # a connection carries many requests
        try:
            self._take(parts)
        except TruncatedError:
            self.close_connection = True
            if self.is_answering:
                self._give_up()

    def _take(self, parts: list[str]) -> None:
        try:
            self._take_known(parts)
        except RefusedError as refused:
            self._drain()
            self._refuse(refused)

    def _take_known(self, parts: list[str]) -> None:
        if parts == ["init", "error"]:
            self.rendezvous.fail_init(lambda: framing.frame(framing.INIT_ERROR, self._error_body()))
            self._reply(202, {"status": "OK"})
        elif len(parts) == 3 and parts[0] == "invocation" and parts[2] in {"response", "error"}:
            self._take_answer(parts[1], is_error=parts[2] == "error")
        else:
            self._drain()
            self._unknown()

    def _take_answer(self, request_id: str, *, is_error: bool) -> None:
        turn = self.rendezvous.turn_of(request_id)
        if turn is None:
            self._drain()
            self._reply(400, {"errorMessage": "Invalid request ID", "errorType": "InvalidRequestID"})
            return
        # It need not be echoed.
        if self.headers.get(_INVOCATION_ID) not in {None, turn.headers.get(_INVOCATION_ID)}:
            self._drain()
            self._reply(400, {"errorMessage": "Invalid invocation ID", "errorType": "InvalidInvocationId"})
            return
        turn.enter(FAILING if is_error else RESPONDING)
        self.turn, self.is_answering, is_late = turn, True, turn.is_late
        if is_error:
            self.turn.answer(framing.frame(framing.ERROR, self._error_body()))
        else:
            mode = self.headers.get("Lambda-Runtime-Function-Response-Mode")
            if mode not in {None, "", "streaming"}:
                self._refuse_mode()
                return
            if mode:
                self._stream()
            elif not self._respond():
                return
        if is_late:
            self._reply(410, {"errorMessage": "Invoke timeout", "errorType": "InvokeTimeout"})
        else:
            self._reply(202, {"status": "OK"})

    def _refuse_mode(self) -> None:
        self._drain()
        report = {"errorType": "Runtime.InvalidResponseModeHeader", "errorMessage": "Invalid function response mode"}
        self.turn.answer(framing.frame(framing.ERROR, json.dumps(report).encode()))
        self._reply(400, {"errorMessage": "Invalid function response mode", "errorType": "InvalidFunctionResponseMode"})

    def _respond(self) -> bool:
        """Pass the answer on; False where it is too large, which the runtime has been told."""
        body = self._body()
        if len(body) > framing.MAX_RESPONSE:
            self.turn.answer(framing.frame(framing.TOO_LARGE, b""))
            message = f"Exceeded maximum allowed payload size ({framing.MAX_RESPONSE} bytes)."
            self._reply(413, {"errorMessage": message, "errorType": "RequestEntityTooLarge"})
            return False
        self.turn.answer(framing.encode_response(self.headers.get("Content-Type", "application/json"), body))
        return True

    def _give_up(self) -> None:
        """End an invocation whose answer broke off: half of it must not pass for the whole."""
        report = json.dumps({"errorType": "Runtime.TruncatedResponse", "errorMessage": "The response was truncated."})
        kind = framing.STREAM_END if self.is_streaming else framing.ERROR
        self.turn.answer(framing.frame(kind, report.encode()))
        with contextlib.suppress(OSError):  # whoever sent it may be gone
            self._reply(
                400, {"errorMessage": "HTTP request detected as truncated", "errorType": "TruncatedHTTPRequest"}
            )

    def _stream(self) -> None:
        self.is_streaming = True
        content_type = self.headers.get("Content-Type", "application/octet-stream")
        self.turn.say(framing.frame(framing.STREAM, content_type.encode("latin-1", "replace")[:255]))
        for part in self._parts():
            self.turn.say(framing.frame(framing.CHUNK, part))
        self.turn.answer(framing.frame(framing.STREAM_END, self._trailing_error()))

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

    def _unknown(self) -> None:
        # Known paths take one method each.
        known = self.path.removeprefix(_PREFIX) in {"invocation/next", "init/error"}
        self._send(405, "text/plain", b"") if known else self._send(404, "text/plain", b"404 page not found\n")


def headers_of(texts: Sequence[str | None]) -> dict[str, str]:
    """Return the headers that tell a runtime of an invocation."""
    headers = {name: _line(name, text) for name, text in zip(framing.TEXTS, texts) if text is not None}
    # One request may be tried several times: this names the one attempt.
    headers[_INVOCATION_ID] = os.urandom(16).hex()
    return headers


def _line(name: str, text: str) -> str:
    # The caller's JSON may have line breaks and any character: a header has neither.
    return json.dumps(json.loads(text)) if name in _JSON_TEXTS else text
