"""What an account has of the things that parameters of AWS's own types name: for rules, and to tell what is not there.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.services.cloudformation.model.stack import StackParameter
from lambent.cloud.store.scope import Scope
from lambent.template.document import AWS_PARAMETER_TYPES, Parameter
from lambent.template.parameter_values import items_of
from lambent.template.rules import Things

Item = Mapping[str, Any]  # Any: a member of a service's answer
_STORED_NAME = "AWS::SSM::Parameter::Name"


@dataclass(frozen=True, slots=True)
class _Listing:
    """How the things of a type are listed: by which operation, under which members, and their attributes' names."""

    service: str
    operation: str
    path: tuple[str, ...]
    identity: str
    attributes: tuple[str, ...] = ()


_LISTINGS: Mapping[str, _Listing] = {
    "AWS::EC2::AvailabilityZone::Name": _Listing(
        "ec2", "DescribeAvailabilityZones", ("AvailabilityZones",), "ZoneName"
    ),
    "AWS::EC2::Image::Id": _Listing("ec2", "DescribeImages", ("Images",), "ImageId"),
    "AWS::EC2::Instance::Id": _Listing("ec2", "DescribeInstances", ("Reservations", "Instances"), "InstanceId"),
    "AWS::EC2::KeyPair::KeyName": _Listing("ec2", "DescribeKeyPairs", ("KeyPairs",), "KeyName"),
    "AWS::EC2::SecurityGroup::GroupName": _Listing("ec2", "DescribeSecurityGroups", ("SecurityGroups",), "GroupName"),
    "AWS::EC2::SecurityGroup::Id": _Listing("ec2", "DescribeSecurityGroups", ("SecurityGroups",), "GroupId"),
    "AWS::EC2::Subnet::Id": _Listing("ec2", "DescribeSubnets", ("Subnets",), "SubnetId", ("AvailabilityZone", "VpcId")),
    "AWS::EC2::Volume::Id": _Listing("ec2", "DescribeVolumes", ("Volumes",), "VolumeId"),
    "AWS::EC2::VPC::Id": _Listing("ec2", "DescribeVpcs", ("Vpcs",), "VpcId"),
    "AWS::Route53::HostedZone::Id": _Listing("route53", "ListHostedZones", ("HostedZones",), "Id"),
}
# What a VPC comes with: an attribute of it to rules, and a thing of its own to EC2.
_OF_VPC = {
    "DefaultSecurityGroup": ("DescribeSecurityGroups", "SecurityGroups", "GroupId", ("group-name", "default")),
    "DefaultNetworkAcl": ("DescribeNetworkAcls", "NetworkAcls", "NetworkAclId", ("default", "true")),
}


class Account:
    """One account in one region, seen on somebody's behalf."""

    def __init__(self, client: InternalClient, scope: Scope, principal: Principal) -> None:
        self._client = client
        self._scope = scope
        self._principal = principal

    async def things(self, kind: str) -> Things:
        """Return what there is of a parameter type, by id; nothing of a type that nobody here knows."""
        listing = _LISTINGS.get(kind)
        if listing is None:
            return {}
        items = _leaves(await self._ask(listing.service, listing.operation, {}), listing.path)
        found = {_name(str(one[listing.identity])): _attributes(one, listing.attributes) for one in items}
        if kind == "AWS::EC2::VPC::Id":
            await self._add_defaults(found)
        return found

    async def missing(
        self, declared: Mapping[str, Parameter], given: Sequence[StackParameter]
    ) -> tuple[str, str] | None:
        """Return the first value that names nothing in the account, and its parameter's name; None where all do."""
        for one in given:
            parameter = declared.get(one.key)
            if parameter is None or parameter.item_type not in AWS_PARAMETER_TYPES | {_STORED_NAME}:
                continue
            values = items_of(one.effective) if parameter.is_list else [one.effective]
            known = await self._known(parameter.item_type, values)
            for value in values:
                if value not in known:
                    return value, one.key
        return None

    async def _known(self, kind: str, values: Sequence[str]) -> frozenset[str]:
        if kind != _STORED_NAME:
            return frozenset(await self.things(kind))
        return frozenset([one for one in values if await self._ask("ssm", "GetParameter", {"Name": one})])

    async def _add_defaults(self, found: dict[str, dict[str, str]]) -> None:
        for attribute, (operation, member, identity, (name, value)) in _OF_VPC.items():
            answer = await self._ask("ec2", operation, {"Filters": [{"Name": name, "Values": [value]}]})
            for one in answer.get(member, ()):
                if one.get("VpcId") in found:
                    found[one["VpcId"]][attribute] = str(one[identity])

    async def _ask(self, service: str, operation: str, parameters: Item) -> Item:
        try:
            return await self._client.call(service, operation, parameters, scope=self._scope, principal=self._principal)
        except ServiceError:
            return {}


def _leaves(answer: Item, path: Sequence[str]) -> Iterator[Item]:
    for one in answer.get(path[0], ()):
        if len(path) > 1:
            yield from _leaves(one, path[1:])
        else:
            yield one


def _name(identity: str) -> str:
    return identity.removeprefix("/hostedzone/")


def _attributes(item: Item, names: Sequence[str]) -> dict[str, str]:
    tags = {f"Tags.{tag['Key']}": str(tag["Value"]) for tag in item.get("Tags", ())}
    return {**tags, **{name: str(item.get(name, "")) for name in names}}
