"""A function's compute type, which nothing changes once it is there: told before a deployment fails halfway.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lambent.deploy.errors import DeployError
from lambent.deploy.plan import Action, Change, Plan

_PROPERTY: Final = "CapacityProviderConfig"
_NOTHING: Final = frozenset({None, "", "null"})
# Lambda's own words for a default function, and CloudFormation's for the way back.
_ONTO: Final = "CapacityProviderConfig isn't supported for Lambda Default functions"
_OFF: Final = "CapacityProviderConfig can't be removed from a Lambda Managed Instances function."


def refuse_other_compute_type(plan: Plan, forget: Callable[[Plan], None]) -> None:
    """Raise DeployError for a plan that puts a function onto Managed Instances, or takes it off them, in place.

    The plan's change set is forgotten: AWS would refuse it once everything before the function had been changed.
    """
    for change in plan.changes:
        problem = _problem(change)
        if problem is not None:
            forget(plan)
            raise DeployError(
                f"{change.logical_id} ({change.physical_id}): {problem}",
                "A function keeps its compute type for as long as it is there. Give the new one another key and name "
                "beside it, move its callers, and take the old one out.",
            )


def _problem(change: Change) -> str | None:
    if change.action is not Action.CHANGE or change.type != "AWS::Lambda::Function":
        return None
    for one in change.properties:
        was, will_be = one.before not in _NOTHING, one.after not in _NOTHING
        if one.name == _PROPERTY and was != will_be:
            return _OFF if was else _ONTO
    return None
