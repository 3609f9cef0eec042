"""What a stack policy allows, and what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambent.cloud.services.cloudformation.model.stack_policy import (
    DELETE,
    MODIFY,
    REPLACE,
    StackPolicyError,
    denial,
    read_stack_policy,
)

ALL = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
NO_TABLES = {"StringEquals": {"ResourceType": ["AWS::DynamoDB::Table"]}}


def policy(*statements: dict[str, Any]) -> str:  # Any: JSON-shaped
    """Return a policy's text."""
    return json.dumps({"Statement": list(statements)})


@pytest.mark.parametrize(
    ("statements", "action", "name", "denied_by"),
    [
        ([], MODIFY, "A", None),
        ([ALL], DELETE, "A", None),
        ([ALL, {**ALL, "Effect": "Deny", "Resource": "LogicalResourceId/A"}], MODIFY, "A", 2),
        ([{**ALL, "Effect": "Deny", "Resource": "LogicalResourceId/A"}, ALL], MODIFY, "B", None),
        ([{**ALL, "Effect": "Deny", "Resource": "LogicalResourceId/Prod*"}, ALL], MODIFY, "ProdDb", 1),
        ([{**ALL, "Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"]}, ALL], MODIFY, "A", None),
        ([{**ALL, "Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"]}, ALL], REPLACE, "A", 1),
        ([{**ALL, "Effect": "Deny", "Condition": NO_TABLES}, ALL], MODIFY, "A", 1),
    ],
)
def test_a_denial_overrides_whatever_allows(
    statements: list[dict[str, Any]],  # Any: JSON-shaped
    action: str,
    name: str,
    denied_by: int | None,
) -> None:
    text = "{}" if not statements else policy(*statements)
    expected = (
        f"Action denied by stack policy: Statement [#{denied_by}] does not allow [{action}] for resource "
        f"[LogicalResourceId/{name}]"
    )
    found = denial(read_stack_policy(text), action, name, "AWS::DynamoDB::Table")
    assert found == (None if denied_by is None else expected)


def test_what_is_not_allowed_is_forbidden() -> None:
    only = read_stack_policy(policy({**ALL, "Resource": "LogicalResourceId/A"}))
    assert denial(only, MODIFY, "A", "T") is None
    assert denial(only, MODIFY, "B", "T") == (
        "Action not allowed by stack policy: [Update:Modify] for resource [LogicalResourceId/B]"
    )


def test_a_condition_spares_other_types_and_exceptions_turn_round() -> None:
    found = read_stack_policy(policy(ALL, {**ALL, "Effect": "Deny", "Condition": NO_TABLES}))
    assert denial(found, MODIFY, "A", "AWS::S3::Bucket") is None
    rest = {"Effect": "Allow", "NotAction": "Update:Delete", "Principal": "*", "NotResource": "LogicalResourceId/A"}
    found = read_stack_policy(policy(rest))
    assert denial(found, MODIFY, "B", "T") is None
    assert denial(found, DELETE, "B", "T") is not None
    assert denial(found, MODIFY, "A", "T") is not None


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        '{"Statements": []}',
        policy({**ALL, "Principal": "somebody"}),
        policy({**ALL, "Action": "Delete:*"}),
        policy({**ALL, "Effect": "Perhaps"}),
        policy({**ALL, "Resource": "arn:aws:s3:::bucket"}),
        policy({**ALL, "Condition": {"StringEquals": {"Name": "x"}}}),
        policy({**ALL, "Condition": {"NumericEquals": {"ResourceType": "x"}}}),
        policy({**ALL, "NotAction": "Update:*"}),
        policy({"Effect": "Allow", "Principal": "*", "Resource": "*"}),
        policy({**ALL, "Surprise": 1}),
        policy(ALL) + " " * 17_000,
    ],
)
def test_what_is_no_stack_policy_is_refused(text: str) -> None:
    with pytest.raises(StackPolicyError, match="Error validating stack policy: Invalid stack policy"):
        read_stack_policy(text)
