"""Stack policies as boto3 sees them: kept, checked, and held against updates."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import Stacks, code_of, groups

ALL = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
A, REPLACED = {"LogGroupName": "a"}, {"LogGroupName": "other"}
CHANGED = {"LogGroupName": "a", "RetentionInDays": 7}
Given = dict[str, Any]  # Any: options of a request, or log groups' properties


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


def policy(*statements: dict[str, Any]) -> str:  # Any: JSON-shaped
    """Return a policy's text."""
    return json.dumps({"Statement": list(statements)})


def deny(action: str) -> str:
    """Return a policy that allows all but an action on the resource A."""
    return policy({**ALL, "Effect": "Deny", "Action": action, "Resource": "LogicalResourceId/A"}, ALL)


@pytest.mark.parametrize(
    ("action", "after"),
    [
        ("Update:Modify", {"A": CHANGED}),
        ("Update:Replace", {"A": REPLACED}),
        ("Update:Delete", {"B": {}}),
    ],
)
def test_what_a_policy_denies_fails_the_update_with_aws_s_words(
    stacks: Stacks, aws: ClientFactory, action: str, after: Given
) -> None:
    stacks.create("s", groups(A=A), StackPolicyBody=deny(action))
    assert stacks.update("s", groups(**after))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reason = (
        f"Action denied by stack policy: Statement [#1] does not allow [{action}] for resource [LogicalResourceId/A]"
    )
    assert ("A", "UPDATE_FAILED", reason) in stacks.events("s")
    assert [one["logGroupName"] for one in aws("logs").describe_log_groups()["logGroups"]] == ["a"]


def test_what_a_policy_allows_is_done(stacks: Stacks) -> None:
    stacks.create("s", groups(A=A), StackPolicyBody=deny("Update:Replace"))
    assert stacks.update("s", groups(A=CHANGED))["StackStatus"] == "UPDATE_COMPLETE"


def test_a_policy_of_one_update_stands_in_for_the_stack_s(stacks: Stacks) -> None:
    stacks.create("s", groups(A=A), StackPolicyBody=deny("Update:*"))
    for_once = {"StackPolicyDuringUpdateBody": policy(ALL)}
    assert stacks.update("s", groups(A=CHANGED), **for_once)["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.client.get_stack_policy(StackName="s")["StackPolicyBody"] == deny("Update:*")
    assert stacks.update("s", groups(A=A))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_a_policy_that_is_set_holds_change_sets_too(stacks: Stacks) -> None:
    stacks.create("s", groups(A=A))
    assert "StackPolicyBody" not in stacks.client.get_stack_policy(StackName="s")
    stacks.client.set_stack_policy(StackName="s", StackPolicyBody=deny("Update:*"))
    made = stacks.client.create_change_set(StackName="s", ChangeSetName="c", TemplateBody=json.dumps(groups(A=CHANGED)))
    stacks.client.execute_change_set(ChangeSetName=made["Id"])
    assert stacks.at_rest("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    found = stacks.client.describe_change_set(ChangeSetName=made["Id"])
    assert found["ExecutionStatus"] == "EXECUTE_FAILED"


def test_a_policy_may_lie_in_a_bucket(stacks: Stacks, aws: ClientFactory) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="stack-policies")
    s3.put_object(Bucket="stack-policies", Key="deny.json", Body=deny("Update:*"))
    stacks.create("s", groups(A=A))
    stacks.client.set_stack_policy(StackName="s", StackPolicyURL=f"{s3.meta.endpoint_url}/stack-policies/deny.json")
    assert stacks.client.get_stack_policy(StackName="s")["StackPolicyBody"] == deny("Update:*")


@pytest.mark.parametrize(
    "text", ["nonsense", policy({**ALL, "Principal": "me"}), policy({**ALL, "Action": "Delete:*"})]
)
def test_what_is_no_policy_is_refused_wherever_it_is_given(stacks: Stacks, text: str) -> None:
    wrong = ("ValidationError", "Error validating stack policy: Invalid stack policy")
    with pytest.raises(ClientError) as refused:
        stacks.client.create_stack(StackName="t", TemplateBody=json.dumps(groups(A={})), StackPolicyBody=text)
    assert code_of(refused.value) == wrong
    stacks.create("s", groups(A=A))
    with pytest.raises(ClientError) as refused:
        stacks.client.set_stack_policy(StackName="s", StackPolicyBody=text)
    assert code_of(refused.value) == wrong
    with pytest.raises(ClientError) as refused:
        stacks.update("s", groups(A=CHANGED), StackPolicyDuringUpdateBody=text)
    assert code_of(refused.value) == wrong
    assert stacks.at_rest("s")["StackStatus"] == "CREATE_COMPLETE"
