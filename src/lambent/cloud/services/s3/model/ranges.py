"""Byte ranges of objects (RFC 9110, 14): one range, else the whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lambent.cloud.services.s3 import errors

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of an object: `count` from `first` on."""

    first: int
    count: int

    def content_range(self, size: int) -> str:
        """Return the Content-Range that says so of an object of `size` bytes."""
        return f"bytes {self.first}-{self.first + self.count - 1}/{size}"


def span_of(asked: str | None, size: int) -> Span | None:
    """Return what a Range header asks for, or None for the whole object; raises InvalidRange.

    >>> span_of("bytes=-3", 10), span_of("bytes=2-100", 10), span_of("lines=1-2", 10)
    (Span(first=7, count=3), Span(first=2, count=8), None)
    """
    found = None if asked is None else _RANGE.fullmatch(asked.strip())
    if found is None or found[0] == "bytes=-":
        return None
    if not found[1]:
        count = min(int(found[2]), size)
        if not count:
            raise errors.invalid_range(found[0], size)
        return Span(size - count, count)
    first, last = int(found[1]), int(found[2] or size - 1)
    if found[2] and last < first:
        return None
    if first >= size:
        raise errors.invalid_range(found[0], size)
    return Span(first, min(last, size - 1) - first + 1)


def part_span(number: int, sizes: Sequence[int]) -> Span:
    """Return the bytes of one part; raises InvalidPartNumber."""
    if not 1 <= number <= len(sizes):
        raise errors.invalid_part_number(number, len(sizes))
    return Span(sum(sizes[: number - 1]), sizes[number - 1])
