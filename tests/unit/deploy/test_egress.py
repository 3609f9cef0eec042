"""Subnets that nothing leaves, by their routes and by the endpoints of their VPC."""

from __future__ import annotations

import pytest

from lambent.deploy.egress import without_egress
from lambent.deploy.provider_networks import Subnet
from lambent.deploy.zones import Spread
from tests.unit.deploy.networks import VPC, Network

ONE, TWO = Subnet("subnet-1", "eu-west-1a", VPC), Subnet("subnet-2", "eu-west-1b", VPC)
POOL = Spread("Pool", "", subnets=(ONE, TWO))
LOCAL = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
NAT = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}
LOST = {**NAT, "State": "blackhole"}
MAIN: dict[str, object] = {"Main": True}


def table(*routes: dict[str, str], of: list[dict[str, object]]) -> dict[str, object]:
    """Return a route table."""
    return {"Routes": [LOCAL, *routes], "Associations": of}


def subnet(name: str) -> dict[str, object]:
    """Return the association of a table with a subnet."""
    return {"Main": False, "SubnetId": name}


@pytest.mark.parametrize(
    ("routes", "endpoints", "closed"),
    [
        ([table(of=[MAIN])], [], "subnet-1 (eu-west-1a), subnet-2 (eu-west-1b)"),
        ([table(LOST, of=[MAIN])], [], "subnet-1 (eu-west-1a), subnet-2 (eu-west-1b)"),
        ([table(of=[MAIN]), table(NAT, of=[subnet("subnet-1")])], [], "subnet-2 (eu-west-1b)"),
        ([table(NAT, of=[MAIN]), table(of=[subnet("subnet-1")])], ["com.amazonaws.eu-west-1.s3"], "subnet-1 (eu-west-1a)"),  # noqa: E501
    ],
)  # fmt: skip
def test_subnets_without_a_way_out_are_told(routes: list[dict[str, object]], endpoints: list[str], closed: str) -> None:
    (told,) = without_egress([POOL], Network(None, routes=routes, endpoints=endpoints))
    assert told.startswith(f"Pool: nothing leaves {closed}: ")


@pytest.mark.parametrize(
    "target",
    [
        Network(None, routes=[table(NAT, of=[MAIN])]),
        Network(None, routes=[table(of=[MAIN])], endpoints=["com.amazonaws.eu-west-1.logs"]),
        Network(None, refusal="UnauthorizedOperation"),
    ],
)
def test_others_are_not_spoken_of(target: Network) -> None:
    assert list(without_egress([POOL], target)) == []
    assert list(without_egress([Spread("Pool", "")], target)) == []
