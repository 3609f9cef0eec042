"""Stacks within stacks: they succeed, fail and go back together."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import TRUST, Stacks, Template, code_of, groups


class Family:
    """A stack `outer` with the stack `Inner` in it, whose template lies in a bucket."""

    def __init__(self, aws: ClientFactory, account: str) -> None:
        self.stacks = Stacks(aws("cloudformation"))
        self.client = self.stacks.client
        self._s3 = aws("s3")
        self._bucket = f"nested-{account}"
        self._s3.create_bucket(Bucket=self._bucket)
        self._number = 0

    def outer(self, inner: Template, **more: Any) -> Template:  # Any: properties of log groups
        """Return the outer template; `more` are log groups of its own, made and changed after the inner stack."""
        self._number += 1
        key = f"{self._number}.json"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=json.dumps(inner))
        found = groups(**more)
        for one in found["Resources"].values():
            one["DependsOn"] = "Inner"
        url = f"{self._s3.meta.endpoint_url}/{self._bucket}/{key}"
        found["Resources"]["Inner"] = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
        return found

    @property
    def inner(self) -> Any:  # Any: as boto3
        """The nested stack."""
        return next(one for one in self.client.describe_stacks()["Stacks"] if one.get("ParentId"))


@pytest.fixture
def family(aws: ClientFactory, account: str) -> Family:
    """A family in an account of the test's own."""
    return Family(aws, account)


def names(aws: ClientFactory) -> list[str]:
    """Return the names of all log groups."""
    return sorted(one["logGroupName"] for one in aws("logs").describe_log_groups()["logGroups"])


