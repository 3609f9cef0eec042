"""What platform and bridge process say to each other: a JSON header and a body, each with its length before it."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

PREFIX = struct.Struct(">II")
_BYTES_KEY = "$bytes"

Header = Mapping[str, Any]  # Any: the parts of a message differ by its kind, and both ends are ours


@dataclass(frozen=True, slots=True)
class Message:
    """A header and a body. A header's `kind` says what the rest of it means: `http` or `call`."""

    header: Header
    body: bytes = b""

    def encode(self) -> bytes:
        """Return the message as it goes over the wire."""
        header = orjson.dumps(self.header)
        return b"".join((PREFIX.pack(len(header), len(self.body)), header, self.body))


def encode_value(value: object) -> bytes:
    """Return parameters or a result as JSON: bytes are tagged, timestamps become seconds since the epoch."""
    return orjson.dumps(_plain(value))


def decode_value(text: bytes) -> Any:  # Any: whatever shape was encoded
    """Return what `encode_value` was given, timestamps as floats."""
    return _bytes_restored(orjson.loads(text))


def _plain(value: object) -> object:
    if isinstance(value, bytes | bytearray):
        return {_BYTES_KEY: base64.b64encode(value).decode("ascii")}
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value


def _bytes_restored(value: object) -> object:
    if isinstance(value, dict):
        if value.keys() == {_BYTES_KEY}:
            return base64.b64decode(value[_BYTES_KEY])
        return {key: _bytes_restored(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_bytes_restored(member) for member in value]
    return value
