"""The networks that functions are attached to; the bridge keeps them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_EC2.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambent.cloud.services.cloudformation.resources.calls import picked, stack_tags, tag_list, tags_of, until
from lambent.cloud.services.cloudformation.resources.contract import Live, Properties, ResourceContext, ResourceHandler
from lambent.cloud.services.cloudformation.resources.described import Described, Given

_TRUE = frozenset({"true", "True", True})


def _tagged(kind: str, context: ResourceContext, properties: Properties) -> dict[str, Any]:  # Any: of the API
    tags = tag_list({**stack_tags(context), **tags_of(properties)})
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]}


def _made(kind: str, *names: str) -> Any:  # Any: a Shape
    """Return a shape that takes some properties as they are, and tags."""
    return lambda context, properties, name: {**picked(properties, *names), **_tagged(kind, context, properties)}


async def _vpc_attributes(context: ResourceContext, vpc: str, properties: Properties) -> None:
    for name in ("EnableDnsSupport", "EnableDnsHostnames"):
        if name in properties:
            value = {"Value": properties[name] in _TRUE}
            await context.call("ec2", "ModifyVpcAttribute", VpcId=vpc, **{name: value})


async def _change_vpc(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    await _vpc_attributes(context, live.physical_id, after)


VPC = Described(
    "ec2",
    "CreateVpc",
    "DeleteVpc",
    "VpcId",
    identity=lambda answer: str(answer["Vpc"]["VpcId"]),
    shape=_made("vpc", "CidrBlock", "InstanceTenancy"),
    after_create=_vpc_attributes,
    change=_change_vpc,
    attributes=lambda context, answer, vpc: {"VpcId": vpc, "CidrBlock": answer["Vpc"].get("CidrBlock", "")},
    gone=("InvalidVpcID.NotFound",),
)


async def _subnet_attributes(context: ResourceContext, subnet: str, properties: Properties) -> None:
    if "MapPublicIpOnLaunch" in properties:
        value = {"Value": properties["MapPublicIpOnLaunch"] in _TRUE}
        await context.call("ec2", "ModifySubnetAttribute", SubnetId=subnet, MapPublicIpOnLaunch=value)


async def _change_subnet(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    await _subnet_attributes(context, live.physical_id, after)


SUBNET = Described(
    "ec2",
    "CreateSubnet",
    "DeleteSubnet",
    "SubnetId",
    identity=lambda answer: str(answer["Subnet"]["SubnetId"]),
    shape=_made("subnet", "VpcId", "CidrBlock", "AvailabilityZone"),
    after_create=_subnet_attributes,
    change=_change_subnet,
    attributes=lambda context, answer, subnet: {
        "SubnetId": subnet,
        **picked(answer["Subnet"], "AvailabilityZone", "VpcId", "CidrBlock"),
    },
    gone=("InvalidSubnetID.NotFound",),
)


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:  # Any: a rule of a security group
    found: dict[str, Any] = {"IpProtocol": str(rule.get("IpProtocol", "-1"))}  # Any: an IpPermission
    for port in ("FromPort", "ToPort"):
        if port in rule:
            found[port] = int(rule[port])
    told = picked(rule, "Description")
    if "CidrIp" in rule:
        found["IpRanges"] = [{"CidrIp": rule["CidrIp"], **told}]
    if "CidrIpv6" in rule:
        found["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **told}]
    other = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
    if other:
        found["UserIdGroupPairs"] = [{"GroupId": other, **told}]
    return found


async def _group_rules(context: ResourceContext, group: str, properties: Properties) -> None:
    if ingress := properties.get("SecurityGroupIngress"):
        rules = [_rule(one) for one in ingress]
        await context.call("ec2", "AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=rules)
    if egress := properties.get("SecurityGroupEgress"):
        # Rules of one's own take the place of the one that lets everything out.
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        await context.call("ec2", "RevokeSecurityGroupEgress", GroupId=group, IpPermissions=everything)
        rules = [_rule(one) for one in egress]
        await context.call("ec2", "AuthorizeSecurityGroupEgress", GroupId=group, IpPermissions=rules)


async def _change_group(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    group = live.physical_id
    for name, direction in (("SecurityGroupIngress", "Ingress"), ("SecurityGroupEgress", "Egress")):
        old, new = (([_rule(one) for one in where.get(name, [])]) for where in (before, after))
        if gone := [rule for rule in old if rule not in new]:
            await context.call("ec2", f"RevokeSecurityGroup{direction}", GroupId=group, IpPermissions=gone)
        if added := [rule for rule in new if rule not in old]:
            await context.call("ec2", f"AuthorizeSecurityGroup{direction}", GroupId=group, IpPermissions=added)


SECURITY_GROUP = Described(
    "ec2",
    "CreateSecurityGroup",
    "DeleteSecurityGroup",
    "GroupId",
    name_property="GroupName",
    identity=lambda answer: str(answer["GroupId"]),
    shape=lambda context, properties, name: {
        "Description": properties["GroupDescription"],
        **picked(properties, "VpcId"),
        **_tagged("security-group", context, properties),
    },
    after_create=_group_rules,
    change=_change_group,
    attributes=lambda context, answer, group: {"GroupId": group, "Id": group},
    gone=("InvalidGroup.NotFound",),
)


def _one_rule(direction: str) -> Described:
    def shape(context: ResourceContext, properties: Properties, name: str) -> Given:
        return {"GroupId": properties["GroupId"], "IpPermissions": [_rule(properties)]}

    return Described(
        "ec2",
        f"AuthorizeSecurityGroup{direction}",
        f"RevokeSecurityGroup{direction}",
        "GroupId",
        identity=lambda answer: str((answer.get("SecurityGroupRules") or [{}])[0].get("SecurityGroupRuleId", "rule")),
        shape=shape,
        deleting=shape,
        gone=("InvalidPermission.NotFound", "InvalidGroup.NotFound"),
    )


INTERNET_GATEWAY = Described(
    "ec2",
    "CreateInternetGateway",
    "DeleteInternetGateway",
    "InternetGatewayId",
    identity=lambda answer: str(answer["InternetGateway"]["InternetGatewayId"]),
    shape=_made("internet-gateway"),
    attributes=lambda context, answer, gateway: {"InternetGatewayId": gateway},
    gone=("InvalidInternetGatewayID.NotFound",),
)


def _attachment(context: ResourceContext, properties: Properties, name: str) -> Given:
    return picked(properties, "VpcId", "InternetGatewayId")


class AttachmentHandler(Described):
    """An internet gateway's attachment: what it attaches is its physical id."""

    __slots__ = ()

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Attach the gateway."""
        await context.call("ec2", "AttachInternetGateway", **_attachment(context, properties, ""))
        return Live(f"IGW|{properties['VpcId']}", {"AttachmentType": "IGW"})


ROUTE_TABLE = Described(
    "ec2",
    "CreateRouteTable",
    "DeleteRouteTable",
    "RouteTableId",
    identity=lambda answer: str(answer["RouteTable"]["RouteTableId"]),
    shape=_made("route-table", "VpcId"),
    attributes=lambda context, answer, table: {"RouteTableId": table},
    gone=("InvalidRouteTableID.NotFound",),
)


def _route(context: ResourceContext, properties: Properties, name: str) -> Given:
    return picked(properties, "RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock")


class RouteHandler(Described):
    """A route: its table and destination are its physical id."""

    __slots__ = ()

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Add the route to its table."""
        await context.call("ec2", "CreateRoute", **properties)
        destination = properties.get("DestinationCidrBlock") or properties.get("DestinationIpv6CidrBlock")
        return Live(f"{properties['RouteTableId']}|{destination}", {"CidrBlock": destination})


