"""Change sets as boto3 sees them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import IAM, SOON, Stacks, code_of, groups, template

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


def planned(stacks: Stacks, name: str, body: dict[str, Any], kind: str = "UPDATE") -> Any:  # Any: as boto3
    """Make a change set and return it, settled."""
    made = stacks.client.create_change_set(
        StackName=name, ChangeSetName="c", ChangeSetType=kind, TemplateBody=json.dumps(body), Capabilities=IAM
    )
    return stacks.client.describe_change_set(ChangeSetName=made["Id"], IncludePropertyValues=True)


def changes(found: Any) -> list[tuple[str, str, str]]:  # Any: as boto3
    """Return each change as action, logical id, replacement."""
    told = [one["ResourceChange"] for one in found["Changes"]]
    return [(one["Action"], one["LogicalResourceId"], one.get("Replacement", "")) for one in told]


def test_a_change_set_of_a_new_stack_adds_and_is_carried_out(stacks: Stacks) -> None:
    found = planned(stacks, "s", template(), "CREATE")
    assert stacks.client.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert {action for action, _, _ in changes(found)} == {"Add"}
    stacks.client.execute_change_set(ChangeSetName=found["ChangeSetId"])
    stacks.client.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig=SOON)
    made = stacks.client.describe_stacks(StackName="s")["Stacks"][0]
    assert made["ChangeSetId"] == found["ChangeSetId"]
    assert made["LastUpdatedTime"] >= made["CreationTime"]
    asked = {"ChangeSetName": found["ChangeSetId"], "ClientRequestToken": "t"}
    with pytest.raises(ClientError) as refused:
        stacks.client.execute_change_set(**asked)
    assert code_of(refused.value)[0] == "InvalidChangeSetStatus"


def test_the_same_execution_may_be_asked_for_twice(stacks: Stacks) -> None:
    found = planned(stacks, "s", template(), "CREATE")
    asked = {"ChangeSetName": found["ChangeSetId"], "ClientRequestToken": "t"}
    stacks.client.execute_change_set(**asked)
    stacks.client.execute_change_set(**asked)
    assert stacks.at_rest("s")["StackStatus"] == "CREATE_COMPLETE"


def test_a_change_set_tells_changes_replacements_and_removals(stacks: Stacks) -> None:
    stacks.create("s", groups(A={"LogGroupName": "a"}, B={"LogGroupName": "b"}, C={"RetentionInDays": 7}))
    found = planned(stacks, "s", groups(A={"LogGroupName": "other"}, C={"RetentionInDays": 30}, D={}))
    assert sorted(changes(found)) == [
        ("Add", "D", ""),
        ("Modify", "A", "True"),
        ("Modify", "C", "False"),
        ("Remove", "B", ""),
    ]
    target = next(
        one["ResourceChange"] for one in found["Changes"] if one["ResourceChange"]["LogicalResourceId"] == "C"
    )
    assert target["Details"][0]["Target"]["BeforeValue"] == "7"
    assert target["Details"][0]["Target"]["AfterValue"] == "30"
    assert len(stacks.client.describe_stack_resources(StackName="s")["StackResources"]) == 3  # nothing has happened


def test_a_change_set_without_changes_has_failed(stacks: Stacks) -> None:
    stacks.create("s", groups(A={}))
    found = planned(stacks, "s", groups(A={}))
    assert (found["Status"], found["StatusReason"], found["ExecutionStatus"]) == ("FAILED", NO_CHANGES, "UNAVAILABLE")


def test_a_change_set_is_void_once_another_was_carried_out(stacks: Stacks) -> None:
    stacks.create("s", groups(A={}))
    stale = planned(stacks, "s", groups(A={"RetentionInDays": 7}))["ChangeSetId"]
    stacks.update("s", groups(A={"RetentionInDays": 30}))
    with pytest.raises(ClientError) as refused:
        stacks.client.execute_change_set(ChangeSetName=stale)
    assert code_of(refused.value)[0] == "ChangeSetNotFound"


def test_a_change_set_that_was_deleted_is_gone(stacks: Stacks) -> None:
    stacks.create("s", groups(A={}))
    found = planned(stacks, "s", groups(A={"RetentionInDays": 7}))["ChangeSetId"]
    stacks.client.delete_change_set(ChangeSetName=found)
    assert stacks.client.list_change_sets(StackName="s")["Summaries"] == []


def test_of_two_change_sets_of_a_name_at_once_one_is_refused(stacks: Stacks) -> None:
    asked = {
        "StackName": "s",
        "ChangeSetName": "c",
        "ChangeSetType": "CREATE",
        "TemplateBody": json.dumps(groups(A={})),
    }

    def one(_: int) -> str:
        try:
            stacks.client.create_change_set(**asked)
        except ClientError as refused:
            return code_of(refused)[0]
        return "accepted"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(4))) == ["AlreadyExistsException"] * 3 + ["accepted"]
    assert [one["StackName"] for one in stacks.client.list_stacks()["StackSummaries"]] == ["s"]
