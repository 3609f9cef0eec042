"""AWS::Lambda::Url in stacks: made, changed in place, found drifted, removed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambent.testing.platform import LocalPlatform
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import Stacks, Template, stacks, template
from tests.services.lambda_.urls import call

__all__ = ["stacks"]  # the fixture

CORS = {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET"], "AllowCredentials": "true", "MaxAge": "60"}
SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: index.handler
      InlineCode: "def handler(event, context): return 'from SAM'"
      AutoPublishAlias: live
      FunctionUrlConfig: {AuthType: NONE, InvokeMode: BUFFERED, Cors: {AllowOrigins: ["*"]}}
Outputs:
  Url: {Value: !GetAtt HelloUrl.FunctionUrl}
"""
Outputs = dict[str, str]


def with_url(**properties: Any) -> Template:  # Any: properties of the URL
    """Return the function of all stacks with a URL of its alias that anybody may call."""
    body = template()
    alias = {"FunctionName": {"Ref": "Alias"}, "Principal": "*"}
    url = {"TargetFunctionArn": {"Ref": "Function"}, "Qualifier": "live", "AuthType": "NONE", **properties}
    body["Resources"] |= {
        "Url": {"Type": "AWS::Lambda::Url", "DependsOn": "Alias", "Properties": url},
        "Anybody": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {**alias, "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
        },
        "AnybodyByUrl": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {**alias, "Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": "true"},
        },
    }
    body["Outputs"] = {
        "Url": {"Value": {"Fn::GetAtt": ["Url", "FunctionUrl"]}},
        "Arn": {"Value": {"Fn::GetAtt": ["Url", "FunctionArn"]}},
        "Ref": {"Value": {"Ref": "Url"}},
    }
    return body


def outputs(found: Any) -> Outputs:  # Any: a stack as boto3 has it
    """Return a stack's outputs by name; fails where it came to no good end."""
    assert found["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}, found
    return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}


def test_url_of_a_stack_can_be_called(stacks: Stacks, aws: ClientFactory, platform: LocalPlatform) -> None:
    found = outputs(stacks.create("s", with_url(Cors=CORS, InvokeMode="BUFFERED")))
    kept = aws("lambda").get_function_url_config(FunctionName="s-f", Qualifier="live")
    assert (found["Url"], found["Arn"]) == (kept["FunctionUrl"], kept["FunctionArn"])
    assert found["Ref"] == found["Arn"]
    assert found["Url"].endswith(f".localhost:{platform.port}/")
    assert kept["Cors"] == {
        "AllowOrigins": ["https://a.example"],
        "AllowMethods": ["GET"],
        "AllowCredentials": True,
        "MaxAge": 60,
    }
    answer = call(found["Url"])
    assert (answer.status, answer.json()) == (200, {"answer": 42})
    stacks.delete("s")
    assert call(found["Url"]).body == b'{"Message":null}'


@pytest.mark.timeout(60)
def test_url_that_sam_writes_can_be_called(stacks: Stacks) -> None:
    abilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    stacks.client.create_stack(StackName="sam", TemplateBody=SAM, Capabilities=abilities)
    answer = call(outputs(stacks.at_rest("sam"))["Url"], headers={"Origin": "https://a.example"})
    assert (answer.status, answer.body) == (200, b"from SAM")
    assert answer.one("access-control-allow-origin") == "*"


def test_url_is_changed_in_place(stacks: Stacks, aws: ClientFactory) -> None:
    first = outputs(stacks.create("s", with_url(Cors=CORS, InvokeMode="RESPONSE_STREAM")))
    changed = outputs(stacks.update("s", with_url(AuthType="AWS_IAM", Cors={"AllowOrigins": ["*"]})))
    assert changed == first
    kept = aws("lambda").get_function_url_config(FunctionName="s-f:live")
    assert (kept["AuthType"], kept["Cors"], kept["InvokeMode"]) == ("AWS_IAM", {"AllowOrigins": ["*"]}, "BUFFERED")
    assert call(first["Url"]).status == 403
    stacks.update("s", with_url())
    assert "Cors" not in aws("lambda").get_function_url_config(FunctionName="s-f:live")
    assert call(first["Url"]).status == 200


def test_url_is_replaced_where_it_gets_another_target(stacks: Stacks) -> None:
    first = outputs(stacks.create("s", with_url()))
    body = with_url()
    del body["Resources"]["Url"]["Properties"]["Qualifier"]
    second = outputs(stacks.update("s", body))
    assert second["Url"] != first["Url"]
    assert first["Arn"] == f"{second['Arn']}:live"
    assert call(first["Url"]).body == b'{"Message":null}'


def test_url_that_is_there_already_fails_the_stack(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", template())
    aws("lambda").create_function_url_config(FunctionName="s-f", Qualifier="live", AuthType="NONE")
    found = stacks.update("s", with_url())
    assert found["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    (reason,) = [text for name, status, text in stacks.events("s") if (name, status) == ("Url", "CREATE_FAILED")]
    assert "FunctionUrlConfig exists for this Lambda function" in reason


@pytest.mark.parametrize(
    ("change", "drifted"),
    [
        ({}, []),
        ({"AuthType": "AWS_IAM"}, ["/AuthType"]),
        (
            {"Cors": {"AllowOrigins": ["*"]}},
            ["/Cors/AllowCredentials", "/Cors/AllowMethods", "/Cors/AllowOrigins/0", "/Cors/MaxAge"],
        ),
        (None, None),
    ],
)
def test_drift_of_a_url_is_found(
    stacks: Stacks,
    aws: ClientFactory,
    change: dict[str, Any] | None,  # Any: as boto3
    drifted: list[str] | None,
) -> None:
    stacks.create("s", with_url(Cors=CORS))
    if change is None:
        aws("lambda").delete_function_url_config(FunctionName="s-f", Qualifier="live")
    elif change:
        aws("lambda").update_function_url_config(FunctionName="s-f", Qualifier="live", **change)
    found = stacks.client.detect_stack_resource_drift(StackName="s", LogicalResourceId="Url")["StackResourceDrift"]
    if drifted is None:
        assert found["StackResourceDriftStatus"] == "DELETED"
    else:
        assert found["StackResourceDriftStatus"] == ("MODIFIED" if drifted else "IN_SYNC")
        assert [each["PropertyPath"] for each in found["PropertyDifferences"]] == drifted
    assert json.loads(found["ExpectedProperties"])["AuthType"] == "NONE"
