"""VPCs that a manifest asks to be looked up: their subnets, of different zones, and their default security group."""

from __future__ import annotations

from lambent.aws.clients import Target, aws_errors
from lambent.compiler.compile import vpcs_wanted
from lambent.compiler.result import DiscoveredVpc
from lambent.deploy.errors import DeployError
from lambent.manifest.system import System

_MOST_SUBNETS = 3


def discover(system: System, target: Target) -> dict[str, DiscoveredVpc]:
    """Return what the target has in the VPCs that the system names. Raises DeployError for one with too few zones."""
    wanted = vpcs_wanted(system)
    if not wanted:
        return {}
    client = target.client("ec2")
    found = {}
    for vpc in wanted:
        where = [{"Name": "vpc-id", "Values": [vpc]}]
        with aws_errors():
            subnets = client.describe_subnets(Filters=where)["Subnets"]
            groups = client.describe_security_groups(Filters=[*where, {"Name": "group-name", "Values": ["default"]}])[
                "SecurityGroups"
            ]
        by_id = sorted(subnets, key=lambda one: str(one["SubnetId"]))
        by_zone = {one["AvailabilityZone"]: one["SubnetId"] for one in by_id}
        if len(by_zone) < 2:
            raise DeployError(
                f"VPC {vpc} has subnets in {len(by_zone)} of the two Availability Zones that a function needs.",
                "Add a subnet in another zone, or name `subnets` and `security_groups` yourself.",
            )
        chosen = tuple(by_zone[zone] for zone in sorted(by_zone)[:_MOST_SUBNETS])
        found[vpc] = DiscoveredVpc(chosen, tuple(group["GroupId"] for group in groups))
    return found
