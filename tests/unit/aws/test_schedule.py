"""Schedule expressions against AWS's recordings and examples, and against a walk from minute to minute."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.aws.schedule import Dialect, InvalidScheduleError, parse_schedule

BERLIN = ZoneInfo("Europe/Berlin")
_NAMES = dict(zip(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], range(1, 8), strict=True))
_ZONES = [UTC, *map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"))]


def _moment(text: str, zone: ZoneInfo | None = None, *, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC, fold=fold).timestamp()


def _occurrences(expression: str, after: str, count: int, zone: ZoneInfo | None = None) -> list[str]:
    """Return the next few occurrences, in UTC."""
    schedule = parse_schedule(expression, Dialect.SCHEDULER)
    now: float | None = _moment(after)
    found = []
    for _ in range(count):
        now = schedule.next_after(now, zone or UTC) if now is not None else None
        if now is not None:
            found.append(f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("expression", "first", "second"),
    [
        # The examples of https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
        ("cron(0 10 * * ? *)", "2026-01-01 10:00", "2026-01-02 10:00"),
        ("cron(15 12 * * ? *)", "2026-01-01 12:15", "2026-01-02 12:15"),
        ("cron(0 18 ? * MON-FRI *)", "2026-01-01 18:00", "2026-01-02 18:00"),
        ("cron(0 8 1 * ? *)", "2026-01-01 08:00", "2026-02-01 08:00"),
        ("cron(0/15 * * * ? *)", "2026-01-01 00:15", "2026-01-01 00:30"),
        ("cron(0/10 * ? * MON-FRI *)", "2026-01-01 00:10", "2026-01-01 00:20"),
        ("cron(0/5 8-17 ? * MON-FRI *)", "2026-01-01 08:00", "2026-01-01 08:05"),
        ("cron(0/30 20-2 ? * MON-FRI *)", "2026-01-01 00:30", "2026-01-01 01:00"),
        ("cron(15 10 ? * 6L 2026-2027)", "2026-01-30 10:15", "2026-02-27 10:15"),
        # The wildcards of days.
        ("cron(0 0 L * ? *)", "2026-01-31 00:00", "2026-02-28 00:00"),
        ("cron(0 0 L-3 * ? *)", "2026-01-28 00:00", "2026-02-25 00:00"),
        ("cron(0 0 LW * ? *)", "2026-01-30 00:00", "2026-02-27 00:00"),
        ("cron(0 0 1W * ? *)", "2026-02-02 00:00", "2026-03-02 00:00"),
        ("cron(0 0 31W * ? *)", "2026-01-30 00:00", "2026-03-31 00:00"),
        ("cron(0 0 15W FEB ? *)", "2026-02-16 00:00", "2027-02-15 00:00"),
        ("cron(0 0 ? * 3#2 *)", "2026-01-13 00:00", "2026-02-10 00:00"),
        ("cron(0 0 ? * fri#5 *)", "2026-01-30 00:00", "2026-05-29 00:00"),
        ("cron(0 0 ? * L *)", "2026-01-03 00:00", "2026-01-10 00:00"),
        ("cron(0 0 ? * FRI-MON *)", "2026-01-02 00:00", "2026-01-03 00:00"),
        ("cron(0 0 ? * 2#1 *)", "2026-01-05 00:00", "2026-02-02 00:00"),
        ("cron(0 0 29 2 ? *)", "2028-02-29 00:00", "2032-02-29 00:00"),
        ("cron(30 1 1 JAN,jul ? 2100/50)", "2100-01-01 01:30", "2100-07-01 01:30"),
    ],
)
def test_cron_falls_due_as_its_fields_say(expression: str, first: str, second: str) -> None:
    assert _occurrences(expression, "2026-01-01T00:00:00", 2) == [first, second]


@pytest.mark.parametrize("expression", ["cron(0 0 30 2 ? *)", "cron(0 0 1 1 ? 2020)", "cron(0 0 ? 2 2#5 2027)"])
def test_what_never_comes_again_has_no_next_occurrence(expression: str) -> None:
    assert _occurrences(expression, "2026-01-01T00:00:00", 1) == []


def test_local_time_skipped_in_spring_has_no_occurrence() -> None:
    found = _occurrences("cron(30 2 * * ? *)", "2026-03-28T00:00:00", 2, BERLIN)

    assert found == ["2026-03-28 01:30", "2026-03-30 00:30"]


def test_local_time_that_comes_twice_in_autumn_has_one_occurrence() -> None:
    found = _occurrences("cron(30 2 * * ? *)", "2026-10-24T00:00:00", 3, BERLIN)

    assert found == ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]


def test_rate_is_counted_from_the_schedules_own_moment() -> None:
    rate = parse_schedule("rate(90 minutes)", Dialect.RULE)

    assert rate.next_after(500.0, since=1000.0) == 1000.0
    assert rate.next_after(1000.0, since=1000.0) == 6400.0
    assert rate.next_after(6399.0, since=1000.0) == 6400.0


def test_one_time_schedule_falls_due_once_in_its_zone() -> None:
    once = parse_schedule("at(2026-07-01T12:00:30)", Dialect.SCHEDULER)
    due = _moment("2026-07-01T10:00:30")

    assert once.next_after(0.0, BERLIN) == due
    assert once.next_after(due, BERLIN) is None


_NOT_CRON = [
    "cron(0 1 * * * *)",
    "cron(7 20 * * NOT *)",
    "cron(INVALID)",
    "cron(0 dummy ? * MON-FRI *)",
    "cron(71 8 1 * ? *)",
    "cron()",
    "cron(0 10 ? * ? *)",
    "cron(0 10 * * ?)",
    "cron(0 10 * * ? * *)",
    "cron(* 24 * * ? *)",
    "cron(0 0 ? * 3#1,6#3 *)",
    "cron(0 0 ? * 3#6 *)",
    "cron(0 0 L-31 * ? *)",
    "cron(0/0 0 * * ? *)",
    "cron(? 0 * * ? *)",
    "cron(0 0 1-3W * ? *)",
    "cron(0 0 * * ? 2200)",
]
_NOT_RATE = [
    "rate(10 seconds)",
    "rate(10 years)",
    "rate()",
    "rate(10)",
    "rate(10 minutess)",
    "rate(foo minutes)",
    "rate(0 minutes)",
    "rate(0 minute)",
    "rate(-10 minutes)",
    "rate( 10 minutes )",
    " rate(10 minutes)",
    "rate(10 minutes",
    "",
]


@pytest.mark.parametrize(
    "expression",
    [*_NOT_CRON, *_NOT_RATE, "at(2021-12-31T23:59:59Z)", "at(2021-12-31)", "at(2021-02-30T00:00:00)", "at()"],
)
def test_scheduler_refuses_what_is_no_expression(expression: str) -> None:
    with pytest.raises(InvalidScheduleError) as refused:
        parse_schedule(expression, Dialect.SCHEDULER)

    assert str(refused.value) == f"Invalid Schedule Expression {expression}."


@pytest.mark.parametrize(
    "expression", [*_NOT_CRON, *_NOT_RATE, "rate(1 minutes)", "rate(5 hour)", "at(2026-07-01T12:00:00)"]
)
def test_rules_refuse_what_is_no_expression_of_theirs(expression: str) -> None:
    with pytest.raises(InvalidScheduleError) as refused:
        parse_schedule(expression, Dialect.RULE)

    assert str(refused.value) == "Parameter ScheduleExpression is not valid."


@pytest.mark.parametrize("expression", ["rate(1 minute)", "rate(1 minutes)", "rate(5 hours)", "rate(5 hour)"])
def test_scheduler_takes_either_spelling_of_a_rate(expression: str) -> None:
    parse_schedule(expression, Dialect.SCHEDULER)


def _numbers(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    return st.one_of(
        st.just("*"),
        number.map(str),
        st.lists(number, min_size=2, max_size=3).map(lambda some: ",".join(map(str, some))),
        st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}"),
        st.tuples(number, st.integers(1, high)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
    )


_DAYS = st.one_of(_numbers(1, 31), st.sampled_from(["L", "LW", "L-2", "1W", "15W", "30W"]))
_WEEKDAYS = st.one_of(_numbers(1, 7), st.sampled_from(["MON-FRI", "SUN", "2L", "FRI#1", "7#5", "L"]))
_BOTH = st.one_of(_DAYS.map(lambda day: (day, "?")), _WEEKDAYS.map(lambda day: ("?", day)))
_CRONS = st.builds(
    lambda minute, hour, days, month: f"cron({minute} {hour} {days[0]} {month} {days[1]} *)",
    _numbers(0, 59),
    _numbers(0, 23),
    _BOTH,
    _numbers(1, 12),
)
# Around the days on which the clocks of one of the zones change, and an ordinary month's end.
_STARTS = [_moment(day) for day in ("2026-03-28", "2026-10-24", "2026-04-04", "2026-11-01", "2028-02-28")]


@given(_CRONS, st.sampled_from(_STARTS), st.integers(0, 86399), st.sampled_from(_ZONES))
def test_next_occurrence_is_the_one_that_a_walk_finds(text: str, start: float, seconds: int, zone: ZoneInfo) -> None:
    now = start + seconds
    found = parse_schedule(text, Dialect.SCHEDULER).next_after(now, zone)

    walked = _walk(text, now, zone, minutes=2 * 1440)
    if walked is not None:
        assert found == walked
    else:
        assert found is None or found > now + 2 * 86400 - 60


def _walk(text: str, now: float, zone: ZoneInfo, *, minutes: int) -> float | None:
    fields = text[5:-1].split()
    days: dict[tuple[int, int, int], bool] = {}
    first = int(now // 60 + 1) * 60
    for moment in range(first, first + minutes * 60, 60):
        local = datetime.fromtimestamp(moment, zone)
        key = (local.year, local.month, local.day)
        if key not in days:
            days[key] = _is_meant(local.month, fields[3], 1, 12) and _is_day(local, fields[2], fields[4])
        if (
            local.fold == 0
            and days[key]
            and _is_meant(local.minute, fields[0], 0, 59)
            and _is_meant(local.hour, fields[1], 0, 23)
        ):
            return moment
    return None


def _is_meant(value: int, field: str, low: int, high: int) -> bool:
    if field == "*":
        return True
    if "/" in field:
        start, step = map(int, field.split("/"))
        return value in range(start, high + 1, step)
    if "-" in field:
        start, end = map(int, field.split("-"))
        return start <= value <= end
    assert low <= value <= high
    return str(value) in field.split(",")


def _is_day(local: datetime, day: str, weekday: str) -> bool:
    length = calendar.monthrange(local.year, local.month)[1]
    if day == "?":
        return _is_weekday(local, weekday, length)
    if day == "L":
        return local.day == length
    if day.startswith("L-"):
        return local.day == length - int(day[2:])
    if day.endswith("W"):
        wanted = length if day == "LW" else int(day[:-1])
        return wanted <= length and local.day == _working_day(local, wanted)
    return _is_meant(local.day, day, 1, 31)


def _working_day(local: datetime, wanted: int) -> int:
    """Return the working day of the month that is nearest to a day, the later of two equally near."""
    target = local.replace(day=wanted)
    near = [target + timedelta(days=offset) for offset in (0, 1, -1, 2, -2)]
    return next(each.day for each in near if each.month == local.month and each.weekday() < 5)


def _is_weekday(local: datetime, field: str, length: int) -> bool:
    number = (local.weekday() + 1) % 7 + 1
    if field == "L":
        return number == 7
    if field.endswith("L"):
        return number == int(field[:-1]) and local.day + 7 > length
    if "#" in field:
        name, nth = field.split("#")
        return number == _NAMES.get(name, 0) + (int(name) if name.isdigit() else 0) and (local.day - 1) // 7 + 1 == int(
            nth
        )
    for name, each in _NAMES.items():
        field = field.replace(name, str(each))
    return _is_meant(number, field, 1, 7)
