"""Streams of events inside one HTTP body: AWS's binary framing, and a shape's events in it.

A message is: total length, headers' length, CRC of those eight bytes, headers, payload, CRC of all before it.
https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from lambent.aws.service_models import Shape
from lambent.cloud.errors import ServiceError

HeaderValue = bool | int | str | bytes | float  # a float is a timestamp, in seconds
ReadPayload = Callable[[bytes], Any]  # Any: the shape's Python value
WritePayload = Callable[[Any], bytes]  # Any: as above

_PRELUDE = struct.Struct(">III")
_WORD = struct.Struct(">I")
# The types of header values, by their number on the wire, with their length where that is fixed.
_TRUE, _FALSE, _BYTE, _SHORT, _INTEGER, _LONG, _BYTES, _STRING, _TIMESTAMP, _UUID = range(10)
_FIXED = {_BYTE: ">b", _SHORT: ">h", _INTEGER: ">i", _LONG: ">q", _TIMESTAMP: ">q"}
_OF_SHAPE = {
    "byte": _BYTE,
    "short": _SHORT,
    "integer": _INTEGER,
    "long": _LONG,
    "blob": _BYTES,
    "timestamp": _TIMESTAMP,
}


@dataclass(frozen=True, slots=True)
class Message:
    """One framed message."""

    headers: Mapping[str, HeaderValue]
    payload: bytes


def encode_message(headers: Sequence[tuple[str, int, HeaderValue]], payload: bytes) -> bytes:
    """Return one framed message; a header is its name, its type's number on the wire, and its value."""
    block = b"".join(_encode_header(*header) for header in headers)
    lengths = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    message = b"".join((lengths, _WORD.pack(crc32(lengths)), block, payload))
    return message + _WORD.pack(crc32(message))


def _encode_header(name: str, kind: int, value: HeaderValue) -> bytes:
    encoded_name = name.encode()
    start = bytes((len(encoded_name),)) + encoded_name
    if isinstance(value, bool):
        return start + bytes((_TRUE if value else _FALSE,))
    if kind == _TIMESTAMP and isinstance(value, int | float):
        value = round(value * 1000)  # milliseconds on the wire
    if kind in _FIXED:
        return start + bytes((kind,)) + struct.pack(_FIXED[kind], value)
    text = value if isinstance(value, bytes) else str(value).encode()
    return start + bytes((kind,)) + struct.pack(">H", len(text)) + text


def decode_messages(data: bytes) -> Iterator[Message]:
    """Yield the messages of a whole body; raises SerializationException where one is cut short or a CRC is wrong."""
    position = 0
    while position < len(data):
        try:
            total, headers_length, prelude_crc = _PRELUDE.unpack_from(data, position)
        except struct.error as error:
            raise _malformed("Prelude is incomplete") from error
        if crc32(data[position : position + 8]) != prelude_crc:
            raise _malformed("Prelude checksum mismatch")
        end = position + total
        if end > len(data) or total < 16 + headers_length:
            raise _malformed("Message is incomplete")
        if crc32(data[position : end - 4]) != _WORD.unpack_from(data, end - 4)[0]:
            raise _malformed("Message checksum mismatch")
        payload_at = position + 12 + headers_length
        yield Message(_decode_headers(data[position + 12 : payload_at]), data[payload_at : end - 4])
        position = end


def _malformed(reason: str) -> ServiceError:
    return ServiceError("SerializationException", f"Malformed event stream: {reason}")


def _decode_headers(block: bytes) -> dict[str, HeaderValue]:
    found: dict[str, HeaderValue] = {}
    position = 0
    try:
        while position < len(block):
            name_end = position + 1 + block[position]
            name = block[position + 1 : name_end].decode()
            found[name], position = _decode_value(block, block[name_end], name_end + 1)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise _malformed("Headers are unreadable") from error
    return found


def _decode_value(block: bytes, kind: int, position: int) -> tuple[HeaderValue, int]:
    if kind in {_TRUE, _FALSE}:
        return kind == _TRUE, position
    if kind in _FIXED:
        number: int = struct.unpack_from(_FIXED[kind], block, position)[0]
        return number / 1000 if kind == _TIMESTAMP else number, position + struct.calcsize(_FIXED[kind])
    if kind == _UUID:
        return _uuid_text(block[position : position + 16]), position + 16
    if kind not in {_BYTES, _STRING}:
        raise _malformed(f"Unknown header type {kind}")
    length: int = struct.unpack_from(">H", block, position)[0]
    value = block[position + 2 : position + 2 + length]
    return value.decode() if kind == _STRING else value, position + 2 + length


