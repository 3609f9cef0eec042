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
    # Most items hold nothing binary: one search of the bytes spares the walk through all values.
    if b'{"B":' in content or b'{"BS":' in content:
        return {name: _with_bytes(value) for name, value in item.items()}
    return item


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
