"""Wait conditions, creation policies and time limits, on the platform's own clock."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.builders import zip_of
from lambent.testing.platform import LocalPlatform, local_platform
from tests.services.cloudformation.test_stacks import Stacks, Template, code_of

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def virtual() -> Iterator[LocalPlatform]:
    """A platform whose time is moved by hand."""
    with local_platform(virtual_time=True) as running:
        yield running


@pytest.fixture
def stacks(virtual: LocalPlatform, account: str) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(virtual.client("cloudformation", account=account))


def waiting(count: int = 1, timeout: int = 600) -> Template:
    """Return a template with a wait condition, and a log group that comes after it."""
    return {
        "Resources": {
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Wait": {
                "Type": "AWS::CloudFormation::WaitCondition",
                "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": str(timeout), "Count": count},
            },
            "Group": {"Type": "AWS::Logs::LogGroup", "DependsOn": "Wait"},
        },
        "Outputs": {"Data": {"Value": {"Fn::GetAtt": ["Wait", "Data"]}}},
    }


def signalled(**policy: str) -> Template:
    """Return a template with a resource that waits for SignalResource."""
    return {
        "Resources": {
            "Wait": {"Type": "AWS::CloudFormation::WaitCondition", "CreationPolicy": {"ResourceSignal": policy}},
        },
    }


def begun(stacks: Stacks, body: Template, event: str = "CREATE_IN_PROGRESS", **options: Any) -> None:  # Any: as boto3
    """Begin to create the stack `s`, and wait until `Wait` does."""
    stacks.client.create_stack(StackName="s", TemplateBody=json.dumps(body), **options)
    while not any(name == "Wait" and event in {status, why} for name, status, why in stacks.events("s")):
        pass


def put(stacks: Stacks, **signal: str) -> None:
    """Put a signal at the handle's address."""
    rows = stacks.client.describe_stack_resources(StackName="s", LogicalResourceId="Handle")["StackResources"]
    body = json.dumps({"Status": "SUCCESS", "Reason": "because", "Data": "", **signal}).encode()
    request = urllib.request.Request(rows[0]["PhysicalResourceId"], data=body, method="PUT")  # noqa: S310 - the platform's own address
    urllib.request.urlopen(request, timeout=20).close()  # noqa: S310 - as above


def reason(stacks: Stacks, name: str, status: str) -> str:
    """Return why something came into a state."""
    return next(why for who, what, why in stacks.events("s") if (who, what) == (name, status))


def test_a_wait_condition_takes_so_many_different_signals(stacks: Stacks) -> None:
    begun(stacks, waiting(count=2))
    put(stacks, UniqueId="one", Data="1")
    put(stacks, UniqueId="one", Data="1")
    assert stacks.client.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    put(stacks, UniqueId="two", Data="2")
    found = stacks.at_rest("s")
    assert found["StackStatus"] == "CREATE_COMPLETE"
    assert json.loads(found["Outputs"][0]["OutputValue"]) == {"one": "1", "two": "2"}


