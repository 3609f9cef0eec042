"""Capacity providers of manifests and templates on a platform: their network is found, their zones are asked for."""

from __future__ import annotations

import pytest

from lambent.testing.platform import LocalPlatform
from tests.journeys.commands import Commands

pytestmark = pytest.mark.timeout(120)
FUNCTION = "code: {inline: 'def handler(event, context): return 1'}, handler: index.handler, runtime: python3.13"
MANAGED = f"{FUNCTION}, memory: 2048, capacity_provider: '${{capacity_providers.pool}}'"


def write(lambent: Commands, name: str, text: str) -> str:
    """Write a manifest or a template and return its name."""
    (lambent.folder / name).write_text(text)
    return name


def vpc_with(platform: LocalPlatform, *zones: str) -> tuple[str, list[str]]:
    """Make a VPC with a subnet in each of these zones; return its id and theirs."""
    ec2 = platform.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for number, zone in enumerate(zones)
    )
    return vpc, list(made)


def test_a_vpc_is_enough_and_what_was_found_stays(lambent: Commands, platform: LocalPlatform) -> None:
    ec2, functions = platform.client("ec2"), platform.client("lambda")
    vpc, subnets = vpc_with(platform, "us-east-1a", "us-east-1b")
    said = f"vpc: {vpc}, propagate_tags: {{team: data}}, logs: {{level: WARN}}"
    text = f"stack: found\ncapacity_providers:\n  pool: {{{said}}}\n"
    manifest = write(lambent, "found.yaml", text)
    planned = lambent.run("plan", manifest)
    assert all(one in planned.stderr for one in subnets)
    assert not functions.list_capacity_providers()["CapacityProviders"]

    lambent.run("up", manifest)
    provider = functions.get_capacity_provider(CapacityProviderName="found-pool")["CapacityProvider"]
    assert provider["VpcConfig"]["SubnetIds"] == subnets
    assert provider["PropagateTags"] == {"Mode": "Explicit", "ExplicitTags": {"team": "data"}}
    assert provider["TelemetryConfig"]["LoggingConfig"]["SystemLogLevel"] == "WARN"
    (group,) = ec2.describe_security_groups(GroupIds=provider["VpcConfig"]["SecurityGroupIds"])["SecurityGroups"]
    assert group["GroupName"].startswith("found-")
    assert (group["VpcId"], group["Description"]) == (vpc, "Security group for Lambda Managed Instances")
    assert group["IpPermissions"] == []
    (out,) = group["IpPermissionsEgress"]
    assert (out["IpProtocol"], [one["CidrIp"] for one in out["IpRanges"]]) == ("-1", ["0.0.0.0/0"])
    role = provider["PermissionsConfig"]["CapacityProviderOperatorRoleArn"].rpartition("/")[2]
    attached = platform.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [one["PolicyArn"] for one in attached] == ["arn:aws:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator"]

    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/24", AvailabilityZone="us-east-1c")
    assert lambent.told("up", manifest, "--json")["changed"] is False
    assert lambent.told("diff", manifest, "--json")["drift"] == []
    lambent.run("down", manifest, "--yes")


@pytest.mark.parametrize("said", ["vpc: {vpc}", "subnets: [{subnets}]"])
def test_one_zone_is_refused_before_anything_is_made(lambent: Commands, platform: LocalPlatform, said: str) -> None:
    vpc, subnets = vpc_with(platform, "us-east-1a", "us-east-1a")
    text = f"stack: narrow\ncapacity_providers:\n  pool: {{{said.format(vpc=vpc, subnets=', '.join(subnets))}}}\n"
    manifest = write(lambent, "narrow.yaml", text)
    for command in ("plan", "up"):
        told = lambent.run(command, manifest, expect=1).stderr
        assert "Error: " in told
        assert all(f"{one} (us-east-1a)" in told for one in subnets)
    assert "There is no stack narrow." in lambent.run("outputs", "--stack", "narrow", expect=1).stderr


def test_a_template_of_one_zone_is_told_so_and_left_to_aws(lambent: Commands, platform: LocalPlatform) -> None:
    _, (subnet, other) = vpc_with(platform, "us-east-1b", "us-east-1b")
    template = write(
        lambent,
        "template.yaml",
        "Resources:\n  Pool:\n    Type: AWS::Lambda::CapacityProvider\n    Properties:\n"
        f"      VpcConfig: {{SubnetIds: [{subnet}, {other}], SecurityGroupIds: []}}\n"
        "      PermissionsConfig: {CapacityProviderOperatorRoleArn: 'arn:aws:iam::000000000000:role/operator'}\n",
    )
    told = lambent.run("plan", template, "--stack", "single").stderr
    assert f"Pool: its subnets lie in one Availability Zone: {subnet} (us-east-1b), {other} (us-east-1b)." in told


def test_a_compute_type_is_never_changed_in_place(lambent: Commands, platform: LocalPlatform) -> None:
    pool = "capacity_providers:\n  pool: {vpc: default, security_groups: []}\n"
    manifest = write(lambent, "type.yaml", f"stack: type\nfunctions:\n  f: {{{FUNCTION}}}\n")
    lambent.run("up", manifest)
    write(lambent, "type.yaml", f"stack: type\n{pool}functions:\n  f: {{{MANAGED}}}\n")
    told = lambent.run("up", manifest, expect=1).stderr
    assert "FFunction (type-f): CapacityProviderConfig isn't supported for Lambda Default functions" in told
    assert "Give the new one another key" in told
    assert not platform.client("lambda").list_capacity_providers()["CapacityProviders"]
    changes = platform.client("cloudformation").list_change_sets(StackName="type")["Summaries"]
    assert all(one["ExecutionStatus"] == "EXECUTE_COMPLETE" for one in changes)
    lambent.run("down", "--stack", "type", "--yes")
