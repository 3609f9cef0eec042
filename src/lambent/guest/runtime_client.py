"""The module AWS's client calls for `next`, response and error, over an inherited socket instead of HTTP.

It stands in sys.modules as `runtime_client`, where AWS's own is written in C and fixes its endpoint when it is loaded.
It waits in Python, so signal handlers run while it waits: the thread AWS's client would start for that is not needed.
"""

from __future__ import annotations

import _socket  # Lib/socket.py costs an interpreter executed afresh 7 ms, mostly for its enumerations
import os
import sys
import time

from lambent.guest import framing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

_channel: _socket.socket
_has_parked = False
when_parked: Callable[[], None] | None = None
"""Called once, when init is over and the first event is waited for."""


def connect(descriptor: int) -> None:
    """Use the inherited socket `descriptor` from now on; it is not passed on to programs the function starts."""
    global _channel, _has_parked  # noqa: PLW0603 - the module is the client, as AWS's is
    os.set_inheritable(descriptor, False)  # noqa: FBT003 - the call's own interface
    _channel = _socket.socket(fileno=descriptor)
    _channel.setblocking(True)  # noqa: FBT003 - the call's own interface
    _has_parked = False


def channel() -> _socket.socket:
    """Return the socket in use, for what speaks of other things than invocations."""
    return _channel


def disconnect() -> None:
    """Let go of the socket: this process was forked from the one that uses it."""
    _channel.close()


def tell(kind: int, body: bytes) -> None:
    """Send a frame that is no answer."""
    _channel.sendall(framing.frame(kind, body))


def initialize_client(_user_agent: str) -> None:
    """Accept what AWS's client says of itself; there is nobody to tell."""


def next() -> tuple[bytes, dict[str, str | int | None]]:  # noqa: A001 - AWS's name
    """Return the next event's bytes and its headers; waits as long as it takes."""
    global _has_parked  # noqa: PLW0603 - as in connect
    if not _has_parked:
        _has_parked = True
        _channel.sendall(framing.frame(framing.NEXT, b""))
        if when_parked is not None:
            when_parked()
    message = framing.receive(_channel)
    if message is None:
        sys.exit(0)  # the platform is gone
    texts, payload = framing.decode_invoke(message[1])
    headers: dict[str, str | int | None] = dict(zip(framing.TEXTS, texts))
    headers["Lambda-Runtime-Deadline-Ms"] = int(texts[1] or 0)
    headers["Content-Type"] = "application/json"
    return payload, headers


def post_invocation_result(
    _invoke_id: str, result: bytes, content_type: str | None, _invocation_id: str | None = None
) -> None:
    """Answer the invocation; raises RuntimeError where the answer is too large, as AWS's does on a 413."""
    if len(result) > framing.MAX_RESPONSE:
        _refuse("success")
    _channel.sendall(framing.encode_response(content_type or "application/json", result))


def post_error(_invoke_id: str, error: str, _xray_fault: str, _invocation_id: str | None = None) -> None:
    """Answer the invocation with an error's JSON text; raises as `post_invocation_result`."""
    body = error.encode("utf-8", "replace")
    if len(body) > framing.MAX_ERROR:
        _refuse("failure")
    _channel.sendall(framing.frame(framing.ERROR, body))


def post_init_error(error: str) -> None:
    """Report that init failed, with the error's JSON text."""
    _channel.sendall(framing.frame(framing.INIT_ERROR, error.encode("utf-8", "replace")[: framing.MAX_ERROR]))


def _refuse(outcome: str) -> NoReturn:
    sys.stderr.write(
        f"[ERROR] [{time.time_ns() // 1_000_000}] LAMBDA_RUNTIME Failed to post handler {outcome} response. "
        "Http response code: 413.\n"
    )
    _channel.sendall(framing.frame(framing.TOO_LARGE, b""))
    raise RuntimeError("Failed to post invocation response")
