"""Pages of Lambda's listings: Marker, MaxItems, NextMarker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from lambent.cloud.framework.paging import InvalidMarkerError, page
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
