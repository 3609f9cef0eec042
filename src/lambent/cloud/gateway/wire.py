"""An HTTP/1.1 response as bytes, and header names as text: the parts of HTTP that need no connection."""

from __future__ import annotations

import time
from collections.abc import Sequence
from http import HTTPStatus

from lambent.cloud.protocol.message import Response

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}" for status in HTTPStatus}
_WITHOUT_BODY = frozenset({204, 304})
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_KNOWN_NAMES: dict[bytes, str] = {}
_MOST_KNOWN_NAMES = 1024

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def header_name(raw: bytes) -> str:
    """Return a header's name in lower case; the usual ones are remembered."""
    known = _KNOWN_NAMES.get(raw)
    if known is None:
        known = raw.decode("latin-1").lower()
        if len(_KNOWN_NAMES) < _MOST_KNOWN_NAMES:
            _KNOWN_NAMES[raw] = known
    return known


def http_date(moment: float) -> str:
    """Return `moment` as RFC 9110 writes dates, whatever the locale is.

    >>> http_date(0)
    'Thu, 01 Jan 1970 00:00:00 GMT'
    """
    year, month, day, hour, minute, second, weekday = time.gmtime(moment)[:7]
    clock = f"{hour:02d}:{minute:02d}:{second:02d}"
    return f"{_DAYS[weekday]}, {day:02d} {_MONTHS[month - 1]} {year:04d} {clock} GMT"


def render_head(response: Response, *, date: str, keep_alive: bool, chunked: bool = False) -> bytes:
    """Return status line and headers, with what frames the body.

    The body's length is stated unless it is streamed (`chunked`, or until the connection closes) or there can be none.
    Raises ValueError where a header would break out of its line.
    """
    # AWS says so of every connection, which nobody has to: https://www.rfc-editor.org/rfc/rfc9112#section-9.3
    connection = "Connection: keep-alive" if keep_alive else "Connection: close"
    lines = [_STATUS_LINES.get(response.status) or f"HTTP/1.1 {response.status} ", f"Date: {date}", connection]
    lines += [f"{name}: {value}" for name, value in response.headers]
    if chunked:
        lines.append("Transfer-Encoding: chunked")
    elif response.stream is None and response.status not in _WITHOUT_BODY and not states_length(response.headers):
        lines.append(f"Content-Length: {len(response.body)}")
    head = "\r\n".join(lines)
    # A header value with a line break would let a service's data forge headers, or a whole response.
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise ValueError("a response header contains a line break")
    return head.encode() + b"\r\n\r\n"


def render_chunk(data: bytes) -> bytes:
    """Return one chunk of a streamed body; `data` must not be empty, which would end the stream."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def has_body(status: int, method: str) -> bool:
    """Whether a response with this status to this method carries a body."""
    return method != "HEAD" and status not in _WITHOUT_BODY


def plain_error(status: int, code: str, message: str) -> Response:
    """Return an error for a request of which no service is known yet.

    The code stands where clients of AWS's REST and JSON protocols look for it.
    """
    headers = (("Content-Type", "application/json"), ("x-amzn-ErrorType", code))
    return Response(status, headers, f'{{"__type":"{code}","message":"{message}"}}'.encode())


def states_length(headers: Sequence[tuple[str, str]]) -> bool:
    """Whether headers say how long the body is."""
    # S3's answers to HEAD state the object's length without its bytes.
    return any(name in {"Content-Length", "content-length"} for name, _ in headers)
