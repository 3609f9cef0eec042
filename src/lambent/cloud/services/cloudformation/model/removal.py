"""What becomes of a physical resource that its stack no longer wants: deleted, or left where it is.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatereplacepolicy.html
"""

from __future__ import annotations

from typing import Final

from lambent.cloud.services.cloudformation.model.stack import StackResource
from lambent.template.document import Template, TemplateError

DELETE: Final = "Delete"


def on_deletion(row: StackResource) -> str:
    """Return the policy for a resource that a stable stack loses."""
    return row.deletion_policy


def on_rollback(row: StackResource, *, retain_except_on_create: bool) -> str:
    """Return the policy for a resource that the very operation made which is now rolled back."""
    retained = row.deletion_policy == "Retain" and not retain_except_on_create
    return "Retain" if retained else DELETE


def keeps(policy: str) -> bool:
    """Return whether a policy leaves the resource where it is."""
    return policy.startswith("Retain")


def require_supported_policies(template: Template) -> None:
    """Raise TemplateError for a snapshot of what has none: no resource type of this platform can take one."""
    for resource in template.resources.values():
        if "Snapshot" in {resource.deletion_policy, resource.update_replace_policy}:
            raise TemplateError(
                f"Template error: resource type {resource.type} does not support deletion policy Snapshot"
            )
