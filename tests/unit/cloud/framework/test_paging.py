"""Pages of listings that change while they are read."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.cloud.framework.paging import InvalidMarkerError, decode_marker, encode_marker, page

_NAMES = st.lists(st.text(max_size=5), unique=True, max_size=12).map(sorted)


def read_all(items: list[str], limit: int) -> list[str]:
    found: list[str] = []
    marker = None
    while True:
        part = page(items, str, marker=marker, limit=limit)
        assert len(part.items) <= limit
        found += part.items
        marker = part.next_marker
        if marker is None:
            return found


@given(_NAMES, st.integers(1, 5))
def test_the_pages_together_are_the_listing(items: list[str], limit: int) -> None:
    assert read_all(items, limit) == items


@given(_NAMES, _NAMES, st.integers(1, 5))
def test_what_comes_and_goes_between_pages_neither_repeats_nor_hides_another(
    before: list[str], after: list[str], limit: int
) -> None:
    first = page(before, str, marker=None, limit=limit)
    if first.next_marker is None:
        assert list(first.items) == before
        return
    rest = page(after, str, marker=first.next_marker, limit=len(after) + 1)
    assert list(rest.items) == [name for name in after if name > first.items[-1]]
    assert rest.next_marker is None


def test_a_full_last_page_has_no_marker() -> None:
    assert page(["a", "b"], str, marker=None, limit=2).next_marker is None


@pytest.mark.parametrize(
    "marker", ["", "not base64!", "YQ", base64.b64encode(b"2:a").decode(), base64.b64encode(b"1").decode(), "/////w=="]
)
def test_a_marker_that_no_listing_gave_out_is_refused(marker: str) -> None:
    with pytest.raises(InvalidMarkerError):
        page(["a"], str, marker=marker, limit=1)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_marker_brings_back_its_key(key: str) -> None:
    assert decode_marker(encode_marker(key)) == key
