"""Macros: functions of the account that rewrite templates, in the order and with the words that AWS has."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import IAM, TRUST, Stacks, code_of, groups

ALL = [*IAM, "CAPABILITY_AUTO_EXPAND"]
MARK = """
import json
def handler(event, context):
    mark = event["params"].get("Mark", "whole")
    text = json.dumps(event["fragment"]).replace("@", mark + " @")
    fragment = json.loads(text)
    return {"requestId": event["requestId"], "status": "success", "fragment": fragment}
"""
TELL = """
import json
def handler(event, context):
    told = {key: event[key] for key in ("accountId", "region", "transformId", "params", "templateParameterValues")}
    fragment = {"Resources": {"A": {"Type": "AWS::Logs::LogGroup"}}, "Outputs": {"Event": {"Value": json.dumps(told)}}}
    return {"requestId": event["requestId"], "status": "success", "fragment": fragment}
"""
ANSWER = "def handler(event, context):\n    return {}\n"


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


def install(stacks: Stacks, **code: str) -> None:
    """Make a macro of each name from the code of its function."""
    body: dict[str, Any] = {  # Any: a template
        "Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}}
    }
    for name, text in code.items():
        function = {
            "Runtime": "python3.11",
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": text},
        }
        macro = {"Name": name, "FunctionName": {"Fn::GetAtt": [f"{name}Function", "Arn"]}}
        body["Resources"][f"{name}Function"] = {"Type": "AWS::Lambda::Function", "Properties": function}
        body["Resources"][name] = {"Type": "AWS::CloudFormation::Macro", "Properties": macro}
    assert stacks.create("macros", body)["StackStatus"] == "CREATE_COMPLETE"


def start(stacks: Stacks, body: dict[str, Any], **options: Any) -> Any:  # Any: a template, and as boto3
    """Create a stack from a template with transforms and return it when it rests."""
    stacks.client.create_stack(StackName="s", TemplateBody=json.dumps(body), Capabilities=ALL, **options)
    return stacks.at_rest("s")


@pytest.mark.timeout(90)
def test_macros_run_from_the_inside_out_and_in_their_order(stacks: Stacks) -> None:
    install(stacks, Mark=MARK)
    inner = [{"Name": "Mark", "Parameters": {"Mark": "first"}}, {"Name": "Mark", "Parameters": {"Mark": "second"}}]
    body = {
        "Transform": [{"Name": "Mark", "Parameters": {"Mark": "third"}}, "Mark"],
        "Resources": groups(A={})["Resources"],
        "Outputs": {"Order": {"Value": "@", "Fn::Transform": inner}},
    }
    found = start(stacks, body)
    assert found["Outputs"] == [{"OutputKey": "Order", "OutputValue": "first second third whole @"}]
    processed = stacks.client.get_template(StackName="s", TemplateStage="Processed")["TemplateBody"]
    assert "Transform" not in processed
    original = stacks.client.get_template(StackName="s")["TemplateBody"]
    assert original["Transform"] == body["Transform"]


@pytest.mark.timeout(90)
def test_a_macro_is_told_who_asks_and_with_which_parameters(stacks: Stacks, account: str) -> None:
    install(stacks, Tell=TELL)
    body = {
        "Transform": {"Name": "Tell", "Parameters": {"Input": {"Ref": "Text"}}},
        "Parameters": {"Text": {"Type": "String", "Default": "t"}, "Items": {"Type": "CommaDelimitedList"}},
        "Resources": {"Any": {"Type": "Whatever::Thing"}},
    }
    found = start(stacks, body, Parameters=[{"ParameterKey": "Items", "ParameterValue": "a, b"}])
    # The fragment no longer declares the parameters; the values that were given are kept all the same.
    assert found["StackStatus"] == "CREATE_COMPLETE"
    assert json.loads(found["Outputs"][0]["OutputValue"]) == {
        "accountId": account,
        "region": "us-east-1",
        "transformId": f"{account}::Tell",
        "params": {"Input": "t"},
        "templateParameterValues": {"Text": "t", "Items": ["a", "b"]},
    }


@pytest.mark.timeout(90)
def test_what_a_macro_fails_with_becomes_the_stack_s_reason(stacks: Stacks, account: str) -> None:
    answer = '"requestId": event["requestId"]'
    install(
        stacks,
        Refuse=ANSWER.replace("{}", "{" + answer + ', "status": "failed", "errorMessage": "no such thing"}'),
        Silent=ANSWER.replace("{}", "{" + answer + ', "status": "failed"}'),
        Broken="def handler(event, context):\n    raise ValueError('x')\n",
        Other=ANSWER.replace("{}", '{"requestId": "another", "status": "success", "fragment": {}}'),
        Text=ANSWER.replace("{}", "{" + answer + ', "status": "success", "fragment": "text"}'),
    )
    told = {
        "Refuse": f"Transform {account}::Refuse failed with: no such thing",
        "Silent": f"Transform {account}::Silent failed without an error message.",
        "Broken": f"Received malformed response from transform {account}::Broken",
        "Other": f"Received malformed response from transform {account}::Other",
        "Text": "Template format error: unsupported structure.",
        "Nowhere": f"No transform named {account}::Nowhere found",
    }
    for name, words in told.items():
        body = {"Transform": name, **groups(A={})}
        assert start(stacks, body)["StackStatus"] == "ROLLBACK_COMPLETE"
        reason = next(reason for _, status, reason in stacks.events("s") if status == "ROLLBACK_IN_PROGRESS")
        assert reason == f"{words.rstrip('.')}. Rollback requested by user."
        stacks.delete("s")
        made = stacks.client.create_change_set(
            StackName="t", ChangeSetName=name, ChangeSetType="CREATE", TemplateBody=json.dumps(body)
        )
        found = stacks.client.describe_change_set(ChangeSetName=made["Id"])
        assert (found["Status"], found["ExecutionStatus"], found["StatusReason"]) == ("FAILED", "UNAVAILABLE", words)


@pytest.mark.timeout(90)
def test_an_update_whose_macro_fails_leaves_the_stack_as_it_was(stacks: Stacks) -> None:
    install(stacks, Refuse=ANSWER.replace("{}", '{"requestId": event["requestId"], "status": "failed"}'))
    stacks.create("s", groups(A={"LogGroupName": "a"}))
    body = json.dumps({"Transform": "Refuse", **groups(A={"LogGroupName": "b"})})
    stacks.client.update_stack(StackName="s", TemplateBody=body, Capabilities=ALL)
    assert stacks.at_rest("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    rows = stacks.client.describe_stack_resources(StackName="s")["StackResources"]
    assert [row["PhysicalResourceId"] for row in rows] == ["a"]
    again = stacks.update("s", groups(A={"LogGroupName": "a", "RetentionInDays": 7}))
    assert again["StackStatus"] == "UPDATE_COMPLETE"


@pytest.mark.timeout(60)
def test_a_macro_s_name_stands_for_one_function(stacks: Stacks) -> None:
    install(stacks, Mark=MARK)
    second = {"M": {"Type": "AWS::CloudFormation::Macro", "Properties": {"Name": "Mark", "FunctionName": "f"}}}
    assert stacks.create("more", {"Resources": second})["StackStatus"] == "ROLLBACK_COMPLETE"
    assert ("M", "CREATE_FAILED", "Macro with name Mark already exists") in stacks.events("more")


def test_transforms_have_to_be_acknowledged_but_for_change_sets(stacks: Stacks) -> None:
    for body in (
        {"Transform": "AWS::LanguageExtensions", **groups(A={})},
        {"Resources": {"A": {"Type": "AWS::Logs::LogGroup", "Properties": {"Fn::Transform": "Mark"}}}},
    ):
        with pytest.raises(ClientError) as refused:
            stacks.client.create_stack(StackName="s", TemplateBody=json.dumps(body), Capabilities=IAM)
        assert code_of(refused.value) == (
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_AUTO_EXPAND]",
        )
        stacks.client.create_change_set(
            StackName="c", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=json.dumps(body)
        )
        stacks.client.delete_stack(StackName="c")


def test_the_name_of_a_transform_is_text(stacks: Stacks) -> None:
    body = {"Parameters": {"P": {"Type": "String", "Default": "Mark"}}, **groups(A={})}
    with pytest.raises(ClientError) as refused:
        start(stacks, {**body, "Transform": {"Name": {"Ref": "P"}}})
    assert code_of(refused.value) == ("ValidationError", "Key Name of transform definition must be a string.")
