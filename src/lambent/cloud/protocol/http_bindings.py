"""Which part of an HTTP message carries which member: what rest-json and rest-xml share.

Everything is decided when an operation is first met; a request then walks short tables.
"""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Protocol
from urllib.parse import unquote, unquote_plus

from lambent.aws.service_models import Operation, Shape
from lambent.cloud.errors import ServiceError
from lambent.cloud.protocol.event_stream import EventReader, EventWriter, encode_events
from lambent.cloud.protocol.message import MORE_HEADERS, Request, Response
from lambent.cloud.protocol.text_values import DecodeText, EncodeText, header_decoder, header_encoder, text_decoder

ReadBody = Callable[[bytes], Any]  # Any: the shape's Python value
WriteBody = Callable[[Any], bytes]  # Any: as above

EVENT_STREAM = "application/vnd.amazon.eventstream"
_PATHS_REMEMBERED = 1024
_LABEL = re.compile(r"\{([^}+]+)(\+?)\}")


class BodyFormat(Protocol):
    """How structures stand in a body: JSON or XML."""

    content_type: str

    def members_reader(self, shape: Shape) -> ReadBody:
        """Return the reader of a body that holds those members of `shape` which have no place of their own."""

    def members_writer(self, operation: Operation, shape: Shape) -> WriteBody:
        """Return the writer of such a body."""

    def payload_reader(self, shape: Shape) -> ReadBody:
        """Return the reader of a body that is the member `shape` by itself."""

    def payload_writer(self, shape: Shape) -> WriteBody:
        """Return the writer of such a body."""

    def payload_content_type(self, shape: Shape) -> str:
        """Return the content type of a body that is a blob or a string."""

    def event_reader(self, shape: Shape) -> EventReader:
        """Return the reader of an event stream's events."""

    def event_writer(self, shape: Shape) -> EventWriter:
        """Return the writer of an event stream's events."""


def in_body(member: Shape) -> bool:
    """Whether a member travels in the body's structure."""
    return member.location not in {"uri", "querystring", "header", "headers", "statusCode"}


