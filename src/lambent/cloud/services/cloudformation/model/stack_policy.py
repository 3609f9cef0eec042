"""Stack policies: which resources an update may change, replace or remove.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

MODIFY: Final = "Update:Modify"
REPLACE: Final = "Update:Replace"
DELETE: Final = "Update:Delete"
_ACTIONS = (MODIFY, REPLACE, DELETE)
_MEMBERS = frozenset({"Sid", "Effect", "Action", "NotAction", "Principal", "Resource", "NotResource", "Condition"})
_LONGEST = 16_384
_RESOURCE = re.compile(r"\*|LogicalResourceId/\S+\Z")


class StackPolicyError(Exception):
    """A text is no stack policy; the message is that of AWS's ValidationError."""

    def __init__(self) -> None:
        super().__init__("Error validating stack policy: Invalid stack policy")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: whom it concerns, and whether it allows; the `is_not_…` ones concern everything else."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    types: tuple[str, ...] | None = None
    are_not_actions: bool = False
    are_not_resources: bool = False

    def concerns(self, action: str, logical_id: str, type_name: str) -> bool:
        """Return whether it says anything of an action on a resource."""
        acts = any(fnmatchcase(action, one) for one in self.actions) is not self.are_not_actions
        name = f"LogicalResourceId/{logical_id}"
        named = any(fnmatchcase(name, one) for one in self.resources) is not self.are_not_resources
        return acts and named and (self.types is None or any(fnmatchcase(type_name, one) for one in self.types))


StackPolicy = tuple[Statement, ...]


def read_stack_policy(text: str) -> StackPolicy:
    """Return the statements of a policy; `{}` has none. Raises StackPolicyError."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise StackPolicyError from error
    if not isinstance(found, dict) or found.keys() - {"Statement", "Version", "Id"} or len(text) > _LONGEST:
        raise StackPolicyError
    statements = found.get("Statement", [])
    return tuple(_statement(one) for one in (statements if isinstance(statements, list) else [statements]))


def denial(policy: StackPolicy, action: str, logical_id: str, type_name: str) -> str | None:
    """Return why an update may not do this, or None where it may.

    A policy without statements forbids nothing; otherwise all is forbidden that is not allowed, and a denial overrides.
    """
    if not policy:
        return None
    concerned = [(number, one) for number, one in enumerate(policy, 1) if one.concerns(action, logical_id, type_name)]
    for number, one in concerned:
        if not one.allows:
            return (
                f"Action denied by stack policy: Statement [#{number}] does not allow [{action}] for resource "
                f"[LogicalResourceId/{logical_id}]"
            )
    if concerned:
        return None
    return f"Action not allowed by stack policy: [{action}] for resource [LogicalResourceId/{logical_id}]"


def _statement(body: Any) -> Statement:  # Any: JSON-shaped
    if not isinstance(body, dict) or body.keys() - _MEMBERS:
        raise StackPolicyError
    if body.get("Effect") not in {"Allow", "Deny"} or body.get("Principal") not in ("*", {"AWS": "*"}):
        raise StackPolicyError
    actions, are_not_actions = _either(body, "Action", "NotAction")
    if not all(any(fnmatchcase(known, one) for known in _ACTIONS) for one in actions):
        raise StackPolicyError
    resources, are_not_resources = _either(body, "Resource", "NotResource")
    if not all(_RESOURCE.match(one) for one in resources):
        raise StackPolicyError
    types = _types(body["Condition"]) if "Condition" in body else None
    return Statement(body["Effect"] == "Allow", actions, resources, types, are_not_actions, are_not_resources)


def _either(body: Mapping[str, Any], name: str, other: str) -> tuple[tuple[str, ...], bool]:  # Any: as above
    if (name in body) is (other in body):
        raise StackPolicyError
    return _texts(body.get(name, body.get(other))), other in body


def _types(condition: Any) -> tuple[str, ...]:  # Any: as above
    if not isinstance(condition, dict) or len(condition) != 1:
        raise StackPolicyError
    operator, operands = next(iter(condition.items()))
    if operator not in {"StringEquals", "StringLike"} or not isinstance(operands, dict):
        raise StackPolicyError
    if operands.keys() != {"ResourceType"}:
        raise StackPolicyError
    return _texts(operands["ResourceType"])


def _texts(value: Any) -> tuple[str, ...]:  # Any: as above
    found: Sequence[Any] = value if isinstance(value, list) else [value]  # Any: as above
    if not found or not all(isinstance(one, str) for one in found):
        raise StackPolicyError
    return tuple(found)
