"""Templates that nobody could carry out: told at the call, or when the stack turns back at once, before anything."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import Stacks, code_of, groups

A = groups(A={"LogGroupName": "a"})["Resources"]


Body = dict[str, Any]  # Any: a template, or a part of one


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


def naming(value: Any, **sections: Any) -> dict[str, Any]:  # Any: a property, sections, and a template
    """Return a template whose second log group's name is that value."""
    return {**groups(A={"LogGroupName": "a"}, B={"LogGroupName": value}), **sections}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            naming({"Fn::GetAtt": ["A", "Nope"]}),
            "Template error: resource A does not support attribute type Nope in Fn::GetAtt",
        ),
        (
            naming({"Fn::GetAtt": ["X", "Arn"]}),
            "Template error: instance of Fn::GetAtt references undefined resource X",
        ),
        (naming({"Fn::If": ["C", "a", "b"]}), "Template error: unresolved condition dependency C in Fn::If"),
        (
            naming({"Fn::FindInMap": ["M", "C", "D"]}, Mappings={"M": {"A": {"B": "c"}}}),
            "Template error: Unable to get mapping for M::C::D",
        ),
        (
            naming({"Fn::Select": [5, ["a"]]}),
            "Template error: Fn::Select cannot select nonexistent value at index 5",
        ),
        (
            {
                "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
                "Resources": {
                    "C": {"Type": "AWS::Logs::LogGroup", "Condition": "Never"},
                    "D": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "C"}}},
                },
            },
            "Template format error: Unresolved resource dependencies [C] in the Resources block of the template",
        ),
        (
            {
                "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
                "Resources": {**A, "C": {"Type": "AWS::Logs::LogGroup", "Condition": "Never"}},
                "Outputs": {"O": {"Value": {"Ref": "C"}}},
            },
            "Template format error: Unresolved resource dependencies [C] in the Outputs block of the template",
        ),
        (
            {"Resources": A, "Outputs": {"O": {"Value": ["a"]}}},
            "Template format error: The Value field of every Outputs member must evaluate to a String. [/Outputs/O]",
        ),
        (
            {"Resources": {**A, "B": {"Type": "AWS::Logs::LogGroup", "DependsOn": "X"}}},
            "Template format error: Unresolved resource dependencies [X] in the Resources block of the template",
        ),
        (
            {"Resources": A, "Hooks": {"H": {"Type": "AWS::CodeDeploy::BlueGreen"}}},
            "Template format error: The Hooks section is not offered here.",
        ),
        ({"Resources": {"A": {**A["A"], "DependsOn": "A"}}}, "Circular dependency between resources: [A]"),
        ({"Resources": A, "Nonsense": {}}, "Invalid template property or properties [Nonsense]"),
        (
            {"Resources": {"A": {"Type": "AWS::Logs::LogGroup", "Nonsense": 1}}},
            "Invalid template resource property 'Nonsense'",
        ),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_what_cannot_be_is_refused_at_the_call(stacks: Stacks, body: Body, words: str) -> None:
    asked = {"StackName": "s", "TemplateBody": json.dumps(body)}
    with pytest.raises(ClientError) as refused:
        stacks.client.create_stack(**asked)
    assert code_of(refused.value) == ("ValidationError", words)
    with pytest.raises(ClientError) as refused:
        stacks.client.create_change_set(**asked, ChangeSetName="c", ChangeSetType="CREATE")
    assert code_of(refused.value) == ("ValidationError", words)
    assert stacks.client.list_stacks()["StackSummaries"] == []


def test_branches_that_are_not_taken_may_name_what_is_not_made(stacks: Stacks) -> None:
    body = naming(
        {"Fn::If": ["Never", {"Ref": "C"}, "b"]},
        Conditions={"Never": {"Fn::Equals": ["a", "b"]}},
    )
    body["Resources"]["C"] = {"Type": "AWS::Logs::LogGroup", "Condition": "Never"}
    body["Outputs"] = {"O": {"Value": {"Ref": "C"}, "Condition": "Never"}}
    assert stacks.create("s", body)["StackStatus"] == "CREATE_COMPLETE"


def test_an_import_without_an_export_lets_the_stack_turn_back_before_anything(stacks: Stacks) -> None:
    body = naming({"Fn::ImportValue": {"Fn::Sub": "${AWS::StackName}-name"}})
    assert stacks.create("s", body)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stacks.events("s") == [
        ("s", "CREATE_IN_PROGRESS", "User Initiated"),
        ("s", "ROLLBACK_IN_PROGRESS", "No export named s-name found. Rollback requested by user."),
        ("s", "ROLLBACK_COMPLETE", ""),
    ]
    made = stacks.client.create_change_set(
        StackName="t", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=json.dumps(body)
    )
    found = stacks.client.describe_change_set(ChangeSetName=made["Id"])
    assert (found["Status"], found["StatusReason"]) == ("FAILED", "No export named t-name found")


def test_short_tags_of_rules_and_intrinsics_are_known(stacks: Stacks) -> None:
    body = """
Parameters:
  Env: {Type: String, Default: test}
Rules:
  Known:
    Assertions:
      - Assert: !Contains [[test, prod], !Ref Env]
        AssertDescription: An environment.
Conditions:
  IsTest: !Equals [!Ref Env, test]
Resources:
  A:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: !If [IsTest, !Join [-, [a, !Select [0, !GetAZs ""]]], !Sub "${Env}"]
Outputs:
  Name: {Value: !Ref A}
"""
    stacks.client.create_stack(StackName="s", TemplateBody=body)
    assert stacks.at_rest("s")["Outputs"] == [{"OutputKey": "Name", "OutputValue": "a-us-east-1a"}]


@pytest.mark.timeout(60)
def test_some_types_tell_their_properties_as_attributes(stacks: Stacks) -> None:
    body = {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 45}},
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "told"}},
            "Kept": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {"Type": "String", "Value": {"Fn::GetAtt": ["Topic", "TopicName"]}},
            },
        },
        "Outputs": {
            "Timeout": {"Value": {"Fn::GetAtt": ["Queue", "VisibilityTimeout"]}},
            "Value": {"Value": {"Fn::Sub": "${Kept.Value}"}},
        },
    }
    found = stacks.create("s", body)
    assert {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]} == {"Timeout": "45", "Value": "told"}


def test_aliases_are_refused_before_anything_is_made_of_them(aws: ClientFactory) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in pairwise("abcdefg")]
    with pytest.raises(ClientError) as refused:
        aws("cloudformation").validate_template(TemplateBody="\n".join(lines))
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    words = "Template error: YAML aliases are not allowed in CloudFormation templates"
    assert refused.value.response["Error"]["Message"] == words


@pytest.mark.parametrize("body", ["Resources: " + "[" * 20_000, '{"Resources":' * 3_000])
def test_templates_nested_without_end_are_refused(aws: ClientFactory, body: str) -> None:
    with pytest.raises(ClientError, match="levels deep in each other"):
        aws("cloudformation").validate_template(TemplateBody=body)
