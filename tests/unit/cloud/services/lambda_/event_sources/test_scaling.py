"""How many batches of a queue are handled at a time."""

from __future__ import annotations

from lambent.cloud.services.lambda_.event_sources.scaling import Scaling, scaling_of


def test_three_hundred_are_added_each_minute_up_to_the_most() -> None:
    scaling = Scaling().busy(0.0, 0.001)
    lanes = [scaling.lanes]
    for minute in range(1, 6):
        scaling = scaling.busy(minute * 60.0, 0.001)
        lanes.append(scaling.lanes)
    assert lanes == [5, 305, 605, 905, 1205, 1250]


def test_an_empty_queue_brings_them_back_to_the_start() -> None:
    scaling = Scaling().busy(0.0, 0.001).busy(60.0, 0.001).idle()
    assert scaling.lanes == 5
    assert scaling.busy(1000.0, 0.001).lanes == 5  # the time without work counts for nothing


def test_failures_take_them_away_and_successes_bring_back_what_there_was() -> None:
    scaling = Scaling().failed(0.0)
    assert scaling.lanes == 2
    for _ in range(9):
        scaling = scaling.succeeded()
    assert scaling.lanes == 5


def test_a_maximum_concurrency_holds() -> None:
    scaling = scaling_of({"ScalingConfig": {"MaximumConcurrency": 20}}).busy(0.0, 0.001)
    assert scaling.lanes == 5
    assert scaling.busy(600.0, 0.001).lanes == 20


def test_provisioned_pollers_bound_it() -> None:
    scaling = scaling_of({"ProvisionedPollerConfig": {"MinimumPollers": 2, "MaximumPollers": 3}})
    assert scaling.lanes == 20
    assert scaling.busy(0.0, 0.001).busy(600.0, 0.001).lanes == 30
    assert scaling.idle().lanes == 20


def test_what_was_added_goes_while_receiving_is_slow_however_long_that_lasts() -> None:
    scaling = Scaling(limit=40).busy(0.0, 0.001)
    for batch in range(1, 10_000):
        scaling = scaling.busy(batch * 0.002, 0.02)  # twenty seconds of it, all of them slow
    assert scaling.lanes == 5


def test_a_function_done_as_quickly_as_its_messages_are_received_is_handed_three_batches_at_a_time() -> None:
    scaling = Scaling().busy(0.0, 0.002, 0.003)
    for batch in range(1, 10_000):
        scaling = scaling.busy(batch * 0.002, 0.002, 0.003).succeeded()
    assert scaling.lanes == 3
    for batch in range(100):
        scaling = scaling.busy(20.0 + batch * 0.05, 0.002, 0.2)
    assert scaling.lanes > 5


def test_a_maximum_below_that_holds_for_it_too() -> None:
    scaling = scaling_of({"ScalingConfig": {"MaximumConcurrency": 2}})
    for batch in range(10):
        scaling = scaling.busy(batch * 0.002, 0.002, 0.003)
    assert scaling.lanes == 2


def test_what_was_quick_is_forgotten_by_and_by() -> None:
    scaling = Scaling(limit=40).busy(0.0, 0.001)
    assert scaling.busy(60.0, 0.01).limit < 40
    assert scaling.busy(240.0, 0.01).limit > 40
