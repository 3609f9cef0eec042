from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.dataplane.scaling.on_demand import Age, AgeLimits, Allowance, Demand, decide, expired, next_expiry

FULL = Allowance(1000.0, at=0.0)


@pytest.mark.parametrize(
    ("waiting", "starting", "slots", "start"),
    [
        pytest.param(1, 0, 1, 1, id="the first invocation starts the first environment"),
        pytest.param(20, 0, 1, 20, id="twenty at once start twenty"),
        pytest.param(20, 20, 1, 0, id="what is on its way is not started twice"),
        pytest.param(4, 20, 1, 0, id="more on its way than waits"),
        pytest.param(5, 0, 2, 3, id="slots are filled before another environment starts"),
        pytest.param(5, 2, 2, 1, id="slots on their way count"),
        pytest.param(0, 0, 1, 0, id="nobody waits"),
    ],
)
def test_as_many_start_as_wait_without_a_slot_coming(waiting: int, starting: int, slots: int, start: int) -> None:
    assert decide(Demand(waiting, starting, slots), FULL, now=0.0).start == start


def test_a_function_grows_by_a_thousand_environments_per_ten_seconds() -> None:
    first = decide(Demand(waiting=3000, starting=0, slots=1), FULL, now=0.0)
    assert first.start == 1000
    at_once = decide(Demand(waiting=2000, starting=0, slots=1), first.allowance, now=0.0)
    assert at_once.start == 0
    after_a_second = decide(Demand(waiting=2000, starting=0, slots=1), at_once.allowance, now=1.0)
    assert after_a_second.start == 100
    after_ten_more = decide(Demand(waiting=2000, starting=0, slots=1), after_a_second.allowance, now=60.0)
    assert after_ten_more.start == 1000


@given(st.lists(st.tuples(st.integers(0, 2000), st.floats(0, 5)), max_size=30))
def test_no_ten_seconds_start_more_than_the_burst_and_the_refill(steps: list[tuple[int, float]]) -> None:
    allowance, now, started = FULL, 0.0, 0
    for waiting, pause in steps:
        now += pause
        decision = decide(Demand(waiting, 0, 1), allowance, now)
        allowance, started = decision.allowance, started + decision.start
        assert 0 <= decision.start <= waiting
    assert started <= 1000 + 100 * now + 1e-6


def test_a_clock_that_goes_back_earns_nothing() -> None:
    assert decide(Demand(5, 0, 1), Allowance(2.0, at=100.0), now=50.0).start == 2


def test_those_idle_for_as_long_as_the_expiry_are_ended() -> None:
    limits = AgeLimits(idle_s=600.0, lifetime_s=7200.0)
    assert expired([Age(0.0, since) for since in (100.0, 40.0, 39.0)], now=640.0, limits=limits) == [1, 2]
    assert expired([], now=640.0, limits=limits) == []


def test_what_is_of_age_is_ended_unless_it_is_busy() -> None:
    limits = AgeLimits(idle_s=600.0, lifetime_s=7200.0)
    ages = [Age(0.0, 7199.0), Age(1.0, 7199.0), Age(0.0, None)]
    assert expired(ages, now=7200.0, limits=limits) == [0]
    assert next_expiry(ages, 7200.0, limits) == 7201.0
    assert next_expiry([], 7200.0, AgeLimits(idle_s=600.0, lifetime_s=60.0)) == 7260.0
