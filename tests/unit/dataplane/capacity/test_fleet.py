"""A provider's fleet: what it comes up with, how it grows and shrinks, and what it does when something fails."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from lambent.aws.instance_types import instance_type
from lambent.dataplane.capacity.fleet import UnknownDeploymentError
from lambent.dataplane.capacity.types import (
    Bounds,
    CapacityShortage,
    DeploymentId,
    EnvironmentState,
    InstanceState,
    Launch,
    Share,
    StartEnvironment,
    StopEnvironment,
    Terminate,
    Timing,
)
from tests.unit.dataplane.capacity.fleets import ORDERS, SHARE, ZONES, Drill, provider

SECOND = DeploymentId("orders:1'")
DAY_S = 86_400.0


def test_the_first_publish_launches_three_instances_over_three_zones() -> None:
    drill = Drill()
    drill.up()
    assert drill.zones() == ["a", "b", "c"]
    assert drill.serving() == 3
    assert len({each.instance_id for each in drill.fleet.environments(ORDERS)}) == 3


@pytest.mark.parametrize(("zones", "expected"), [(2, ["a", "a", "b"]), (1, ["a", "a", "a"])])
def test_with_fewer_zones_three_instances_stand_in_those_there_are(zones: int, expected: list[str]) -> None:
    # Of a size that would hold all three environments, too.
    drill = Drill(provider(zones=ZONES[:zones], types=("m7i.4xlarge",)))
    drill.up()
    assert drill.zones() == expected
    assert max(Counter(each.instance_id for each in drill.fleet.environments(ORDERS)).values()) == 1


def test_hosts_come_at_once_for_a_first_publish_and_after_33_seconds_for_growth() -> None:
    drill = Drill()
    drill.up()
    assert [action.after_s for _, action in drill.actions(Launch) if isinstance(action, Launch)] == [0.0] * 3
    drill.take(46)
    drill.run(20.0)
    assert {action.after_s for _, action in drill.actions(Launch)[3:] if isinstance(action, Launch)} == {33.0}


def test_the_next_version_goes_to_running_hosts_with_room() -> None:
    drill = Drill(provider(types=("m7i.2xlarge",)))
    drill.up()
    before = {each.instance_id for each in drill.running()}
    drill.up(DeploymentId("payments:1"))
    assert {each.instance_id for each in drill.running()} == before
    assert {each.instance_id for each in drill.fleet.environments(DeploymentId("payments:1"))} == before


def test_an_instance_keeps_one_vcpu_and_one_gib_for_the_system() -> None:
    drill = Drill(provider(types=("c7i.xlarge",)))
    # Four vCPUs and 8 GiB: three environments of one vCPU and 2 GiB, never four.
    drill.up(bounds=Bounds(12, 12))
    assert max(Counter(each.instance_id for each in drill.all()).values()) == 3
    assert len(drill.running()) == 4
    assert {use.vcpus for use in drill.fleet.use()} == {3.0}


def test_half_as_much_again_is_absorbed_at_once() -> None:
    drill = Drill()
    drill.up(bounds=Bounds(10))
    steady = int(10 * SHARE.slots * 0.6)
    taken, _ = drill.take(steady)
    drill.run(120.0)
    assert drill.serving() == 10
    _, refused = drill.take(steady // 2)
    assert refused == []
    drill.give_back(taken)


def test_a_doubling_within_five_minutes_is_absorbed() -> None:
    drill = Drill()
    drill.up()
    base, refused = 96, []
    drill.take(20)
    drill.run(120.0)
    for _ in range(base - 20):
        drill.take(1)
        drill.run(6.0)
    drill.run(60.0)
    for _ in range(base):
        refused += drill.take(1)[1]
        drill.run(300.0 / base)
    assert refused == []


def test_faster_growth_is_throttled_until_capacity_arrives() -> None:
    drill = Drill()
    drill.up()
    drill.take(20)
    drill.run(60.0)
    _, refused = drill.take(80)
    assert set(refused) == {"ConcurrencyThrottles"}
    held = 100 - len(refused)
    drill.run(60.0)
    taken, refused_later = drill.take(len(refused))
    drill.run(60.0)
    _, refused_last = drill.take(len(refused_later))
    assert len(refused) > len(refused_later) >= len(refused_last) == 0
    assert held + len(taken) > 48


def test_idle_capacity_falls_slowly_and_to_the_minimum_not_to_zero() -> None:
    drill = Drill()
    drill.up()
    taken, _ = drill.take(40)
    drill.run(120.0)
    more, _ = drill.take(40)
    drill.run(120.0)
    high = drill.serving()
    assert high > 6
    drill.give_back(taken + more)
    drill.run(290.0)
    assert drill.serving() == high
    counts = []
    for _ in range(40):
        drill.run(60.0)
        counts.append(drill.serving())
    assert all(earlier - later <= 1 for earlier, later in zip([high, *counts], counts, strict=False))
    assert counts[-1] == 3
    assert len(drill.running()) == 3
    assert drill.zones() == ["a", "b", "c"]


def test_one_environment_at_most_leaves_one_host_after_about_314_seconds() -> None:
    drill = Drill()
    drill.up()
    began = drill.now
    drill.carry_out(drill.fleet.bound(ORDERS, Bounds(1, 1), drill.now))
    drill.run(600.0)
    ends = [when - began for when, _ in drill.actions(Terminate)]
    assert len(ends) == 2
    assert all(300.0 <= each <= 315.0 for each in ends)
    assert len(drill.running()) == 1
    assert drill.serving() == 1


def test_bounds_are_heeded_at_once_in_both_directions() -> None:
    drill = Drill()
    drill.up()
    drill.carry_out(drill.fleet.bound(ORDERS, Bounds(8, 9), drill.now))
    assert not drill.fleet.meets_minimum(ORDERS)
    drill.run(60.0)
    assert drill.serving() == 8
    assert drill.fleet.meets_minimum(ORDERS)
    drill.take(200)
    drill.run(300.0)
    assert drill.serving() == 9
    drill.carry_out(drill.fleet.bound(ORDERS, Bounds(3, 4), drill.now))
    assert drill.serving() == 4


def test_zero_and_zero_end_everything_and_only_more_brings_it_back() -> None:
    drill = Drill()
    drill.up()
    drill.carry_out(drill.fleet.bound(ORDERS, Bounds(0, 0), drill.now))
    drill.run(400.0)
    assert drill.all() == []
    assert drill.fleet.instances() == []
    for _ in range(5):
        assert drill.take(20)[1] == ["ConcurrencyThrottles"] * 20
        drill.run(60.0)
    assert drill.all() == []
    drill.carry_out(drill.fleet.bound(ORDERS, Bounds(2, 5), drill.now))
    drill.run(60.0)
    assert drill.serving() == 2
    assert drill.take(1)[1] == []


def test_the_provider_never_has_more_vcpus_than_its_maximum() -> None:
    drill = Drill(provider(types=("c7i.large",), max_vcpus=10))
    drill.up()
    for _ in range(6):
        drill.take(100)
        drill.run(60.0)
        assert drill.fleet.vcpus <= 10
    assert drill.serving() == 5
    assert drill.fleet.shortage(ORDERS) is CapacityShortage.VCPU_LIMIT


def test_a_first_publish_that_the_maximum_has_no_room_for_says_so() -> None:
    drill = Drill(provider(types=("c7i.large",), max_vcpus=4))
    drill.deploy()
    drill.run(60.0)
    assert not drill.fleet.is_ready(ORDERS)
    assert drill.fleet.shortage(ORDERS) is CapacityShortage.VCPU_LIMIT
    drill.carry_out(drill.fleet.change(provider(types=("c7i.large",), max_vcpus=6), drill.now))
    drill.run(60.0)
    assert drill.fleet.is_ready(ORDERS)
    assert drill.fleet.shortage(ORDERS) is None


def test_types_too_small_for_the_function_are_a_shortage() -> None:
    drill = Drill(provider(types=("c7i.large",)))
    drill.deploy(share=Share(2.0, 4096, 16))
    assert drill.fleet.shortage(ORDERS) is CapacityShortage.INSUFFICIENT
    assert drill.fleet.instances() == []


def test_instances_are_replaced_before_they_are_fourteen_days_old_and_nothing_is_missing_meanwhile() -> None:
    drill = Drill(timing=Timing(evaluation_s=60.0))
    drill.up()
    first = {each.instance_id for each in drill.running()}
    while drill.now < 14 * DAY_S + 60.0:
        drill.run(3_600.0 if drill.now < 13.9 * DAY_S else 1.0)
        assert drill.serving() >= 3
    now = {each.instance_id for each in drill.running()}
    assert not first & now
    assert drill.zones() == ["a", "b", "c"]
    assert {action.cause for _, action in drill.actions(Terminate) if isinstance(action, Terminate)} == {
        "MaximumLifetime"
    }
    assert all(when <= 14 * DAY_S for when, _ in drill.actions(Terminate))


def test_an_instance_is_replaced_at_the_end_of_its_life_even_where_there_is_no_room_for_another() -> None:
    drill = Drill(provider(types=("c7i.large",), max_vcpus=6), Timing(evaluation_s=60.0))
    drill.up()
    first = {each.instance_id for each in drill.running()}
    drill.run(14 * DAY_S + 3 * 3_700.0)
    assert not first & {each.instance_id for each in drill.running()}
    assert drill.serving() == 3


def test_a_request_keeps_its_slot_until_it_is_released() -> None:
    drill = Drill()
    drill.up(bounds=Bounds(1, 1))
    taken, refused = drill.take(17)
    assert refused == ["ConcurrencyThrottles"]
    drill.run(900.0)
    assert drill.take(1)[1] == ["ConcurrencyThrottles"]
    drill.give_back(taken[:1])
    assert drill.take(1)[1] == []


def test_an_environment_that_crashes_is_replaced() -> None:
    drill = Drill()
    drill.up()
    drill.run(60.0)
    lost = drill.fleet.environments(ORDERS)[0]
    drill.take(6)
    drill.carry_out(drill.fleet.gone(lost.environment_id, drill.now))
    # What it served went with it, and is not released again.
    drill.give_back([lost.environment_id])
    assert sum(each.busy for each in drill.all()) == 4
    drill.run(5.0)
    assert drill.serving() == 3


def test_an_instance_that_is_lost_is_replaced_with_what_stood_on_it() -> None:
    drill = Drill()
    drill.up()
    lost = drill.running()[0].instance_id
    drill.carry_out(drill.fleet.terminated(lost, drill.now))
    assert drill.serving() == 2
    drill.run(60.0)
    assert drill.serving() == 3
    assert drill.zones() == ["a", "b", "c"]


def test_environments_that_do_not_come_up_are_tried_again_at_growing_intervals() -> None:
    drill = Drill()
    drill.fails_to_start = True
    drill.deploy()
    drill.run(900.0)
    starts = sorted({when for when, _ in drill.actions(StartEnvironment)})
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert len(starts) < 12
    assert gaps[-1] > 100.0
    drill.fails_to_start = False
    drill.run(600.0)
    assert drill.fleet.is_ready(ORDERS)


def test_a_failure_long_after_others_is_tried_again_as_soon_as_a_first_one() -> None:
    drill = Drill()
    drill.fails_to_start = True
    drill.deploy()
    drill.run(900.0)
    drill.fails_to_start = False
    drill.run(3_600.0)
    lost = drill.fleet.environments(ORDERS)[0].environment_id
    drill.fails_to_start = True
    drill.carry_out(drill.fleet.gone(lost, drill.now))
    drill.run(5.0)
    drill.fails_to_start = False
    drill.run(20.0)
    assert drill.serving() == 3


def test_refused_launches_are_tried_elsewhere_and_not_without_pause() -> None:
    drill = Drill()
    drill.refuses = lambda instance: instance.subnet.zone.endswith("c")
    drill.deploy()
    drill.run(300.0)
    assert drill.fleet.is_ready(ORDERS)
    assert set(drill.zones()) <= {"a", "b"}


def test_where_nothing_can_be_launched_the_shortage_is_said_and_launches_get_rare() -> None:
    drill = Drill()
    drill.refuses = lambda _: True
    drill.deploy()
    drill.run(3_600.0)
    assert drill.fleet.shortage(ORDERS) is CapacityShortage.INSUFFICIENT
    assert len(drill.actions(Launch)) < 60
    drill.refuses = lambda _: False
    drill.run(700.0)
    assert drill.fleet.is_ready(ORDERS)


def test_cpu_alone_brings_more_environments() -> None:
    drill = Drill()
    drill.up()
    drill.press(0.9)
    drill.run(60.0)
    assert drill.serving() == 5


def test_what_an_environment_uses_to_come_up_is_not_load() -> None:
    drill = Drill()
    drill.deploy()
    drill.run(0.5)
    drill.press(1.0)
    drill.run(60.0)
    assert drill.serving() == 3


@pytest.mark.parametrize(("target", "expected"), [(30.0, 6), (None, 3), (90.0, 3)])
def test_a_manual_policy_tracks_its_target(target: float | None, expected: int) -> None:
    drill = Drill(provider(target_cpu=target))
    drill.up()
    drill.press(0.6)
    drill.run(12.0)
    assert drill.fleet.wanted(ORDERS) == expected


def test_a_policy_that_changes_is_heeded() -> None:
    drill = Drill()
    drill.up()
    drill.press(0.5)
    drill.carry_out(drill.fleet.change(provider(target_cpu=20.0), drill.now))
    drill.run(12.0)
    assert drill.fleet.wanted(ORDERS) == 8


def test_a_new_revision_is_up_before_the_earlier_one_goes() -> None:
    drill = Drill()
    drill.deploy(version="orders")
    drill.run(60.0)
    drill.take(70)
    drill.run(120.0)
    before = drill.serving()
    assert before > 3
    drill.deploy(SECOND, version="orders")
    while not drill.fleet.is_ready(SECOND):
        assert drill.fleet.serving("orders") == ORDERS
        assert drill.serving() == before
        drill.run(0.5)
    # As many as served the earlier one, and requests that still name that find the new one.
    assert drill.serving(SECOND) == before
    assert drill.fleet.serving("orders") == SECOND
    taken, refused = drill.take(5)
    assert refused == []
    assert {each.environment_id for each in drill.fleet.environments(SECOND)} >= set(taken)
    drill.run(60.0)
    # The earlier one's requests keep what serves them.
    assert {each.state for each in drill.all() if each.deployment == ORDERS} == {EnvironmentState.DRAINING}
    assert drill.fleet.withdraw(ORDERS, drill.now) == []
    with pytest.raises(UnknownDeploymentError):
        drill.fleet.admit(ORDERS, drill.now)
    assert drill.serving(SECOND) == before


def test_a_new_revision_takes_over_with_its_minimum_where_there_is_no_room_for_both() -> None:
    drill = Drill(provider(types=("c7i.large",), max_vcpus=16))
    drill.deploy(version="orders")
    drill.run(60.0)
    drill.take(70)
    drill.run(120.0)
    drill.give_back([each.environment_id for each in drill.all() for _ in range(each.busy)])
    assert drill.serving() == 5
    drill.deploy(SECOND, version="orders")
    drill.run(120.0)
    assert drill.fleet.serving("orders") == SECOND
    assert drill.serving(SECOND) == 5


def test_a_withdrawn_deployment_finishes_what_it_serves() -> None:
    drill = Drill()
    drill.up()
    taken, _ = drill.take(1)
    drill.carry_out(drill.fleet.withdraw(ORDERS, drill.now))
    drill.run(30.0)
    assert [each.environment_id for each in drill.all()] == taken
    drill.give_back(taken)
    drill.run(400.0)
    assert drill.fleet.instances() == []
    assert drill.fleet.next_evaluation == float("inf")


def test_closing_ends_instances_as_soon_as_nothing_runs_on_them() -> None:
    drill = Drill()
    drill.up()
    taken, _ = drill.take(1)
    drill.carry_out(drill.fleet.close(drill.now))
    drill.run(10.0)
    assert [each.state for each in drill.fleet.instances()] == [InstanceState.RUNNING]
    drill.give_back(taken)
    drill.run(30.0)
    assert drill.fleet.instances() == []
    assert drill.fleet.deploy(ORDERS, "orders", SHARE, Bounds(), drill.now) == []


def test_a_launch_that_arrives_after_everything_was_closed_ends_again() -> None:
    drill = Drill(timing=Timing(first_launch_s=33.0))
    drill.deploy()
    drill.carry_out(drill.fleet.close(drill.now))
    drill.run(60.0)
    assert drill.fleet.instances() == []
    assert drill.actions(StartEnvironment) == []


def test_a_deployment_that_is_unknown_is_refused_by_name() -> None:
    with pytest.raises(UnknownDeploymentError, match="orders:1"):
        Drill().fleet.admit(ORDERS, 0.0)


def test_a_large_burst_is_hosted_on_larger_instances_and_these_go_first() -> None:
    drill = Drill()
    drill.up()
    drill.carry_out(drill.fleet.bound(ORDERS, Bounds(60, 60), drill.now))
    drill.run(60.0)
    sizes = [found.vcpus for each in drill.running() if (found := instance_type(each.instance_type))]
    assert max(sizes) > min(sizes)
    assert len(sizes) < 20
    drill.carry_out(drill.fleet.bound(ORDERS, Bounds(3, 3), drill.now))
    drill.run(400.0)
    left = [found.vcpus for each in drill.running() if (found := instance_type(each.instance_type))]
    assert left == [min(sizes)] * 3


def test_quiet_time_can_be_slept_through_until_something_is_due() -> None:
    drill = Drill()
    drill.up()
    drill.run(60.0)
    timing = drill.timing
    assert drill.fleet.quiet_until == timing.lifetime_s - timing.replace_ahead_s
    taken, _ = drill.take(1)
    assert drill.fleet.quiet_until == 0.0
    drill.give_back(taken)
    drill.carry_out(drill.fleet.bound(ORDERS, Bounds(0, 0), drill.now))
    drill.run(20.0)
    # Nothing serves any more, and the empty instances end five minutes after.
    assert drill.fleet.quiet_until > drill.now
    drill.run(400.0)
    assert drill.fleet.quiet_until == float("inf")


def test_the_same_calls_lead_to_the_same_actions() -> None:
    def history() -> list[tuple[float, object]]:
        drill = Drill()
        drill.up()
        for step in range(12):
            drill.take(10 + step)
            drill.run(25.0)
        return [(when, action) for when, action in drill.log]

    assert history() == history()
    assert any(isinstance(action, StopEnvironment | StartEnvironment) for _, action in history())
