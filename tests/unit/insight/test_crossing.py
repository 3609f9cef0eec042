"""The point where two costs cross, against a walk from request to request."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from lambent.insight.crossing import Curve, break_even, curve


def straight(slope: Fraction) -> Curve:
    return Curve(((Fraction(0), Fraction(0)),), slope)


def test_a_curve_is_linear_between_its_corners() -> None:
    made = curve(lambda requests: max(requests - 100, Fraction(0)) * 2, [Fraction(100)])
    assert made.corners == ((Fraction(0), Fraction(0)), (Fraction(100), Fraction(0)))
    assert made.slope == 2
    assert [made.at(Fraction(place)) for place in (0, 50, 100, 150)] == [0, 0, 0, 100]
    assert [made.reaches(Fraction(amount)) for amount in (0, 1, 100)] == [0, Fraction(201, 2), 150]


def test_a_curve_that_falls_flat_never_reaches_more() -> None:
    made = Curve(((Fraction(0), Fraction(0)), (Fraction(10), Fraction(5))), Fraction(0))
    assert made.reaches(Fraction(5)) == 10
    assert made.reaches(Fraction(6)) is None


def test_instances_that_are_filled_before_they_pay_never_pay() -> None:
    # 1,000 requests fill an instance of 50, and cost 10 on demand.
    assert break_even(straight(Fraction(1, 100)), Fraction(50), lambda n: Fraction(max(3, -(-n // 1_000)))) is None


def test_the_point_is_a_fraction_of_a_request_where_it_falls_there() -> None:
    assert break_even(straight(Fraction(3, 100)), Fraction(1), lambda _: Fraction(2)) == Fraction(200, 3)


@given(
    slope=st.fractions(Fraction(1, 20), 2, max_denominator=20),
    later=st.fractions(Fraction(1, 20), 2, max_denominator=20),
    kink=st.integers(1, 200),
    free=st.integers(0, 50),
    each=st.integers(1, 40),
    filled=st.integers(5, 80),
    least=st.integers(1, 3),
)
def test_no_fewer_requests_pay_than_the_walk_says(  # noqa: PLR0913, PLR0917  what makes two costs
    slope: Fraction, later: Fraction, kink: int, free: int, each: int, filled: int, least: int
) -> None:
    def cost(requests: Fraction) -> Fraction:
        billed = max(requests - free, Fraction(0))
        return min(billed, Fraction(kink)) * slope + max(billed - kink, Fraction(0)) * later

    def count(requests: Fraction) -> Fraction:
        return Fraction(max(least, -(-requests // filled)))

    found = break_even(curve(cost, [Fraction(free), Fraction(free + kink)]), Fraction(each), count)
    walked = next((n for n in range(3_000) if cost(Fraction(n)) >= each * count(Fraction(n))), None)
    if walked is None:
        assert found is None or found > 2_999 or found.denominator > 1
        return
    assert found is not None
    assert walked - 1 < found <= walked
    assert cost(found) >= each * count(found)
