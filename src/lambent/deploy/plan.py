"""A plan as data: what would be done to which stack; it can be printed, kept in a file, and carried out later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from lambent.deploy.errors import DeployError

_FORMAT = 1
KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""What CloudFormation says in place of a value that only carrying the plan out will tell."""


class Action(StrEnum):
    """What is done to a resource."""

    ADD = "add"
    CHANGE = "change"
    REPLACE = "replace"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """A property before and after, as CloudFormation tells them; None where it was or is not there."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to one resource. `lost` says what goes with a replacement or a removal; "" where nothing does."""

    action: Action
    logical_id: str
    type: str
    physical_id: str = ""
    properties: tuple[PropertyChange, ...] = ()
    is_conditional: bool = False
    is_retained: bool = False
    lost: str = ""


@dataclass(frozen=True, slots=True)
class CodeSize:
    """How many bytes the package of a function or a layer has, as it is sent and as it is unpacked."""

    logical_id: str
    zipped: int
    unzipped: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A change set, told. `change_set_id` is None where nothing is to be done."""

    stack_name: str
    change_set_id: str | None
    is_new: bool
    changes: tuple[Change, ...] = ()
    notices: tuple[str, ...] = ()
    output_names: Mapping[str, str] | None = None
    code: tuple[CodeSize, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.change_set_id is None

    @property
    def region(self) -> str | None:
        """The region that the change set is in, as its ARN says; None where there is nothing to do."""
        parts = (self.change_set_id or "").split(":")
        return parts[3] if len(parts) > 3 else None

    def count(self, action: Action) -> int:
        """Return how many resources an action is done to."""
        return sum(change.action is action for change in self.changes)

    @property
    def destroys(self) -> bool:
        """Whether something that is there goes."""
        return any(
            change.action in {Action.REPLACE, Action.REMOVE} and not change.is_retained for change in self.changes
        )


# What is gone when a physical resource is: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
_LOST = {
    "AWS::Lambda::Function": "its versions, aliases, reserved concurrency and permissions that others gave it",
    "AWS::Logs::LogGroup": "all its log events",
    "AWS::S3::Bucket": "the bucket (CloudFormation fails while it has objects)",
    "AWS::DynamoDB::Table": "all its items",
    "AWS::SQS::Queue": "all its messages",
    "AWS::KMS::Key": "everything encrypted with it, once its deletion window has passed",
    "AWS::SecretsManager::Secret": "its value and versions",
    "AWS::SSM::Parameter": "its value and history",
    "AWS::Lambda::Url": "its address: a new one is given",
    "AWS::IAM::Role": "sessions under way, and whatever trusts it by its unique id",
}


def lost_with(type_name: str) -> str:
    """Return what goes with a resource of a type."""
    return _LOST.get(type_name, "")


def to_json(plan: Plan) -> str:
    """Return the plan as text for a file."""
    return json.dumps({"format": _FORMAT, **asdict(plan)}, indent=2) + "\n"


def from_json(text: str) -> Plan:
    """Return the plan that a file holds. Raises DeployError where it is none, or from another version."""
    try:
        body: dict[str, Any] = json.loads(text)  # Any: checked as it is built
        if body.pop("format") != _FORMAT:
            raise DeployError("The plan is of another version of lambent.", "Make it anew with `lambent plan --out`.")
        changes = tuple(
            Change(
                **{
                    **one,
                    "action": Action(one["action"]),
                    "properties": tuple(PropertyChange(**each) for each in one["properties"]),
                }
            )
            for one in body.pop("changes")
        )
        code = tuple(CodeSize(**one) for one in body.pop("code", ()))
        return Plan(**{**body, "changes": changes, "notices": tuple(body["notices"]), "code": code})
    except (ValueError, KeyError, TypeError) as error:
        raise DeployError("This is no saved plan.", "Make one with `lambent plan --out FILE`.") from error