def test_a_wait_condition_ends_when_its_time_is_over(stacks: Stacks, virtual: LocalPlatform) -> None:
    begun(stacks, waiting(count=2, timeout=1800))
    put(stacks, UniqueId="one")
    virtual.clock.advance(timedelta(minutes=29))
    assert stacks.client.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    virtual.clock.advance(timedelta(minutes=2))
    assert stacks.at_rest("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert reason(stacks, "Wait", "CREATE_FAILED") == "WaitCondition timed out. Received 1 conditions when expecting 2"


def test_a_wait_condition_fails_when_it_is_told_so(stacks: Stacks) -> None:
    begun(stacks, waiting())
    put(stacks, Status="FAILURE", UniqueId="i-1", Reason="no space")
    assert stacks.at_rest("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    told = reason(stacks, "Wait", "CREATE_FAILED")
    assert told == "WaitCondition received failed message: 'no space' for uniqueId: i-1"


def test_nothing_is_taken_at_an_address_that_nobody_gave_out(virtual: LocalPlatform) -> None:
    address = f"{virtual.endpoint_url}/_lambent/cloudformation/responses/0123"
    request = urllib.request.Request(address, data=b"{}", method="PUT")  # noqa: S310 - the platform's own address
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)  # noqa: S310 - as above
    refused.value.close()
    assert refused.value.code == 403


def test_a_creation_policy_waits_for_its_signals(stacks: Stacks) -> None:
    begun(stacks, signalled(Count="2", Timeout="PT15M"), "Resource creation Initiated")
    signal = {"StackName": "s", "LogicalResourceId": "Wait", "Status": "SUCCESS"}
    stacks.client.signal_resource(**signal, UniqueId="one")
    with pytest.raises(ClientError) as refused:
        stacks.client.signal_resource(**signal, UniqueId="one")
    assert code_of(refused.value)[1].startswith("Signal with ID one for resource Wait already exists.")
    stacks.client.signal_resource(**signal, UniqueId="two")
    assert stacks.at_rest("s")["StackStatus"] == "CREATE_COMPLETE"
    assert [event[1:] for event in stacks.events("s") if event[0] == "Wait"] == [
        ("CREATE_IN_PROGRESS", ""),
        ("CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("CREATE_IN_PROGRESS", "Received SUCCESS signal with UniqueId one"),
        ("CREATE_IN_PROGRESS", "Received SUCCESS signal with UniqueId two"),
        ("CREATE_COMPLETE", ""),
    ]
    with pytest.raises(ClientError) as refused:
        stacks.client.signal_resource(**signal, UniqueId="three")
    assert code_of(refused.value)[1].endswith("is in CREATE_COMPLETE state and can not be signaled.")


def test_a_creation_policy_fails_with_a_failure_or_when_its_time_is_over(
    stacks: Stacks, virtual: LocalPlatform
) -> None:
    begun(stacks, signalled(Timeout="PT15M"), "Resource creation Initiated", OnFailure="DO_NOTHING")
    stacks.client.signal_resource(StackName="s", LogicalResourceId="Wait", Status="FAILURE", UniqueId="i-1")
    assert stacks.at_rest("s")["StackStatus"] == "CREATE_FAILED"
    assert reason(stacks, "Wait", "CREATE_FAILED") == "Received FAILURE signal with UniqueId i-1"
    stacks.delete("s")
    begun(stacks, signalled(Timeout="PT15M"), "Resource creation Initiated", OnFailure="DO_NOTHING")
    virtual.clock.advance(HOUR)
    assert stacks.at_rest("s")["StackStatus"] == "CREATE_FAILED"
    told = reason(stacks, "Wait", "CREATE_FAILED")
    assert told == "Failed to receive 1 resource signal(s) within the specified duration"


def test_a_stack_that_is_not_made_in_time_is_rolled_back(stacks: Stacks, virtual: LocalPlatform) -> None:
    begun(stacks, waiting(timeout=7200), TimeoutInMinutes=30)
    virtual.clock.advance(timedelta(minutes=31))
    assert stacks.at_rest("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert reason(stacks, "Wait", "CREATE_FAILED") == "Resource creation cancelled"
    told = reason(stacks, "s", "ROLLBACK_IN_PROGRESS")
    assert told == "Stack creation time exceeded the specified timeout. Rollback requested by user."


def test_a_stack_that_is_not_made_in_time_stays_where_no_rollback_is_wanted(
    stacks: Stacks, virtual: LocalPlatform
) -> None:
    begun(stacks, waiting(timeout=7200), TimeoutInMinutes=30, DisableRollback=True)
    virtual.clock.advance(timedelta(minutes=31))
    found = stacks.at_rest("s")
    assert found["StackStatus"] == "CREATE_FAILED"
    assert found["StackStatusReason"] == "Stack creation time exceeded the specified timeout"


def test_a_custom_resource_that_nobody_answers_fails_when_its_time_is_over(
    stacks: Stacks, virtual: LocalPlatform, account: str
) -> None:
    silent = zip_of({"handler.py": "def handler(event, context):\n    pass\n"})
    arn = virtual.create_function("silent", silent, account=account)["FunctionArn"]
    thing = {"Type": "Custom::Thing", "Properties": {"ServiceToken": arn, "ServiceTimeout": "120"}}
    stacks.client.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": {"Thing": thing}}))
    while not any(name == "Thing" for name, _, _ in stacks.events("s")):
        pass
    virtual.clock.advance(timedelta(minutes=3))
    told = reason(stacks, "Thing", "CREATE_FAILED")
    assert told.startswith("CloudFormation did not receive a response from your Custom Resource.")
    while not any(what == "DELETE_IN_PROGRESS" for _, what, _ in stacks.events("s")):
        pass
    virtual.clock.advance(timedelta(minutes=3))
    assert stacks.at_rest("s")["StackStatus"] == "ROLLBACK_FAILED"


def test_an_update_that_waits_is_cancelled_at_once(stacks: Stacks) -> None:
    group = {"Resources": {"Group": {"Type": "AWS::Logs::LogGroup"}}}
    stacks.create("s", group)
    stacks.client.update_stack(StackName="s", TemplateBody=json.dumps(waiting(timeout=7200)))
    while not any(name == "Wait" for name, _, _ in stacks.events("s")):
        pass
    stacks.client.cancel_update_stack(StackName="s")
    assert stacks.at_rest("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert reason(stacks, "Wait", "CREATE_FAILED") == "Resource creation cancelled"
    assert reason(stacks, "s", "UPDATE_ROLLBACK_IN_PROGRESS") == "User Initiated"
    with pytest.raises(ClientError) as refused:
        stacks.client.cancel_update_stack(StackName="s")
    assert code_of(refused.value)[1] == "CancelUpdateStack cannot be called from current stack status"
