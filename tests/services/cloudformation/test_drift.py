"""Drift detection as boto3 sees it: begun, looked after, and refused where it makes no sense."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import Stacks, code_of, groups


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


def detected(stacks: Stacks, **options: Any) -> Any:  # Any: as boto3
    """Detect drift and return how it went, when it is over."""
    detection = stacks.client.detect_stack_drift(StackName="s", **options)["StackDriftDetectionId"]
    describe = stacks.client.describe_stack_drift_detection_status
    while (found := describe(StackDriftDetectionId=detection))["DetectionStatus"] == "DETECTION_IN_PROGRESS":
        assert found["StackDriftDetectionId"] == detection
    return found


def test_a_detection_tells_how_many_resources_drifted(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", groups(A={"LogGroupName": "a"}, B={"LogGroupName": "b"}))
    aws("logs").delete_log_group(logGroupName="a")
    found = detected(stacks)
    assert (found["DetectionStatus"], found["StackDriftStatus"], found["DriftedStackResourceCount"]) == (
        "DETECTION_COMPLETE",
        "DRIFTED",
        1,
    )
    stack = stacks.client.describe_stacks(StackName="s")["Stacks"][0]
    assert stack["DriftInformation"]["StackDriftStatus"] == "DRIFTED"
    only = stacks.client.describe_stack_resource_drifts(StackName="s", StackResourceDriftStatusFilters=["DELETED"])
    assert [one["LogicalResourceId"] for one in only["StackResourceDrifts"]] == ["A"]


def test_drifts_are_told_in_pages(stacks: Stacks) -> None:
    stacks.create("s", groups(A={}, B={}, C={}))
    detected(stacks)
    describe = stacks.client.describe_stack_resource_drifts
    first = describe(StackName="s", MaxResults=2)
    assert [one["LogicalResourceId"] for one in first["StackResourceDrifts"]] == ["A", "B"]
    rest = describe(StackName="s", MaxResults=2, NextToken=first["NextToken"])
    assert [one["LogicalResourceId"] for one in rest["StackResourceDrifts"]] == ["C"]
    assert "NextToken" not in rest


def test_a_detection_may_look_at_some_resources_alone(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", groups(A={"LogGroupName": "a"}, B={"LogGroupName": "b"}))
    aws("logs").delete_log_group(logGroupName="a")
    assert detected(stacks, LogicalResourceIds=["B"])["StackDriftStatus"] == "IN_SYNC"
    drifts = stacks.client.describe_stack_resource_drifts(StackName="s")["StackResourceDrifts"]
    assert [one["LogicalResourceId"] for one in drifts] == ["B"]


def test_what_cannot_be_looked_at_is_refused(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", groups(A={"LogGroupName": "a"}))
    with pytest.raises(ClientError) as refused:
        detected(stacks, LogicalResourceIds=["Nobody"])
    assert code_of(refused.value) == ("ValidationError", "Resource Nobody does not exist for stack s")
    with pytest.raises(ClientError) as refused:
        stacks.client.describe_stack_drift_detection_status(StackDriftDetectionId="0" * 36)
    assert code_of(refused.value)[0] == "ValidationError"
    stacks.delete("s")
    aws("logs").create_log_group(logGroupName="a")
    stacks.create("s", groups(A={"LogGroupName": "a"}))
    with pytest.raises(ClientError) as refused:
        detected(stacks)
    assert "ROLLBACK_COMPLETE" in code_of(refused.value)[1]
