"""The SAM transform, loops, includes and drift, through boto3."""

from __future__ import annotations

import json

import pytest

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import IAM, Stacks, groups

ALL = [*IAM, "CAPABILITY_AUTO_EXPAND"]
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
    stacks.client.create_stack(StackName="sam", TemplateBody=SAM, Capabilities=ALL)
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
def test_a_bad_sam_template_fails_in_the_translator_s_words(stacks: Stacks) -> None:
    bad = SAM.replace("Handler: index.handler", "Nope: 1")
    stacks.client.create_stack(StackName="sam", TemplateBody=bad, Capabilities=ALL)
    assert stacks.at_rest("sam")["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = next(reason for _, status, reason in stacks.events("sam") if status == "ROLLBACK_IN_PROGRESS")
    assert reason.startswith(
        "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document. "
        "Number of errors found: 1."
    )
    assert reason.endswith(" Rollback requested by user.")


@pytest.mark.timeout(60)
def test_roles_that_only_the_transform_makes_need_their_capability(stacks: Stacks) -> None:
    made = stacks.client.create_change_set(
        StackName="sam", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=SAM, Capabilities=[]
    )
    found = stacks.client.describe_change_set(ChangeSetName=made["Id"])
    assert (found["Status"], found["StatusReason"]) == ("FAILED", "Requires capabilities : [CAPABILITY_IAM]")


@pytest.mark.timeout(60)
def test_a_template_is_transformed_for_the_region_that_it_is_for(aws: ClientFactory) -> None:
    parts = {}
    for region in ("us-east-1", "cn-north-1", "eu-west-1"):
        client = aws("cloudformation", region)
        made = client.create_change_set(
            StackName="sam", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=SAM, Capabilities=ALL
        )
        assert client.describe_change_set(ChangeSetName=made["Id"])["Status"] == "CREATE_COMPLETE"
        processed = client.get_template(StackName="sam", ChangeSetName="c", TemplateStage="Processed")["TemplateBody"]
        role = processed["Resources"]["HelloRole"]["Properties"]
        parts[region] = [arn.split(":")[1] for arn in role["ManagedPolicyArns"]]
    assert parts == {"us-east-1": ["aws"], "cn-north-1": ["aws-cn"], "eu-west-1": ["aws"]}


@pytest.mark.timeout(60)
def test_policy_templates_of_sam_become_policies_of_the_role(stacks: Stacks) -> None:
    body = SAM.replace(
        "      AutoPublishAlias: live\n",
        """\
      Policies:
        - SQSPollerPolicy: {QueueName: jobs}
        - S3ReadPolicy: {BucketName: files}
""",
    )
    stacks.client.create_change_set(
        StackName="sam", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body, Capabilities=ALL
    )
    found = stacks.client.get_template(StackName="sam", ChangeSetName="c", TemplateStage="Processed")
    processed = found["TemplateBody"]
    policies = processed["Resources"]["HelloRole"]["Properties"]["Policies"]
    actions = {action for one in policies for said in one["PolicyDocument"]["Statement"] for action in said["Action"]}
    assert {"sqs:ReceiveMessage", "s3:GetObject"} <= actions


@pytest.mark.timeout(60)
def test_what_sam_makes_of_types_that_are_not_offered_is_told_by_name(stacks: Stacks) -> None:
    body = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Graph: {Type: AWS::Serverless::GraphQLApi, Properties: {SchemaInline: "type Query {a: Int}", Auth: {Type: AWS_IAM}}}
"""
    made = stacks.client.create_change_set(
        StackName="sam", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body, Capabilities=ALL
    )
    found = stacks.client.describe_change_set(ChangeSetName=made["Id"])
    assert found["Status"] == "FAILED"
    assert found["StatusReason"] == (
        "Template format error: Unrecognized resource types: [AWS::AppSync::GraphQLApi, AWS::AppSync::GraphQLSchema]"
    )


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
    stacks.client.create_stack(StackName="s", TemplateBody=json.dumps(body), Capabilities=ALL)
    assert stacks.at_rest("s")["StackStatus"] == "CREATE_COMPLETE"
    rows = stacks.client.list_stack_resources(StackName="s")["StackResourceSummaries"]
    assert {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in rows} == {
        "GroupOne": "One",
        "GroupTwo": "Two",
    }


def test_policies_of_the_language_extensions_may_be_parameters(stacks: Stacks) -> None:
    body = {
        "Transform": "AWS::LanguageExtensions",
        "Parameters": {"Policy": {"Type": "String", "Default": "Retain"}},
        "Resources": {"A": {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": {"Ref": "Policy"}}},
        "Outputs": {"Size": {"Value": {"Fn::Length": ["a", "b"]}}},
    }
    stacks.client.create_stack(StackName="s", TemplateBody=json.dumps(body), Capabilities=ALL)
    assert stacks.at_rest("s")["Outputs"][0]["OutputValue"] == "2"
    processed = stacks.client.get_template(StackName="s", TemplateStage="Processed")["TemplateBody"]
    assert processed["Resources"]["A"]["DeletionPolicy"] == "Retain"


@pytest.mark.timeout(60)
def test_snippets_of_buckets_are_included(stacks: Stacks, aws: ClientFactory) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="snippets")
    s3.put_object(Bucket="snippets", Key="properties.yaml", Body=b"RetentionInDays: 7\n")
    s3.put_object(Bucket="snippets", Key="bad.yaml", Body=b"a: [")
    location = {"Fn::Sub": "s3://${Bucket}/${Key}"}
    body = {
        "Parameters": {"Bucket": {"Type": "String", "Default": "snippets"}, "Key": {"Type": "String"}},
        **groups(
            A={"LogGroupName": "a", "Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": location}}}
        ),
    }
    told = {
        "bad.yaml": "The specified S3 object's content should be valid Yaml/JSON",
        "none.yaml": "S3 error: The specified key does not exist.\nFor more information check "
        "http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
    }
    for key in ("properties.yaml", *told):
        stacks.client.create_stack(
            StackName="s",
            TemplateBody=json.dumps(body),
            Capabilities=ALL,
            Parameters=[{"ParameterKey": "Key", "ParameterValue": key}],
        )
        found = stacks.at_rest("s")
        if key in told:
            reason = next(reason for _, status, reason in stacks.events("s") if status == "ROLLBACK_IN_PROGRESS")
            assert reason == f"Transform AWS::Include failed with: {told[key].rstrip('.')}. Rollback requested by user."
        else:
            assert found["StackStatus"] == "CREATE_COMPLETE"
            assert aws("logs").describe_log_groups()["logGroups"][0]["retentionInDays"] == 7
        stacks.delete("s")


def test_drift_tells_what_was_changed_and_what_is_gone(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", groups(A={"LogGroupName": "a", "RetentionInDays": 7}, B={"LogGroupName": "b"}, C={}))
    aws("logs").put_retention_policy(logGroupName="a", retentionInDays=30)
    aws("logs").delete_log_group(logGroupName="b")
    detection = stacks.client.detect_stack_drift(StackName="s")["StackDriftDetectionId"]
    while (status := stacks.client.describe_stack_drift_detection_status(StackDriftDetectionId=detection))[
        "DetectionStatus"
    ] == "DETECTION_IN_PROGRESS":
        pass
    assert (status["StackDriftStatus"], status["DriftedStackResourceCount"]) == ("DRIFTED", 2)
    drifts = stacks.client.describe_stack_resource_drifts(StackName="s")["StackResourceDrifts"]
    assert {one["LogicalResourceId"]: one["StackResourceDriftStatus"] for one in drifts} == {
        "A": "MODIFIED",
        "B": "DELETED",
        "C": "IN_SYNC",
    }
