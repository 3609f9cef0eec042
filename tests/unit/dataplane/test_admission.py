from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lambent.dataplane.admission import Admission
from lambent.dataplane.types import FunctionArn, ThrottleReason


def _still() -> float:
    return 0.0


def _arn(name: str, region: str = "eu-west-1", account: str = "123456789012") -> FunctionArn:
    return FunctionArn(f"arn:aws:lambda:{region}:{account}:function:{name}")


def test_the_account_limit_is_shared_by_all_functions_of_a_region() -> None:
    limits = Admission(2, _still)
    assert limits.of(_arn("a")).admit() is None
    assert limits.of(_arn("b")).admit() is None
    assert limits.of(_arn("c")).admit() is ThrottleReason.ACCOUNT
    assert limits.of(_arn("c", region="us-east-1")).admit() is None
    assert limits.of(_arn("c", account="000000000000")).admit() is None


def test_a_released_place_can_be_taken_again() -> None:
    function = Admission(1, _still).of(_arn("a"))
    for _ in range(3):
        assert function.admit() is None
        assert function.admit() is ThrottleReason.ACCOUNT
        function.release()


def test_reserved_two_refuses_the_third() -> None:
    function = Admission(1000, _still).of(_arn("a"))
    function.reserve(2)
    assert [function.admit() for _ in range(3)] == [None, None, ThrottleReason.RESERVED]


def test_reserved_zero_refuses_everything() -> None:
    function = Admission(1000, _still).of(_arn("a"))
    function.reserve(0)
    assert function.admit() is ThrottleReason.RESERVED


def test_a_reservation_is_kept_free_for_its_function() -> None:
    limits = Admission(3, _still)
    limits.of(_arn("reserved")).reserve(2)
    other = limits.of(_arn("other"))
    assert [other.admit(), other.admit()] == [None, ThrottleReason.ACCOUNT]
    assert limits.of(_arn("reserved")).admit() is None


def test_what_runs_already_moves_with_the_reservation() -> None:
    limits = Admission(4, _still)
    function, other = limits.of(_arn("a")), limits.of(_arn("b"))
    assert [function.admit(), function.admit()] == [None, None]
    function.reserve(3)  # leaves one for others; the two that run are inside the three
    assert [other.admit(), other.admit()] == [None, ThrottleReason.ACCOUNT]
    assert [function.admit(), function.admit()] == [None, ThrottleReason.RESERVED]
    function.reserve(None)
    assert function.admit() is ThrottleReason.ACCOUNT  # four run in the region now
    for _ in range(3):
        function.release()
    assert [other.admit() for _ in range(4)] == [None, None, None, ThrottleReason.ACCOUNT]


class Watch:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_reservation_allows_ten_requests_a_second_for_each_unit() -> None:
    watch = Watch()
    function = Admission(1000, watch).of(_arn("a"))
    function.reserve(2)

    def served(asked: int) -> list[ThrottleReason | None]:
        refusals = []
        for _ in range(asked):
            refusals.append(function.admit())
            if refusals[-1] is None:
                function.release()
        return refusals

    assert served(22) == [None] * 20 + [ThrottleReason.RESERVED_RATE] * 2
    watch.at = 0.25
    assert served(6) == [None] * 5 + [ThrottleReason.RESERVED_RATE]
    watch.at = 100.0
    assert served(21) == [None] * 20 + [ThrottleReason.RESERVED_RATE]
    assert function.admit(is_event=True) is None
    function.release()
    function.reserve(3)
    assert served(31) == [None] * 30 + [ThrottleReason.RESERVED_RATE]


def test_what_is_not_reserved_shares_ten_requests_a_second_for_each_unit() -> None:
    watch = Watch()
    limits = Admission(1, watch)
    for name in "abcde" * 2:
        function = limits.of(_arn(name))
        assert function.admit() is None
        function.release()
    assert limits.of(_arn("f")).admit() is ThrottleReason.RATE
    assert limits.of(_arn("f", region="us-east-1")).admit() is None
    assert limits.of(_arn("f")).admit(is_event=True) is None
    # Too many at once is found first, and takes nothing from the requests of the second.
    watch.at = 0.1
    assert limits.of(_arn("a")).admit() is ThrottleReason.ACCOUNT
    limits.of(_arn("f")).release()
    assert limits.of(_arn("a")).admit() is None


@given(st.integers(1, 5), st.lists(st.floats(0, 0.7), min_size=1, max_size=400))
def test_no_more_than_two_seconds_worth_comes_through_in_any_one_second(reserved: int, pauses: list[float]) -> None:
    watch = Watch()
    function = Admission(1000, watch).of(_arn("a"))
    function.reserve(reserved)
    admitted: list[float] = []
    for pause in pauses:
        watch.at += pause / 20
        if function.admit() is None:
            function.release()
            admitted.append(watch.at)
    for start in admitted:
        assert sum(start <= at < start + 1.0 for at in admitted) <= 2 * 10 * reserved


_STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["admit", "release", "reserve", "unreserve"]), st.integers(0, 3)),
    max_size=60,
)


@given(_STEPS)
def test_counts_never_drift_whatever_the_order(steps: list[tuple[str, str, int]]) -> None:
    limits = Admission(12, _still)
    running = dict.fromkeys("abc", 0)
    for name, action, amount in steps:
        function = limits.of(_arn(name))
        if action == "admit":
            running[name] += function.admit() is None
        elif action == "release" and running[name]:
            function.release()
            running[name] -= 1
        elif action in {"reserve", "unreserve"}:
            function.reserve(amount if action == "reserve" else None)
    for name, count in running.items():
        for _ in range(count):
            limits.of(_arn(name)).release()
        limits.of(_arn(name)).reserve(None)
        limits.forget(_arn(name))
    fresh = limits.of(_arn("d"))
    assert [fresh.admit() for _ in range(13)] == [None] * 12 + [ThrottleReason.ACCOUNT]
