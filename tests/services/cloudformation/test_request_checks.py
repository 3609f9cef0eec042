"""Requests for stacks and change sets: refused as on AWS, refused here alone, or with their effect."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import IAM, TRUST, Stacks, code_of, groups, template

BODY = json.dumps(groups(A={"LogGroupName": "a"}))
NEXT = json.dumps(groups(A={"LogGroupName": "a", "RetentionInDays": 7}))
NAME = "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


Members = dict[str, Any]  # Any: members of a request


def refusal(call: Any, **options: Any) -> tuple[str, str]:  # Any: a boto3 method, and as it takes
    """Return code and message of a call that is refused."""
    with pytest.raises(ClientError) as refused:
        call(**options)
    return code_of(refused.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"StackName": "1s"},
            f"1 validation error detected: Value '1s' at 'stackName' failed to satisfy constraint: {NAME}",
        ),
        (
            {"StackName": "s" * 129},
            (
                f"1 validation error detected: Value '{'s' * 129}' at 'stackName' failed to satisfy constraint: Member "
                "must have length less than or equal to 128"
            ),
        ),
        ({"TemplateURL": "https://x.s3.amazonaws.com/y"}, "Cannot specify both TemplateBody and TemplateURL"),
        (
            {"OnFailure": "DELETE", "DisableRollback": False},
            "Either DisableRollback or OnFailure can be specified, not both.",
        ),
        (
            {"ResourceTypes": ["AWS::S3::*", "AWS::Logs::LogStream"]},
            (
                "Resource type AWS::Logs::LogGroup is not allowed by parameter ResourceTypes [AWS::S3::*, "
                "AWS::Logs::LogStream]"
            ),
        ),
        (
            {"RoleARN": "arn:aws:iam::{account}:role/nobody"},
            "Role arn:aws:iam::{account}:role/nobody is invalid or cannot be assumed",
        ),
        ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, "Duplicate tag key: a"),
        (
            {"RollbackConfiguration": {"MonitoringTimeInMinutes": 5}},
            "RollbackConfiguration, a rollback when an alarm goes off, is not offered here.",
        ),
        (
            {"StackPolicyBody": "{}", "StackPolicyURL": "https://x.s3.amazonaws.com/y"},
            "You cannot specify both StackPolicyURL and StackPolicyBody",
        ),
        ({"StackPolicyBody": "[]"}, "Error validating stack policy: Invalid stack policy"),
    ],
    ids=lambda case: next(iter(case)) if isinstance(case, dict) else "",
)
def test_a_bad_request_makes_no_stack(stacks: Stacks, account: str, options: Members, words: str) -> None:
    asked = json.loads(json.dumps(options).replace("{account}", account))
    found = refusal(stacks.client.create_stack, **{"StackName": "s", "TemplateBody": BODY, **asked})
    assert found == ("ValidationError", words.replace("{account}", account))
    assert stacks.client.list_stacks()["StackSummaries"] == []


def test_a_template_may_have_so_many_bytes(stacks: Stacks, aws: ClientFactory) -> None:
    body = json.dumps({**groups(A={"LogGroupName": "a"}), "Metadata": {"Text": "x" * 51_200}})
    found = refusal(stacks.client.create_stack, StackName="s", TemplateBody=body)
    assert found == (
        "ValidationError",
        (
            f"1 validation error detected: Value '{body}' at 'templateBody' failed to satisfy constraint: Member must "
            "have length less than or equal to 51200"
        ),
    )
    s3 = aws("s3")
    s3.create_bucket(Bucket="templates-of-a-size")
    s3.put_object(Bucket="templates-of-a-size", Key="big", Body=body.encode())
    s3.put_object(Bucket="templates-of-a-size", Key="too/big", Body=b" " * 1_000_001)
    for url in (
        "https://templates-of-a-size.s3.us-east-1.amazonaws.com/big",
        "https://s3.amazonaws.com/templates-of-a-size/big",
        "https://s3-us-west-2.amazonaws.com/templates-of-a-size/big",
    ):
        stacks.client.create_stack(StackName="s", TemplateURL=url)
        assert stacks.at_rest("s")["StackStatus"] == "CREATE_COMPLETE"
        stacks.delete("s")
    told = {
        "https://templates-of-a-size.s3.amazonaws.com/too/big": "Template may not exceed 1000000 bytes in size.",
        "https://example.com/templates-of-a-size/big": "TemplateURL must be a supported URL.",
        "s3://templates-of-a-size/big": "TemplateURL must be a supported URL.",
        "https://s3.amazonaws.com/": "TemplateURL must reference a valid S3 object to which you have access.",
        "https://templates-of-a-size.s3.amazonaws.com/none": "S3 error: The specified key does not exist.\nFor more "
        "information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html",
    }
    for url, words in told.items():
        assert refusal(stacks.client.create_stack, StackName="s", TemplateURL=url) == ("ValidationError", words)


def test_the_same_token_asks_for_the_same_operation(stacks: Stacks) -> None:
    create = {"StackName": "s", "TemplateBody": BODY, "ClientRequestToken": "first"}
    made = stacks.client.create_stack(**create)["StackId"]
    stacks.at_rest("s")
    assert stacks.client.create_stack(**create)["StackId"] == made
    another = {**create, "ClientRequestToken": "another"}
    assert refusal(stacks.client.create_stack, **another) == ("AlreadyExistsException", "Stack [s] already exists")
    update = {"StackName": "s", "TemplateBody": NEXT, "ClientRequestToken": "second"}
    assert refusal(stacks.client.update_stack, **{**update, "ClientRequestToken": "first"})[0] == (
        "TokenAlreadyExistsException"
    )
    operation = stacks.client.update_stack(**update)["OperationId"]
    stacks.at_rest("s")
    assert stacks.client.update_stack(**update)["OperationId"] == operation
    without = {"StackName": "s", "TemplateBody": NEXT}
    assert refusal(stacks.client.update_stack, **without) == ("ValidationError", "No updates are to be performed.")


def test_what_is_not_there_is_told_as_each_operation_tells_it(stacks: Stacks) -> None:
    client = stacks.client
    plain = ("ValidationError", "Stack [none] does not exist")
    assert refusal(client.update_stack, StackName="none", TemplateBody=BODY) == plain
    assert refusal(client.create_change_set, StackName="none", ChangeSetName="c", TemplateBody=BODY) == plain
    assert refusal(client.describe_change_set, StackName="none", ChangeSetName="c") == plain
    assert refusal(client.delete_change_set, StackName="none", ChangeSetName="c") == plain
    assert refusal(client.cancel_update_stack, StackName="none") == plain
    assert refusal(client.describe_stacks, StackName="none")[1] == "Stack with id none does not exist"
    named = "StackName must be specified if ChangeSetName is not specified as an ARN."
    assert refusal(client.delete_change_set, ChangeSetName="c") == ("ValidationError", named)


def test_a_stack_under_review_may_be_created_and_its_change_sets_are_void(stacks: Stacks) -> None:
    client = stacks.client
    made = client.create_change_set(StackName="s", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=BODY)
    assert refusal(client.update_stack, StackName="s", TemplateBody=BODY) == (
        "ValidationError",
        f"Stack:{made['StackId']} is in REVIEW_IN_PROGRESS state and can not be updated.",
    )
    assert client.create_stack(StackName="s", TemplateBody=BODY)["StackId"] == made["StackId"]
    assert stacks.at_rest("s")["StackStatus"] == "CREATE_COMPLETE"
    assert client.describe_change_set(ChangeSetName=made["Id"])["ExecutionStatus"] == "OBSOLETE"
    assert refusal(client.execute_change_set, ChangeSetName=made["Id"]) == (
        "InvalidChangeSetStatus",
        f"ChangeSet [{made['Id']}] cannot be executed in its current execution status of [OBSOLETE]",
    )
    again = refusal(
        client.create_change_set, StackName="s", ChangeSetName="d", ChangeSetType="CREATE", TemplateBody=BODY
    )
    assert again == (
        "ValidationError",
        "Stack [s] already exists and cannot be created again with the changeSet [d].",
    )


def test_a_change_set_s_name_stands_for_one(stacks: Stacks) -> None:
    asked = {
        "StackName": "s",
        "ChangeSetName": "c",
        "ChangeSetType": "CREATE",
        "TemplateBody": BODY,
        "ClientToken": "t",
        "Description": "the first",
    }
    first = stacks.client.create_change_set(**asked)["Id"]
    assert stacks.client.create_change_set(**asked)["Id"] == first
    found = refusal(stacks.client.create_change_set, **{**asked, "ClientToken": "u"})
    assert found == ("AlreadyExistsException", "ChangeSet [c] already exists")
    told = stacks.client.describe_change_set(ChangeSetName=first)
    assert (told["Description"], told["RollbackConfiguration"], told["IncludeNestedStacks"]) == ("the first", {}, False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {
                "ResourcesToImport": [
                    {"ResourceType": "T::T::T", "LogicalResourceId": "A", "ResourceIdentifier": {"a": "b"}}
                ]
            },
            "Importing resources with a change set of type IMPORT is not offered here.",
        ),
        ({"ChangeSetType": "IMPORT"}, "Importing resources with a change set of type IMPORT is not offered here."),
        ({"OnStackFailure": "DELETE"}, "OnStackFailure cannot be DELETE when ChangeSetType is UPDATE"),
        ({"DeploymentMode": "REVERT_DRIFT"}, "DeploymentMode is not offered here."),
        (
            {"UsePreviousTemplate": True},
            "Cannot specify both UsePreviousTemplate and a template.",
        ),
    ],
    ids=lambda case: next(iter(case)) if isinstance(case, dict) else "",
)
def test_a_change_set_that_nobody_can_carry_out_is_refused(stacks: Stacks, options: Members, words: str) -> None:
    stacks.create("s", json.loads(BODY))
    asked = {"StackName": "s", "ChangeSetName": "c", "TemplateBody": NEXT, **options}
    assert refusal(stacks.client.create_change_set, **asked) == ("ValidationError", words)


def test_nested_stacks_are_included_where_there_are_none(stacks: Stacks) -> None:
    asked = {"StackName": "s", "ChangeSetName": "c", "ChangeSetType": "CREATE", "IncludeNestedStacks": True}
    nested = {
        "N": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://s3.amazonaws.com/b/k"}}
    }
    found = refusal(stacks.client.create_change_set, **asked, TemplateBody=json.dumps({"Resources": nested}))
    assert found[1] == "IncludeNestedStacks for a template that has nested stacks is not offered here."
    made = stacks.client.create_change_set(**asked, TemplateBody=BODY)
    assert stacks.client.describe_change_set(ChangeSetName=made["Id"])["IncludeNestedStacks"] is True


def test_a_change_set_tells_what_becomes_of_a_stack_that_fails(stacks: Stacks) -> None:
    bad = json.dumps(groups(A={"LogGroupName": "a", "RetentionInDays": 4}))
    made = stacks.client.create_change_set(
        StackName="s", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=bad, OnStackFailure="DO_NOTHING"
    )
    both = refusal(stacks.client.execute_change_set, ChangeSetName=made["Id"], DisableRollback=True)
    assert both[1] == "DisableRollback cannot be specified when the change set was created with OnStackFailure"
    stacks.client.execute_change_set(ChangeSetName=made["Id"])
    assert stacks.at_rest("s")["StackStatus"] == "CREATE_FAILED"


def test_a_role_has_to_let_cloudformation_assume_it(stacks: Stacks, aws: ClientFactory) -> None:
    iam = aws("iam")
    theirs = iam.create_role(RoleName="theirs", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    ours = json.dumps(TRUST).replace("lambda.amazonaws.com", "cloudformation.amazonaws.com")
    own = iam.create_role(RoleName="own", Path="/deploy/", AssumeRolePolicyDocument=ours)["Role"]["Arn"]
    found = refusal(stacks.client.create_stack, StackName="s", TemplateBody=BODY, RoleARN=theirs)
    assert found == ("ValidationError", f"Role {theirs} is invalid or cannot be assumed")
    assert stacks.create("s", json.loads(BODY), RoleARN=own)["RoleARN"] == own
    assert stacks.update("s", json.loads(NEXT))["RoleARN"] == own  # kept until another is named
    iam.delete_role(RoleName="own")
    gone = ("ValidationError", f"Role {own} is invalid or cannot be assumed")
    assert refusal(stacks.client.update_stack, StackName="s", TemplateBody=BODY) == gone
    assert refusal(stacks.client.delete_stack, StackName="s") == gone
    other = iam.create_role(RoleName="other", AssumeRolePolicyDocument=ours)["Role"]["Arn"]
    stack_id = stacks.client.describe_stacks(StackName="s")["Stacks"][0]["StackId"]
    stacks.client.delete_stack(StackName="s", RoleARN=other)
    assert stacks.at_rest(stack_id)["StackStatus"] == "DELETE_COMPLETE"


def test_capabilities_are_asked_for_by_what_the_template_names(stacks: Stacks) -> None:
    role = {"AssumeRolePolicyDocument": TRUST}
    body = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": role}}}
    named = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {**role, "RoleName": "r"}}}}
    create = stacks.client.create_stack
    plain = refusal(create, StackName="s", TemplateBody=json.dumps(body), Capabilities=["CAPABILITY_AUTO_EXPAND"])
    assert plain == ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")
    more = refusal(create, StackName="s", TemplateBody=json.dumps(named), Capabilities=IAM)
    assert more == ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]")
    create(StackName="s", TemplateBody=json.dumps(body), Capabilities=["CAPABILITY_NAMED_IAM"])
    assert stacks.at_rest("s")["StackStatus"] == "CREATE_COMPLETE"
    both = json.dumps({**template(), "Transform": "AWS::LanguageExtensions"})
    assert refusal(create, StackName="t", TemplateBody=both)[1] == (
        "Requires capabilities : [CAPABILITY_IAM, CAPABILITY_AUTO_EXPAND]"
    )


def test_policies_of_stacks_may_lie_in_a_bucket(stacks: Stacks, aws: ClientFactory) -> None:
    policy = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "Update:*", "Resource": "*"}]}'
    s3 = aws("s3")
    s3.create_bucket(Bucket="policies-of-stacks")
    s3.put_object(Bucket="policies-of-stacks", Key="p", Body=policy.encode())
    url = "https://policies-of-stacks.s3.amazonaws.com/p"
    stacks.create("s", json.loads(BODY), StackPolicyURL=url)
    assert stacks.client.get_stack_policy(StackName="s")["StackPolicyBody"] == policy
    stacks.client.set_stack_policy(StackName="s", StackPolicyBody="{}")
    assert stacks.client.get_stack_policy(StackName="s")["StackPolicyBody"] == "{}"
    stacks.client.set_stack_policy(StackName="s", StackPolicyURL=url)
    assert stacks.client.get_stack_policy(StackName="s")["StackPolicyBody"] == policy


def test_what_an_update_does_not_mention_stays(stacks: Stacks, aws: ClientFactory) -> None:
    topic = aws("sns").create_topic(Name="t")["TopicArn"]
    tags = [{"Key": "a", "Value": "b"}]
    stacks.create("s", json.loads(BODY), NotificationARNs=[topic], Tags=tags)
    found = stacks.update("s", json.loads(NEXT))
    assert (found["NotificationARNs"], found["Tags"]) == ([topic], tags)
    found = stacks.update("s", json.loads(NEXT), NotificationARNs=[], Tags=[])
    assert (found["NotificationARNs"], found["Tags"]) == ([], [])


def test_what_the_cdk_asks_for_is_taken(stacks: Stacks) -> None:
    stacks.create("s", json.loads(BODY))
    stacks.client.delete_change_set(StackName="s", ChangeSetName="cdk-deploy-change-set")
    asked = {"DeploymentConfig": {"Mode": "STANDARD"}, "ImportExistingResources": True}
    made = stacks.client.create_change_set(StackName="s", ChangeSetName="c", TemplateBody=NEXT, **asked)
    assert stacks.client.describe_change_set(ChangeSetName=made["Id"])["Status"] == "CREATE_COMPLETE"


def test_what_sam_sync_asks_for_is_taken_and_told(stacks: Stacks) -> None:
    express = {"Mode": "EXPRESS", "DisableRollback": False}
    found = stacks.create("s", json.loads(BODY), DeploymentConfig={"Mode": "EXPRESS"})
    assert (found["StackStatus"], found["DeploymentConfig"]) == ("CREATE_COMPLETE", express)
    found = stacks.update("s", json.loads(NEXT))
    assert "DeploymentConfig" not in found
    made = stacks.client.create_change_set(
        StackName="s", ChangeSetName="c", TemplateBody=BODY, DeploymentConfig={"Mode": "EXPRESS"}
    )
    assert stacks.client.describe_change_set(ChangeSetName=made["Id"])["DeploymentConfig"] == express


def test_a_deployment_config_may_say_that_what_failed_stays(stacks: Stacks) -> None:
    # A group of that name is there already: its creation fails.
    stacks.create("s", json.loads(BODY))
    broken = groups(A={"LogGroupName": "a"}, B={"LogGroupName": "a"})
    found = stacks.update("s", broken, DeploymentConfig={"Mode": "EXPRESS", "DisableRollback": True})
    assert (found["StackStatus"], found["DisableRollback"]) == ("UPDATE_FAILED", True)
    made = stacks.client.create_change_set(
        StackName="t",
        ChangeSetName="c",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(groups(B={"LogGroupName": "a"})),
        DeploymentConfig={"DisableRollback": True},
    )
    stacks.client.execute_change_set(ChangeSetName=made["Id"])
    assert stacks.at_rest("t")["StackStatus"] == "CREATE_FAILED"
