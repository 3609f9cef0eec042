"""Drift, by what AWS answers: waited for, over pages, and told where it cannot be told."""

from __future__ import annotations

import pytest

from lambent.deploy.drift import Difference, drifted
from lambent.deploy.errors import DeployError
from tests.unit.deploy.recorded import STACK_ID, Answer, Recorded

DETECTION = "b78ac9b0-dec1-11e7-a451-503a3example"
BEGUN = Answer("DetectStackDrift", {"StackDriftDetectionId": DETECTION})


def detection(status: str, reason: str = "") -> Answer:
    """Return DescribeStackDriftDetectionStatus's answer."""
    told = {"StackId": STACK_ID, "StackDriftDetectionId": DETECTION, "DetectionStatus": status}
    reasons = {"DetectionStatusReason": reason} if reason else {}
    return Answer("DescribeStackDriftDetectionStatus", {**told, "Timestamp": "2026-03-01T10:00:00.000Z", **reasons})


def drifts(*names: str, more: str = "") -> Answer:
    """Return DescribeStackResourceDrifts's answer; a name with a "-" before it was deleted."""
    told = [
        {
            "StackId": STACK_ID,
            "LogicalResourceId": name.removeprefix("-"),
            "ResourceType": "AWS::SQS::Queue",
            "StackResourceDriftStatus": "DELETED" if name.startswith("-") else "MODIFIED",
            "PropertyDifferences": [
                {
                    "PropertyPath": "/DelaySeconds",
                    "ExpectedValue": "0",
                    "ActualValue": "20",
                    "DifferenceType": "NOT_EQUAL",
                }
            ],
            "Timestamp": "2026-03-01T10:00:01.000Z",
        }
        for name in names
    ]
    return Answer("DescribeStackResourceDrifts", {"StackResourceDrifts": told, **({"NextToken": more} if more else {})})


def found(*answers: Answer) -> list[Difference]:
    """Return what is different on a target that gives these answers, all of which must be asked for."""
    target = Recorded.with_answers(*answers)
    differences = drifted(target.client("cloudformation"), "shop", wait=lambda _: None)
    assert target.answers == []
    return differences


def test_drift_is_waited_for_and_read_over_all_its_pages() -> None:
    assert found(
        BEGUN,
        detection("DETECTION_IN_PROGRESS"),
        detection("DETECTION_COMPLETE"),
        drifts("First", more="page-2"),
        drifts("-Second"),
    ) == [
        Difference("First", "AWS::SQS::Queue", "DelaySeconds", "0", "20"),
        Difference("Second", "AWS::SQS::Queue", "", "there", "gone"),
    ]


def test_nothing_is_different_where_aws_finds_nothing() -> None:
    assert found(BEGUN, detection("DETECTION_COMPLETE"), drifts()) == []


def test_a_detection_that_does_not_end_is_given_up() -> None:
    waits: list[float] = []
    target = Recorded.with_answers(BEGUN, *[detection("DETECTION_IN_PROGRESS")] * 2000)
    with pytest.raises(DeployError, match="still in progress after 15 minutes"):
        drifted(target.client("cloudformation"), "shop", wait=waits.append)
    assert sum(waits) == 900


def test_drift_that_cannot_be_told_is_no_empty_answer() -> None:
    with pytest.raises(DeployError, match="Drift cannot be told: Failed to detect drift on resource"):
        found(BEGUN, detection("DETECTION_FAILED", "Failed to detect drift on resource [Queue]"))
