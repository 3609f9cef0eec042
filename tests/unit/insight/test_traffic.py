"""Rates as people write them, and traffic as rates, days and periods."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.insight.figures import Basis, Figure, InsightError, Origin
from lambent.insight.traffic import DAY_S, MONTH_S, Duration, Rate, Traffic, daily, parse_rate, steady

GIVEN = Origin(Basis.GIVEN, "--rate")


@pytest.mark.parametrize(
    ("text", "requests", "period_s"),
    [
        ("40/s", 40, 1),
        ("40rps", 40, 1),
        ("40 requests/second", 40, 1),
        ("1.5k/min", 1_500, 60),
        ("1,000,000/day", 1e6, 86_400),
        ("100M/month", 1e8, 730 * 3600),
        ("2B per year", 2e9, 8_760 * 3600),
    ],
)
def test_a_rate_is_read_as_people_write_it(text: str, requests: float, period_s: float) -> None:
    assert parse_rate(text) == Rate(requests, period_s)


@pytest.mark.parametrize("text", ["", "40", "forty/s", "40/fortnight", "-3/s", "0/s", "1e3/s"])
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InsightError) as caught:
        parse_rate(text)
    assert caught.value.advice


def test_a_month_of_a_given_rate_is_exact() -> None:
    assert steady(parse_rate("100M/month"), GIVEN).per_month == 100_000_000
    assert steady(parse_rate("40/s"), GIVEN).per_month == 40 * 730 * 3600


@pytest.mark.parametrize("ratio", [1, 1.2, 2, 5, 100])
def test_a_day_has_the_mean_and_the_peak_that_were_asked_for(ratio: float) -> None:
    day = daily(Rate(10, 1), Rate(10 * ratio, 1), GIVEN)
    assert day.span_s == DAY_S
    assert day.mean_per_second == pytest.approx(10)
    assert day.peak_per_second == pytest.approx(10 * ratio)
    assert day.requests.index(max(day.requests)) == 720 or ratio == 1


@pytest.mark.parametrize("peak", [9.9, 1_001])
def test_a_peak_that_no_day_has_is_refused(peak: float) -> None:
    with pytest.raises(InsightError, match="peak"):
        daily(Rate(10, 1), Rate(peak, 1), GIVEN)


def test_traffic_goes_on_where_its_span_ends() -> None:
    traffic = Traffic((60.0, 0.0, 30.0), 60.0, GIVEN)
    assert traffic.over(5 * 60).requests == (60, 0, 30, 60, 0)
    assert traffic.over(60, 20).requests == pytest.approx((20, 20, 20))
    assert traffic.over(180, 90).requests == pytest.approx((60, 30))


def test_traffic_in_other_periods_keeps_what_is_known_of_a_request() -> None:
    told = Duration(80, GIVEN, ((0.99, 400.0),))
    traffic = Traffic((60.0,), 60.0, GIVEN, told, Figure(12, GIVEN), Figure(180, GIVEN), 1e9)
    other = traffic.over(120, 30).scaled(2)
    assert (other.duration, other.cpu_ms, other.memory_mb, other.begin_s) == (
        told,
        traffic.cpu_ms,
        traffic.memory_mb,
        1e9,
    )
    assert other.requests == pytest.approx((60, 60, 60, 60))


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=20).filter(lambda some: math.fsum(some) > 0),
    st.floats(0.5, 600),
    st.integers(1, 400),
    st.integers(1, 7),
)
def test_no_request_is_lost_or_made_where_periods_change(
    requests: list[float], period_s: float, parts: int, rounds: int
) -> None:
    traffic = Traffic(tuple(requests), period_s, GIVEN)
    other = traffic.over(rounds * traffic.span_s, rounds * traffic.span_s / parts)
    assert len(other.requests) == parts
    assert other.total == pytest.approx(rounds * traffic.total)
    # A month is told to the millionth of a request.
    assert other.per_month == pytest.approx(traffic.total / traffic.span_s * MONTH_S, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("requests", "period_s"), [((), 60.0), ((1.0,), 0.0), ((-1.0,), 60.0), ((1.0,), math.nan)])
def test_what_is_no_traffic_cannot_be_made(requests: tuple[float, ...], period_s: float) -> None:
    with pytest.raises(ValueError, match="period"):
        Traffic(requests, period_s, GIVEN)
