"""Stacks that fail, as boto3 sees them: what is left, what may be asked of them then, and what is told by operation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_custom_resources import wishing
from tests.services.cloudformation.test_stacks import TRUST, Stacks, Template, code_of, groups

FREE, TAKEN = {"LogGroupName": "free"}, {"LogGroupName": "taken"}
Given = dict[str, Any]  # Any: options of a request, or log groups' properties


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own, where the log group `taken` is there already."""
    aws("logs").create_log_group(logGroupName="taken")
    return Stacks(aws("cloudformation"))


def names(aws: ClientFactory) -> list[str]:
    """Return the names of all log groups."""
    return sorted(one["logGroupName"] for one in aws("logs").describe_log_groups()["logGroups"])


def in_turn(**properties: Any) -> Template:  # Any: properties of log groups
    """Return log groups that are made one after another."""
    found = groups(**properties)
    before = None
    for name, one in found["Resources"].items():
        if before is not None:
            one["DependsOn"] = before
        before = name
    return found


@pytest.mark.parametrize(
    ("options", "status", "left"),
    [
        ({"OnFailure": "ROLLBACK"}, "ROLLBACK_COMPLETE", ["taken"]),
        ({"OnFailure": "DO_NOTHING"}, "CREATE_FAILED", ["free", "taken"]),
        ({"DisableRollback": True}, "CREATE_FAILED", ["free", "taken"]),
        ({"OnFailure": "DELETE"}, "DELETE_COMPLETE", ["taken"]),
    ],
)
def test_a_creation_that_fails_ends_as_it_was_asked_to(
    stacks: Stacks, aws: ClientFactory, options: Given, status: str, left: list[str]
) -> None:
    body = json.dumps(in_turn(A=FREE, B=TAKEN))
    stack_id = stacks.client.create_stack(StackName="s", TemplateBody=body, **options)["StackId"]
    assert stacks.at_rest(stack_id)["StackStatus"] == status
    assert names(aws) == left


