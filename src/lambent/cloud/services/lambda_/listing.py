"""Pages of Lambda's listings: Marker, MaxItems, NextMarker.

A marker names the last item that was given, not a position: what is made or deleted between two pages neither repeats
nor hides another item. The tables are asked for what stands behind it, and for one item more than are given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from lambent.cloud.framework.paging import InvalidMarkerError, decode_marker, page_read
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.documents import Part
from lambent.cloud.services.lambda_.rendering import Shape

T = TypeVar("T")
# SQLite refuses integers beyond 64 bits; no listing gets near this.
_GREATEST = 2**62


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """The items of one page, and the marker of the next."""

    items: Sequence[T]
    next_marker: str | None

    def shape(self, member: str, shown: list[Shape]) -> Shape:
        """Return the answer: the items as shown, and NextMarker where there is more."""
        return {member: shown} if self.next_marker is None else {member: shown, "NextMarker": self.next_marker}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What part of a listing a request asks for, where the tables are asked for no more than that."""

    marker: str | None
    after: str | None
    """The key of the last item that was given; None for the first page."""
    limit: int

    @property
    def behind(self) -> str:
        """The key that a page begins behind, for keys that are never empty."""
        return self.after or ""

    @property
    def behind_number(self) -> int:
        """The same, of keys that are numbers from 0 on as `numbered` writes them; -1 on the first page.

        Raises InvalidParameterValueException for a marker of another listing.
        """
        return -1 if self.after is None else self._number(self.after)

    @property
    def behind_named_number(self) -> tuple[str, int]:
        """The same, of keys that are a name and such a number, as `named_number` writes them."""
        if self.after is None:
            return "", -1
        name, separator, number = self.after.partition("\x00")
        return name, self._number(number if separator else "")

    def part(self, where: Mapping[str, str] | None = None) -> Part:
        """Return which documents of a table make up the page, perhaps only those with members that say so."""
        return Part(self.behind, self.to_read, where or {})

    def _number(self, written: str) -> int:
        if re.fullmatch(r"[0-9]{19}", written) is None:
            raise errors.invalid_parameter(f"Invalid marker: {self.marker}")
        return min(int(written), _GREATEST)

    @property
    def to_read(self) -> int:
        """How many items to read: one more than are given tells whether there is a further page."""
        return self.limit + 1

    def page(self, found: Sequence[T], key: Callable[[T], str]) -> Listed[T]:
        """Return the page of what was read behind `after`."""
        read = page_read(found, key, limit=self.limit)
        return Listed(read.items, read.next_marker)


def bounds_of(parameters: Parameters, *, at_most: int) -> Bounds:
    """Return which part a request asks for; raises InvalidParameterValueException."""
    marker = parameters.get("Marker")
    try:
        after = None if marker is None else decode_marker(marker)
    except InvalidMarkerError as error:
        raise errors.invalid_parameter(f"Invalid marker: {error}") from error
    return Bounds(marker, after, min(parameters.get("MaxItems") or at_most, at_most))


def numbered(number: int) -> str:
    """Return a number as a key."""
    return f"{number:019d}"


def named_number(name: str, number: int) -> str:
    """Return a name and a number as a key."""
    return f"{name}\x00{numbered(number)}"
