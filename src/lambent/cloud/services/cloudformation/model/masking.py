"""What of a resource's properties is told: secrets as `****`, dynamic references as the template writes them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

Properties = Mapping[str, Any]  # Any: JSON-shaped values of a template
MASK: Final = "****"


def keys_of(properties: Properties) -> dict[str, str]:
    """Return a key for each property and its value, by the property's name: as which it is kept how that is told."""
    return {name: _key(name, value) for name, value in properties.items()}


def masks(properties: Properties, told: Properties) -> Properties:
    """Return, by key, how the values are told that are told in another way.

    >>> list(masks({"A": "secret", "B": 1}, {"A": "****", "B": 1}).values())
    ['****']
    """
    return {
        _key(name, value): told.get(name, MASK) for name, value in properties.items() if told.get(name, MASK) != value
    }


def shown(properties: Properties, masked: Properties) -> Properties:
    """Return the properties as they may be told; those of which nothing else is kept are told as they are."""
    if not masked:
        return properties
    return {name: masked.get(_key(name, value), value) for name, value in properties.items()}


def _key(name: str, value: Any) -> str:  # Any: as above
    return f"{name}:{hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()}"
