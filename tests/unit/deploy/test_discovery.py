"""VPCs that are looked up: which subnets and groups are taken, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from lambent.aws.clients import Target
from lambent.compiler.result import DiscoveredVpc
from lambent.deploy.discovery import discover
from lambent.deploy.errors import DeployError
from lambent.manifest.system import System

VPC = "vpc-0a1b2c3d4e5f60718"


@dataclass(frozen=True)
class Network(Target):
    """A target whose EC2 knows these subnets, as (id, zone), and the default group of each VPC."""

    subnets: Sequence[tuple[str, str]] = ()
    asked: list[str] = field(default_factory=list)

    def client(self, service: str) -> Any:  # Any: it stands for a client that botocore makes at run time
        """Return itself: it answers EC2's calls."""
        assert service == "ec2"
        return self

    def describe_subnets(self, *, Filters: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:  # noqa: N803 # Any: EC2's
        """Return the subnets of the VPC that is filtered for."""
        assert Filters[0]["Name"] == "vpc-id"
        self.asked.extend(Filters[0]["Values"])
        return {"Subnets": [{"SubnetId": name, "AvailabilityZone": zone} for name, zone in self.subnets]}

    def describe_security_groups(
        self,
        *,
        Filters: Sequence[Mapping[str, Any]],  # noqa: N803 # Any: EC2's
    ) -> Mapping[str, Any]:  # Any: EC2's
        """Return the default group of the VPC that is filtered for."""
        vpc, name = Filters
        assert (name["Name"], name["Values"]) == ("group-name", ["default"])
        return {"SecurityGroups": [{"GroupId": f"sg-of-{vpc['Values'][0]}"}]}


def network(*subnets: tuple[str, str]) -> Network:
    """Return a target with these subnets."""
    return Network(None, subnets=subnets)


def system(*vpcs: str, usual: str | None = None) -> System:
    """Return a system with a function in each of these VPCs, and one more; `usual` is the default of them all."""
    functions: dict[str, object] = {f"f{number}": {"vpc": {"discover": vpc}} for number, vpc in enumerate(vpcs)}
    common = {"code": "src", "handler": "app.handler", "runtime": "python3.12"}
    return System.model_validate(
        {
            "stack": "s",
            "defaults": {} if usual is None else {"vpc": {"discover": usual}},
            "functions": {name: {**common, **one} for name, one in {**functions, "other": {}}.items()},  # type: ignore[dict-item] # both are mappings
        }
    )


def test_a_system_that_names_no_vpc_asks_for_nothing() -> None:
    target = network()
    assert (discover(system(), target), target.asked) == ({}, [])


def test_one_subnet_of_each_zone_is_taken_three_at_most_and_the_default_group() -> None:
    target = network(
        ("subnet-9", "eu-west-1c"),
        ("subnet-2", "eu-west-1a"),
        ("subnet-1", "eu-west-1a"),
        ("subnet-5", "eu-west-1b"),
        ("subnet-7", "eu-west-1d"),
    )
    assert discover(system(VPC), target) == {
        VPC: DiscoveredVpc(("subnet-2", "subnet-5", "subnet-9"), (f"sg-of-{VPC}",)),
    }


def test_the_same_subnets_are_taken_in_whatever_order_they_are_told() -> None:
    subnets = [("subnet-1", "a"), ("subnet-2", "a"), ("subnet-3", "b")]
    assert discover(system(VPC), network(*subnets)) == discover(system(VPC), network(*reversed(subnets)))


def test_each_vpc_is_looked_up_once_also_where_it_is_the_default_of_all() -> None:
    target = network(("subnet-1", "a"), ("subnet-2", "b"))
    discover(system(VPC, VPC, usual=VPC), target)
    assert target.asked == [VPC]
    discover(system(VPC, usual="vpc-other"), target)
    assert target.asked[1:] == [VPC, "vpc-other"]


@pytest.mark.parametrize(
    ("subnets", "zones"), [([], 0), ([("subnet-1", "a")], 1), ([("subnet-1", "a"), ("subnet-2", "a")], 1)]
)
def test_a_vpc_of_too_few_zones_is_refused(subnets: list[tuple[str, str]], zones: int) -> None:
    with pytest.raises(DeployError, match=f"VPC {VPC} has subnets in {zones} of the two Availability Zones") as refused:
        discover(system(VPC), network(*subnets))
    assert refused.value.advice == "Add a subnet in another zone, or name `subnets` and `security_groups` yourself."
