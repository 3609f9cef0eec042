# ruff: noqa: E501 - messages stand in one piece
"""Templates whose capacity providers lie in one zone, in two, or where CloudFormation alone knows."""

from __future__ import annotations

from typing import Any

import pytest

from lambent.aws.clients import AwsCallError
from lambent.compiler.result import CompiledSystem, NestedWanted
from lambent.deploy.zones import spreads, spreads_or_reason
from tests.unit.deploy.networks import Network, subnet

TARGET = Network(None, subnets=[subnet("subnet-1", "eu-west-1a"), subnet("subnet-2", "eu-west-1b"), subnet("subnet-3", "eu-west-1a")])  # fmt: skip
FIRST, SECOND = {"Fn::Select": [0, {"Fn::GetAZs": ""}]}, {"Fn::Select": [1, {"Fn::GetAZs": ""}]}


def template(subnets: Any, *, zones: tuple[Any, Any] = (FIRST, SECOND), given: dict[str, str] | None = None) -> CompiledSystem:  # fmt: skip # Any: CloudFormation's values
    """Return a template with a capacity provider, two subnets of its own, and a parameter."""
    made = {f"Own{number}": {"Type": "AWS::EC2::Subnet", "Properties": {"AvailabilityZone": zone}} for number, zone in enumerate(zones)}  # fmt: skip
    pool = {"Type": "AWS::Lambda::CapacityProvider", "Properties": {"VpcConfig": {"SubnetIds": subnets}}}
    parameters = {"Named": {"Type": "List<AWS::EC2::Subnet::Id>", "Default": "subnet-1, subnet-3"}}
    return CompiledSystem("fleet", {"Parameters": parameters, "Resources": {"Pool": pool, **made}}, given or {})


@pytest.mark.parametrize(
    ("subnets", "told"),
    [
        (["subnet-1", "subnet-2"], "subnet-1 (eu-west-1a), subnet-2 (eu-west-1b)"),
        ([{"Ref": "Own0"}, {"Fn::GetAtt": ["Own1", "SubnetId"]}], 'Own0 ({"Fn::Select": [0, {"Fn::GetAZs": ""}]}), Own1 ({"Fn::Select": [1, {"Fn::GetAZs": ""}]})'),
    ],
)  # fmt: skip
def test_subnets_in_two_zones_are_told_with_them(subnets: list[object], told: str) -> None:
    (spread,) = spreads(template(subnets), TARGET)
    assert (spread.logical_id, spread.told, spread.problem) == ("Pool", told, "")
    assert [one.id for one in spread.subnets] == [one for one in subnets if isinstance(one, str)]


@pytest.mark.parametrize(
    ("system", "problem"),
    [
        (template(["subnet-1", "subnet-3"]), "Pool: its subnets lie in one Availability Zone: subnet-1 (eu-west-1a), subnet-3 (eu-west-1a)."),
        (template({"Ref": "Named"}), "Pool: its subnets lie in one Availability Zone: subnet-1 (eu-west-1a), subnet-3 (eu-west-1a)."),
        (template([{"Ref": "Own0"}, {"Ref": "Own1"}], zones=("eu-west-1a", "eu-west-1a")), "Pool: its subnets lie in one Availability Zone: Own0 (eu-west-1a), Own1 (eu-west-1a)."),
        (template(["subnet-1", "subnet-9"]), "Pool: The subnet ID 'subnet-9' does not exist"),
    ],
)  # fmt: skip
def test_subnets_in_one_zone_are_told_as_a_problem(system: CompiledSystem, problem: str) -> None:
    assert [one.problem for one in spreads(system, TARGET)] == [problem]


@pytest.mark.parametrize(
    "subnets",
    [
        {"Fn::Split": [",", {"Fn::ImportValue": "network:subnets"}]},
        [{"Fn::ImportValue": "a"}, "subnet-1"],
        [{"Ref": "Own0"}, "subnet-1"],
        None,
    ],
)
def test_what_cloudformation_alone_knows_is_left_to_it(subnets: object) -> None:
    assert spreads(template(subnets), TARGET) == ()


def test_a_parameter_is_what_it_is_given() -> None:
    (spread,) = spreads(template({"Ref": "Named"}, given={"Named": "subnet-1,subnet-2"}), TARGET)
    assert spread.problem == ""


def test_what_a_template_nests_is_looked_at_as_well() -> None:
    nested = NestedWanted("Inner", "TemplateURL", "", template(["subnet-1", "subnet-3"]))
    outer = CompiledSystem("outer", {"Resources": {}}, nested=(nested,))
    assert [one.logical_id for one in spreads(outer, TARGET)] == ["Pool"]


def test_who_may_not_describe_subnets_deploys_nevertheless() -> None:
    refused = Network(None, refusal="UnauthorizedOperation")
    told = spreads_or_reason(template(["subnet-1"]), refused)
    assert told == "the Availability Zones of subnets are not known: You are not authorized."
    with pytest.raises(AwsCallError):
        spreads_or_reason(template(["subnet-1"]), Network(None, refusal="RequestLimitExceeded"))


def test_a_security_group_of_another_vpc_is_told_as_a_problem() -> None:
    def grouped(vpc: object) -> CompiledSystem:
        system = template(["subnet-1", "subnet-2"])
        resources = system.template["Resources"]
        resources["Group"] = {"Type": "AWS::EC2::SecurityGroup", "Properties": {"VpcId": vpc}}
        resources["Pool"]["Properties"]["VpcConfig"]["SecurityGroupIds"] = [{"Fn::GetAtt": ["Group", "GroupId"]}]
        return system

    (known,) = spreads(template(["subnet-1", "subnet-2"]), TARGET)
    own = known.subnets[0].vpc
    assert [one.problem for one in spreads(grouped(own), TARGET)] == [""]
    assert [one.problem for one in spreads(grouped({"Fn::ImportValue": "vpc"}), TARGET)] == [""]
    (spread,) = spreads(grouped("vpc-other"), TARGET)
    assert (
        spread.problem
        == f"Pool: its subnets and security groups are in different VPCs: {', '.join(sorted([own, 'vpc-other']))}."
    )
