"""The head of a streamed answer: what of it cannot be sent is refused before anything has been."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from lambent.cloud.services.lambda_.model.url_reply import MalformedReplyError, head_of

_HTTP = "application/vnd.awslambda.http-integration-response"


async def _chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize(
    ("content_type", "prelude"),
    [
        ("text/plain\r\nSet-Cookie: a", b""),
        ("text/plain\n", b""),
        (_HTTP, rb'{"headers": {"x": "\ud800"}}' + bytes(8)),
        (_HTTP, rb'{"cookies": ["a=\udc00"]}' + bytes(8)),
    ],
)
async def test_a_header_that_cannot_be_sent_is_refused(content_type: str, prelude: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        await head_of(content_type, _chunks(prelude))


async def test_a_plain_content_type_heads_the_answer() -> None:
    head, rest = await head_of("text/plain", _chunks(b"a", b"b"))
    assert (head.status, head.headers) == (200, (("Content-Type", "text/plain"),))
    assert [each async for each in rest] == [b"a", b"b"]
