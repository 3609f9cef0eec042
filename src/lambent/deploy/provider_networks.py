"""Where capacity providers run, as a target has it: VPCs and subnets that a manifest leaves to be looked up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from lambent.aws.clients import Target, aws_errors
from lambent.compiler.compile import networks_wanted
from lambent.compiler.names import logical_id
from lambent.compiler.resources.capacity_providers import DEFAULT_VPC
from lambent.compiler.result import NetworkWanted, ProviderNetwork
from lambent.deploy.document import resources_of
from lambent.deploy.errors import DeployError
from lambent.deploy.stacks import deployed_template, find_stack
from lambent.manifest.system import System
from lambent.template.codec import parse

# https://docs.aws.amazon.com/lambda/latest/api/API_CapacityProviderVpcConfig.html
MOST_SUBNETS: Final = 16
LEAST_ZONES: Final = 2
# Local Zones (`us-west-2-lax-1a`) and Wavelength Zones have longer names; what runs there is not what runs in a region.
_ZONE_OF_A_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d[a-z]\Z")


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet as EC2 tells it."""

    id: str
    zone: str
    vpc: str
    is_public: bool = False
    is_usable: bool = True

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Subnet:  # Any: a Subnet of EC2's
        """Return the subnet; it is usable where instances of a region with IPv4 addresses can be."""
        zone = str(told["AvailabilityZone"])
        unfit = told.get("Ipv6Native") or told.get("OutpostArn") or told.get("State", "available") != "available"
        usable = not unfit and _ZONE_OF_A_REGION.match(zone) is not None
        public = bool(told.get("MapPublicIpOnLaunch"))
        return cls(str(told["SubnetId"]), zone, str(told["VpcId"]), public, usable)


def chosen(subnets: Iterable[Subnet]) -> tuple[Subnet, ...]:
    """Return those of a VPC's subnets that a capacity provider uses: one of each zone, in the order of the zones.

    Of several in a zone a private one goes first, then the lowest id: the same ones every time, in whatever order they
    are told.

    >>> [one.id for one in chosen([Subnet("subnet-2", "eu-west-1b", "v"), Subnet("subnet-1", "eu-west-1a", "v")])]
    ['subnet-1', 'subnet-2']
    """
    by_zone: dict[str, Subnet] = {}
    for one in sorted((one for one in subnets if one.is_usable), key=lambda one: (one.zone, one.is_public, one.id)):
        by_zone.setdefault(one.zone, one)
    return tuple(by_zone.values())[:MOST_SUBNETS]


def told(subnets: Iterable[Subnet]) -> str:
    """Return subnets with their zones in words."""
    return ", ".join(f"{one.id} ({one.zone})" for one in subnets) or "none"


def described(client: Any, **how: Any) -> list[Subnet]:  # Any: boto3's EC2 client, and parameters of DescribeSubnets
    """Return the subnets that DescribeSubnets tells, all pages of them."""
    with aws_errors():
        pages = client.get_paginator("describe_subnets").paginate(**how)
        return [Subnet.of(one) for page in pages for one in page["Subnets"]]


def by_id(client: Any, ids: Sequence[str]) -> list[Subnet]:  # Any: boto3's EC2 client
    """Return the subnets with these ids that there are; a filter, since by ids one that is not there is an error."""
    return described(client, Filters=[{"Name": "subnet-id", "Values": list(ids)}])


def provider_networks(system: System, target: Target) -> dict[str, ProviderNetwork]:
    """Return the network of each capacity provider that leaves it, or a part of it, to be looked up, by its key.

    Raises DeployError for a VPC or a subnet that is not there, and for a VPC with subnets in too few zones.
    """
    wanted = networks_wanted(system)
    if not wanted:
        return {}
    look = _Look(system, target)
    return {key: look.network(key, one) for key, one in wanted.items()}


