"""What a target says of a stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lambent.aws.clients import AwsCallError, Target, aws_errors

_SETTLED = frozenset({"REVIEW_IN_PROGRESS"})


@dataclass(frozen=True, slots=True)
class StackState:
    """A stack as its target tells it."""

    id: str
    name: str
    status: str
    reason: str
    since: datetime | None
    change_set_id: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def is_in_progress(self) -> bool:
        """Whether an operation is under way."""
        return self.status.endswith("_IN_PROGRESS") and self.status not in _SETTLED

    @property
    def is_going_forward(self) -> bool:
        """Whether it is being made or changed: neither deleted nor rolled back."""
        return self.status in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"}

    @property
    def is_settled(self) -> bool:
        """Whether its last operation arrived, or was rolled back: it is what its template says."""
        return self.status.endswith("_COMPLETE")

    @property
    def is_only_reviewed(self) -> bool:
        """Whether it is no more than a change set that nobody has carried out."""
        return self.status in _SETTLED

    @property
    def is_remains(self) -> bool:
        """Whether its creation failed and was rolled back: nothing of it is left, and it can only be deleted."""
        return self.status == "ROLLBACK_COMPLETE"

    @property
    def is_stuck(self) -> bool:
        """Whether it can only be deleted, and with it the resources that CloudFormation could not delete before."""
        return self.status in {"ROLLBACK_FAILED", "DELETE_FAILED"}

    @property
    def is_half_rolled_back(self) -> bool:
        """Whether an update failed and could not be undone: nothing else can be done before that is."""
        return self.status == "UPDATE_ROLLBACK_FAILED"


def find_stack(client: Any, name: str) -> StackState | None:  # Any: a boto3 client
    """Return the stack of that name or id, or None where there is none."""
    try:
        with aws_errors():
            found = client.describe_stacks(StackName=name)["Stacks"][0]
    except AwsCallError as error:
        if "does not exist" in error.message:
            return None
        raise
    return StackState(
        id=found["StackId"],
        name=found["StackName"],
        status=found["StackStatus"],
        reason=found.get("StackStatusReason", ""),
        since=found.get("LastUpdatedTime") or found.get("CreationTime"),
        change_set_id=found.get("ChangeSetId", ""),
        parameters={one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", ())},
        outputs={one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())},
        tags={one["Key"]: one["Value"] for one in found.get("Tags", ())},
    )


def deployed_template(client: Any, name: str) -> str:  # Any: a boto3 client
    """Return the template that a stack was last given, as text."""
    import json  # noqa: PLC0415 - boto3 answers templates in JSON as what they hold

    with aws_errors():
        body = client.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
    return body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def outputs_of(target: Target, name: str) -> dict[str, str] | None:
    """Return a stack's outputs, or None where there is no stack."""
    found = find_stack(target.client("cloudformation"), name)
    return None if found is None else found.outputs
