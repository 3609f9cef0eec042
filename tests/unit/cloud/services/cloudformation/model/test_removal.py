"""What becomes of resources that their stack no longer wants."""

from __future__ import annotations

import pytest

from lambent.cloud.services.cloudformation.model.removal import keeps, on_rollback, require_supported_policies
from lambent.cloud.services.cloudformation.model.stack import ResourceStatus, StackResource
from lambent.template.document import TemplateError, read_template


def row(policy: str) -> StackResource:
    """Return a resource with a deletion policy."""
    return StackResource("A", "T::T::T", ResourceStatus.CREATE_COMPLETE, 0.0, "token", deletion_policy=policy)


@pytest.mark.parametrize(
    ("policy", "excepts", "kept"),
    [
        ("Delete", False, False),
        ("Retain", False, True),
        ("Retain", True, False),
        ("RetainExceptOnCreate", False, False),
        ("RetainExceptOnCreate", True, False),
    ],
)
def test_a_rollback_keeps_what_is_retained_unless_it_is_told_not_to(*, policy: str, excepts: bool, kept: bool) -> None:
    assert keeps(on_rollback(row(policy), retain_except_on_create=excepts)) is kept


@pytest.mark.parametrize("key", ["DeletionPolicy", "UpdateReplacePolicy"])
def test_a_snapshot_is_refused_where_there_is_none_to_take(key: str) -> None:
    found = read_template({"Resources": {"A": {"Type": "AWS::DynamoDB::Table", key: "Snapshot"}}})
    with pytest.raises(TemplateError, match="resource type AWS::DynamoDB::Table does not support deletion policy Snap"):
        require_supported_policies(found)
    require_supported_policies(read_template({"Resources": {"A": {"Type": "AWS::DynamoDB::Table", key: "Retain"}}}))