ROUTE = RouteHandler(
    "ec2", "CreateRoute", "DeleteRoute", "RouteTableId", deleting=_route, gone=("InvalidRoute.NotFound",)
)
ASSOCIATION = Described(
    "ec2",
    "AssociateRouteTable",
    "DisassociateRouteTable",
    "AssociationId",
    identity=lambda answer: str(answer["AssociationId"]),
    attributes=lambda context, answer, association: {"Id": association},
    gone=("InvalidAssociationID.NotFound",),
)
ADDRESS = Described(
    "ec2",
    "AllocateAddress",
    "ReleaseAddress",
    "AllocationId",
    identity=lambda answer: str(answer["AllocationId"]),
    shape=_made("elastic-ip", "Domain"),
    attributes=lambda context, answer, allocation: {"AllocationId": allocation, "PublicIp": answer["PublicIp"]},
    gone=("InvalidAllocationID.NotFound",),
)


async def _nat_available(context: ResourceContext, gateway: str, properties: Properties) -> None:
    async def look() -> bool | None:
        answer = await context.call("ec2", "DescribeNatGateways", NatGatewayIds=[gateway])
        return True if answer["NatGateways"][0]["State"] == "available" else None

    await until(context, look)


NAT_GATEWAY = Described(
    "ec2",
    "CreateNatGateway",
    "DeleteNatGateway",
    "NatGatewayId",
    identity=lambda answer: str(answer["NatGateway"]["NatGatewayId"]),
    shape=_made("natgateway", "AllocationId", "SubnetId", "ConnectivityType"),
    after_create=_nat_available,
    attributes=lambda context, answer, gateway: {"NatGatewayId": gateway},
    gone=("NatGatewayNotFound",),
)
ENDPOINT = Described(
    "ec2",
    "CreateVpcEndpoint",
    "DeleteVpcEndpoints",
    "VpcEndpointIds",
    identity=lambda answer: str(answer["VpcEndpoint"]["VpcEndpointId"]),
    deleting=lambda context, properties, name: {"VpcEndpointIds": [name]},
    attributes=lambda context, answer, endpoint: {"Id": endpoint},
    gone=("InvalidVpcEndpointId.NotFound",),
)

HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::EC2::EIP": ADDRESS,
    "AWS::EC2::InternetGateway": INTERNET_GATEWAY,
    "AWS::EC2::NatGateway": NAT_GATEWAY,
    "AWS::EC2::Route": ROUTE,
    "AWS::EC2::RouteTable": ROUTE_TABLE,
    "AWS::EC2::SecurityGroup": SECURITY_GROUP,
    "AWS::EC2::SecurityGroupEgress": _one_rule("Egress"),
    "AWS::EC2::SecurityGroupIngress": _one_rule("Ingress"),
    "AWS::EC2::Subnet": SUBNET,
    "AWS::EC2::SubnetRouteTableAssociation": ASSOCIATION,
    "AWS::EC2::VPC": VPC,
    "AWS::EC2::VPCEndpoint": ENDPOINT,
    "AWS::EC2::VPCGatewayAttachment": AttachmentHandler(
        "ec2",
        "AttachInternetGateway",
        "DetachInternetGateway",
        "InternetGatewayId",
        deleting=_attachment,
        gone=("Gateway.NotAttached", "InvalidInternetGatewayID.NotFound"),
    ),
}
