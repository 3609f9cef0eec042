"""Items as rows keep them: JSON as on the wire, binary values in Base64."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import orjson


def packed(document: object) -> bytes:
    """Return JSON of a document in which binary values are bytes."""
    return orjson.dumps(document, default=_as_text)


def unpacked_item(content: bytes) -> dict[str, Any]:  # Any: attribute values
    """Return the item that `packed` wrote."""
    item: dict[str, Any] = orjson.loads(content)  # Any: as above
    return with_bytes(item) if may_hold_binary(content) else item


def may_hold_binary(content: bytes) -> bool:
    """Return whether what `packed` wrote may hold binary values.

    Most items hold none: one search of the bytes spares the walk through all values.
    """
    return b'{"B":' in content or b'{"BS":' in content


def with_bytes(item: Mapping[str, Any]) -> dict[str, Any]:  # Any: as above
    """Return an item with its binary values as bytes again."""
    return {name: _with_bytes(value) for name, value in item.items()}


def _as_text(value: object) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    raise TypeError(type(value).__name__)


def _with_bytes(value: Mapping[str, Any]) -> Mapping[str, Any]:  # Any: as above
    ((kind, content),) = value.items()
    if kind == "B":
        return {"B": b64decode(content)}
    if kind == "BS":
        return {"BS": [b64decode(each) for each in content]}
    if kind == "L":
        return {"L": [_with_bytes(each) for each in content]}
    if kind == "M":
        return {"M": {name: _with_bytes(each) for name, each in content.items()}}
    return value
