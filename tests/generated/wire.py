"""Requests as they go over the wire: nothing between here and the platform mends or refuses them."""

from __future__ import annotations

import base64
import http.client
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from tests.generated.known import REGION
from tests.generated.values import Parameters

ANSWER_WITHIN_S = 20.0


@dataclass(slots=True)
class Message:
    """One HTTP request."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __str__(self) -> str:
        said = f"{self.method} {self.target}"
        told = ", ".join(f"{name}: {value}" for name, value in self.headers.items())
        return _short(f"{said} [{told}] {self.body[:1500]!r}")


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response; `status` 0 means that none came in time."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return self.headers.get("x-amzn-errortype", "").split(":")[0]

    @property
    def document(self) -> Any:  # Any: JSON
        try:
            return json.loads(self.body) if self.body else {}
        except ValueError:
            return None

    @property
    def message(self) -> str | None:
        found = self.document
        text = found.get("message", found.get("Message")) if isinstance(found, dict) else None
        return text if isinstance(text, str) else None

    def __str__(self) -> str:
        return _short(f"{self.status} {self.code} {self.body[:600]!r}")


def message_of(operation: Any, parameters: Parameters) -> Message:  # Any: botocore's OperationModel
    """Return the request that carries the parameters, whatever they are."""
    path, _, literals = operation.http["requestUri"].partition("?")
    queries: list[tuple[str, str]] = [tuple(each.split("=", 1)) for each in literals.split("&") if each]
    headers: dict[str, str] = {}
    body: Parameters = {}
    members = operation.input_shape.members if operation.input_shape is not None else {}
    for name, value in parameters.items():
        member = members.get(name)
        place = member.serialization if member is not None else {}
        wire_name, location = place.get("name", name), place.get("location")
        if location == "uri":
            path = path.replace("{" + wire_name + "}", quote(_text(value), safe=""))
        elif location == "querystring":
            queries += [(wire_name, _text(each)) for each in (value if isinstance(value, list) else [value])]
        elif location == "header":
            headers[wire_name] = _text(value)
        else:
            body[wire_name] = value
    target = path + ("?" + urlencode(queries) if queries else "")
    payload = operation.input_shape.serialization.get("payload") if operation.input_shape is not None else None
    if payload is not None:
        whole = body.get(payload, b"")
        raw = whole if isinstance(whole, bytes) else json.dumps(whole, default=_as_json).encode()
        return Message(operation.http["method"], target, headers, raw)
    text = json.dumps(body, default=_as_json).encode() if body else b""
    if text:
        headers["Content-Type"] = "application/json"
    return Message(operation.http["method"], target, headers, text)


def _short(text: str) -> str:
    return re.sub(r"(.)\1{40,}", r"\1\1\1[...]", text)


def _text(value: object) -> str:
    return {True: "true", False: "false"}.get(value, "") if isinstance(value, bool) else str(value)


def _as_json(value: object) -> str:
    assert isinstance(value, bytes)
    return base64.b64encode(value).decode()


class Wire:
    """One connection to the platform, opened again where it was lost."""

    def __init__(self, port: int, account: str) -> None:
        self._port = port
        scope = f"{account}/20260101/{REGION}/lambda/aws4_request"
        self._signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        self._connection: http.client.HTTPConnection | None = None
        self.sent = 0

    def send(self, message: Message) -> Answer:
        """Return the answer; one of status 0 where none came within the bound or the connection broke."""
        self.sent += 1
        for attempt in range(2):
            is_new = self._connection is None
            connection = self._connection or http.client.HTTPConnection("127.0.0.1", self._port, ANSWER_WITHIN_S)
            self._connection = connection
            try:
                self._write(connection, message)
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as failure:
                self.close()
                if is_new or attempt or isinstance(failure, TimeoutError):
                    return Answer(0, {}, repr(failure).encode())
            else:
                if response.will_close:
                    self.close()
                return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)
        raise AssertionError("unreachable")

    def get(self, target: str) -> Answer:
        return self.send(Message("GET", target))

    def send_as(self, method: str, target: str, headers: dict[str, str]) -> Answer:
        return self.send(Message(method, target, headers))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _write(self, connection: http.client.HTTPConnection, message: Message) -> None:
        connection.putrequest(message.method, message.target, skip_accept_encoding=True)
        connection.putheader("Authorization", self._signed)
        for name, value in message.headers.items():
            connection.putheader(name, value.encode("utf-8"))
        connection.putheader("Content-Length", str(len(message.body)))
        connection.endheaders(message.body or None)
