"""Schedule expressions, `rate(…)`, `cron(…)` and `at(…)`: what they say, and when they fall due next.

EventBridge rules and EventBridge Scheduler read them in dialects of their own. A rule wants `rate(1 minute)` and
`rate(5 minutes)` spelled as English is, knows no `at`, and lives in UTC; Scheduler takes either spelling, and evaluates
cron and at in a time zone. There a local time that the clocks skip in spring has no occurrence, and one that they pass
twice in autumn has one, at its first passing.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import calendar
import math
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import Enum, auto

_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_SATURDAY = 7
_DAYS_OF_A_WEEK = 7
_WEEKS_OF_A_MONTH = 5


class InvalidScheduleError(ValueError):
    """The text is no schedule expression of its dialect; the error's text is AWS's."""


class Dialect(Enum):
    """Whose expressions are read."""

    RULE = auto()
    SCHEDULER = auto()

    def refuse(self, text: str) -> InvalidScheduleError:
        """Return the error for an expression that is not of this dialect."""
        if self is Dialect.RULE:
            return InvalidScheduleError("Parameter ScheduleExpression is not valid.")
        return InvalidScheduleError(f"Invalid Schedule Expression {text}.")


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so many seconds, counted from a moment that belongs to the schedule."""

    period_s: int

    def next_after(self, now: float, zone: tzinfo = UTC, *, since: float = 0.0) -> float:
        """Return the first moment after `now` of those that are a whole number of periods behind `since`.

        `since` itself is one of them: it is returned for a `now` before it.
        """
        if now < since:
            return since
        found = since + (math.floor((now - since) / self.period_s) + 1) * self.period_s
        return found if found > now else found + self.period_s  # what division rounded up is rounded no further


@dataclass(frozen=True, slots=True)
class At:
    """Once, at a local time; where that is skipped in spring, as much later as the clocks are put forward."""

    moment: datetime

    def next_after(self, now: float, zone: tzinfo = UTC, *, since: float = 0.0) -> float | None:
        """Return the moment in that time zone if it is after `now`, else None."""
        found = self.due(zone)
        return found if found > now else None

    def due(self, zone: tzinfo = UTC) -> float:
        """Return the moment in that time zone."""
        return self.moment.replace(tzinfo=zone).timestamp()


_DaysOfMonth = Callable[[int, int], Sequence[int]]
"""Which days of a year's month are meant, in order."""


@dataclass(frozen=True, slots=True)
class Cron:
    """Whenever the minute, the hour, the day, the month and the year are among those meant."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: _DaysOfMonth
    months: tuple[int, ...]
    years: tuple[int, ...]

    def next_after(self, now: float, zone: tzinfo = UTC, *, since: float = 0.0) -> float | None:
        """Return the first occurrence after `now` in that time zone; None if there is none up to the year 2199."""
        # Whole seconds: a moment just before a minute would be rounded into it.
        local = datetime.fromtimestamp(math.floor(now), zone).replace(tzinfo=None, second=0, fold=0)
        for found in self._local_times(local + timedelta(minutes=1)):
            moment = _moment_of(found, zone)
            # A local time that comes twice has passed already for a `now` between its two comings.
            if moment is not None and moment > now:
                return moment
        return None

    def _local_times(self, start: datetime) -> Iterator[datetime]:
        for day in self._dates(start.date()):
            is_first = day == start.date()
            for hour in self.hours[bisect_left(self.hours, start.hour) :] if is_first else self.hours:
                for minute in self.minutes:
                    if not is_first or (hour, minute) >= (start.hour, start.minute):
                        yield datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - a local time

    def _dates(self, start: date) -> Iterator[date]:
        for year in self.years[bisect_left(self.years, start.year) :]:
            for month in self.months:
                if (year, month) >= (start.year, start.month):
                    for day in self.days(year, month):
                        if (year, month, day) >= (start.year, start.month, start.day):
                            yield date(year, month, day)


Schedule = Rate | Cron | At


def parse_schedule(text: str, dialect: Dialect) -> Schedule:
    """Return what an expression says in a dialect; raises InvalidScheduleError with AWS's text."""
    kind, _, rest = text.partition("(")
    try:
        if rest.endswith(")"):
            if kind == "rate":
                return _rate(rest[:-1], dialect)
            if kind == "cron":
                return _cron(rest[:-1])
            if kind == "at" and dialect is Dialect.SCHEDULER:
                return _at(rest[:-1])
    except ValueError as error:
        raise dialect.refuse(text) from error
    raise dialect.refuse(text)


def _moment_of(local: datetime, zone: tzinfo) -> float | None:
    """Return when a local time comes first; None where the clocks skip it."""
    aware = local.replace(tzinfo=zone)
    moment = aware.timestamp()
    is_skipped = datetime.fromtimestamp(moment, zone).replace(tzinfo=None, fold=0) != local
    return None if is_skipped else moment


def _rate(text: str, dialect: Dialect) -> Rate:
    found = re.fullmatch(r"([0-9]{1,9}) +(minute|hour|day)(s?)", text)
    if found is None or int(found[1]) == 0:
        raise ValueError("a rate is a positive number of minutes, hours or days")
    number, unit, is_plural = int(found[1]), found[2], bool(found[3])
    if dialect is Dialect.RULE and is_plural != (number > 1):
        raise ValueError("one minute is singular, more are plural")
    return Rate(number * _SECONDS[unit])


