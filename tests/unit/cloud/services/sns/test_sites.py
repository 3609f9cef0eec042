"""Posting to HTTP/S endpoints that answer with something else."""

from __future__ import annotations

import asyncio

import pytest

from lambent.cloud.services.sns.endpoints.contract import UnavailableError
from lambent.cloud.services.sns.endpoints.web import WebEndpoints
from lambent.cloud.services.sns.model.names import TopicName
from lambent.cloud.services.sns.model.notification import Renderer
from lambent.cloud.services.sns.model.subscription import Subscription
from lambent.cloud.store.scope import Scope


class NoSigner:
    """Signs nothing."""

    @property
    def certificate_url(self) -> str:
        return ""

    def sign(self, text: str, version: str) -> str:
        return f"{version}{len(text)}"


def subscription_of(url: str) -> Subscription:
    return Subscription(
        id=1,
        topic=TopicName(Scope("000000000000", "eu-west-1"), "t"),
        guid="g",
        owner="000000000000",
        principal="p",
        protocol="http",
        endpoint=url,
        is_confirmed=False,
        was_authenticated=False,
        needs_signature=False,
        token="",
        created=0.0,
        attributes={},
    )


@pytest.mark.parametrize("answer", [b"\r\n", b"HTTP/1.1\r\n", b"HTTP/1.1 fine\r\n", b"no line", b""])
async def test_an_answer_that_is_not_http_counts_as_none(answer: bytes) -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(UnavailableError):
            await WebEndpoints(Renderer(url, NoSigner())).ask("id", subscription_of(url), 0)