def test_a_nested_stack_is_taken_back_with_what_its_update_replaced(family: Family, aws: ClientFactory) -> None:
    aws("logs").create_log_group(logGroupName="taken")
    family.stacks.create(
        "outer", family.outer(groups(A={"LogGroupName": "first"}) | {"Outputs": {"O": {"Value": "1"}}})
    )
    aws("logs").create_log_stream(logGroupName="first", logStreamName="kept")
    after = family.outer(groups(A={"LogGroupName": "second"}) | {"Outputs": {"O": {"Value": "2"}}})
    found = family.stacks.update("outer", after | groups_after(after, B={"LogGroupName": "taken"}))
    assert found["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert (family.inner["StackStatus"], family.inner["Outputs"][0]["OutputValue"]) == ("UPDATE_ROLLBACK_COMPLETE", "1")
    assert names(aws) == ["first", "taken"]
    assert aws("logs").describe_log_streams(logGroupName="first")["logStreams"] != []  # it is the one that was there


def groups_after(template: Template, **more: Any) -> Template:  # Any: properties of log groups
    """Return the resources of a template with log groups that come after the inner stack."""
    added = groups(**more)["Resources"]
    return {
        "Resources": {**template["Resources"], **{key: {**one, "DependsOn": "Inner"} for key, one in added.items()}}
    }


def test_a_nested_stack_cleans_up_once_the_stack_around_it_has_arrived(family: Family, aws: ClientFactory) -> None:
    family.stacks.create("outer", family.outer(groups(A={"LogGroupName": "first"})))
    found = family.stacks.update("outer", family.outer(groups(A={"LogGroupName": "second"})))
    assert (found["StackStatus"], family.inner["StackStatus"]) == ("UPDATE_COMPLETE", "UPDATE_COMPLETE")
    assert names(aws) == ["second"]


def test_a_nested_creation_that_fails_tells_why_and_leaves_nothing(family: Family, aws: ClientFactory) -> None:
    aws("logs").create_log_group(logGroupName="taken")
    found = family.stacks.create("outer", family.outer(groups(A={"LogGroupName": "taken"}, B={"LogGroupName": "b"})))
    assert found["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [
        why for name, status, why in family.stacks.events("outer") if (name, status) == ("Inner", "CREATE_FAILED")
    ]
    assert len(reasons) == 1
    assert reasons[0].startswith("Embedded stack arn:aws:cloudformation:")
    assert "was not successfully created: The following resource(s) failed to create: [A" in reasons[0]
    assert names(aws) == ["taken"]


def test_a_nested_update_that_fails_tells_in_which_state_it_was(family: Family, aws: ClientFactory) -> None:
    aws("logs").create_log_group(logGroupName="taken")
    family.stacks.create("outer", family.outer(groups(A={"LogGroupName": "a"})))
    found = family.stacks.update("outer", family.outer(groups(A={"LogGroupName": "taken"})))
    assert found["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [
        why for name, status, why in family.stacks.events("outer") if (name, status) == ("Inner", "UPDATE_FAILED")
    ]
    assert "was not successfully updated. Currently in UPDATE_ROLLBACK_" in reasons[0]
    assert names(aws) == ["a", "taken"]


def test_a_rollback_that_fails_within_is_continued_from_without(family: Family, aws: ClientFactory) -> None:
    logs = aws("logs")
    family.stacks.create("outer", family.outer(groups(A={"LogGroupName": "a", "RetentionInDays": 7})))
    logs.create_log_group(logGroupName="taken")
    body = family.outer(groups(A={"LogGroupName": "a", "RetentionInDays": 30}, B={}))
    wait: Template = {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle", "DependsOn": "Inner"},
        "Wait": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "600"},
        },
    }
    body["Resources"].update(wait)
    family.client.update_stack(StackName="outer", TemplateBody=json.dumps(body))
    while not any(name == "Wait" for name, _, _ in family.stacks.events("outer")):
        pass
    logs.delete_log_group(logGroupName="a")  # what the rollback of the nested stack is to change is gone
    family.client.cancel_update_stack(StackName="outer")
    assert family.stacks.at_rest("outer")["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert family.inner["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    with pytest.raises(ClientError) as refused:
        family.client.continue_update_rollback(StackName=family.inner["StackId"])
    assert "ContinueUpdateRollback cannot be called on nested stack" in code_of(refused.value)[1]
    with pytest.raises(ClientError) as refused:
        family.client.continue_update_rollback(StackName="outer", ResourcesToSkip=["Inner.Nobody"])
    assert "[Inner.Nobody]" in code_of(refused.value)[1]
    family.client.continue_update_rollback(StackName="outer", ResourcesToSkip=["Inner.A"])
    assert family.stacks.at_rest("outer")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert family.inner["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_stacks_of_three_generations_are_made_changed_and_removed_together(family: Family, aws: ClientFactory) -> None:
    family.stacks.create("outer", family.outer(family.outer(groups(A={"LogGroupName": "deep"}))))
    assert names(aws) == ["deep"]
    found = family.stacks.update("outer", family.outer(family.outer(groups(A={"LogGroupName": "deeper"}))))
    assert found["StackStatus"] == "UPDATE_COMPLETE"
    assert names(aws) == ["deeper"]
    assert {one["StackStatus"] for one in family.client.describe_stacks()["Stacks"]} == {"UPDATE_COMPLETE"}
    assert family.stacks.delete("outer")["StackStatus"] == "DELETE_COMPLETE"
    assert family.client.describe_stacks()["Stacks"] == []
    assert names(aws) == []


def test_a_nested_stack_acts_as_the_role_of_the_stack_around_it(family: Family, aws: ClientFactory) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam = aws("iam")
    role = iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="deployer", PolicyName="all", PolicyDocument=json.dumps(allow))
    found = family.stacks.create("outer", family.outer(groups(A={})), RoleARN=role)
    assert (found["StackStatus"], family.inner["RoleARN"]) == ("CREATE_COMPLETE", role)


def test_a_nested_stack_needs_what_the_stack_around_it_acknowledged(family: Family) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
    body = json.dumps(family.outer({"Resources": {"Role": role}}))
    family.client.create_stack(StackName="outer", TemplateBody=body)
    assert family.stacks.at_rest("outer")["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = "Requires capabilities : [CAPABILITY_IAM]"
    assert any(name == "Inner" and reason in why for name, _, why in family.stacks.events("outer"))
    family.stacks.delete("outer")
    family.client.create_stack(StackName="outer", TemplateBody=body, Capabilities=["CAPABILITY_IAM"])
    assert family.stacks.at_rest("outer")["StackStatus"] == "CREATE_COMPLETE"