def _uuid_text(value: bytes) -> str:
    digits = value.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class EventWriter:
    """Writes the events of one stream shape."""

    __slots__ = ("_content_type", "_events", "_members", "_write_payload")

    def __init__(self, stream: Shape, write_payload: Callable[[Shape], WritePayload], content_type: str) -> None:
        self._members = stream.members
        self._write_payload = write_payload
        self._content_type = content_type
        self._events = {name: self._compile(name, shape) for name, shape in stream.members.items()}

    def _compile(self, name: str, shape: Shape) -> Callable[[Mapping[str, Any]], bytes]:  # Any: an event's members
        in_headers = {key: member for key, member in shape.members.items() if member.has("eventheader")}
        payload = next((key for key, member in shape.members.items() if member.has("eventpayload")), None)
        has_body = payload is not None or len(in_headers) < len(shape.members)
        body_shape = shape.members[payload] if payload else shape
        write, content_type = self._body_writer(body_shape)
        start: list[tuple[str, int, HeaderValue]] = [(":event-type", _STRING, name)]
        if has_body:
            start.append((":content-type", _STRING, content_type))
        start.append((":message-type", _STRING, "event"))

        def encode(event: Mapping[str, Any]) -> bytes:  # Any: as above
            headers = start + [
                (key, _OF_SHAPE.get(member.type, _STRING), event[key])
                for key, member in in_headers.items()
                if event.get(key) is not None
            ]
            if payload:
                content = event.get(payload)
                return encode_message(headers, b"" if content is None else write(content))
            rest = {key: value for key, value in event.items() if key not in in_headers}
            return encode_message(headers, write(rest) if has_body else b"")

        return encode

    def _body_writer(self, shape: Shape) -> tuple[WritePayload, str]:
        if shape.type == "blob":
            return bytes, "application/octet-stream"
        if shape.type == "string":
            return str.encode, "text/plain"
        return self._write_payload(shape), self._content_type

    def event(self, event: Mapping[str, Any]) -> bytes:  # Any: one event union member
        """Return the frame of an event, given as its name and its members."""
        (name, members), *_ = event.items()
        return self._events[name](members)

    def initial(self, payload: bytes) -> bytes:
        """Return the frame that carries an RPC answer's other members, ahead of all events."""
        return encode_message(
            [
                (":event-type", _STRING, "initial-response"),
                (":content-type", _STRING, self._content_type),
                (":message-type", _STRING, "event"),
            ],
            payload,
        )

    def error(self, error: ServiceError) -> bytes:
        """Return the frame that ends a stream by an error: an exception if the stream's shape has it."""
        shape = self._members.get(error.code) or next(
            (member for member in self._members.values() if member.name == error.code), None
        )
        if shape is None:
            return encode_message(
                [
                    (":error-code", _STRING, error.code),
                    (":error-message", _STRING, error.message),
                    (":message-type", _STRING, "error"),
                ],
                b"",
            )
        name = next(name for name, member in self._members.items() if member is shape)
        message = next((key for key in shape.members if key.lower() == "message"), None)
        members = {key: value for key, value in error.members.items() if key in shape.members}
        content = members | ({message: error.message} if message else {})
        return encode_message(
            [
                (":exception-type", _STRING, name),
                (":content-type", _STRING, self._content_type),
                (":message-type", _STRING, "exception"),
            ],
            self._write_payload(shape)(content),
        )


async def encode_events(
    writer: EventWriter,
    events: AsyncIterator[Mapping[str, Any]],  # Any: one event union member each
    first: bytes | None = None,
) -> AsyncIterator[bytes]:
    """Yield the frames of a stream: `first`, each event, and the error where a ServiceError ends it."""
    if first is not None:
        yield first
    try:
        async for event in events:
            yield writer.event(event)
    except ServiceError as error:
        yield writer.error(error)


class EventReader:
    """Reads the events of one stream shape."""

    __slots__ = ("_events",)

    def __init__(self, stream: Shape, read_payload: Callable[[Shape], ReadPayload]) -> None:
        self._events = {name: _event_reader(shape, read_payload) for name, shape in stream.members.items()}

    def read_all(self, body: bytes) -> list[dict[str, Any]]:  # Any: one event union member each
        """Return the events of a whole body, each as its name and its members; raises SerializationException."""
        return [
            {name: self._events[name](message)}
            for message in _unsigned(decode_messages(body))
            if (name := str(message.headers.get(":event-type"))) in self._events
        ]


def _unsigned(messages: Iterator[Message]) -> Iterator[Message]:
    # A signed message is the payload of another one, which bears its date and signature; an empty one ends the stream.
    for message in messages:
        if ":chunk-signature" in message.headers:
            yield from decode_messages(message.payload)
        else:
            yield message


def initial_request(body: bytes) -> bytes:
    """Return the payload of the message that carries an RPC request's other members, or b""."""
    for message in _unsigned(decode_messages(body)):
        if message.headers.get(":event-type") == "initial-request":
            return message.payload
    return b""


def _event_reader(
    shape: Shape, read_payload: Callable[[Shape], ReadPayload]
) -> Callable[[Message], dict[str, Any]]:  # Any: an event's members
    headers = [name for name, member in shape.members.items() if member.has("eventheader")]
    payload = next((name for name, member in shape.members.items() if member.has("eventpayload")), None)
    body_shape = shape.members[payload] if payload else shape
    read: ReadPayload = (
        bytes
        if body_shape.type == "blob"
        else bytes.decode
        if body_shape.type == "string"
        else read_payload(body_shape)
    )

    def decode(message: Message) -> dict[str, Any]:  # Any: as above
        # Any: as above
        found: dict[str, Any] = {name: message.headers[name] for name in headers if name in message.headers}
        if payload:
            found[payload] = read(message.payload)
        elif message.payload:
            found.update(read(message.payload))
        return found

    return decode