def test_a_stack_that_was_left_alone_is_only_deleted(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", in_turn(A=FREE, B=TAKEN), OnFailure="DO_NOTHING")
    with pytest.raises(ClientError) as refused:
        stacks.update("s", groups(A=FREE))
    assert code_of(refused.value)[1].startswith(
        "This stack cannot be updated from [CREATE_FAILED] state because it contains [on-failure: DO_NOTHING]."
    )
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert names(aws) == ["taken"]


def test_what_was_preserved_is_gone_on_with_or_rolled_back(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", in_turn(A=FREE, B=TAKEN), DisableRollback=True)
    assert stacks.update("s", in_turn(A=FREE, B={"LogGroupName": "other"}))["StackStatus"] == "UPDATE_COMPLETE"
    assert names(aws) == ["free", "other", "taken"]
    changed = in_turn(A={**FREE, "RetentionInDays": 7}, B={"LogGroupName": "other"}, C=TAKEN)
    assert stacks.update("s", changed, DisableRollback=True)["StackStatus"] == "UPDATE_FAILED"
    begun = stacks.client.rollback_stack(StackName="s")
    assert stacks.at_rest("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert begun["OperationId"]
    group = aws("logs").describe_log_groups(logGroupNamePrefix="free")["logGroups"][0]
    assert "retentionInDays" not in group
    with pytest.raises(ClientError) as refused:
        stacks.client.rollback_stack(StackName="s")
    assert code_of(refused.value)[1].endswith("is in UPDATE_ROLLBACK_COMPLETE state and can not be rolled back.")


def test_a_creation_that_was_preserved_is_rolled_back_to_nothing(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", in_turn(A=FREE, B=TAKEN), DisableRollback=True)
    stacks.client.rollback_stack(StackName="s")
    assert stacks.at_rest("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert names(aws) == ["taken"]


def test_even_what_is_retained_goes_with_a_creation_that_retains_nothing(stacks: Stacks, aws: ClientFactory) -> None:
    body = in_turn(A=FREE, B=TAKEN)
    body["Resources"]["A"]["DeletionPolicy"] = "Retain"
    assert stacks.create("s", body, RetainExceptOnCreate=True)["RetainExceptOnCreate"] is True
    assert names(aws) == ["taken"]
    stacks.delete("s")
    stacks.create("s", body)
    assert names(aws) == ["free", "taken"]


@pytest.mark.parametrize("how", ["retained", "forced"])
def test_a_deletion_that_fails_is_completed_without_what_cannot_be_deleted(
    stacks: Stacks, aws: ClientFactory, how: str
) -> None:
    s3, bucket = aws("s3"), f"kept-{how}"
    body = groups(A=FREE)
    body["Resources"]["Bucket"] = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}}
    stack_id = stacks.create("s", body)["StackId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"v")
    with pytest.raises(ClientError) as refused:
        stacks.client.delete_stack(StackName="s", DeletionMode="FORCE_DELETE_STACK")
    assert "DELETE_FAILED state" in code_of(refused.value)[1]
    found = stacks.delete("s")
    assert found["StackStatus"] == "DELETE_FAILED"
    assert found["StackStatusReason"] == "The following resource(s) failed to delete: [Bucket]. "
    options = {"RetainResources": ["Bucket"]} if how == "retained" else {"DeletionMode": "FORCE_DELETE_STACK"}
    stacks.client.delete_stack(StackName="s", **options)
    assert stacks.at_rest(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert ("Bucket", "DELETE_SKIPPED", "") in stacks.events(stack_id)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]


def rollback_that_failed(stacks: Stacks, aws: ClientFactory) -> Given:
    """Return the stack `s`, whose rollback could not find its log group `free`."""
    stacks.create("s", groups(A=FREE))
    body = in_turn(A={**FREE, "RetentionInDays": 7}, B={"LogGroupName": "b"})
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle", "DependsOn": "B"}
    wait = {"Type": "AWS::CloudFormation::WaitCondition", "Properties": {"Handle": {"Ref": "H"}, "Timeout": "600"}}
    body["Resources"] |= {"H": handle, "Wait": wait}
    stacks.client.update_stack(StackName="s", TemplateBody=json.dumps(body))
    while not any(name == "Wait" for name, _, _ in stacks.events("s")):
        pass
    aws("logs").delete_log_group(logGroupName="free")
    stacks.client.cancel_update_stack(StackName="s")
    found: Given = stacks.at_rest("s")
    return found


def test_a_rollback_that_fails_is_continued_once_the_cause_is_gone(stacks: Stacks, aws: ClientFactory) -> None:
    found = rollback_that_failed(stacks, aws)
    assert found["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert found["StackStatusReason"] == "The following resource(s) failed to update: [A]. "
    with pytest.raises(ClientError) as refused:
        stacks.update("s", groups(A=FREE))
    assert code_of(refused.value)[1].endswith("is in UPDATE_ROLLBACK_FAILED state and can not be updated.")
    aws("logs").create_log_group(logGroupName="free")
    stacks.client.continue_update_rollback(StackName="s")
    assert stacks.at_rest("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert names(aws) == ["free", "taken"]


@pytest.mark.parametrize("how", [{"ResourcesToSkip": ["A"]}, {"ForceRollback": True}])
def test_a_rollback_that_fails_is_continued_without_what_failed(stacks: Stacks, aws: ClientFactory, how: Given) -> None:
    rollback_that_failed(stacks, aws)
    with pytest.raises(ClientError) as refused:
        stacks.client.continue_update_rollback(StackName="s", ResourcesToSkip=["B"])
    assert "not in UPDATE_FAILED state: [B]" in code_of(refused.value)[1]
    with pytest.raises(ClientError) as refused:
        stacks.client.continue_update_rollback(StackName="s", ResourcesToSkip=["A"], ForceRollback=True)
    assert code_of(refused.value)[1] == "ForceRollback and ResourcesToSkip are mutually exclusive."
    stacks.client.continue_update_rollback(StackName="s", **how)
    assert stacks.at_rest("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    rows = stacks.client.describe_stack_resources(StackName="s")["StackResources"]
    assert {one["LogicalResourceId"]: one["ResourceStatus"] for one in rows} == {"A": "UPDATE_COMPLETE"}


def test_what_is_there_does_not_become_another_type(stacks: Stacks) -> None:
    stacks.create("s", groups(A=FREE, B={}))
    body = groups(A=FREE)
    body["Resources"]["B"] = {"Type": "AWS::Logs::LogStream", "Properties": {"LogGroupName": {"Ref": "A"}}}
    wrong = "Update of resource type is not permitted. The new template modifies resource type of the following resources: [B]"  # noqa: E501 - AWS's message
    with pytest.raises(ClientError) as refused:
        stacks.update("s", body)
    assert code_of(refused.value) == ("ValidationError", wrong)
    with pytest.raises(ClientError) as refused:
        stacks.client.create_change_set(StackName="s", ChangeSetName="c", TemplateBody=json.dumps(body))
    assert code_of(refused.value) == ("ValidationError", wrong)


def test_a_custom_resource_that_was_replaced_comes_back_when_the_update_fails(stacks: Stacks) -> None:
    assert stacks.create("s", wishing("one"))["StackStatus"] == "CREATE_COMPLETE"
    after = wishing("two")
    after["Resources"]["Group"] = {"Type": "AWS::Logs::LogGroup", "DependsOn": "Thing", "Properties": TAKEN}
    assert stacks.update("s", after)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    rows = stacks.client.describe_stack_resources(StackName="s", LogicalResourceId="Thing")["StackResources"]
    assert rows[0]["PhysicalResourceId"] == "thing-one"
    listed = stacks.client.describe_stack_events(StackName="s")["StackEvents"]
    deleted = [
        one["PhysicalResourceId"]
        for one in listed
        if (one["LogicalResourceId"], one["ResourceStatus"]) == ("Thing", "DELETE_COMPLETE")
    ]
    assert deleted == ["thing-two"]


def test_events_are_told_by_operation_and_failures_alone(stacks: Stacks) -> None:
    stacks.create("s", groups(A=FREE))
    made = stacks.client.update_stack(StackName="s", TemplateBody=json.dumps(groups(A=FREE, B=TAKEN)))
    stacks.at_rest("s")
    events = stacks.client.describe_events(OperationId=made["OperationId"])["OperationEvents"]
    of_stack = [one for one in reversed(events) if one["EventType"] == "STACK_EVENT"]
    assert [(one["OperationType"], one["OperationStatus"]) for one in of_stack] == [
        ("UPDATE_STACK", "IN_PROGRESS"),
        ("UPDATE_STACK", "IN_PROGRESS"),
        ("UPDATE_STACK", "IN_PROGRESS"),
        ("UPDATE_STACK", "FAILED"),
    ]
    failed = stacks.client.describe_events(StackName="s", Filters={"FailedEvents": True})["OperationEvents"]
    assert [one["LogicalResourceId"] for one in failed] == ["s", "B"]
    everything = stacks.client.describe_events(StackName="s")["OperationEvents"]
    assert {one["OperationType"] for one in everything if "OperationType" in one} == {"CREATE_STACK", "UPDATE_STACK"}
    with pytest.raises(ClientError) as refused:
        stacks.client.describe_events()
    assert code_of(refused.value)[1] == "One of ChangeSetName, OperationId or StackName must be specified."
    with pytest.raises(ClientError) as refused:
        stacks.client.describe_events(OperationId="nobody-s")
    assert code_of(refused.value)[0] == "ValidationError"


def test_what_failed_half_way_is_rolled_back(stacks: Stacks, aws: ClientFactory) -> None:
    managed = ["arn:aws:iam::aws:policy/NobodyHasIt"]
    role = {"AssumeRolePolicyDocument": TRUST, "ManagedPolicyArns": managed}
    body = groups(G={"LogGroupName": "half", "RetentionInDays": 2})
    body["Resources"]["R"] = {"Type": "AWS::IAM::Role", "Properties": role, "DependsOn": "G"}
    assert stacks.create("s", body)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert names(aws) == ["taken"]
    body["Resources"]["G"]["Properties"] = {"LogGroupName": "half"}
    stacks.delete("s")
    assert stacks.create("s", body)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert not [one for one in aws("iam").list_roles()["Roles"] if one["RoleName"].startswith("s-R-")]
