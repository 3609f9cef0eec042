"""HTTP/S endpoints: https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from lambent.cloud.services.sns.endpoints.contract import Effect, UnavailableError, UndeliverableError
from lambent.cloud.services.sns.endpoints.managed import body_of
from lambent.cloud.services.sns.model.delivery_policy import CONTENT_TYPE
from lambent.cloud.services.sns.model.message import Message
from lambent.cloud.services.sns.model.notification import CONFIRMATION, NOTIFICATION, Renderer
from lambent.cloud.services.sns.model.subscription import Subscription

# AWS waits so long for an answer: https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html
_PATIENCE_S: Final = 15.0
_PORTS: Final = {"http": 80, "https": 443}


class WebEndpoints:
    """Posts messages, and requests to confirm."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    async def post(self, message: Message, subscription: Subscription, content_type: str) -> Effect:
        """Post a message; raises as `Endpoint.deliver`."""
        headers = _headers(NOTIFICATION, message.id, subscription)
        headers["x-amz-sns-subscription-arn"] = subscription.arn
        headers["Content-Type"] = content_type
        if subscription.settings.is_raw:
            headers["x-amz-sns-rawdelivery"] = "true"
        await _post(subscription.endpoint, headers, body_of(message, subscription, self._renderer).encode())
        return None

    async def ask(self, message_id: str, subscription: Subscription, at_ms: int) -> None:
        """Ask the endpoint to confirm its subscription; raises as `Endpoint.deliver`."""
        body = self._renderer.request(message_id, subscription, at_ms)
        await _post(subscription.endpoint, _headers(CONFIRMATION, message_id, subscription), body.encode())


def _headers(kind: str, message_id: str, subscription: Subscription) -> dict[str, str]:
    return {
        "x-amz-sns-message-type": kind,
        "x-amz-sns-message-id": message_id,
        "x-amz-sns-topic-arn": subscription.topic.arn,
        "Content-Type": CONTENT_TYPE,
        "User-Agent": "Amazon Simple Notification Service Agent",
        "Accept-Encoding": "gzip,deflate",
    }


async def _post(url: str, headers: Mapping[str, str], body: bytes) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            status = await _answer(urlsplit(url), headers, body)
    except (OSError, TimeoutError, EOFError, ValueError, IndexError, asyncio.LimitOverrunError) as error:
        raise UnavailableError(f"{url} did not answer: {error!r}") from error
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.CONTINUE}:
        raise UnavailableError(f"{url} answered {status}")
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise UndeliverableError(f"{url} answered {status}")


async def _answer(url: SplitResult, headers: Mapping[str, str], body: bytes) -> int:
    """Post and return the status of the answer; its body is not waited for."""
    is_secure = url.scheme == "https"
    reader, writer = await asyncio.open_connection(
        url.hostname, url.port or _PORTS[url.scheme], ssl=ssl.create_default_context() if is_secure else None
    )
    try:
        writer.write(_head(url, headers, len(body)) + body)
        await writer.drain()
        line = await reader.readuntil(b"\r\n")
        return int(line.split()[1])
    finally:
        writer.close()


def _head(url: SplitResult, headers: Mapping[str, str], length: int) -> bytes:
    host = url.netloc.rpartition("@")[2]
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [f"POST {target} HTTP/1.1", f"Host: {host}", f"Content-Length: {length}", "Connection: close"]
    if url.username is not None:
        named = f"{unquote(url.username)}:{unquote(url.password or '')}"
        lines.append(f"Authorization: Basic {base64.b64encode(named.encode()).decode('ascii')}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()
