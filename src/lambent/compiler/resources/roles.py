"""The roles that the manifest names."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.names import logical_id
from lambent.compiler.resources.policies import assumable_by, given_document, managed_policy
from lambent.compiler.resources.scope import Emitted, Scope, resource
from lambent.manifest.system import Role


def roles(scope: Scope) -> Iterator[Emitted]:
    """Yield the roles of the manifest's `roles`."""
    for key, role in scope.system.roles.items():
        yield logical_id(key, "Role"), _role(scope, role)


def _role(scope: Scope, role: Role) -> object:
    trust = assumable_by(role.service) if role.trust is None else given_document(scope, role.trust)
    managed = [managed_policy(scope, policy) for policy in role.managed_policies]
    inline = [
        {"PolicyName": name, "PolicyDocument": given_document(scope, document)}
        for name, document in role.policies.items()
    ]
    properties = {
        "RoleName": scope.value(role.name),
        "Path": role.path,
        "Description": scope.value(role.description),
        "AssumeRolePolicyDocument": trust,
        "ManagedPolicyArns": managed or None,
        "Policies": inline or None,
        "PermissionsBoundary": scope.value(role.permissions_boundary),
        "Tags": scope.tags(role.tags),
    }
    return resource("AWS::IAM::Role", properties)
