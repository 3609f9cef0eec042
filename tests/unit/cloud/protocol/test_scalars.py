from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.cloud.protocol.scalars import http_date, iso8601, parse_timestamp, unix_timestamp


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-31T12:00:00Z", 1769860800.0),
        ("2026-01-31T12:00:00.25Z", 1769860800.25),
        ("2026-01-31T14:00:00+02:00", 1769860800.0),
        ("2026-01-31T12:00:00", 1769860800.0),
        ("2026-01-31", 1769817600.0),
        ("20260131T120000Z", 1769860800.0),
        ("Sat, 31 Jan 2026 12:00:00 GMT", 1769860800.0),
        ("1769860800.5", 1769860800.5),
        ("-1", -1.0),
    ],
)
def test_every_format_of_awss_is_read(text: str, seconds: float) -> None:
    assert parse_timestamp(text) == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "Sat, 31 Foo 2026 12:00:00 GMT", "nan"])
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_timestamp(text)


@given(st.integers(-2_000_000_000_000, 4_000_000_000_000))
def test_milliseconds_survive_iso8601(milliseconds: int) -> None:
    assert round(parse_timestamp(iso8601(milliseconds / 1000)) * 1000) == milliseconds


@given(st.integers(-2_000_000_000, 4_000_000_000))
def test_seconds_survive_http_dates(seconds: int) -> None:
    assert parse_timestamp(http_date(seconds)) == seconds


def test_whole_seconds_have_no_fraction() -> None:
    assert (iso8601(0), iso8601(0.5), unix_timestamp(5.0), unix_timestamp(5.25)) == (
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.500Z",
        5,
        5.25,
    )
