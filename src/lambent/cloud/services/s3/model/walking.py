"""Going through keys in order, those with a common prefix taken together.

What is behind a common prefix is skipped by asking for the keys beyond it, however many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

BEYOND = "\U0010ffff"
_FIRST_FETCH = 64
_GROWTH = 4


class Keyed(Protocol):
    """What has a key."""

    @property
    def key(self) -> str:
        """The key."""


T = TypeVar("T", bound=Keyed)
Fetch = Callable[[str | None, int], Sequence[T]]
"""Returns up to so many items in order: the first ones for None, else those whose keys are greater than the text."""


@dataclass(slots=True)
class Walked(Generic[T]):
    """What a listing shows: items and common prefixes, each by itself in order, and which of all came last."""

    items: list[T] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: T | str | None = None
    is_truncated: bool = False

    def __len__(self) -> int:
        return len(self.items) + len(self.prefixes)


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """Return the part of a key up to the first delimiter behind the prefix, or None where there is none.

    >>> common_prefix("photos/2026/a.jpg", "photos/", "/"), common_prefix("photos/a.jpg", "photos/", "/")
    ('photos/2026/', None)
    """
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return None if end < 0 else key[: end + len(delimiter)]


def first_behind(marker: str, prefix: str, delimiter: str) -> str:
    """Return the text behind which a listing goes on that came to `marker`: all of it where it is a common prefix."""
    if marker.startswith(prefix) and common_prefix(marker, prefix, delimiter) == marker:
        return marker + BEYOND
    return marker


def walk(fetch: Fetch[T], *, prefix: str, delimiter: str, limit: int) -> Walked[T]:
    """Return up to `limit` items and common prefixes together."""
    found: Walked[T] = Walked()
    behind: str | None = None
    count = _FIRST_FETCH if delimiter else limit + 1
    while True:
        batch = fetch(behind, count)
        for item in batch:
            behind = item.key
            group = common_prefix(item.key, prefix, delimiter)
            if group is not None and found.prefixes and found.prefixes[-1] == group:
                continue
            if len(found) == limit:
                found.is_truncated = True
                return found
            if group is None:
                found.items.append(item)
            else:
                found.prefixes.append(group)
            found.last = item if group is None else group
        if len(batch) < count:
            return found
        if isinstance(found.last, str):
            behind = found.last + BEYOND
        count = min(count * _GROWTH, max(limit + 1, _FIRST_FETCH))