class _Look:
    """One look at a target, for all capacity providers of a system."""

    def __init__(self, system: System, target: Target) -> None:
        self._system = system
        self._target = target
        self._ec2 = target.client("ec2")

    def network(self, key: str, wanted: NetworkWanted) -> ProviderNetwork:
        if wanted.subnets:
            vpc = self._vpc_of(key, wanted.subnets)
            if wanted.vpc is not None and vpc != self._vpc_named(key, wanted.vpc):
                raise DeployError(
                    f"capacity_providers.{key}: its subnets are in {vpc}, not in the VPC that it names ({wanted.vpc}).",
                    "Take `vpc` out, or name subnets of it.",
                )
            return ProviderNetwork(vpc, wanted.subnets)
        assert wanted.vpc is not None  # noqa: S101 - one of the two is always there
        vpc = self._vpc_named(key, wanted.vpc)
        there = described(self._ec2, Filters=[{"Name": "vpc-id", "Values": [vpc]}])
        # Subnets of a capacity provider cannot be changed: what it has stays, though a new subnet might be chosen now.
        kept = self._kept(key, there)
        found = kept or chosen(there)
        zones = {one.zone for one in found}
        if len(zones) < LEAST_ZONES:
            raise DeployError(
                f"VPC {vpc} has subnets in {len(zones)} of the two Availability Zones that a capacity provider needs: "
                f"{told(there)}.",
                "Add a subnet in another zone, or name `subnets` yourself.",
            )
        return ProviderNetwork(vpc, tuple(one.id for one in found))

    def _vpc_of(self, key: str, ids: tuple[str, ...]) -> str:
        found = by_id(self._ec2, ids)
        missing = sorted(set(ids) - {one.id for one in found})
        if missing:
            raise DeployError(
                f"capacity_providers.{key}: The subnet ID '{missing[0]}' does not exist",
                "Name subnets of the target's region and account, or a `vpc` to find them in.",
            )
        vpcs = sorted({one.vpc for one in found})
        if len(vpcs) > 1:
            raise DeployError(
                f"capacity_providers.{key}: its subnets are in different VPCs: {', '.join(vpcs)}.",
                "Instances of a capacity provider are in one VPC: name subnets of one.",
            )
        return vpcs[0]

    def _vpc_named(self, key: str, vpc: str) -> str:
        if vpc != DEFAULT_VPC:
            return vpc
        if self._default is None:
            raise DeployError(
                f"capacity_providers.{key}: there is no default VPC in this region.",
                "Name one by its id, or make it: aws ec2 create-default-vpc",
            )
        return self._default

    @cached_property
    def _default(self) -> str | None:
        with aws_errors():
            found = self._ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
        return str(found[0]["VpcId"]) if found else None

    def _kept(self, key: str, there: Sequence[Subnet]) -> tuple[Subnet, ...]:
        """Return the subnets it has been deployed with; none where one of them is gone, or all are of one zone."""
        has = self._deployed.get(logical_id(key, "CapacityProvider"), ())
        known = {one.id: one for one in there}
        found = tuple(known[one] for one in has if one in known)
        return found if len(found) == len(has) and len({one.zone for one in found}) >= LEAST_ZONES else ()

    @cached_property
    def _deployed(self) -> dict[str, tuple[str, ...]]:
        """The subnets of each capacity provider of the stack as it was deployed last, by logical id."""
        client = self._target.client("cloudformation")
        state = find_stack(client, self._system.stack)
        if state is None or state.is_only_reviewed or state.is_remains:
            return {}
        found = {}
        for name, resource in resources_of(parse(deployed_template(client, state.name))):
            subnets = (resource.get("Properties") or {}).get("VpcConfig", {}).get("SubnetIds")
            is_provider = resource.get("Type") == "AWS::Lambda::CapacityProvider"
            if is_provider and isinstance(subnets, list) and all(isinstance(one, str) for one in subnets):
                found[name] = tuple(subnets)
        return found
