"""What is told of templates and of the types of resources, without a stack."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import IAM, Stacks, code_of, groups, template

REASON = "The following resource(s) require capabilities: [AWS::IAM::Role]"


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


def body() -> dict[str, Any]:  # Any: a template
    """Return a template that says something in every section."""
    return {
        **template(),
        "Description": "A function.",
        "Metadata": {"Team": "a"},
        "Parameters": {
            "Env": {"Type": "String", "Default": "test", "AllowedValues": ["test", "prod"], "Description": "Where."},
            "Key": {"Type": "String", "NoEcho": True},
        },
    }


def test_a_summary_tells_what_a_template_declares_and_needs(stacks: Stacks) -> None:
    found = stacks.client.get_template_summary(TemplateBody=json.dumps(body()))
    found.pop("ResponseMetadata")
    assert found["Parameters"] == [
        {
            "ParameterKey": "Env",
            "DefaultValue": "test",
            "ParameterType": "String",
            "NoEcho": False,
            "Description": "Where.",
            "ParameterConstraints": {"AllowedValues": ["test", "prod"]},
        },
        {"ParameterKey": "Key", "ParameterType": "String", "NoEcho": True, "ParameterConstraints": {}},
    ]
    assert found["Description"] == "A function."
    assert (found["Capabilities"], found["CapabilitiesReason"]) == (IAM, REASON)
    assert json.loads(found["Metadata"]) == {"Team": "a"}
    assert found["Version"] == "2010-09-09"
    assert "AWS::Lambda::Function" in found["ResourceTypes"]
    identified = {"ResourceType": "AWS::IAM::Role", "LogicalResourceIds": ["Role"], "ResourceIdentifiers": ["RoleName"]}
    assert identified in found["ResourceIdentifierSummaries"]
    assert "DeclaredTransforms" not in found


def test_transforms_are_declared_wherever_they_stand(stacks: Stacks) -> None:
    resources = {"A": {"Type": "AWS::Logs::LogGroup", "Properties": {"Fn::Transform": {"Name": "Mine"}}}}
    text = json.dumps({"Transform": ["AWS::LanguageExtensions"], "Resources": resources})
    for call in (stacks.client.get_template_summary, stacks.client.validate_template):
        found = call(TemplateBody=text)
        assert found["DeclaredTransforms"] == ["AWS::LanguageExtensions", "Mine"]
        assert found["Capabilities"] == ["CAPABILITY_AUTO_EXPAND"]


def test_types_that_nobody_knows_are_an_error_or_a_warning(stacks: Stacks) -> None:
    text = json.dumps({"Resources": {"A": {"Type": "AWS::No::Such"}, **groups(B={})["Resources"]}})
    for call in (stacks.client.get_template_summary, stacks.client.validate_template):
        with pytest.raises(ClientError) as refused:
            call(TemplateBody=text)
        assert code_of(refused.value) == (
            "ValidationError",
            "Template format error: Unrecognized resource types: [AWS::No::Such]",
        )
    config = {"TreatUnrecognizedResourceTypesAsWarnings": True}
    found = stacks.client.get_template_summary(TemplateBody=text, TemplateSummaryConfig=config)
    assert found["Warnings"] == {"UnrecognizedResourceTypes": ["AWS::No::Such"]}
    assert found["ResourceTypes"] == ["AWS::Logs::LogGroup", "AWS::No::Such"]


def test_a_stack_s_template_is_summed_up_too(stacks: Stacks) -> None:
    stacks.create("s", groups(A={}))
    assert stacks.client.get_template_summary(StackName="s")["ResourceTypes"] == ["AWS::Logs::LogGroup"]
    with pytest.raises(ClientError) as refused:
        stacks.client.get_template_summary(StackName="s", TemplateBody=json.dumps(groups(A={})))
    assert code_of(refused.value)[1] == "Only one of StackName, TemplateBody or TemplateURL can be specified"


def test_validation_finds_what_does_not_exist(stacks: Stacks) -> None:
    found = stacks.client.validate_template(TemplateBody=json.dumps(body()))
    assert [one["ParameterKey"] for one in found["Parameters"]] == ["Env", "Key"]
    assert (found["Capabilities"], found["CapabilitiesReason"]) == (IAM, REASON)
    with pytest.raises(ClientError) as refused:
        stacks.client.validate_template(TemplateBody=json.dumps(groups(A={"LogGroupName": {"Ref": "X"}})))
    assert code_of(refused.value)[1] == (
        "Template format error: Unresolved resource dependencies [X] in the Resources block of the template"
    )


def test_an_estimate_is_an_address_of_aws_s_calculator(stacks: Stacks) -> None:
    text = json.dumps(body())
    url = stacks.client.estimate_template_cost(
        TemplateBody=text, Parameters=[{"ParameterKey": "Key", "ParameterValue": "k"}]
    )["Url"]
    assert url.startswith("http://calculator.s3.amazonaws.com/calc5.html?key=cloudformation/")
    with pytest.raises(ClientError) as refused:
        stacks.client.estimate_template_cost(TemplateBody=text)
    assert code_of(refused.value) == ("ValidationError", "Parameters: [Key] must have values")


def test_the_types_that_stacks_can_have_are_listed_and_described(stacks: Stacks) -> None:
    client = stacks.client
    assert client.list_types()["TypeSummaries"] == []  # the account's own
    pages = client.get_paginator("list_types").paginate(Visibility="PUBLIC", MaxResults=7)
    names = [one["TypeName"] for page in pages for one in page["TypeSummaries"]]
    assert names == sorted(set(names))
    assert {"AWS::Lambda::Function", "AWS::CloudFormation::Macro"} <= set(names)
    lambdas = client.list_types(Visibility="PUBLIC", Filters={"TypeNamePrefix": "AWS::Lambda::"})["TypeSummaries"]
    assert {one["TypeName"] for one in lambdas} == {name for name in names if name.startswith("AWS::Lambda::")}
    arn = next(one["TypeArn"] for one in lambdas if one["TypeName"] == "AWS::Lambda::Function")
    assert arn == "arn:aws:cloudformation:us-east-1::type/resource/AWS-Lambda-Function"
    found = client.describe_type(Arn=arn)
    assert client.describe_type(Type="RESOURCE", TypeName="AWS::Lambda::Function")["Schema"] == found["Schema"]
    schema = json.loads(found["Schema"])
    assert schema["typeName"] == "AWS::Lambda::Function"
    assert {"FunctionName", "Arn"} <= schema["properties"].keys()
    assert "/properties/FunctionName" in schema["createOnlyProperties"]
    assert "/properties/Arn" in schema["readOnlyProperties"]
    assert schema["primaryIdentifier"] == ["/properties/FunctionName"]
    assert {"Code", "Role"} <= set(schema["required"])
    with pytest.raises(ClientError) as refused:
        client.describe_type(Type="RESOURCE", TypeName="AWS::No::Such")
    assert code_of(refused.value) == ("TypeNotFoundException", "The type 'AWS::No::Such' cannot be found.")
