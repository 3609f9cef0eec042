"""The path of a request: fair, in constant time, around environments that are busy, with one reason when all are."""

from __future__ import annotations

from collections import Counter, OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.dataplane.capacity.routing import Environment, Router
from lambent.dataplane.capacity.types import CapacityThrottle, DeploymentId, EnvironmentId, InstanceId

Queue = OrderedDict[EnvironmentId, Environment]


def environments(count: int) -> list[Environment]:
    return [Environment(EnvironmentId(f"e{each}"), DeploymentId("d"), InstanceId("i")) for each in range(count)]


def router(count: int, slots: int) -> tuple[Router, list[Environment]]:
    made = Router(slots, now=0.0)
    members = environments(count)
    for each in members:
        made.add(each)
    return made, members


def press(made: Router, environment: Environment, **shares: float) -> None:
    environment.cpu = shares.get("cpu", 0.0)
    environment.memory = shares.get("memory", 0.0)
    environment.disk = shares.get("disk", 0.0)
    made.repress(environment)


def test_requests_spread_evenly() -> None:
    made, members = router(5, slots=4)
    taken = Counter(made.take(0.0) for _ in range(10))
    assert set(taken.values()) == {2}
    assert {each.busy for each in members} == {2}


def test_an_environment_without_a_free_slot_is_passed_over() -> None:
    made, (first, second) = router(2, slots=2)
    for _ in range(3):
        made.take(0.0)
    made.release(second, 0.0)
    assert first.busy == 2
    assert {made.take(0.0), made.take(0.0)} == {second.environment_id}
    assert made.take(0.0) is CapacityThrottle.CONCURRENCY


def test_an_environment_short_of_cpu_is_passed_over_until_it_is_not() -> None:
    made, (first, second) = router(2, slots=8)
    press(made, first, cpu=0.97)
    assert {made.take(0.0) for _ in range(3)} == {second.environment_id}
    press(made, first, cpu=0.4)
    assert [made.take(0.0) for _ in range(3)] == [first.environment_id] * 3


@pytest.mark.parametrize(
    ("shares", "reason"),
    [
        ({"cpu": 1.0}, CapacityThrottle.CPU),
        ({"memory": 0.96}, CapacityThrottle.MEMORY),
        ({"disk": 0.99}, CapacityThrottle.DISK),
        ({"cpu": 1.0, "memory": 1.0}, CapacityThrottle.MEMORY),
    ],
)
def test_what_presses_all_environments_is_the_reason(shares: dict[str, float], reason: CapacityThrottle) -> None:
    made, members = router(3, slots=4)
    for each in members:
        press(made, each, **shares)
    assert made.take(0.0) is reason


def test_where_some_are_full_and_some_pressed_free_slots_decide_the_reason() -> None:
    made, (first, second) = router(2, slots=1)
    made.take(0.0)
    press(made, second, cpu=1.0)
    assert made.take(0.0) is CapacityThrottle.CPU
    press(made, second)
    made.take(0.0)
    assert made.take(0.0) is CapacityThrottle.CONCURRENCY
    press(made, first, cpu=1.0)
    assert made.take(0.0) is CapacityThrottle.CONCURRENCY
    made.release(first, 0.0)
    assert made.take(0.0) is CapacityThrottle.CPU


def test_a_slot_is_given_back_once() -> None:
    made, (only,) = router(1, slots=2)
    made.take(0.0)
    made.release(only, 0.0)
    with pytest.raises(ValueError, match="more slots released"):
        made.release(only, 0.0)


def test_the_mean_and_the_peak_are_of_the_time_since_they_were_last_asked_for() -> None:
    made, members = router(2, slots=4)
    made.take(0.0)
    made.take(5.0)
    assert made.peak == 2
    assert made.mean(0.0, 10.0) == pytest.approx(1.5)
    made.release(members[0], 12.0)
    assert made.mean(10.0, 20.0) == pytest.approx((2 * 2 + 1 * 8) / 10)
    assert made.peak == 1


STEPS = st.lists(
    st.one_of(
        st.just(("take", 0, 0.0)),
        st.tuples(st.just("release"), st.integers(0, 7), st.just(0.0)),
        st.tuples(st.sampled_from(["cpu", "memory", "disk"]), st.integers(0, 7), st.sampled_from([0.2, 1.0])),
        st.tuples(st.sampled_from(["remove", "add"]), st.integers(0, 7), st.just(0.0)),
    ),
    max_size=120,
)


@given(STEPS, st.integers(1, 5))
def test_the_router_agrees_with_looking_at_every_environment(steps: list[tuple[str, int, float]], slots: int) -> None:
    made, everyone = router(8, slots)
    members = set(everyone)
    for step, place, value in steps:
        each = everyone[place]
        if step == "take":
            free = [other for other in members if other.pressure is None and other.busy < slots]
            least = min((other.busy for other in free), default=None)
            answer = made.take(0.0)
            if least is None:
                withheld = {other.pressure for other in members if other.busy < slots}
                assert answer in (withheld or {CapacityThrottle.CONCURRENCY})
            else:
                chosen = next(other for other in everyone if other.environment_id == answer)
                assert chosen in free
                assert chosen.busy == least + 1
        elif step == "release":
            if each.busy:
                made.release(each, 0.0)
        elif step == "remove":
            made.remove(each)
            members.discard(each)
        elif step == "add":
            if each not in members:
                made.add(each)
                members.add(each)
        else:
            press(made, each, **{step: value})
        assert made.busy == sum(other.busy for other in everyone)
        assert all(0 <= other.busy <= slots for other in everyone)


def test_a_request_costs_the_same_among_thousands_of_slots_as_among_few() -> None:
    # Counted in looks at queues, not in time: whatever stands in them, a request looks at two of them.
    for count, slots in ((3, 16), (500, 64)):
        made, _ = router(count, slots)
        looks = 0

        class Levels(list[Queue]):
            def __getitem__(self, place: int) -> Queue:  # type: ignore[override]  # nobody asks for slices
                nonlocal looks
                looks += 1
                return super().__getitem__(place)

        made._levels = Levels(made._levels)
        for _ in range(count * slots):
            made.take(0.0)
        assert looks <= 4 * count * slots
        assert made.take(0.0) is CapacityThrottle.CONCURRENCY
