"""What a function returned as the HTTP response of its URL.

An object with a `statusCode` describes the response; any other value is its body, as JSON.
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-response-payload
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from lambent.cloud.services.lambda_.model.cors import Header

_OCTETS: Header = ("Content-Type", "application/octet-stream")
_HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response"
_DIVIDER = bytes(8)
_LONGEST_PRELUDE = 65_536
_JSON: Header = ("Content-Type", "application/json")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_LEAST_STATUS, _MOST_STATUS = 200, 599
# What Lambda writes itself; a function's own goes out under another name, as it does on AWS.
_REMAPPED = frozenset({"connection", "content-length", "date", "server", "x-amzn-requestid"})
_DROPPED = frozenset({"keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"})


class MalformedReplyError(ValueError):
    """What the function returned is no response: its caller is told of an internal error."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response as a function wants it."""

    status: int
    headers: tuple[Header, ...]
    body: bytes


def reply_of(payload: bytes) -> Reply:
    """Return the response a buffered URL gives; raises MalformedReplyError."""
    try:
        value = json.loads(payload, parse_constant=_no_constant)
    except ValueError as error:
        raise MalformedReplyError("no JSON") from error
    if not isinstance(value, dict) or "statusCode" not in value:
        return Reply(200, (_JSON,), _json_text(value) if not isinstance(value, str) else _bytes(value))
    return Reply(
        _status(value["statusCode"]),
        (*_headers(value.get("headers")), *_cookies(value.get("cookies"))),
        _body(value.get("body"), is_base64=value.get("isBase64Encoded") is True),
    )


UNSTREAMED = Reply(200, (_OCTETS,), b"")
"""The head of a streaming URL's response to a function that does not stream: its payload is taken for bytes."""


async def head_of(content_type: str, chunks: AsyncIterator[bytes]) -> tuple[Reply, AsyncIterator[bytes]]:
    """Return status and headers of a streamed response, and its body; raises MalformedReplyError.

    A JSON object may stand before the body, with eight zero bytes behind it.
    https://docs.aws.amazon.com/lambda/latest/dg/response-streaming.html
    """
    if content_type != _HTTP_INTEGRATION:
        _check_line("Content-Type", content_type)
        return Reply(200, (("Content-Type", content_type),), b""), chunks
    begun = b""
    async for chunk in chunks:
        begun += chunk
        prelude, divider, rest = begun.partition(_DIVIDER)
        if divider:
            return _head(prelude), _joined(rest, chunks)
        if len(begun) > _LONGEST_PRELUDE:
            break
    raise MalformedReplyError("no prelude")


def _head(prelude: bytes) -> Reply:
    try:
        value = json.loads(prelude)
    except ValueError as error:
        raise MalformedReplyError("a prelude that is no JSON") from error
    if not isinstance(value, dict):
        raise MalformedReplyError("a prelude that is no object")
    headers = (*_headers(value.get("headers") or {"Content-Type": "application/octet-stream"}),)
    return Reply(_status(value.get("statusCode", 200)), (*headers, *_cookies(value.get("cookies"))), b"")


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in rest:
        yield chunk


def _no_constant(name: str) -> object:
    raise MalformedReplyError(f"{name} is no JSON")


def _status(given: object) -> int:
    # Text that is a number will do; true, which Python takes for one, will not.
    is_number = isinstance(given, int) and not isinstance(given, bool)
    if not (is_number or (isinstance(given, str) and given.isascii() and given.isdigit())):
        raise MalformedReplyError("statusCode is no number")
    status = int(str(given)) if len(str(given)) == len("200") else 0
    if not _LEAST_STATUS <= status <= _MOST_STATUS:
        raise MalformedReplyError("statusCode is none of HTTP's")
    return status


def _headers(given: object) -> list[Header]:
    if given is None:
        return [_JSON]
    if not isinstance(given, Mapping):
        raise MalformedReplyError("headers is no object")
    found: list[Header] = []
    has_type = False
    for name, value in given.items():
        lower = name.lower()
        if value is None or lower in _DROPPED:
            continue
        header = (f"x-amzn-Remapped-{name}" if lower in _REMAPPED else name, _header_value(value))
        _check_line(*header)
        has_type = has_type or lower == "content-type"
        found.append(header)
    return found if has_type else [_JSON, *found]


def _header_value(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    raise MalformedReplyError("a header's value is no text")


def _check_line(name: str, value: str) -> None:
    # A lone surrogate, which JSON can escape, has no bytes.
    if not _TOKEN.fullmatch(name) or any(each in "\r\n\0" or "\ud800" <= each <= "\udfff" for each in value):
        raise MalformedReplyError("a header that cannot be sent")


def _cookies(given: object) -> list[Header]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(cookie, str) for cookie in given):
        raise MalformedReplyError("cookies is no list of texts")
    for cookie in given:
        _check_line("Set-Cookie", cookie)
    return [("Set-Cookie", cookie) for cookie in given]


def _body(given: object, *, is_base64: bool) -> bytes:
    if given is None:
        return b""
    if not isinstance(given, str):
        return _json_text(given)
    if not is_base64:
        return _bytes(given)
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedReplyError("body is no base64") from error


def _json_text(value: object) -> bytes:
    return _bytes(json.dumps(value, separators=(",", ":"), ensure_ascii=False))


def _bytes(text: str) -> bytes:
    # JSON may hold halves of surrogate pairs, which UTF-8 cannot; as in Java they become question marks.
    return text.encode(errors="replace")
