"""Smithy RPC v2 in CBOR: the operation in the path, everything else in one CBOR map.

https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from lambent.aws.service_models import Operation, Shape
from lambent.cloud.errors import ServiceError
from lambent.cloud.protocol.event_stream import EventReader, EventWriter, encode_events, initial_request
from lambent.cloud.protocol.http_bindings import EVENT_STREAM
from lambent.cloud.protocol.message import Request, Response
from lambent.cloud.protocol.scalars import unix_timestamp

CBOR = "application/cbor"
_NESTING_LIMIT = 128
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_ENDLESS = 31
_BREAK = 0xFF
_ARGUMENTS = {24: ">B", 25: ">H", 26: ">I", 27: ">Q"}
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE_VALUES = {20: False, 21: True, 22: None, 23: None}


class _Timestamp(float):
    """Seconds since the epoch that go out under CBOR's tag 1."""

    __slots__ = ()


# ── values to bytes ──


def dump_cbor(value: object) -> bytes:
    """Return a value as CBOR; raises TypeError for what CBOR has no type for."""
    parts: list[bytes] = []
    _dump(value, parts.append)
    return b"".join(parts)


def _head(kind: int, argument: int) -> bytes:
    if argument < 24:
        return bytes((kind << 5 | argument,))
    for code, width in ((24, 8), (25, 16), (26, 32), (27, 64)):
        if argument < 1 << width:
            return bytes((kind << 5 | code,)) + argument.to_bytes(width // 8, "big")
    raise OverflowError(f"{argument} does not fit in 64 bits")


def _dump(value: object, write: Callable[[bytes], None]) -> None:
    if isinstance(value, Mapping):
        write(_head(_MAP, len(value)))
        for key, item in value.items():
            _dump(key, write)
            _dump(item, write)
    elif isinstance(value, list | tuple):
        write(_head(_ARRAY, len(value)))
        for item in value:
            _dump(item, write)
    else:
        write(_dump_scalar(value))


def _dump_scalar(value: object) -> bytes:
    if isinstance(value, str):
        encoded = value.encode()
        return _head(_TEXT, len(encoded)) + encoded
    if value is None or isinstance(value, bool):
        return bytes((_SIMPLE << 5 | (22 if value is None else 20 + value),))
    if isinstance(value, int):
        return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
    if isinstance(value, _Timestamp):
        return _head(_TAG, 1) + _dump_scalar(unix_timestamp(float(value)))
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, bytes | bytearray):
        return _head(_BYTES, len(value)) + bytes(value)
    raise TypeError(f"CBOR has no {type(value).__name__}")


# ── bytes to values ──


def load_cbor(data: bytes) -> Any:  # Any: CBOR of any form
    """Return the value of one CBOR item; raises SerializationException."""
    try:
        value, end = _Loader(data).item(0, 0)
    except (IndexError, struct.error, UnicodeDecodeError, KeyError, TypeError) as error:
        raise _malformed("unreadable item") from error
    if end != len(data):
        raise _malformed("bytes after the item")
    return value


def _malformed(reason: str) -> ServiceError:
    return ServiceError("SerializationException", f"Could not parse request body into cbor: {reason}")


class _Loader:
    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def item(self, position: int, depth: int) -> tuple[Any, int]:  # Any: CBOR of any form
        if depth > _NESTING_LIMIT:
            raise _malformed("nested too deep")
        kind, code = self._data[position] >> 5, self._data[position] & 31
        position += 1
        if kind == _SIMPLE:
            if code in _FLOATS:
                width = struct.calcsize(_FLOATS[code])
                return struct.unpack_from(_FLOATS[code], self._data, position)[0], position + width
            return _SIMPLE_VALUES[code], position
        if code == _ENDLESS:
            return self._endless(kind, position, depth)
        argument, position = self._argument(code, position)
        if kind in {_ARRAY, _MAP}:
            return self._counted(kind, argument, position, depth)
        if kind in {_BYTES, _TEXT}:
            return self._string(kind, argument, position)
        if kind == _TAG:
            value, position = self.item(position, depth + 1)
            return value, position
        return (argument if kind == _UNSIGNED else -1 - argument), position

    def _argument(self, code: int, position: int) -> tuple[int, int]:
        if code < 24:
            return code, position
        value: int = struct.unpack_from(_ARGUMENTS[code], self._data, position)[0]
        return value, position + struct.calcsize(_ARGUMENTS[code])

    def _string(self, kind: int, length: int, position: int) -> tuple[str | bytes, int]:
        end = position + length
        if end > len(self._data):
            raise _malformed("cut short")
        value = self._data[position:end]
        return (value.decode() if kind == _TEXT else value), end

    def _counted(self, kind: int, count: int, position: int, depth: int) -> tuple[Any, int]:  # Any: as item
        items = []
        for _ in range(count if kind == _ARRAY else 2 * count):
            value, position = self.item(position, depth + 1)
            items.append(value)
        return (items if kind == _ARRAY else dict(zip(items[::2], items[1::2], strict=True))), position

    def _endless(self, kind: int, position: int, depth: int) -> tuple[Any, int]:  # Any: as item
        items = []
        while self._data[position] != _BREAK:
            value, position = self.item(position, depth + 1)
            items.append(value)
        position += 1
        if kind == _ARRAY:
            return items, position
        if kind == _MAP:
            return dict(zip(items[::2], items[1::2], strict=False)), position
        if kind == _TEXT:
            return "".join(items), position
        return b"".join(items), position


