"""Whether there is a way out of the subnets of capacity providers: functions and their logs leave through them.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-networking.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from lambent.aws.clients import AwsCallError, Target, aws_errors
from lambent.deploy.provider_networks import Subnet, told
from lambent.deploy.zones import Spread

_EVERYWHERE: Final = frozenset({"0.0.0.0/0", "::/0"})
_LOGS: Final = ".logs"


def without_egress(spreads: Iterable[Spread], target: Target) -> Iterator[str]:
    """Yield in words each capacity provider with subnets that nothing leaves: neither a route nor an endpoint for logs.

    Nothing is told of subnets whose routes the caller may not see.
    """
    found = [one for one in spreads if one.subnets]
    if not found:
        return
    client = target.client("ec2")
    try:
        closed = _closed_ones(client, [subnet for one in found for subnet in one.subnets])
    except AwsCallError:
        return
    for one in found:
        shut = [subnet for subnet in one.subnets if subnet in closed]
        if shut:
            yield (
                f"{one.logical_id}: nothing leaves {told(shut)}: functions there reach no service, and their logs "
                "and traces are lost. Add a NAT gateway, or VPC endpoints for logs and what else they call."
            )


def _closed_ones(client: Any, subnets: list[Subnet]) -> set[Subnet]:  # Any: boto3's EC2 client
    by_vpc: dict[str, list[Subnet]] = {}
    for one in subnets:
        by_vpc.setdefault(one.vpc, []).append(one)
    return {one for vpc, inside in by_vpc.items() for one in _closed(client, vpc, inside)}


def _closed(client: Any, vpc: str, subnets: Iterable[Subnet]) -> set[Subnet]:  # Any: boto3's EC2 client
    where = [{"Name": "vpc-id", "Values": [vpc]}]
    with aws_errors():
        tables = client.describe_route_tables(Filters=where)["RouteTables"]
        endpoints = client.describe_vpc_endpoints(Filters=where)["VpcEndpoints"]
    if any(str(one.get("ServiceName", "")).endswith(_LOGS) for one in endpoints):
        return set()
    open_ones = {name for table in tables if _leads_out(table) for name in _subnets_of(table)}
    named = {name for table in tables for name in _subnets_of(table) if name}
    return {one for one in subnets if (one.id if one.id in named else "") not in open_ones}


def _leads_out(table: Mapping[str, Any]) -> bool:  # Any: a RouteTable of EC2's
    routes = table.get("Routes", ())
    return any(
        _EVERYWHERE & {route.get("DestinationCidrBlock"), route.get("DestinationIpv6CidrBlock")}
        and route.get("GatewayId") != "local"
        and route.get("State") != "blackhole"
        for route in routes
    )


def _subnets_of(table: Mapping[str, Any]) -> Iterator[str]:  # Any: as above
    """Yield the subnets that a table is for; "" for all that no other one is for."""
    for one in table.get("Associations", ()):
        if one.get("Main"):
            yield ""
        elif "SubnetId" in one:
            yield str(one["SubnetId"])
