"""Pages of a listing: opaque markers that hold while items come and go."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


class InvalidMarkerError(ValueError):
    """The marker is none that a listing gave out."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, and the marker to go on with; None at the end."""

    items: Sequence[T]
    next_marker: str | None


def page(items: Sequence[T], key: Callable[[T], str], *, marker: str | None, limit: int) -> Page[T]:
    """Return up to `limit` items behind `marker`; `items` must be sorted by `key`, which must be unique.

    A marker names the last item that was given, not a position: what is created or deleted between two pages neither
    repeats nor hides another item. Raises InvalidMarkerError.

    >>> first = page(["a", "b", "c"], str, marker=None, limit=2)
    >>> first.items, page(["a", "c"], str, marker=first.next_marker, limit=2).items
    (['a', 'b'], ['c'])
    """
    start = 0 if marker is None else bisect_right(items, decode_marker(marker), key=key)
    return page_read(items[start : start + limit + 1], key, limit=limit)


def page_read(items: Sequence[T], key: Callable[[T], str], *, limit: int) -> Page[T]:
    """Return the page of items that were read from its begin on: one more than `limit`, where there are as many."""
    chosen = items[:limit]
    return Page(chosen, encode_marker(key(chosen[-1])) if chosen and len(items) > limit else None)


def encode_marker(position: str) -> str:
    """Return the marker behind the item whose key is `position`."""
    return base64.urlsafe_b64encode(f"1:{position}".encode()).decode("ascii")


def decode_marker(marker: str) -> str:
    """Return the key a marker stands for; raises InvalidMarkerError."""
    try:
        version, separator, position = base64.b64decode(marker, altchars=b"-_", validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise InvalidMarkerError(marker) from error
    if version != "1" or not separator:
        raise InvalidMarkerError(marker)
    return position
