"""The Rules section: what a template asserts of its parameters before anything is made."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import Stacks, code_of, groups

FAILED = ("ValidationError", "Template error: Rule Small failed: Tests are small.")


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


def template(**resources: Any) -> dict[str, Any]:  # Any: properties of log groups, and a template
    """Return a template whose tests are to be small."""
    return {
        **groups(A={"LogGroupName": "a"}, **resources),
        "Parameters": {"Env": {"Type": "String"}, "Size": {"Type": "String", "Default": "big"}},
        "Rules": {
            "Small": {
                "RuleCondition": {"Fn::Equals": [{"Ref": "Env"}, "test"]},
                "Assertions": [
                    {
                        "Assert": {"Fn::Contains": [["small", "tiny"], {"Ref": "Size"}]},
                        "AssertDescription": "Tests are small.",
                    }
                ],
            }
        },
    }


def given(**values: str) -> list[dict[str, str]]:
    """Return parameters of a request."""
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def test_a_stack_is_made_only_where_its_rules_hold(stacks: Stacks) -> None:
    with pytest.raises(ClientError) as refused:
        stacks.create("s", template(), Parameters=given(Env="test"))
    assert code_of(refused.value) == FAILED
    assert stacks.client.list_stacks()["StackSummaries"] == []
    assert stacks.create("s", template(), Parameters=given(Env="test", Size="tiny"))["StackStatus"] == "CREATE_COMPLETE"
    assert stacks.create("p", groups(A={}), Parameters=[])["StackStatus"] == "CREATE_COMPLETE"


def test_updates_and_change_sets_are_held_to_the_rules_too(stacks: Stacks) -> None:
    stacks.create("s", template(), Parameters=given(Env="prod"))
    with pytest.raises(ClientError) as refused:
        stacks.update("s", template(B={}), Parameters=given(Env="test"))
    assert code_of(refused.value) == FAILED
    with pytest.raises(ClientError) as refused:
        stacks.client.create_change_set(
            StackName="s", ChangeSetName="c", TemplateBody=json.dumps(template(B={})), Parameters=given(Env="test")
        )
    assert code_of(refused.value) == FAILED
    assert stacks.client.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


@pytest.mark.timeout(60)
def test_rules_may_ask_what_the_account_has(stacks: Stacks, aws: ClientFactory) -> None:
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    inside = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    body = {
        **groups(A={}),
        "Parameters": {
            "Vpc": {"Type": "AWS::EC2::VPC::Id"},
            "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>"},
        },
        "Rules": {
            "Inside": {
                "Assertions": [
                    {
                        "Assert": {
                            "Fn::And": [
                                {
                                    "Fn::EachMemberIn": [
                                        {"Fn::ValueOfAll": ["AWS::EC2::Subnet::Id", "VpcId"]},
                                        {"Fn::RefAll": "AWS::EC2::VPC::Id"},
                                    ]
                                },
                                {"Fn::EachMemberEquals": [{"Fn::ValueOf": ["Subnets", "VpcId"]}, {"Ref": "Vpc"}]},
                            ]
                        },
                        "AssertDescription": "All subnets must be in the VPC.",
                    }
                ]
            }
        },
    }
    with pytest.raises(ClientError) as refused:
        stacks.create("s", body, Parameters=given(Vpc=other, Subnets=inside))
    assert code_of(refused.value)[1] == "Template error: Rule Inside failed: All subnets must be in the VPC."
    assert stacks.create("s", body, Parameters=given(Vpc=vpc, Subnets=inside))["StackStatus"] == "CREATE_COMPLETE"


def test_functions_that_rules_do_not_have_are_refused(stacks: Stacks) -> None:
    body = template()
    body["Rules"]["Small"]["Assertions"][0]["Assert"] = {"Fn::If": ["C", 1, 2]}
    with pytest.raises(ClientError) as refused:
        stacks.client.validate_template(TemplateBody=json.dumps(body))
    assert code_of(refused.value) == (
        "ValidationError",
        "Template format error: Following functions are not supported in the Rules block of the template: [Fn::If]",
    )
