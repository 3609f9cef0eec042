"""What stacks' events say, with AWS's punctuation."""

from __future__ import annotations

from lambent.cloud.services.cloudformation.engine.reasons import delete_requested, rollback_requested, what_failed
from lambent.cloud.services.cloudformation.model.stack import ResourceStatus, StackResource

_R = ResourceStatus


def row(name: str, status: ResourceStatus) -> StackResource:
    """Return a resource in a state."""
    return StackResource(name, "T::T::T", status, 0.0, "token")


def test_what_failed_is_listed_by_verb_in_the_order_of_the_failures() -> None:
    rows = {
        "A": row("A", _R.UPDATE_FAILED),
        "B": row("B", _R.CREATE_FAILED),
        "C": row("C", _R.CREATE_FAILED),
        "D": row("D", _R.CREATE_COMPLETE),
    }
    assert what_failed(["C", "A", "B", "D", "E"], rows) == (
        "The following resource(s) failed to create: [C, B]. The following resource(s) failed to update: [A]. "
    )


def test_what_was_requested_then_is_added_as_aws_adds_it() -> None:
    failed = "The following resource(s) failed to create: [A]. "
    assert rollback_requested(failed) == "The following resource(s) failed to create: [A]. Rollback requested by user."
    assert rollback_requested("No export named x found") == "No export named x found. Rollback requested by user."
    assert delete_requested(failed) == "The following resource(s) failed to create: [A]. . Delete requested by user."
    assert delete_requested("No export named x found") == "No export named x found. Delete requested by user."
