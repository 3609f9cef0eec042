"""The bridge's own process: requests in, moto, responses out. The only door to moto.

    python -m lambent.cloud.bridge.moto FD      FD: a connected stream socket, inherited

One request at a time, in the order received, so that the journal's order is the order of execution. Each request
brings a seed, which every identifier that moto draws follows from, so the same journal makes the same ones again.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError
from moto.core.botocore_stubber import BotocoreStubber
from moto.moto_api._internal import mock_random

from lambent.cloud.bridge.data_files import read_data_files_quickly
from lambent.cloud.bridge.mends import Mends
from lambent.cloud.bridge.messages import PREFIX, Header, Message, decode_value, encode_value

logger = logging.getLogger(__name__)

_ACCOUNT_HEADER = "x-moto-account-id"
_FORM = "application/x-www-form-urlencoded"
_UNTYPED = "binary/octet-stream"  # what S3 takes an object for of which it is told nothing
_PATH_STYLE = Config(s3={"addressing_style": "path"})


class MotoHost:
    """Moto's backends in this process, reached by HTTP request or by operation name."""

    def __init__(self) -> None:
        self._stubber = BotocoreStubber()
        self._stubber.enabled = True
        self._clients: dict[tuple[str, str], Any] = {}  # Any: boto3's clients are classes made at run time
        self._account = ""
        self._mends = Mends()

    def handle(self, message: Message) -> Message:
        """Carry out one request and return its response."""
        header = message.header
        mock_random.seed(header["seed"])
        random.seed(header["seed"])
        self._account = header["account"]
        self._mends.before(header)
        handlers: dict[str, Callable[[Header, bytes], Message]] = {"http": self._http, "call": self._call}
        return handlers[header["kind"]](header, message.body)

    def _http(self, header: Header, body: bytes) -> Message:
        endpoint = self._client(header["service"], header["region"]).meta.endpoint_url
        headers = HTTPHeaders()
        for name, value in header["headers"].items():
            headers[name] = value
        if header["service"] == "s3" and header["method"] == "PUT" and _is_form(header["headers"]):
            # What curl and urllib say of any body: moto would read it as a form, and keep an empty object.
            headers.replace_header("content-type", _UNTYPED)
        headers["host"] = urlsplit(endpoint).netloc
        headers[_ACCOUNT_HEADER] = self._account
        request = AWSPreparedRequest(header["method"], endpoint + header["target"], headers, body, stream_output=False)
        answer = self._stubber.process_request(request)
        if answer is None:
            return Message({"status": 404, "headers": []})
        status, answered, content = answer
        return Message({"status": status, "headers": _header_list(answered)}, _as_bytes(content))

    def _call(self, header: Header, body: bytes) -> Message:
        client = self._client(header["service"], header["region"])
        try:
            result = client._make_api_call(header["operation"], decode_value(body))  # noqa: SLF001 - the one generic way in
        except ClientError as error:
            return Message({"error": _error(error)})
        except ParamValidationError as error:
            return Message({"error": {"code": "ValidationException", "message": str(error), "status": 400}})
        result.pop("ResponseMetadata", None)
        plain = {name: value.read() if hasattr(value, "read") else value for name, value in result.items()}
        return Message({"ok": True}, encode_value(plain))

    def _client(self, service: str, region: str) -> Any:  # Any: as above
        key = (service, region)
        if key not in self._clients:
            make: Any = boto3.client  # Any: its stubs want a literal service name
            client = make(
                service,
                region_name=region,
                aws_access_key_id="bridge",
                aws_secret_access_key="bridge",  # noqa: S106 - nobody checks it
                config=_PATH_STYLE,
            )
            client.meta.events.register("before-send", self._stubber)
            client.meta.events.register("request-created", self._name_account)
            self._clients[key] = client
        return self._clients[key]

    def _name_account(self, request: Any, **_: object) -> None:  # Any: botocore's AWSRequest, untyped
        request.headers[_ACCOUNT_HEADER] = self._account


def _is_form(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").startswith(_FORM)


def _error(error: ClientError) -> dict[str, Any]:  # Any: JSON
    answer = error.response
    details = answer.get("Error", {})
    return {
        "code": details.get("Code", "InternalFailure"),
        "message": details.get("Message", ""),
        "status": answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 500),
    }


def _header_list(headers: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in headers.items()]


def _as_bytes(content: object) -> bytes:
    if isinstance(content, bytes):
        return content
    if isinstance(content, str):
        return content.encode()
    if isinstance(content, Iterable):
        return b"".join(_as_bytes(part) for part in content)
    raise TypeError(f"moto answered with a {type(content).__name__}")


def _receive(channel: socket.socket, length: int) -> bytes:
    parts: list[bytes] = []
    while length:
        part = channel.recv(min(length, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _serve(channel: socket.socket) -> None:
    host = MotoHost()
    while True:
        header_length, body_length = PREFIX.unpack(_receive(channel, PREFIX.size))
        header = decode_value(_receive(channel, header_length))
        message = Message(header, _receive(channel, body_length))
        try:
            answer = host.handle(message)
        except Exception as error:  # the outermost guard: moto may raise anything, and one request is not all
            logger.exception("%s failed", header.get("operation"))
            answer = Message({"broken": f"{type(error).__name__}: {error}"})
        channel.sendall(answer.encode())


def main() -> None:
    """Serve the inherited socket until the platform closes it."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    # moto must never reach for this machine's AWS configuration, nor the network for a region or credentials.
    for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
        del os.environ[name]
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    # Ids of uploads, UUIDs and KMS keys are drawn past moto's generator; a replay has to make those again, too.
    os.urandom = mock_random.randbytes
    read_data_files_quickly()
    # A service's data makes some hundred thousand objects at once, that stay: a fifth of its first request went into
    # looking for garbage among them.
    gc.set_threshold(50_000, 20, 20)
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        try:
            _serve(channel)
        except (EOFError, ConnectionResetError, KeyboardInterrupt):
            return


if __name__ == "__main__":
    main()
