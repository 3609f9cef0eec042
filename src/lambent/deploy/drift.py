"""What is different from what was deployed: behind CloudFormation's back, and in the manifest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lambent.aws.clients import aws_errors
from lambent.deploy.errors import DeployError
from lambent.deploy.waiting import Wait, wait

_LOOK_S, _PATIENCE_S = 0.5, 900.0


@dataclass(frozen=True, slots=True)
class Difference:
    """A property that is not what the stack made it; `name` is "" where the whole resource is gone."""

    logical_id: str
    type: str
    name: str
    expected: str
    actual: str


def drifted(client: Any, stack_name: str, *, wait: Wait = wait) -> list[Difference]:  # Any: a boto3 client
    """Return what was changed or removed behind CloudFormation's back. Raises DeployError where it cannot be told."""
    with aws_errors():
        detection = client.detect_stack_drift(StackName=stack_name)["StackDriftDetectionId"]
        waited_s = 0.0
        while True:
            status = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
            if status["DetectionStatus"] != "DETECTION_IN_PROGRESS":
                break
            if waited_s >= _PATIENCE_S:
                raise DeployError(
                    f"Drift cannot be told: its detection is still in progress after {_PATIENCE_S / 60:.0f} minutes.",
                    "Try it again later.",
                )
            wait(_LOOK_S)
            waited_s += _LOOK_S
        if status["DetectionStatus"] == "DETECTION_FAILED":
            raise DeployError(f"Drift cannot be told: {status.get('DetectionStatusReason', 'no reason given')}")
        return [difference for drift in _drifts(client, stack_name) for difference in _differences(drift)]


def _drifts(client: Any, stack_name: str) -> Iterator[dict[str, Any]]:  # Any: a boto3 client; a StackResourceDrift
    request: dict[str, Any] = {  # Any: parameters of the API
        "StackName": stack_name,
        "StackResourceDriftStatusFilters": ["MODIFIED", "DELETED"],
    }
    while True:
        page = client.describe_stack_resource_drifts(**request)
        yield from page["StackResourceDrifts"]
        if not page.get("NextToken"):
            return
        request["NextToken"] = page["NextToken"]


def _differences(drift: dict[str, Any]) -> list[Difference]:  # Any: a StackResourceDrift
    logical_id, kind = drift["LogicalResourceId"], drift["ResourceType"]
    if drift["StackResourceDriftStatus"] == "DELETED":
        return [Difference(logical_id, kind, "", "there", "gone")]
    return [
        Difference(logical_id, kind, one["PropertyPath"].strip("/"), one["ExpectedValue"], one["ActualValue"])
        for one in drift.get("PropertyDifferences", ())
    ]
