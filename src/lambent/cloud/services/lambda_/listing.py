"""Pages of Lambda's listings: Marker, MaxItems, NextMarker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from lambent.cloud.framework.paging import InvalidMarkerError, decode_marker, encode_marker, page
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.rendering import Shape

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """The items of one page, and the marker of the next."""

    items: Sequence[T]
    next_marker: str | None

    def shape(self, member: str, shown: list[Shape]) -> Shape:
        """Return the answer: the items as shown, and NextMarker where there is more."""
        return {member: shown} if self.next_marker is None else {member: shown, "NextMarker": self.next_marker}


def marked_page(items: Sequence[T], key: Callable[[T], str], parameters: Parameters, *, at_most: int) -> Listed[T]:
    """Return the page a request asks for; `items` are sorted by `key`. Raises InvalidParameterValueException."""
    limit = min(parameters.get("MaxItems") or at_most, at_most)
    try:
        found = page(items, key, marker=parameters.get("Marker"), limit=limit)
    except InvalidMarkerError as error:
        raise errors.invalid_parameter(f"Invalid marker: {error}") from error
    return Listed(found.items, found.next_marker)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What part of a listing a request asks for, where the tables are asked for no more than that."""

    marker: str | None
    after: str | None
    """The key of the last item that was given; None for the first page."""
    limit: int

    @property
    def to_read(self) -> int:
        """How many items to read: one more than are given tells whether there is a further page."""
        return self.limit + 1

    def page(self, found: Sequence[T], key: Callable[[T], str]) -> Listed[T]:
        """Return the page of what was read behind `after`."""
        given = found[: self.limit]
        return Listed(given, encode_marker(key(given[-1])) if len(found) > self.limit else None)


def bounds_of(parameters: Parameters, *, at_most: int) -> Bounds:
    """Return which part a request asks for; raises InvalidParameterValueException."""
    marker = parameters.get("Marker")
    try:
        after = None if marker is None else decode_marker(marker)
    except InvalidMarkerError as error:
        raise errors.invalid_parameter(f"Invalid marker: {error}") from error
    return Bounds(marker, after, min(parameters.get("MaxItems") or at_most, at_most))
