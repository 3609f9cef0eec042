"""Plans as people read them: what differs stands there, and not what is the same before and after."""

from __future__ import annotations

import json

import pytest

from lambent.cli.views.plan import show
from lambent.deploy.plan import KNOWN_AFTER_APPLY, Action, Change, Plan, PropertyChange


def shown(capsys: pytest.CaptureFixture[str], *properties: PropertyChange) -> list[str]:
    """Return the lines that tell the properties of one change."""
    change = Change(Action.CHANGE, "Role", "AWS::IAM::Role", "r", properties)
    show(Plan("shop", "arn", is_new=False, changes=(change,)), "AWS")
    return [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("      ")]


def policy(action: str) -> str:
    """Return a property that is long and differs far inside."""
    statement = {"Effect": "Allow", "Action": ["logs:PutLogEvents", action], "Resource": "*" * 50}
    return json.dumps(
        [{"PolicyName": "execution", "PolicyDocument": {"Version": "2012-10-17", "Statement": statement}}]
    )


def test_of_a_long_property_only_the_parts_that_differ_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, PropertyChange("Policies", policy("s3:GetObject"), policy("s3:PutObject")))
    assert lines == ["Policies[0].PolicyDocument.Statement.Action[1]: s3:GetObject → s3:PutObject"]


def test_parts_that_come_and_go_are_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    change = PropertyChange("Environment", '{"Variables": {"A": "1"}}', '{"Variables": {"B": "2"}}')
    assert shown(capsys, change) == ["Environment.Variables.A: 1 → nothing", "Environment.Variables.B: nothing → 2"]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, "10", "nothing → 10"),
        ("128", "256", "128 → 256"),
        ("[1]", "[1, 2]", "[1] → [1, 2]"),
        ("x", f"a{KNOWN_AFTER_APPLY}b", "x → known once it is there"),
        ("a" * 80 + "b", "a" * 80 + "c", f"…{'a' * 15}b → …{'a' * 15}c"),
        ("a" * 80, None, f"{'a' * 60}… → nothing"),
    ],
)
def test_values_are_told_short_and_never_as_the_same(
    capsys: pytest.CaptureFixture[str], before: str | None, after: str | None, told: str
) -> None:
    assert shown(capsys, PropertyChange("P", before, after)) == [f"P: {told}"]


def test_a_plan_without_resources_says_what_it_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    show(Plan("shop", "arn", is_new=False), "AWS")
    assert "No resource changes; outputs, exports, tags or policies do." in capsys.readouterr().out
