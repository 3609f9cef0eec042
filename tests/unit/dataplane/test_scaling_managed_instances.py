"""How many environments a version on Managed Instances is to have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.dataplane.scaling.managed_instances import (
    Load,
    Scale,
    backoff_s,
    decide,
    first_environments,
    needed,
    within,
)


@pytest.mark.parametrize(
    ("load", "slots", "target", "expected"),
    [
        pytest.param(Load(0.0, 0, 0.0), 16, None, 0, id="idle needs nothing; bounds raise it"),
        pytest.param(Load(96.0, 100, 0.0), 16, None, 10, id="slots at sixty per cent"),
        pytest.param(Load(1.0, 1, 6.0), 16, None, 10, id="CPU at sixty per cent"),
        pytest.param(Load(96.0, 100, 9.0), 16, None, 15, id="the scarcer of both decides"),
        pytest.param(Load(1.0, 1, 6.0), 16, 50.0, 12, id="a policy's target"),
        pytest.param(Load(96.0, 100, 0.5), 16, 90.0, 10, id="slots are tracked under a policy too"),
        pytest.param(Load(1.8, 7, 0.1), 1, None, 7, id="a peak has to fit as it was"),
        pytest.param(Load(1.0, 1, 1.0), 16, 0.0, 100, id="a target of nothing is one per cent"),
    ],
)
def test_environments_follow_what_is_consumed(load: Load, slots: int, target: float | None, expected: int) -> None:
    assert needed(load, slots, target) == expected


@given(st.integers(1, 500), st.integers(0, 600), st.integers(0, 600), st.floats(0.0, 1e6), st.floats(0.0, 1e6))
def test_more_comes_at_once_and_less_in_small_steps(
    wanted: int, now_needed: int, lately: int, lowered_at: float, now: float
) -> None:
    lately = max(lately, now_needed)
    after = decide(Scale(wanted, lowered_at), now_needed, lately, every_s=60.0, now=now).wanted
    if now_needed >= wanted:
        assert after == now_needed
    else:
        assert max(now_needed, wanted - max(1, wanted // 10)) <= after <= wanted
        assert after >= min(wanted, lately)


@given(st.floats(0.1, 5000.0), st.integers(1, 64))
def test_half_as_much_again_always_fits(busy: float, slots: int) -> None:
    assert needed(Load(busy, 0, 0.0), slots) * slots >= busy * 1.5


@given(st.integers(0, 100), st.integers(0, 50), st.one_of(st.none(), st.integers(50, 99)))
def test_bounds_hold(wanted: int, minimum: int, maximum: int | None) -> None:
    found = within(wanted, minimum, maximum)
    assert found >= minimum
    assert maximum is None or found <= maximum


@pytest.mark.parametrize(
    ("bounds", "is_first", "earlier", "expected"),
    [
        ((3, None), True, 0, 3),
        ((1, None), True, 0, 3),
        ((1, 2), True, 0, 2),
        ((7, None), True, 0, 7),
        ((1, None), False, 0, 1),
        ((3, 10), False, 40, 10),
        ((0, 0), True, 0, 0),
    ],
)
def test_a_version_comes_up_with_three_or_with_what_serves_already(
    bounds: tuple[int, int | None], *, is_first: bool, earlier: int, expected: int
) -> None:
    assert first_environments(*bounds, is_first=is_first, earlier=earlier) == expected


@given(st.integers(1, 10_000))
def test_waiting_after_failures_grows_to_its_limit(failures: int) -> None:
    assert 10.0 <= backoff_s(failures, 10.0, 300.0) <= backoff_s(failures + 1, 10.0, 300.0) <= 300.0