def compile_uri(template: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Return the pattern a template's still encoded path matches, and its labels in order; query literals are left off.

    A greedy label (`{Key+}`) takes slashes too, an ordinary one never does.
    """
    path = template.partition("?")[0].rstrip("/")
    pattern: list[str] = []
    labels: list[str] = []
    position = 0
    for label in _LABEL.finditer(path):
        pattern += [re.escape(path[position : label.start()]), "(.+)" if label[2] else "([^/]+)"]
        labels.append(label[1])
        position = label.end()
    pattern.append(re.escape(path[position:]))
    return re.compile("".join(pattern) + "/?", re.DOTALL), tuple(labels)


def split_query(query: str) -> list[tuple[str, str]]:
    """Return the decoded pairs of a query string, in order; a name without a value has an empty one."""
    pairs = []
    decode = unquote_plus if "%" in query or "+" in query else str
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((decode(name), decode(value)))
    return pairs


class RequestReader:
    """Reads one operation's parameters from requests."""

    __slots__ = (
        "_headers",
        "_labels",
        "_match",
        "_payload",
        "_prefixes",
        "_queries",
        "_query_map",
        "_read_labels",
        "_read_members",
    )

    def __init__(self, operation: Operation, body: BodyFormat) -> None:
        members = operation.input.members if operation.input else {}
        pattern, labels = compile_uri(operation.request_uri)
        self._match = pattern.fullmatch
        by_label = {
            member.wire_name or name: (name, member) for name, member in members.items() if member.location == "uri"
        }
        self._labels: list[tuple[str, DecodeText]] = [
            (by_label[label][0], text_decoder(by_label[label][1])) for label in labels
        ]
        # The same few paths come again and again, most of all those of invocations.
        self._read_labels = functools.lru_cache(maxsize=_PATHS_REMEMBERED)(self._labels_of)
        self._queries: dict[str, tuple[str, DecodeText, bool]] = {}
        self._query_map: tuple[str, bool] | None = None
        self._headers: list[tuple[str, str, DecodeText]] = []
        self._prefixes: list[tuple[str, str]] = []
        for name, member in members.items():
            self._bind(name, member)
        self._payload = _payload_reader(operation.input, body)
        needs_members = operation.input and not operation.input.payload and any(map(in_body, members.values()))
        self._read_members = body.members_reader(operation.input) if operation.input and needs_members else None

    def _bind(self, name: str, member: Shape) -> None:
        wire_name = member.wire_name or name
        if member.location == "querystring" and member.type == "map":
            self._query_map = (name, member.value.type == "list")
        elif member.location == "querystring":
            is_list = member.type == "list"
            self._queries[wire_name] = (name, text_decoder(member.member if is_list else member), is_list)
        elif member.location == "header":
            self._headers.append((wire_name.lower(), name, header_decoder(member)))
        elif member.location == "headers":
            self._prefixes.append(((member.wire_name or "").lower(), name))

    def __call__(self, request: Request) -> dict[str, Any]:  # Any: parameters are botocore-shaped
        """Return the parameters; raises SerializationException where they cannot be read."""
        read_members = self._read_members
        found: dict[str, Any] = read_members(request.body) if read_members else {}  # Any: as above
        if self._labels:
            found.update(self._read_labels(request.path))
        if request.query and (self._queries or self._query_map):
            self._read_query(request.query, found)
        headers = request.headers
        for header, name, decode in self._headers:
            if (value := headers.get(header)) is not None:
                found[name] = decode(value)
        if self._prefixes:
            self._read_prefixes(headers, found)
        if self._payload is not None:
            name, read, reads_empty = self._payload
            if request.incoming is not None and reads_empty:
                found[name] = request.incoming
            elif request.body or reads_empty:
                found[name] = read(request.body)
        return found

    def _labels_of(self, path: str) -> Mapping[str, Any]:  # Any: as in __call__
        match = self._match(path)
        if match is None:
            raise ServiceError("UnknownOperationException", "", status=404)
        return {name: decode(unquote(text)) for (name, decode), text in zip(self._labels, match.groups(), strict=True)}

    def _read_prefixes(self, headers: Mapping[str, str], found: dict[str, Any]) -> None:  # Any: as in __call__
        for prefix, name in self._prefixes:
            if matching := {key[len(prefix) :]: value for key, value in headers.items() if key.startswith(prefix)}:
                found[name] = matching

    def _read_query(self, query: str, found: dict[str, Any]) -> None:  # Any: as in __call__
        others: dict[str, list[str]] = {}
        for key, value in split_query(query):
            entry = self._queries.get(key)
            if entry is None:
                others.setdefault(key, []).append(value)
            elif entry[2]:
                found.setdefault(entry[0], []).append(entry[1](value))
            else:
                found[entry[0]] = entry[1](value)
        if self._query_map and others:
            name, holds_lists = self._query_map
            found[name] = others if holds_lists else {key: values[-1] for key, values in others.items()}


def _payload_reader(shape: Shape | None, body: BodyFormat) -> tuple[str, ReadBody, bool] | None:
    if shape is None or not shape.payload:
        return None
    member = shape.members[shape.payload]
    if member.has("eventstream"):
        return shape.payload, body.event_reader(member).read_all, True
    if member.type == "blob":
        return shape.payload, bytes, member.has("streaming")
    if member.type == "string":
        return shape.payload, _read_text, False
    return shape.payload, body.payload_reader(member), False


def _read_text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise ServiceError("SerializationException", f"Body is not UTF-8: {error.reason}") from error


class ResponseWriter:
    """Writes one operation's results as responses."""

    __slots__ = (
        "_body",
        "_content_type",
        "_headers",
        "_may_stream",
        "_payload",
        "_prefixes",
        "_status",
        "_status_member",
        "_write_events",
    )

    def __init__(self, operation: Operation, body: BodyFormat) -> None:
        output = operation.output
        members = output.members if output else {}
        self._status = operation.status
        self._headers: list[tuple[str, str, EncodeText]] = []
        self._prefixes: list[tuple[str, str]] = []
        self._status_member: str | None = None
        for name, member in members.items():
            if member.location == "header":
                self._headers.append((member.wire_name or name, name, header_encoder(member)))
            elif member.location == "headers":
                self._prefixes.append((member.wire_name or "", name))
            elif member.location == "statusCode":
                self._status_member = name
        self._content_type = body.content_type
        self._payload = output.payload if output else None
        self._write_events: EventWriter | None = None
        self._body: WriteBody | None = None
        self._may_stream = False
        if output and self._payload:
            self._bind_payload(output.members[self._payload], body)
        elif output and members:
            self._body = body.members_writer(operation, output)

    def _bind_payload(self, member: Shape, body: BodyFormat) -> None:
        if member.has("eventstream"):
            self._write_events, self._content_type = body.event_writer(member), EVENT_STREAM
        elif member.type in {"blob", "string"}:
            self._content_type = body.payload_content_type(member)
            self._may_stream = member.type == "blob"
            self._body = bytes if member.type == "blob" else str.encode
        else:
            self._body = body.payload_writer(member)

    def __call__(self, result: Mapping[str, Any], headers: list[tuple[str, str]]) -> Response:  # Any: botocore-shaped
        """Return the response; `headers` are those every answer of the protocol has."""
        content_type = self._content_type
        for header, name, encode in self._headers:
            if (value := result.get(name)) is not None:
                if header.lower() == "content-type":
                    content_type = encode(value)
                else:
                    headers.append((header, encode(value)))
        for prefix, name in self._prefixes:
            headers += [(prefix + key, value) for key, value in (result.get(name) or {}).items()]
        headers += result.get(MORE_HEADERS, ())
        status = self._status
        if self._status_member is not None:
            status = result.get(self._status_member) or status
        if status == 204:  # RFC 9110: no content, so no type either
            return Response(status, headers)
        headers.append(("Content-Type", content_type))
        content = result.get(self._payload) if self._payload else result
        if self._write_events is not None:
            return Response(status, headers, stream=encode_events(self._write_events, _events(content)))
        if self._body is None or content is None:
            return Response(status, headers)
        if self._may_stream and isinstance(content, AsyncIterator):
            return Response(status, headers, stream=content)
        return Response(status, headers, self._body(content))


def _events(content: object) -> AsyncIterator[Mapping[str, Any]]:  # Any: one event union member
    if not isinstance(content, AsyncIterator):
        raise TypeError("an event stream is an async iterator of events")
    return content
