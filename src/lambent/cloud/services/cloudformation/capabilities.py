"""What a caller has to acknowledge before a template is carried out.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-template.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lambent.cloud.services.cloudformation import errors
from lambent.template.document import Template

AUTO_EXPAND: Final = "CAPABILITY_AUTO_EXPAND"
IAM: Final = "CAPABILITY_IAM"
NAMED_IAM: Final = "CAPABILITY_NAMED_IAM"
# What a resource's own name is called; a template that sets it needs more than one that does not.
_NAMED = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::Group": "GroupName",
}
_IAM = frozenset({
    *_NAMED, "AWS::IAM::AccessKey", "AWS::IAM::GroupPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy",
    "AWS::IAM::UserPolicy", "AWS::IAM::UserToGroupAddition",
})  # fmt: skip


def of_identities(template: Template) -> list[str]:
    """Return the capability that the template's IAM resources need, if there are any."""
    found = [one for one in template.resources.values() if one.type in _IAM]
    if not found:
        return []
    return [NAMED_IAM if any(_NAMED.get(one.type, "") in one.properties for one in found) else IAM]


def reason(template: Template) -> str:
    """Return why the template needs capabilities; empty where it needs none for its resources."""
    kinds = sorted({one.type for one in template.resources.values() if one.type in _IAM})
    return f"The following resource(s) require capabilities: [{', '.join(kinds)}]" if kinds else ""


def require(needed: Sequence[str], given: Sequence[str]) -> None:
    """Raise InsufficientCapabilitiesException for what is needed and was not given."""
    held = {*given, *((IAM,) if NAMED_IAM in given else ())}
    missing = [one for one in needed if one not in held]
    if missing:
        raise errors.needs_capabilities(", ".join(missing))
