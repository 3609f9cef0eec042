"""The SAM transform, loops, includes and drift, through boto3."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import Stacks, code_of, groups

SAM = """
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.11, Timeout: 7}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      InlineCode: |
        def handler(event, context):
            return "from SAM"
      AutoPublishAlias: live
"""


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


@pytest.mark.timeout(60)
def test_a_sam_function_with_an_alias_is_deployed_and_runs(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.client.create_stack(
        StackName="sam", TemplateBody=SAM, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    )
    assert stacks.at_rest("sam")["StackStatus"] == "CREATE_COMPLETE"
    rows = stacks.client.describe_stack_resources(StackName="sam")["StackResources"]
    assert sorted(row["ResourceType"] for row in rows) == [
        "AWS::IAM::Role",
        "AWS::Lambda::Alias",
        "AWS::Lambda::Function",
        "AWS::Lambda::Version",
    ]
    name = next(row["PhysicalResourceId"] for row in rows if row["ResourceType"] == "AWS::Lambda::Function")
    assert json.loads(aws("lambda").invoke(FunctionName=name, Qualifier="live")["Payload"].read()) == "from SAM"
    assert aws("lambda").get_function_configuration(FunctionName=name)["Timeout"] == 7


@pytest.mark.timeout(60)
def test_a_bad_sam_template_is_refused_in_the_translator_s_words(stacks: Stacks) -> None:
    with pytest.raises(ClientError) as refused:
        stacks.client.create_stack(StackName="sam", TemplateBody=SAM.replace("Handler: index.handler", "Nope: 1"))
    code, message = code_of(refused.value)
    assert code == "ValidationError"
    assert "Invalid Serverless Application Specification document." in message


def test_loops_of_the_language_extensions_are_unrolled(stacks: Stacks) -> None:
    body = {
        "Transform": "AWS::LanguageExtensions",
        "Resources": {
            "Fn::ForEach::Groups": [
                "Name",
                ["One", "Two"],
                {"Group${Name}": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Ref": "Name"}}}},
            ]
        },
    }
    assert stacks.create("s", body)["StackStatus"] == "CREATE_COMPLETE"
    rows = stacks.client.list_stack_resources(StackName="s")["StackResourceSummaries"]
    assert {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in rows} == {
        "GroupOne": "One",
        "GroupTwo": "Two",
    }


def test_drift_tells_what_was_changed_and_what_is_gone(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", groups(A={"LogGroupName": "a", "RetentionInDays": 7}, B={"LogGroupName": "b"}, C={}))
    aws("logs").put_retention_policy(logGroupName="a", retentionInDays=30)
    aws("logs").delete_log_group(logGroupName="b")
    detection = stacks.client.detect_stack_drift(StackName="s")["StackDriftDetectionId"]
    status = stacks.client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
    assert (status["StackDriftStatus"], status["DriftedStackResourceCount"]) == ("DRIFTED", 2)
    drifts = stacks.client.describe_stack_resource_drifts(StackName="s")["StackResourceDrifts"]
    assert {one["LogicalResourceId"]: one["StackResourceDriftStatus"] for one in drifts} == {
        "A": "MODIFIED",
        "B": "DELETED",
        "C": "IN_SYNC",
    }
