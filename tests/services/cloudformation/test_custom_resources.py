"""Custom resources, nested stacks and wait conditions, through boto3 and real functions."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import TRUST, Stacks, groups

MAKER = """\
import cfnresponse

def handler(event, context):
    wish = event["ResourceProperties"]["Wish"]
    if wish == "impossible":
        cfnresponse.send(event, context, cfnresponse.FAILED, {}, "thing", reason="it cannot be done")
        return
    cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Got": wish + "!"}, "thing-" + wish)
"""


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


def wishing(wish: Any) -> dict[str, Any]:  # Any: a property, and a template
    """Return a template with a custom resource and the function that makes it."""
    return {
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
            "Maker": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Runtime": "python3.11",
                    "Handler": "index.handler",
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Code": {"ZipFile": MAKER},
                },
            },
            "Thing": {
                "Type": "Custom::Thing",
                "Properties": {"ServiceToken": {"Fn::GetAtt": ["Maker", "Arn"]}, "Wish": wish},
            },
        },
        "Outputs": {"Got": {"Value": {"Fn::GetAtt": ["Thing", "Got"]}}, "Id": {"Value": {"Ref": "Thing"}}},
    }


def outputs(found: Any) -> dict[str, str]:  # Any: as boto3
    """Return a stack's outputs."""
    return {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}


def test_a_function_makes_changes_and_removes_a_custom_resource(stacks: Stacks) -> None:
    found = stacks.create("s", wishing(7))
    assert found["StackStatus"] == "CREATE_COMPLETE", stacks.events("s")
    assert outputs(found) == {"Got": "7!", "Id": "thing-7"}  # scalars arrive as text, as on AWS
    assert outputs(stacks.update("s", wishing("more"))) == {"Got": "more!", "Id": "thing-more"}
    told = [event[:2] for event in stacks.events("s") if event[0] == "Thing"]
    assert told[-1] == ("Thing", "DELETE_COMPLETE")  # another physical id: the old one is deleted in the clean-up
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


def test_a_custom_resource_that_fails_tells_why(stacks: Stacks) -> None:
    assert stacks.create("s", wishing("impossible"))["StackStatus"] in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
    reasons = [reason for name, status, reason in stacks.events("s") if (name, status) == ("Thing", "CREATE_FAILED")]
    assert reasons == ["Received response status [FAILED] from custom resource. Message returned: it cannot be done"]


def test_a_nested_stack_is_made_from_a_bucket_and_tells_its_outputs(stacks: Stacks, aws: ClientFactory) -> None:
    inner = groups(A={"LogGroupName": {"Ref": "Name"}}) | {
        "Parameters": {"Name": {"Type": "String"}},
        "Outputs": {"Name": {"Value": {"Ref": "A"}}},
    }
    s3 = aws("s3")
    s3.create_bucket(Bucket="nested-templates")
    s3.put_object(Bucket="nested-templates", Key="inner.json", Body=json.dumps(inner))
    outer = {
        "Resources": {
            "Inner": {
                "Type": "AWS::CloudFormation::Stack",
                "Properties": {
                    "TemplateURL": f"{s3.meta.endpoint_url}/nested-templates/inner.json",
                    "Parameters": {"Name": "within"},
                },
            }
        },
        "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Name"]}}},
    }
    found = stacks.create("outer", outer)
    assert outputs(found) == {"Name": "within"}
    nested = [one for one in stacks.client.describe_stacks()["Stacks"] if one.get("ParentId")]
    assert [(one["ParentId"], one["RootId"]) for one in nested] == [(found["StackId"], found["StackId"])]
    assert stacks.delete("outer")["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.client.describe_stacks()["Stacks"] == []


def test_a_wait_condition_waits_for_its_signal(stacks: Stacks) -> None:
    body = {
        "Resources": {
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Wait": {
                "Type": "AWS::CloudFormation::WaitCondition",
                "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "60"},
            },
        },
        "Outputs": {"Data": {"Value": {"Fn::GetAtt": ["Wait", "Data"]}}},
    }
    stacks.client.create_stack(StackName="s", TemplateBody=json.dumps(body))
    address = ""
    while not address:
        rows = stacks.client.describe_stack_resources(StackName="s")["StackResources"]
        address = next((row.get("PhysicalResourceId", "") for row in rows if row["LogicalResourceId"] == "Handle"), "")
    signal = json.dumps({"Status": "SUCCESS", "UniqueId": "one", "Data": "done", "Reason": "ready"}).encode()
    put = urllib.request.Request(address, data=signal, method="PUT")  # noqa: S310 - the platform's own address
    urllib.request.urlopen(put, timeout=20).close()  # noqa: S310 - as above
    found = stacks.at_rest("s")
    assert (found["StackStatus"], outputs(found)) == ("CREATE_COMPLETE", {"Data": '{"one": "done"}'})
