"""Traffic replayed on virtual time: what is modelled is honest, what is decided is the fleet's, chance is a seed."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambent.base.identifiers import SeededIds
from lambent.dataplane.capacity.days import Day
from lambent.dataplane.capacity.replay import Handler, Plan, ReplayError, durations, replay
from lambent.dataplane.capacity.types import Bounds, CapacityShortage, Share, Timing
from tests.unit.dataplane.capacity.fleets import SHARE, ZONES, provider

SLOW = Handler(durations(5.0), cpu_s=0.1)


def plan(requests: tuple[float, ...], **changes: object) -> Plan:
    made = Plan(provider(max_vcpus=2_000), SHARE, Handler(durations(0.5), cpu_s=0.01), requests, 60.0)
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # the fields' own types


def day(requests: tuple[float, ...], seed: int = 1, **changes: object) -> Day:
    return replay(plan(requests, **changes), SeededIds(seed).fraction)


def test_every_request_is_served_or_throttled_and_counted_in_its_minute() -> None:
    found = day((600.5, 1200.0, 0.0, 60.5), warm_up_s=60.0)
    assert [each.requests for each in found.minutes] == [600, 1200, 0, 61]
    assert found.requests == 1861
    assert found.minutes[2].p50_s is None
    assert found.throttled == 0


def test_quiet_traffic_stays_on_three_instances_that_are_paid_by_the_hour() -> None:
    found = day((60.0,) * 120)
    assert {each.instances for each in found.minutes} == {3}
    assert found.instance_hours == {"c7i.large": pytest.approx(6.0)}
    assert found.vcpu_hours == pytest.approx(12.0)
    assert found.environment_hours == pytest.approx(6.0)
    assert found.mean_instances == pytest.approx(3.0)


def test_slots_taken_and_cpu_used_are_the_products_of_rate_and_request() -> None:
    found = day((1200.0,) * 10, warm_up_s=120.0)
    # 20 requests a second of half a second are ten at a time; of 10 ms of CPU, a fifth of a vCPU of three.
    assert found.minutes[5].busy == pytest.approx(10.0, rel=0.01)
    assert found.minutes[5].cpu == pytest.approx(0.2 / 3, rel=0.05)
    assert found.cpu_hours == pytest.approx(12_000 * 0.01 / 3600, rel=0.01)


def test_a_jump_is_throttled_until_capacity_arrives_and_then_no_more() -> None:
    quiet, busy = 60.0, 2_400.0
    found = day((*(quiet,) * 5, *(busy,) * 20), handler=SLOW)
    throttled = [sum(each.throttles.values()) for each in found.minutes]
    assert sum(throttled[:5]) == 0
    assert throttled[5] > 0
    assert set(found.throttles) == {"ConcurrencyThrottles"}
    # 40 a second for five seconds take 200 slots, 21 environments at their target: there within a few minutes.
    assert sum(throttled[12:]) == 0
    assert found.minutes[-1].environments >= 20


def test_a_doubling_within_five_minutes_is_absorbed() -> None:
    base = 1_200.0
    ramp = tuple(base * (1 + minute / 5) for minute in range(1, 6))
    for seed in range(3):
        assert day((*(base,) * 5, *ramp, *(2 * base,) * 5), seed, warm_up_s=900.0, handler=SLOW).throttled == 0


def test_capacity_outlasts_a_peak_and_then_falls_to_three() -> None:
    found = day((*(2_400.0,) * 10, *(6.0,) * 120), warm_up_s=900.0, handler=SLOW)
    peak = found.minutes[9].environments
    assert found.minutes[13].environments >= peak - 1
    assert found.minutes[-1].environments == 3
    assert found.minutes[-1].instances == 3
    falls = [earlier.environments - later.environments for earlier, later in itertools.pairwise(found.minutes)]
    assert max(falls) <= max(1, peak // 10)


def test_cpu_that_is_short_slows_requests_down_and_throttles_with_its_own_reason() -> None:
    handler = Handler(durations(0.5), cpu_s=0.5)
    found = day((*(60.0,) * 3, *(1_200.0,) * 3), handler=handler)
    assert set(found.throttles) == {"CPUThrottles"}
    assert found.p99_s is not None
    assert found.p99_s > 1.0
    assert found.minutes[-1].environments > 3


def test_memory_that_is_short_throttles_with_its_own_reason() -> None:
    handler = Handler(durations(0.5), request_memory_mb=512.0)
    found = day((1_800.0,) * 3, handler=handler, bounds=Bounds(3, 3))
    assert set(found.throttles) == {"MemoryThrottles"}


def test_the_maximum_of_vcpus_holds_through_any_traffic() -> None:
    found = day((60.0, *(12_000.0,) * 9), provider=provider(max_vcpus=12), handler=SLOW)
    assert max(each.environments for each in found.minutes) <= 6
    assert found.vcpu_hours <= 12 * 10 / 60 + 1e-9


def test_a_function_that_finds_no_room_says_for_want_of_what() -> None:
    with pytest.raises(ReplayError) as caught:
        day((60.0,), provider=provider(max_vcpus=4, types=("c7i.large",)))
    assert caught.value.shortage is CapacityShortage.VCPU_LIMIT
    with pytest.raises(ReplayError, match="InsufficientCapacity"):
        day((60.0,), provider=provider(types=("c7i.large",)), share=Share(8.0, 16_384, 16))


def test_one_seed_is_one_day_and_another_is_another() -> None:
    varied = Handler(durations(0.5, 2.0), cpu_s=0.01)
    requests = (3_000.0,) * 5
    assert day(requests, handler=varied) == day(requests, handler=varied)
    assert day(requests, handler=varied) != day(requests, seed=2, handler=varied)


def test_evenly_spaced_requests_need_no_chance() -> None:
    requests = (600.0,) * 5
    assert day(requests, seed=1, evenly=True) == day(requests, seed=2, evenly=True)


def test_a_long_replay_replaces_its_instances_without_a_gap() -> None:
    timing = dataclasses.replace(Timing(), lifetime_s=7_200.0, replace_ahead_s=1_800.0)
    found = day((120.0,) * 300, timing=timing)
    assert found.throttled == 0
    assert min(each.environments for each in found.minutes) == 3
    assert 15.0 <= sum(found.instance_hours.values()) <= 15.5


@pytest.mark.parametrize(("mean", "p99"), [(0.12, 0.4), (1.0, 1.5), (0.2, None), (0.1, 1.0), (0.3, 0.2)])
def test_durations_have_the_mean_and_the_p99_that_were_asked_for(mean: float, p99: float | None) -> None:
    found = sorted(durations(mean, p99))
    assert sum(found) / len(found) == pytest.approx(mean)
    if p99 is not None and p99 > mean:
        assert found[int(0.99 * len(found))] == pytest.approx(p99, rel=0.05)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 9_000), min_size=1, max_size=12), st.integers(1, 3), st.integers(0, 2**32))
def test_whatever_comes_is_accounted_for(counts: list[int], zones: int, seed: int) -> None:
    found = day(tuple(map(float, counts)), seed, provider=provider(zones=ZONES[:zones], max_vcpus=60))
    assert [each.requests for each in found.minutes] == counts
    assert found.throttled == sum(sum(each.throttles.values()) for each in found.minutes)
    assert all(each.environments >= 3 for each in found.minutes)
    assert found.vcpu_hours <= 60 * len(counts) / 60 + 1e-9
