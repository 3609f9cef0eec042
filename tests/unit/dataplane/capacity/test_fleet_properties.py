"""Whatever happens in whatever order, a fleet keeps its limits, loses count of nothing, and comes to what is wanted."""

from __future__ import annotations

import dataclasses
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from lambent.aws.instance_types import instance_type
from lambent.dataplane.capacity.types import (
    Bounds,
    DeploymentId,
    EnvironmentId,
    EnvironmentState,
    InstanceState,
    Timing,
)
from tests.unit.dataplane.capacity.fleets import ORDERS, ZONES, Drill, provider

MOST_VCPUS = 24
PAYMENTS = DeploymentId("payments:1")
Step = tuple[str, int, int]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["take", "take", "give back", "run", "run", "bound", "crash", "lose", "press", "republish", "refuse"]
        ),
        st.integers(0, 60),
        st.integers(1, 12),
    ),
    max_size=25,
)


class Story:
    """A drill with two versions, and what is known of it from outside."""

    def __init__(self, zones: int) -> None:
        self.drill = Drill(provider(zones=ZONES[:zones], max_vcpus=MOST_VCPUS, types=("c7i.*",)))
        self.drill.up()
        self.drill.up(PAYMENTS, Bounds(1, 4))
        self.held: list[EnvironmentId] = []
        self.bounds = Bounds()
        self.current = ORDERS
        self._revisions = 1

    def do(self, step: Step) -> None:
        what, number, count = step
        drill = self.drill
        if what == "take":
            self.held += drill.take(number, self.current)[0]
        elif what == "give back":
            given, self.held = self.held[:number], self.held[number:]
            drill.give_back(given)
        elif what == "run":
            drill.run(float(number))
        elif what == "bound":
            self.bounds = Bounds(count, count + number % 4) if number else Bounds(0, 0)
            drill.carry_out(drill.fleet.bound(self.current, self.bounds, drill.now))
        elif what == "press":
            drill.press(count / 12, self.current)
        elif what == "refuse":
            drill.refuses = (lambda _: True) if number % 3 == 0 else (lambda _: False)
        else:
            self._mishap(what, number)

    def _mishap(self, what: str, number: int) -> None:
        drill = self.drill
        if what == "crash" and (there := drill.fleet.environments(self.current)):
            self._gone([there[number % len(there)].environment_id])
        elif what == "lose" and (hosts := drill.running()):
            host = hosts[number % len(hosts)].instance_id
            lost = [each.environment_id for each in drill.all() if each.instance_id == host]
            drill.carry_out(drill.fleet.terminated(host, drill.now))
            self.held = [each for each in self.held if each not in lost]
        elif what == "republish":
            self._revisions += 1
            self.current = DeploymentId(f"orders:1 #{self._revisions}")
            drill.deploy(self.current, self.bounds, version="orders:1")
            drill.run(120.0)

    def _gone(self, names: list[EnvironmentId]) -> None:
        for each in names:
            self.drill.carry_out(self.drill.fleet.gone(each, self.drill.now))
            self.held = [other for other in self.held if other != each]

    def check(self) -> None:
        """Everything that must hold at any moment."""
        fleet = self.drill.fleet
        assert fleet.vcpus <= MOST_VCPUS
        there = {each.instance_id for each in fleet.instances()}
        everyone = self.drill.all()
        assert {each.instance_id for each in everyone} <= there
        for use in fleet.use():
            assert use.vcpus_allocated <= use.vcpus
            assert use.memory_allocated_mb <= use.memory_mb
            assert use.environments == sum(each.instance_id == use.instance.instance_id for each in everyone)
        busy = Counter({each.environment_id: each.busy for each in everyone})
        assert +busy == Counter(self.held)
        assert all(0 <= each.busy <= each.slots for each in everyone)
        pending = {each.instance_id for each in fleet.instances() if each.state is InstanceState.PENDING}
        assert all((each.state is EnvironmentState.PLANNED) is (each.instance_id in pending) for each in everyone)
        assert fleet.wanted(PAYMENTS) <= 4


@settings(max_examples=60)
@given(STEPS, st.integers(1, 3))
def test_limits_and_counts_hold_after_every_step(steps: list[Step], zones: int) -> None:
    story = Story(zones)
    for step in steps:
        story.do(step)
        story.check()


@settings(max_examples=40)
@given(STEPS, st.integers(1, 3))
def test_when_all_is_over_the_minimum_serves_as_far_as_there_is_room(steps: list[Step], zones: int) -> None:
    story = Story(zones)
    for step in steps:
        story.do(step)
    drill = story.drill
    drill.refuses = lambda _: False
    drill.give_back(story.held)
    drill.press(0.0, story.current)
    drill.run(2 * 3_600.0)
    wanted = story.bounds.minimum
    room = sum((found.vcpus - 1) for each in drill.running() if (found := instance_type(each.instance_type)))
    # Where the minimum does not fit beside the earlier revision, that one stays: it has room that counts, too.
    serving = sum(drill.serving(each) for each in drill.fleet.deployments())
    assert drill.serving(story.current) == wanted or (serving >= room and drill.fleet.vcpus + 2 > MOST_VCPUS)
    assert {each.state for each in drill.all()} <= {EnvironmentState.SERVING}
    # Whatever is empty has ended, and nothing is kept that nobody needs.
    assert all(use.environments for use in drill.fleet.use())


@settings(max_examples=15)
@given(STEPS)
def test_the_same_story_told_twice_is_the_same(steps: list[Step]) -> None:
    first, second = Story(3), Story(3)
    for step in steps:
        first.do(step)
        second.do(step)
    assert first.drill.log == second.drill.log


@settings(max_examples=5)
@given(st.integers(1, 6), st.integers(1, 40))
def test_no_replacement_by_age_ever_leaves_a_gap(minimum: int, requests: int) -> None:
    timing = dataclasses.replace(Timing(), lifetime_s=7_200.0, replace_ahead_s=1_800.0, evaluation_s=30.0)
    drill = Drill(timing=timing)
    drill.deploy(bounds=Bounds(minimum, minimum))
    drill.run(60.0)
    # These never end: an instance goes at the end of its life whatever it still serves.
    taken, _ = drill.take(min(requests, 16 * minimum))
    for _ in range(150):
        drill.run(60.0)
        assert drill.serving() >= minimum
        assert all(drill.now - each.launched_at <= 7_200.0 + timing.evaluation_s for each in drill.running())
    assert not {each.environment_id for each in drill.all()} & set(taken)
