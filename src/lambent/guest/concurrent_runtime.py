"""The Runtime API for a program that serves several invocations at once, and so asks for the next while it has others.

Each poll has a connection of its own to the platform, which also takes the answer, so that nothing here has to wait for
anything else. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
The answers to what may not be follow AWS's own: https://github.com/aws/aws-lambda-runtime-interface-emulator/tree/develop/internal/lambda-managed-instances
"""

from __future__ import annotations

import os
import socket
import threading
import time

from lambent.guest import framing
from lambent.guest.custom_runtime import INIT_ERROR, READY, STARTED, RefusedError, headers_of, transition_refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, NoReturn

_REQUEST_ID, _DEADLINE = framing.TEXTS[0], framing.TEXTS[1]


class Calls:
    """All invocations under way; used by the threads of every connection."""

    def __init__(self, door: str, most: int) -> None:
        self._door = door
        self._most = most
        self._lock = threading.Lock()
        self._state = STARTED
        self._polls = 0
        self._idle: list[socket.socket] = []
        self._calls: dict[str, Call] = {}

    def next(self) -> Call:
        """Return the next invocation; raises RefusedError for more polls than there are slots, or after init failed."""
        with self._lock:
            if self._state == INIT_ERROR:
                raise transition_refused(INIT_ERROR, READY)
            if self._polls >= self._most:
                raise RefusedError("Internal Server Error", "InternalServerError", status=500)
            self._state = READY
            self._polls += 1
            connection = self._idle.pop() if self._idle else None
        try:
            connection = connection or self._connect()
            connection.sendall(framing.frame(framing.NEXT, b""))
            message = framing.receive(connection)
        finally:
            with self._lock:
                self._polls -= 1
        if message is None:
            _leave()
        call = Call(self, connection, message[1])
        with self._lock:
            self._calls[call.request_id] = call
        return call

    def fail_init(self, read: Callable[[], bytes]) -> None:
        """Report that init failed, in a frame that is read only then; raises RefusedError once it is over."""
        with self._lock:
            if self._state != STARTED:
                raise transition_refused(self._state, INIT_ERROR)
            self._state = INIT_ERROR
        with self._connect() as connection:
            connection.sendall(read())

    def turn_of(self, request_id: str) -> Call | None:
        """Return the invocation that an answer is for; None where none of this name is under way any more."""
        with self._lock:
            return self._calls.get(request_id)

    def over(self, call: Call, connection: socket.socket | None) -> None:
        """Forget an invocation; its connection, if it is of use, serves another poll."""
        with self._lock:
            self._calls.pop(call.request_id, None)
            if connection is not None:
                self._idle.append(connection)

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._door)
        return connection


class Call:
    """One invocation under way."""

    def __init__(self, calls: Calls, connection: socket.socket, message: memoryview) -> None:
        texts, self.payload = framing.decode_invoke(message)
        self.headers = headers_of(texts)
        self.request_id = self.headers[_REQUEST_ID]
        self._deadline_ms = int(self.headers[_DEADLINE])
        self._calls = calls
        self._connection = connection
        self._lock = threading.Lock()
        self._is_being_answered = False

    @property
    def is_late(self) -> bool:
        """Whether the function's timeout is over, and with it whoever waited for the answer."""
        return time.time() * 1000 > self._deadline_ms

    def enter(self, _state: str) -> None:
        """Begin to answer; raises RefusedError where that has begun before."""
        with self._lock:
            if self._is_being_answered:
                raise RefusedError("Invalid request ID", "InvalidRequestID", status=400)
            self._is_being_answered = True

    def say(self, frame: bytes) -> None:
        """Send a part of the answer."""
        self._connection.sendall(frame)

    def answer(self, frame: bytes) -> None:
        """Send the end of the answer."""
        self._connection.sendall(frame)
        self._calls.over(self, self._connection)

    def abandon(self) -> None:
        """Fail it: whoever asked for it has gone without taking it."""
        self._connection.close()
        self._calls.over(self, None)


def _leave() -> NoReturn:
    os._exit(0)  # the platform is gone