# ── shapes ──

_Convert = Callable[[Any], Any]  # Any: a value of the shape
_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "blob": (bytes,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (float, int),
    "double": (float, int),
    "timestamp": (float, int),
}


def _converter(shape: Shape, scalar: Callable[[Shape], _Convert], known: dict[str, _Convert]) -> _Convert:
    if shape.type == "structure":
        return _structure_converter(shape, scalar, known)
    if shape.type == "list":
        convert = _converter(shape.member, scalar, known)
        return lambda value: [None if item is None else convert(item) for item in _expect(value, list)]
    if shape.type == "map":
        convert = _converter(shape.value, scalar, known)
        return lambda value: {
            key: None if item is None else convert(item) for key, item in _expect(value, dict).items()
        }
    return scalar(shape)


def _structure_converter(shape: Shape, scalar: Callable[[Shape], _Convert], known: dict[str, _Convert]) -> _Convert:
    if shape.name in known:
        return known[shape.name]
    table: dict[str, _Convert] = {}

    def convert(value: Any) -> dict[str, Any]:  # Any: as _Convert
        return {
            name: member(item)
            for name, item in _expect(value, dict).items()
            if item is not None and (member := table.get(name)) is not None
        }

    known[shape.name] = convert  # before the members, which may lead back here
    table.update(
        (name, _converter(member, scalar, known))
        for name, member in shape.members.items()
        if not member.has("eventstream")
    )
    return convert


def _expect(value: Any, kind: type) -> Any:  # Any: as _Convert
    if not isinstance(value, Mapping if kind is dict else (list, tuple)):
        raise ServiceError("SerializationException", "Start of structure or map found where not expected.")
    return value


def _read_scalar(shape: Shape) -> _Convert:
    wanted, is_timestamp = _PYTHON_TYPES[shape.type], shape.type == "timestamp"
    is_float = is_timestamp or shape.type in {"float", "double"}

    def convert(value: Any) -> Any:  # Any: as _Convert
        if type(value) not in wanted:
            raise ServiceError("SerializationException", f"Unexpected value for a member of type {shape.type}")
        return float(value) if is_float else value

    return convert


def _write_scalar(shape: Shape) -> _Convert:
    if shape.type == "timestamp":
        return _Timestamp
    if shape.type in {"float", "double"}:
        return float
    return _same


def _same(value: Any) -> Any:  # Any: as _Convert
    return value


def _payload_reader(shape: Shape) -> Callable[[bytes], Any]:  # Any: as _Convert
    convert = _converter(shape, _read_scalar, {})
    return lambda body: convert(load_cbor(body) if body else {})


def _payload_writer(shape: Shape) -> Callable[[Any], bytes]:  # Any: as _Convert
    convert = _converter(shape, _write_scalar, {})
    return lambda value: dump_cbor(convert(value))


class Cbor:
    """The codec of one operation in RPC v2 CBOR."""

    __slots__ = ("_events_in", "_events_out", "_read", "_write", "operation")

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self._read = _payload_reader(operation.input) if operation.input else None
        self._write = _payload_writer(operation.output) if operation.output else None
        self._events_in = operation.input.event_stream_member if operation.input else None
        self._events_out = operation.output.event_stream_member if operation.output else None

    def parse(self, request: Request) -> dict[str, Any]:  # Any: parameters are botocore-shaped
        """Return the request's parameters; raises SerializationException where they cannot be read."""
        if self._read is None or self.operation.input is None:
            return {}
        if self._events_in is None:
            found: dict[str, Any] = self._read(request.body)  # Any: as above
            return found
        found = self._read(initial_request(request.body))
        stream = self.operation.input.members[self._events_in]
        found[self._events_in] = EventReader(stream, _payload_reader).read_all(request.body)
        return found

    def serialize(self, result: Mapping[str, Any], request_id: str) -> Response:  # Any: results are botocore-shaped
        """Return the response that carries `result`."""
        headers = [("smithy-protocol", "rpc-v2-cbor"), ("x-amzn-RequestId", request_id), ("Content-Type", CBOR)]
        if self._write is None:
            return Response(200, headers[:2])
        content = self._write(result)
        if self._events_out is None or self.operation.output is None:
            return Response(200, headers, content)
        writer = EventWriter(self.operation.output.members[self._events_out], _payload_writer, CBOR)
        headers[2] = ("Content-Type", EVENT_STREAM)
        return Response(200, headers, stream=encode_events(writer, result[self._events_out], writer.initial(content)))
