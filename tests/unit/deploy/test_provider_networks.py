# ruff: noqa: E501 - messages stand in one piece
"""Capacity providers whose network is looked up: which subnets are taken, what stays, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.compiler.compile import compile_system
from lambent.compiler.result import ProviderNetwork
from lambent.deploy.errors import DeployError
from lambent.deploy.provider_networks import MOST_SUBNETS, Subnet, chosen, provider_networks
from lambent.deploy.zones import spreads
from lambent.manifest.system import System
from tests.unit.deploy.networks import VPC, Network, subnet

A, B, C = "eu-west-1a", "eu-west-1b", "eu-west-1c"
TWO = (subnet("subnet-1", A), subnet("subnet-2", B))


def fleet(**provider: object) -> System:
    """Return a system with one capacity provider."""
    return System.model_validate({"stack": "fleet", "capacity_providers": {"pool": provider}})


def found(target: Network, **provider: object) -> ProviderNetwork:
    """Return the network of a capacity provider at a target."""
    return provider_networks(fleet(**provider), target)["pool"]


def test_one_subnet_of_each_zone_is_taken_a_private_one_before_a_public_one() -> None:
    target = Network(
        None,
        subnets=[
            subnet("subnet-9", C),
            subnet("subnet-2", A, MapPublicIpOnLaunch=True),
            subnet("subnet-4", A),
            subnet("subnet-3", A),
            subnet("subnet-5", B, MapPublicIpOnLaunch=True),
            subnet("subnet-6", "eu-west-1d", vpc="vpc-other"),
        ],
    )
    assert found(target, vpc=VPC) == ProviderNetwork(VPC, ("subnet-3", "subnet-5", "subnet-9"))
    assert found(target, vpc="default") == found(target, vpc=VPC)


@pytest.mark.parametrize(
    "more",
    [
        {"Ipv6Native": True},
        {"OutpostArn": "arn:aws:outposts:eu-west-1:123456789012:outpost/op-1"},
        {"State": "pending"},
    ],
)
def test_what_instances_cannot_be_in_is_left_out(more: dict[str, object]) -> None:
    unfit = {**subnet("subnet-0", C), **more}
    target = Network(None, subnets=[*TWO, unfit, subnet("subnet-3", "us-west-2-lax-1a")])
    assert found(target, vpc=VPC).subnets == ("subnet-1", "subnet-2")


def test_subnets_that_a_provider_has_stay_because_nothing_changes_them() -> None:
    deployed = {
        "Resources": {
            "PoolCapacityProvider": {
                "Type": "AWS::Lambda::CapacityProvider",
                "Properties": {"VpcConfig": {"SubnetIds": ["subnet-7", "subnet-8"], "SecurityGroupIds": []}},
            }
        }
    }
    has = [subnet("subnet-7", A), subnet("subnet-8", B)]
    assert found(Network(None, subnets=[*TWO, *has], template=deployed), vpc=VPC).subnets == ("subnet-7", "subnet-8")
    narrow = [has[0], subnet("subnet-8", A)]
    assert found(Network(None, subnets=[*TWO, *narrow], template=deployed), vpc=VPC).subnets == ("subnet-1", "subnet-2")
    # One of them is gone, or the manifest names another VPC: then the provider is made anew.
    assert found(Network(None, subnets=[*TWO, has[0]], template=deployed), vpc=VPC).subnets == ("subnet-1", "subnet-2")


def test_the_vpc_of_subnets_is_looked_up_where_a_group_is_made_in_it() -> None:
    ids = ["subnet-1", "subnet-2"]
    assert found(Network(None, subnets=TWO), subnets=ids) == ProviderNetwork(VPC, ("subnet-1", "subnet-2"))
    for said in ({"subnets": ids, "security_groups": ["sg-1"]}, {"subnets": ids, "vpc": VPC}):
        target = Network(None, subnets=TWO)
        assert provider_networks(fleet(**said), target) == {}
        assert target.asked == []


@pytest.mark.parametrize(
    ("target", "provider", "told"),
    [
        (
            Network(None, subnets=[TWO[0], subnet("subnet-3", A)]),
            {"vpc": VPC},
            f"VPC {VPC} has subnets in 1 of the two Availability Zones that a capacity provider needs: subnet-1 (eu-west-1a), subnet-3 (eu-west-1a).",
        ),
        (Network(None), {"vpc": VPC}, f"VPC {VPC} has subnets in 0 of the two Availability Zones that a capacity provider needs: none."),
        (Network(None, default_vpc=None), {"vpc": "default"}, "capacity_providers.pool: there is no default VPC in this region."),
        (Network(None, subnets=TWO), {"subnets": ["subnet-1", "subnet-x"]}, "capacity_providers.pool: The subnet ID 'subnet-x' does not exist"),
        (
            Network(None, subnets=[*TWO, subnet("subnet-3", C, vpc="vpc-2")]),
            {"subnets": ["subnet-1", "subnet-3"]},
            f"capacity_providers.pool: its subnets are in different VPCs: {VPC}, vpc-2.",
        ),
        (
            Network(None, subnets=TWO, default_vpc="vpc-2"),
            {"subnets": ["subnet-1", "subnet-2"], "vpc": "default"},
            f"capacity_providers.pool: its subnets are in {VPC}, not in the VPC that it names (default).",
        ),
    ],
)  # fmt: skip
def test_a_network_that_cannot_be_is_refused(target: Network, provider: dict[str, object], told: str) -> None:
    with pytest.raises(DeployError) as refused:
        found(target, **provider)
    assert refused.value.message == told
    assert refused.value.advice


ZONES = st.sampled_from([A, B, C, "eu-west-1d", "us-west-2-lax-1a"])
SUBNETS = st.lists(
    st.builds(
        lambda number, zone, is_public, state: subnet(f"subnet-{number:x}", zone, MapPublicIpOnLaunch=is_public, State=state),
        st.integers(0, 40),
        ZONES,
        st.booleans(),
        st.sampled_from(["available", "available", "pending"]),
    ),
    max_size=24,
    unique_by=lambda one: one["SubnetId"],
)  # fmt: skip


@given(subnets=SUBNETS)
def test_whatever_a_vpc_has_a_provider_is_in_two_zones_or_nothing_is_deployed(subnets: list[dict[str, object]]) -> None:
    system = fleet(vpc=VPC)
    target = Network(None, subnets=subnets)
    zones = {str(one["SubnetId"]): str(one["AvailabilityZone"]) for one in subnets}
    usable = {str(one["AvailabilityZone"]) for one in subnets if one["State"] == "available" and "lax" not in str(one)}
    refusal, networks = "", {}
    try:
        networks = provider_networks(system, target)
    except DeployError as refused:
        refusal = refused.message
    assert bool(refusal) == (len(usable) < 2)
    if refusal:
        assert all(f"{name} ({zone})" in refusal for name, zone in zones.items())
        return
    template = compile_system(system, networks=networks).template
    told = template["Resources"]["PoolCapacityProvider"]["Properties"]["VpcConfig"]["SubnetIds"]
    assert {zones[one] for one in told} == usable
    assert 2 <= len(told) == len(set(told)) <= MOST_SUBNETS
    assert provider_networks(system, Network(None, subnets=subnets[::-1])) == networks


@given(subnets=SUBNETS.filter(bool), data=st.data())
def test_whatever_subnets_are_named_they_are_in_two_zones_or_nothing_is_deployed(
    subnets: list[dict[str, object]], data: st.DataObject
) -> None:
    ids = [str(one["SubnetId"]) for one in subnets]
    named = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=MOST_SUBNETS, unique=True))
    compiled = compile_system(fleet(subnets=named, security_groups=[]))
    (spread,) = spreads(compiled, Network(None, subnets=subnets))
    zones = {one["AvailabilityZone"] for one in subnets if one["SubnetId"] in named}
    assert (spread.problem == "") == (len(zones) >= 2)
    assert all(
        f"{one['SubnetId']} ({one['AvailabilityZone']})" in spread.told for one in subnets if one["SubnetId"] in named
    )


def test_sixteen_subnets_are_the_most() -> None:
    zones = [f"eu-west-{number}{letter}" for number in range(1, 4) for letter in "abcdefgh"]
    assert len(chosen(Subnet(f"subnet-{zone}", zone, VPC) for zone in zones)) == MOST_SUBNETS
