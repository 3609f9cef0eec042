"""Plans that would change a function's compute type."""

from __future__ import annotations

import pytest

from lambent.deploy.compute_types import refuse_other_compute_type
from lambent.deploy.errors import DeployError
from lambent.deploy.plan import Action, Change, Plan, PropertyChange

CONFIG = '{"LambdaManagedInstancesCapacityProviderConfig": {}}'


def plan(action: Action, before: str | None, after: str | None, name: str = "CapacityProviderConfig") -> Plan:
    """Return a plan that changes one property of a function."""
    changed = (PropertyChange("MemorySize", "128", "2048"), PropertyChange(name, before, after))
    change = Change(action, "FFunction", "AWS::Lambda::Function", "fleet-f", changed)
    return Plan("fleet", "change-set", is_new=False, changes=(change,))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (None, CONFIG, "CapacityProviderConfig isn't supported for Lambda Default functions"),
        (CONFIG, None, "CapacityProviderConfig can't be removed from a Lambda Managed Instances function."),
    ],
)
def test_a_plan_that_changes_a_compute_type_is_refused_and_forgotten(
    before: str | None, after: str | None, message: str
) -> None:
    forgotten: list[Plan] = []
    refused = plan(Action.CHANGE, before, after)
    with pytest.raises(DeployError) as error:
        refuse_other_compute_type(refused, forgotten.append)
    assert error.value.message == f"FFunction (fleet-f): {message}"
    assert forgotten == [refused]


@pytest.mark.parametrize(
    "allowed",
    [
        plan(Action.CHANGE, CONFIG, CONFIG.replace("{}", '{"a": 1}')),
        plan(Action.REPLACE, None, CONFIG),
        plan(Action.CHANGE, None, "x", name="VpcConfig"),
        Plan("fleet", None, is_new=False),
    ],
)
def test_every_other_plan_stands(allowed: Plan) -> None:
    refuse_other_compute_type(allowed, lambda plan: pytest.fail(str(plan)))