def _at(text: str) -> At:
    # `fromisoformat` alone would also take dates without hyphens, zones and fractions.
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}", text):
        raise ValueError("a moment is written yyyy-mm-ddThh:mm:ss")
    moment = datetime.fromisoformat(text)
    if moment.year < _FIRST_YEAR:
        raise ValueError("the moment is before all time")
    return At(moment)


def _cron(text: str) -> Cron:
    minute, hour, day, month, weekday, year = text.split()  # another number of fields is a ValueError, too
    if (day == "?") == (weekday == "?"):
        raise ValueError("one of day-of-month and day-of-week is ?")
    return Cron(
        minutes=_MINUTE.values(minute),
        hours=_HOUR.values(hour),
        days=_days_by_weekday(weekday.upper()) if day == "?" else _days_by_number(day.upper()),
        months=_MONTH.values(month.upper()),
        years=_YEAR.values(year),
    )


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of numbers, of which the first may have names."""

    first: int
    last: int
    names: tuple[str, ...] = ()

    def values(self, text: str) -> tuple[int, ...]:
        """Return the numbers meant, in order; raises ValueError."""
        return tuple(sorted({value for part in text.split(",") for value in self._part(part)}))

    def number(self, text: str) -> int:
        """Return one number, written as such or by its name; raises ValueError."""
        if text in self.names:
            return self.first + self.names.index(text)
        if not re.fullmatch("[0-9]{1,4}", text) or not self.first <= int(text) <= self.last:
            raise ValueError(f"{text!r} is not from {self.first} to {self.last}")
        return int(text)

    def _part(self, text: str) -> Iterator[int]:
        span, slash, step = text.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = self.first, self.last
        elif dash:
            start, end = self.number(first), self.number(last)
        else:
            start = self.number(span)
            end = self.last if slash else start
        every = self._step(step) if slash else 1
        if start > end:  # 22-2 goes on at the field's beginning: 22, 23, 0, 1, 2
            end += self.last - self.first + 1
        for value in range(start, end + 1, every):
            yield value if value <= self.last else value - (self.last - self.first + 1)

    def _step(self, text: str) -> int:
        if not re.fullmatch("[0-9]{1,4}", text) or not 0 < int(text) <= self.last:
            raise ValueError(f"{text!r} is no step of values up to {self.last}")
        return int(text)


_MINUTE, _HOUR, _DAY, _YEAR = _Field(0, 59), _Field(0, 23), _Field(1, 31), _Field(_FIRST_YEAR, _LAST_YEAR)
_MONTH, _WEEKDAY = _Field(1, 12, _MONTHS), _Field(1, _DAYS_OF_A_WEEK, _WEEKDAYS)


def _days_by_number(text: str) -> _DaysOfMonth:
    """Return the days that a day-of-month field means: numbers, `L`, `L-3`, `LW` or `15W`."""
    if found := re.fullmatch(r"L(?:-([0-9]{1,2}))?", text):
        before_last = int(found[1] or 0)
        if before_last >= _DAY.last:
            raise ValueError("no month has as many days")
        return lambda year, month: _existing(_length(year, month) - before_last, year, month)
    if text == "LW":
        return lambda year, month: (_nearest_working_day(year, month, _length(year, month)),)
    if text.endswith("W"):
        day = _DAY.number(text[:-1])
        return lambda year, month: (_nearest_working_day(year, month, day),) if day <= _length(year, month) else ()
    days = _DAY.values(text)
    return lambda year, month: days[: bisect_left(days, _length(year, month) + 1)]


def _days_by_weekday(text: str) -> _DaysOfMonth:
    """Return the days that a day-of-week field means: numbers and names, `L` (Saturday), `6L` or `3#2`."""
    if "#" in text:
        name, _, week = text.partition("#")
        weekday, nth = _WEEKDAY.number(name), int(week)
        if not 1 <= nth <= _WEEKS_OF_A_MONTH:
            raise ValueError("a month has up to five of each weekday")
        return lambda year, month: _on_weekday(year, month, weekday)[nth - 1 : nth]
    if text.endswith("L") and text != "L":
        last = _WEEKDAY.number(text[:-1])
        return lambda year, month: _on_weekday(year, month, last)[-1:]
    weekdays = (_SATURDAY,) if text == "L" else _WEEKDAY.values(text)
    return lambda year, month: sorted(day for each in weekdays for day in _on_weekday(year, month, each))


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _existing(day: int, year: int, month: int) -> tuple[int, ...]:
    return (day,) if 1 <= day <= _length(year, month) else ()


def _weekday_of(year: int, month: int, day: int) -> int:
    """Return a date's weekday as cron counts: Sunday is 1."""
    return (calendar.weekday(year, month, day) + 1) % _DAYS_OF_A_WEEK + 1


def _on_weekday(year: int, month: int, weekday: int) -> Sequence[int]:
    first = 1 + (weekday - _weekday_of(year, month, 1)) % _DAYS_OF_A_WEEK
    return range(first, _length(year, month) + 1, _DAYS_OF_A_WEEK)


def _nearest_working_day(year: int, month: int, day: int) -> int:
    """Return the day from Monday to Friday that is nearest to a day, of the same month."""
    weekday = _weekday_of(year, month, day)
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == 1:
        return day + 1 if day < _length(year, month) else day - 2
    return day
