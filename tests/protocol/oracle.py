"""botocore at the other end of our wire formats: a real client whose requests we read and whose answers we write."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.serialize import create_serializer

from lambent.cloud.protocol.identify import Call, WireFormat, identify
from lambent.cloud.protocol.message import Request, Response

Answer = Callable[[Call, Request], Response]


class _Raw:
    """The part of a urllib3 response that botocore reads."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, amount: int | None = None) -> bytes:
        taken, self._body = (self._body, b"") if amount is None else (self._body[:amount], self._body[amount:])
        return taken

    def stream(self, *_arguments: object, **_options: object) -> list[bytes]:
        return [self.read()]

    def close(self) -> None:
        self._body = b""


# Which reads the models of a service once, for all clients.
_SESSION = botocore.session.Session()


class Oracle:
    """A botocore client of one service, answered by `answer` instead of a network."""

    def __init__(self, service: str, wire_format: WireFormat | None = None) -> None:
        self.service = service
        self.answer: Answer | None = None
        made: Any = _SESSION.create_client(  # Any: clients have their methods at run time
            service,
            region_name="us-east-1",
            endpoint_url="http://127.0.0.1:4566",
            aws_access_key_id="000000000000",
            aws_secret_access_key="secret",
            config=Config(
                retries={"max_attempts": 0},
                s3={"addressing_style": "path"},
                inject_host_prefix=False,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        self.client = made
        self.model = self.client.meta.service_model
        if wire_format is not None:
            self.model.__dict__["resolved_protocol"] = wire_format
            self.client._serializer = create_serializer(wire_format)
        self.client.meta.events.register("before-send", self._send)

    def call(self, operation: str, parameters: Mapping[str, object]) -> dict[str, Any]:  # Any: as botocore parses it
        """Send one request and return what botocore makes of the answer."""
        method = next(
            name for name, wire_name in self.client.meta.method_to_api_mapping.items() if wire_name == operation
        )
        result: dict[str, Any] = getattr(self.client, method)(**parameters)  # Any: as above
        return result

    def _send(self, request: AWSPreparedRequest, **_context: object) -> AWSResponse:
        assert self.answer is not None
        ours = to_request(request)
        response = self.answer(identify(ours, signing_name(ours)), ours)
        body = asyncio.run(_drain(response)) if response.stream is not None else response.body
        headers: Any = _Headers(response.headers)  # Any: botocore reads it as a mapping
        return AWSResponse(request.url, response.status, headers, _Raw(body))


class _Headers(dict[str, str]):
    """Headers found in any case, as urllib3's are."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__({name.lower(): value for name, value in pairs})

    def get(self, key: str, default: Any = None) -> Any:  # Any: as dict.get
        return super().get(key.lower(), default)

    def __getitem__(self, key: str) -> str:
        return super().__getitem__(key.lower())

    def __contains__(self, key: object) -> bool:
        return super().__contains__(str(key).lower())


async def _drain(response: Response) -> bytes:
    assert response.stream is not None
    return b"".join([chunk async for chunk in response.stream])


def to_request(request: AWSPreparedRequest) -> Request:
    url = urlsplit(request.url)
    given: Any = request.body or b""  # Any: bytes, text or a file
    body = given.read() if hasattr(given, "read") else given
    headers: dict[str, Any] = {name.lower(): value for name, value in request.headers.items()}  # Any: text or bytes
    return Request(
        request.method,
        url.path or "/",
        url.query,
        {name: value.decode() if isinstance(value, bytes) else str(value) for name, value in headers.items()},
        body.encode() if isinstance(body, str) else bytes(body),
    )


def signing_name(request: Request) -> str | None:
    credential = request.headers.get("authorization", "").partition("Credential=")[2]
    parts = credential.split(",")[0].split("/")
    return parts[3] if len(parts) > 3 else None


def as_ours(value: object) -> Any:  # Any: botocore-shaped
    """Return botocore's value with moments as seconds, as our parameters and results have them."""
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, Mapping):
        return {key: as_ours(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list | tuple):
        return [as_ours(item) for item in value]
    if hasattr(value, "read"):
        return value.read()
    return value
