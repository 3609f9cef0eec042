"""Parameters of stacks: checked, looked up in Systems Manager, and told again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import Stacks, code_of, groups

NOT_THERE = "Parameter validation failed: parameter value vpc-nope for parameter name Vpc does not exist"
STORED = "AWS::SSM::Parameter::Value<String>"


Body = dict[str, Any]  # Any: a template, or a part of one


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


def declaring(**parameters: Any) -> dict[str, Any]:  # Any: Parameters members, and a template
    """Return a template with these parameters, each told by an output."""
    outputs = {name: {"Value": {"Fn::Join": ["|", [{"Fn::Sub": f"${{{name}}}"}]]}} for name in parameters}
    return {**groups(A={}), "Parameters": parameters, "Outputs": outputs}


def given(**values: str) -> list[dict[str, str]]:
    """Return parameters of a request."""
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def refusal(stacks: Stacks, body: dict[str, Any], **options: Any) -> tuple[str, str]:  # Any: as boto3
    """Return code and message of a creation that is refused at once."""
    with pytest.raises(ClientError) as refused:
        stacks.create("s", body, **options)
    assert stacks.client.list_stacks()["StackSummaries"] == []
    return code_of(refused.value)


@pytest.mark.parametrize(
    ("parameter", "value", "words"),
    [
        ({"Type": "Strin"}, "x", "Template format error: Unrecognized parameter type: Strin"),
        ({"Type": "Number"}, "x", "Parameter 'P' must be a number."),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "1", "Parameter 'P' must match pattern [a-z]+"),
        ({"Type": "String", "MaxLength": 2}, "abc", "Parameter 'P' must contain at most 2 characters"),
        (
            {"Type": "String", "AllowedValues": ["a"], "ConstraintDescription": "a alone."},
            "b",
            "Parameter 'P' failed to satisfy constraint: a alone.",
        ),
        (
            {"Type": STORED},
            "/nowhere",
            "Unable to fetch parameters [/nowhere] from parameter store for this account.",
        ),
        ({"Type": STORED}, "", "Parameter P should either have input value or default value"),
    ],
)
def test_a_value_that_does_not_do_is_refused_at_once(stacks: Stacks, parameter: Body, value: str, words: str) -> None:
    found = refusal(stacks, declaring(P=parameter), Parameters=given(P=value))
    assert found == ("ValidationError", words)


def test_parameters_given_and_declared_have_to_match(stacks: Stacks) -> None:
    body = declaring(P={"Type": "String"}, Q={"Type": "String"})
    assert refusal(stacks, body, Parameters=given(P="x", R="y"))[1] == "Parameters: [R] do not exist in the template"
    assert refusal(stacks, body)[1] == "Parameters: [P, Q] must have values"
    twice = [*given(P="x", Q="y"), *given(P="z")]
    assert refusal(stacks, body, Parameters=twice)[1] == "Duplicate parameter keys: [P]"
    long = refusal(stacks, body, Parameters=given(P="x", Q="y" * 4097))[1]
    assert long.endswith(
        "at 'parameters.2.member.parameterValue' failed to satisfy constraint: Member must have length less than or "
        "equal to 4096"
    )
    kept = [{"ParameterKey": "P", "UsePreviousValue": True}]
    assert refusal(stacks, body, Parameters=kept)[1] == (
        "Invalid input for parameter key P. Cannot specify usePreviousValue as true for a parameter key not in the "
        "previous template"
    )
    with pytest.raises(ClientError) as refused:
        stacks.client.create_change_set(
            StackName="s",
            ChangeSetName="c",
            ChangeSetType="CREATE",
            TemplateBody=json.dumps(declaring(P={"Type": "String", "Default": "x"})),
            Parameters=kept,
        )
    assert code_of(refused.value)[1] == "Cannot specify UsePreviousValue on Parameters when ChangeSetType is CREATE"


@pytest.mark.timeout(60)
def test_stored_values_are_looked_up_and_told(stacks: Stacks, aws: ClientFactory) -> None:
    ssm = aws("ssm")
    ssm.put_parameter(Name="/text", Type="String", Value="one")
    ssm.put_parameter(Name="/list", Type="StringList", Value="a,b, c ,d")
    ssm.put_parameter(Name="/secret", Type="SecureString", Value="hidden")
    body = declaring(
        Text={"Type": STORED},
        Items={"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/list"},
        Quiet={"Type": STORED, "NoEcho": True, "Default": "/text"},
    )
    found = stacks.create("s", body, Parameters=given(Text="/text"))
    assert {one["ParameterKey"]: (one["ParameterValue"], one["ResolvedValue"]) for one in found["Parameters"]} == {
        "Text": ("/text", "one"),
        "Items": ("/list", "a,b,c,d"),
        "Quiet": ("****", "****"),
    }
    assert {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]} == {
        "Text": "one",
        "Items": "a,b,c,d",
        "Quiet": "one",
    }
    ssm.put_parameter(Name="/text", Type="String", Value="two", Overwrite=True)
    again = [{"ParameterKey": "Text", "UsePreviousValue": True}]
    stacks.client.update_stack(StackName="s", UsePreviousTemplate=True, Parameters=again)
    assert stacks.at_rest("s")["Outputs"][0]["OutputValue"] == "two"


@pytest.mark.timeout(60)
def test_secrets_and_values_of_another_kind_are_refused(stacks: Stacks, aws: ClientFactory) -> None:
    ssm = aws("ssm")
    ssm.put_parameter(Name="/secret", Type="SecureString", Value="hidden")
    ssm.put_parameter(Name="/commas", Type="String", Value="a,b")
    secret = refusal(stacks, declaring(P={"Type": STORED}), Parameters=given(P="/secret"))
    assert secret[1] == "Parameters [/secret] referenced by template have types not supported by CloudFormation."
    listed = {"Type": "AWS::SSM::Parameter::Value<CommaDelimitedList>"}
    commas = refusal(stacks, declaring(P=listed), Parameters=given(P="/commas"))
    assert commas[1] == "Types for SSM parameters [/commas] defined in CFN template and SSM are incompatible"


def test_a_default_may_not_refer_to_whichever_version_there_is(stacks: Stacks) -> None:
    body = declaring(P={"Type": "String", "Default": "{{resolve:ssm:/text}}"})
    assert refusal(stacks, body)[1] == "Template error: parameter P should not contain ssm versionless resolver"


@pytest.mark.timeout(60)
def test_a_value_that_names_nothing_lets_the_stack_turn_back_at_once(stacks: Stacks, aws: ClientFactory) -> None:
    body = declaring(Vpc={"Type": "AWS::EC2::VPC::Id"})
    assert stacks.create("s", body, Parameters=given(Vpc="vpc-nope"))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stacks.events("s") == [
        ("s", "CREATE_IN_PROGRESS", "User Initiated"),
        (
            "s",
            "ROLLBACK_IN_PROGRESS",
            f"{NOT_THERE}. Rollback requested by user.",
        ),
        ("s", "ROLLBACK_COMPLETE", ""),
    ]
    vpc = aws("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    assert stacks.create("t", body, Parameters=given(Vpc=vpc))["StackStatus"] == "CREATE_COMPLETE"
    made = stacks.client.create_change_set(
        StackName="t", ChangeSetName="c", TemplateBody=json.dumps(body), Parameters=given(Vpc="vpc-nope")
    )
    found = stacks.client.describe_change_set(ChangeSetName=made["Id"])
    assert (found["Status"], found["StatusReason"]) == (
        "FAILED",
        NOT_THERE,
    )


@pytest.mark.timeout(60)
def test_the_name_of_a_stored_parameter_has_to_be_one(stacks: Stacks, aws: ClientFactory) -> None:
    aws("ssm").put_parameter(Name="/text", Type="String", Value="one")
    body = declaring(P={"Type": "AWS::SSM::Parameter::Name"})
    assert stacks.create("s", body, Parameters=given(P="/text"))["Outputs"][0]["OutputValue"] == "/text"
    assert stacks.create("t", body, Parameters=given(P="/none"))["StackStatus"] == "ROLLBACK_COMPLETE"


@pytest.mark.timeout(60)
def test_references_to_stored_values_are_checked_at_the_call(stacks: Stacks, aws: ClientFactory) -> None:
    ssm = aws("ssm")
    ssm.put_parameter(Name="/secret", Type="SecureString", Value="hidden")
    ssm.put_parameter(Name="/name", Type="String", Value="stored")
    told = {
        "{{resolve:ssm:/name:live}}": (
            "Incorrect format is used in the following SSM reference: [{{resolve:ssm:/name:live}}]"
        ),
        "{{resolve:ssm-secure:/secret:1}}": (
            "SSM Secure reference is not supported in: [AWS::Logs::LogGroup/Properties/LogGroupName]"
        ),
        "a-{{resolve:ssm:/secret:1}}": "Non-secure ssm prefix was used for secure parameter /secret",
    }
    for value, words in told.items():
        assert refusal(stacks, groups(A={"LogGroupName": value})) == ("ValidationError", words)
    body = groups(A={"LogGroupName": {"Fn::Sub": "${AWS::StackName}-{{resolve:ssm:/name:1}}"}})
    assert stacks.create("s", body)["StackStatus"] == "CREATE_COMPLETE"
    assert aws("logs").describe_log_groups()["logGroups"][0]["logGroupName"] == "s-stored"


@pytest.mark.timeout(60)
def test_a_stored_value_that_changed_is_a_change(stacks: Stacks, aws: ClientFactory) -> None:
    ssm = aws("ssm")
    ssm.put_parameter(Name="/days", Type="String", Value="7")
    body = json.dumps(groups(A={"RetentionInDays": "{{resolve:ssm:/days}}"}))
    stacks.client.create_stack(StackName="s", TemplateBody=body)
    stacks.at_rest("s")
    with pytest.raises(ClientError) as refused:
        stacks.client.update_stack(StackName="s", TemplateBody=body)
    assert code_of(refused.value)[1] == "No updates are to be performed."
    ssm.put_parameter(Name="/days", Type="String", Value="30", Overwrite=True)
    stacks.client.update_stack(StackName="s", TemplateBody=body)
    assert stacks.at_rest("s")["StackStatus"] == "UPDATE_COMPLETE"
    assert aws("logs").describe_log_groups()["logGroups"][0]["retentionInDays"] == 30
