"""Where environments go: zones first, then what costs least, and what goes first when there is too much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.aws.instance_types import instance_type, matching
from lambent.dataplane.capacity.placement import Request, Spread, capacity, choose_launch
from lambent.dataplane.capacity.types import Bounds, CapacityShortage, Share, Subnet
from tests.unit.dataplane.capacity.fleets import ORDERS, ZONES, Drill, provider

NOWHERE = Spread({}, {})


def launch(share: Share, *, environments: int = 3, types: tuple[str, ...] = (), vcpus_left: int = 400) -> str:
    request = Request(share, environments, ZONES, vcpus_left)
    chosen = choose_launch(matching("x86_64", allowed=types), request, (), NOWHERE)
    return chosen if isinstance(chosen, CapacityShortage) else chosen[0].name


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (Share(1.0, 2048, 16), "c7i.large"),
        (Share(1.0, 4096, 16), "m7i.large"),
        (Share(1.0, 8192, 16), "r7i.large"),
        (Share(8.0, 16384, 64), "c7i.4xlarge"),
    ],
)
def test_the_family_follows_the_memory_per_vcpu_and_the_size_the_function(share: Share, expected: str) -> None:
    assert launch(share) == expected


def test_more_environments_at_once_share_larger_instances_of_32_vcpus_at_most() -> None:
    share = Share(1.0, 2048, 16)
    small, large = (instance_type(launch(share, environments=count)) for count in (3, 300))
    assert small is not None
    assert large is not None
    assert small.vcpus < large.vcpus <= 32


def test_what_is_left_of_the_maximum_limits_the_size() -> None:
    share = Share(1.0, 2048, 16)
    assert launch(share, environments=300, vcpus_left=4) == "c7i.xlarge"
    assert launch(share, vcpus_left=1) == CapacityShortage.VCPU_LIMIT
    assert launch(Share(16.0, 32768, 16), types=("c7i.4xlarge",)) == CapacityShortage.INSUFFICIENT


@given(
    st.integers(1, 16),
    st.sampled_from([2, 4, 8]),
    st.integers(1, 40),
    st.sampled_from(["x86_64", "arm64"]),
    st.integers(2, 400),
)
def test_what_is_launched_has_room_and_is_within_the_maximum(
    vcpus: int, ratio: int, environments: int, architecture: str, left: int
) -> None:
    share = Share(float(vcpus), vcpus * ratio * 1024, 16)
    types = matching(architecture)
    chosen = choose_launch(types, Request(share, environments, ZONES, left), (), NOWHERE)
    fits = [each for each in types if capacity(each, share) and each.vcpus <= left]
    assert isinstance(chosen, CapacityShortage) is not bool(fits)
    if not isinstance(chosen, CapacityShortage):
        assert capacity(chosen[0], share) >= 1
        assert chosen[0].vcpus <= left


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 4), st.sampled_from(["c7i.xlarge", "*"]))
def test_zones_stay_even_and_instances_are_never_overfull(sizes: list[int], zones: int, types: str) -> None:
    subnets = tuple(Subnet(f"subnet-{each}", f"zone-{each}") for each in range(zones))
    drill = Drill(provider(zones=subnets, types=(types,), max_vcpus=4_000))
    drill.up(bounds=Bounds(sizes[0], sizes[0]))
    for size in sizes[1:]:
        drill.carry_out(drill.fleet.bound(ORDERS, Bounds(size, size), drill.now))
        drill.run(60.0)
        assert drill.serving() == size
        for use in drill.fleet.use():
            assert use.vcpus_allocated <= use.vcpus
            assert use.memory_allocated_mb <= use.memory_mb
        where = {each.instance_id: each.subnet.zone for each in drill.running()}
        used = {where[each.instance_id] for each in drill.fleet.environments(ORDERS)}
        assert len(used) >= min(zones, 3, size)
