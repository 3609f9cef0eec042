"""Spans of time as people write them."""

from __future__ import annotations

import re

from lambent.cli.errors import CommandError, ExitCode

_SPAN = re.compile(
    r"(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+(?:\.\d+)?)(?:s|$))?"
    r"(?:(?P<milliseconds>\d+)ms)?"
)
_UNITS = {"days": 86_400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0, "milliseconds": 0.001}


def span(text: str) -> float:
    """Return the seconds that `90s`, `5m`, `1h30m`, `2d`, `250ms` stand for; raises CommandError.

    >>> [span(text) for text in ("90s", "1h30m", "2d", "45", "250ms")]
    [90.0, 5400.0, 172800.0, 45.0, 0.25]
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        raise CommandError(f"{text!r} is no span of time.", "Give one such as 90s, 5m, 1h30m or 2d.", ExitCode.USAGE)
    return sum(float(found[unit] or 0) * size for unit, size in _UNITS.items())


def length(text: str) -> float:
    """Return the seconds of a span that something is to last; raises CommandError, also for none at all.

    >>> length("90s")
    90.0
    """
    seconds = span(text)
    if seconds == 0:
        raise CommandError(f"{text!r} is no time at all.", "Give a span such as 90s, 5m or 1h.", ExitCode.USAGE)
    return seconds


def told(seconds: float) -> str:
    """Return a span as it is shown.

    >>> told(5), told(65), told(7260)
    ('5 s', '1 min 5 s', '2 h 1 min')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
