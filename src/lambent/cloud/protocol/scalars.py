"""Timestamps as AWS writes them, from and to seconds since the epoch."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

SPECIAL_FLOATS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
"""How floats that are no numbers are written: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HTTP_DATE = re.compile(r"(?:[A-Za-z]+, )?(\d{1,2})[ -]([A-Za-z]{3})[ -](\d{4}) (\d\d):(\d\d):(\d\d)(\.\d+)? (\S+)")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_ISO8601 = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d)(?::?(\d\d)([.,]\d+)?)?)?\s*(Z|z|[+-]\d\d:?\d\d)?")


def parse_timestamp(text: str) -> float:
    """Return the moment `text` names in any of AWS's formats; raises ValueError where it names none.

    A timestamp without a zone is UTC.
    """
    if _NUMBER.fullmatch(text):
        return float(text)
    found = _ISO8601.fullmatch(text)
    if found:
        year, month, day, hour, minute, second = (int(found[group] or 0) for group in range(1, 7))
        return _seconds(datetime(year, month, day, hour, minute, second, tzinfo=_zone(found[8])), found[7])
    found = _HTTP_DATE.fullmatch(text)
    if found and (month_name := found[2].title()) in _MONTHS:
        hour, minute, second = (int(found[group]) for group in (4, 5, 6))
        year, month, day = int(found[3]), _MONTHS.index(month_name) + 1, int(found[1])
        whole = datetime(year, month, day, hour, minute, second, tzinfo=_zone(found[8]))
        return _seconds(whole, found[7])
    raise ValueError(f"not a timestamp: {text!r}")


def _zone(text: str | None) -> timezone:
    if text is None or text in {"Z", "z", "GMT", "UTC"}:
        return UTC
    if not re.fullmatch(r"[+-]\d\d:?\d\d", text):
        raise ValueError(f"not a time zone: {text!r}")
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _seconds(whole: datetime, fraction: str | None) -> float:
    seconds = (whole - _EPOCH) // timedelta(seconds=1)
    return seconds + float(f"0.{fraction[1:]}") if fraction else float(seconds)


def _moment(seconds: float) -> datetime:
    # fromtimestamp() refuses moments before 1970 on some systems.
    return _EPOCH + timedelta(microseconds=round(seconds * 1_000_000))


def iso8601(seconds: float) -> str:
    """Return `2026-01-31T12:00:00Z`, with milliseconds or microseconds where there are any."""
    moment = _moment(seconds).replace(tzinfo=None)
    if not moment.microsecond:
        return moment.isoformat() + "Z"
    return moment.isoformat(timespec="microseconds" if moment.microsecond % 1000 else "milliseconds") + "Z"


def http_date(seconds: float) -> str:
    """Return `Sat, 31 Jan 2026 12:00:00 GMT`."""
    moment = _moment(seconds)
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02} {month} {moment.year:04} {moment:%H:%M:%S} GMT"


def unix_timestamp(seconds: float) -> int | float:
    """Return the seconds as JSON shows them: whole ones without a fraction."""
    whole = int(seconds)
    return whole if whole == seconds else seconds


_TEXT: dict[str, Callable[[float], str]] = {
    "iso8601": iso8601,
    "rfc822": http_date,
    "unixtimestamp": lambda seconds: str(unix_timestamp(seconds)),
}


def timestamp_text(format_name: str) -> Callable[[float], str]:
    """Return the function that writes timestamps in the format the model calls `format_name`."""
    return _TEXT[format_name.lower()]


def decimal_text(value: float) -> str:
    """Return a float as AWS writes it in headers, query strings and XML."""
    if value != value:  # noqa: PLR0124 - only NaN differs from itself
        return "NaN"
    if value in {float("inf"), float("-inf")}:
        return "Infinity" if value > 0 else "-Infinity"
    return str(value)
