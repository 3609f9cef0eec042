"""Roles: their life, their trust policy, their permissions boundary and their tags."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from lambent.aws.access_keys import IdKind, unique_id
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.iam import repository
from lambent.cloud.services.iam.documents import check_trust_policy
from lambent.cloud.services.iam.errors import already_exists, delete_conflict, limit_exceeded, protected_role
from lambent.cloud.services.iam.model import (
    DEFAULT_SESSION_S,
    MAX_TRUST_POLICY_SIZE,
    Holder,
    HolderKind,
    Role,
    size_without_spaces,
)
from lambent.cloud.services.iam.operations.common import (
    check_boundary,
    check_principals,
    page_asked,
    page_read,
    paged,
    show_role,
    show_tags,
    tags_of,
    the_modifiable_role,
    the_role,
    with_tags,
    without_tags,
)
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction


class RoleOperations:
    """The operations on roles."""

    def __init__(self, store: Store, ids: IdSource) -> None:
        self._store = store
        self._ids = ids

    @operation("CreateRole")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create a role; raises EntityAlreadyExists, MalformedPolicyDocument, LimitExceeded."""
        account = context.scope.account
        role = Role(
            account=account,
            name=parameters["RoleName"],
            id=unique_id(IdKind.ROLE, account, self._ids.base32(20)),
            path=parameters.get("Path", "/"),
            trust_policy=parameters["AssumeRolePolicyDocument"],
            description=parameters.get("Description"),
            max_session_s=parameters.get("MaxSessionDuration", DEFAULT_SESSION_S),
            boundary=parameters.get("PermissionsBoundary"),
            created=float(int(context.now)),
            tags=tags_of(parameters),
        )
        if role.is_service_linked:
            raise protected_role(role.name)

        def create(transaction: Transaction) -> None:
            _check_trust(transaction, account, role.trust_policy)
            if role.boundary is not None:
                check_boundary(transaction, account, role.boundary)
            if repository.role(transaction, account, role.name) is not None:
                raise already_exists(f"Role with name {role.name} already exists.")
            repository.put_role(transaction, role)

        await self._store.write(create)
        return {"Role": show_role(role)}

    @operation("GetRole")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the role."""
        role = the_role(self._store.read, context.scope.account, parameters["RoleName"])
        return {"Role": show_role(role) | {"RoleLastUsed": {}}}

    @operation("ListRoles")
    async def list_all(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the account's roles."""
        prefix = parameters.get("PathPrefix", "/")
        limit, after = page_asked(parameters)
        roles = repository.roles_behind(
            self._store.read, context.scope.account, after, path_prefix=prefix, limit=limit + 1
        )
        shown, more = page_read(roles, limit, lambda role: role.name)
        return {"Roles": [show_role(role, in_full=False) for role in shown], **more}

    @operation("UpdateRole")
    async def update(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change description and session length: what is not given returns to its default, as at AWS."""
        await self._change(
            context,
            parameters,
            lambda _, role: dataclasses.replace(
                role,
                description=parameters.get("Description", role.description),
                max_session_s=parameters.get("MaxSessionDuration", DEFAULT_SESSION_S),
            ),
        )
        return {}

    @operation("UpdateRoleDescription")
    async def update_description(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change the description; returns the role."""
        description = parameters["Description"]
        role = await self._change(
            context, parameters, lambda _, role: dataclasses.replace(role, description=description)
        )
        return {"Role": show_role(role)}

    @operation("UpdateAssumeRolePolicy")
    async def update_trust_policy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change who may assume the role."""
        document = parameters["PolicyDocument"]

        def change(reader: Reader, role: Role) -> Role:
            _check_trust(reader, role.account, document)
            return dataclasses.replace(role, trust_policy=document)

        await self._change(context, parameters, change)
        return {}

    @operation("DeleteRole")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete the role; raises DeleteConflict while it has policies or an instance profile."""
        account, name = context.scope.account, parameters["RoleName"]

        def delete(transaction: Transaction) -> None:
            role = the_modifiable_role(transaction, account, name)
            holder = Holder(account, HolderKind.ROLE, role.name)
            if repository.profiles(transaction, account, of_role=name):
                raise delete_conflict("remove roles from instance profile")
            if repository.attachments(transaction, holder):
                raise delete_conflict("detach all policies")
            if repository.inline_policies(transaction, holder):
                raise delete_conflict("delete policies")
            repository.delete_role(transaction, account, name)

        await self._store.write(delete)
        return {}

    @operation("PutRolePermissionsBoundary")
    async def put_boundary(self, context: RequestContext, parameters: Parameters) -> Result:
        """Set the role's permissions boundary."""
        boundary = parameters["PermissionsBoundary"]

        def change(reader: Reader, role: Role) -> Role:
            check_boundary(reader, role.account, boundary)
            return dataclasses.replace(role, boundary=boundary)

        await self._change(context, parameters, change)
        return {}

    @operation("DeleteRolePermissionsBoundary")
    async def delete_boundary(self, context: RequestContext, parameters: Parameters) -> Result:
        """Take the role's permissions boundary away."""
        await self._change(context, parameters, lambda _, role: dataclasses.replace(role, boundary=None))
        return {}

    @operation("TagRole")
    async def tag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add tags."""
        added = tags_of(parameters)
        await self._change(
            context, parameters, lambda _, role: dataclasses.replace(role, tags=with_tags(role.tags, added))
        )
        return {}

    @operation("UntagRole")
    async def untag(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove tags."""
        keys = parameters["TagKeys"]
        await self._change(
            context, parameters, lambda _, role: dataclasses.replace(role, tags=without_tags(role.tags, keys))
        )
        return {}

    @operation("ListRoleTags")
    async def list_tags(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the role's tags."""
        role = the_role(self._store.read, context.scope.account, parameters["RoleName"])
        shown, more = paged(parameters, show_tags(role.tags), lambda tag: str(tag["Key"]))
        return {"Tags": shown, **more}

    async def _change(
        self, context: RequestContext, parameters: Parameters, change: Callable[[Reader, Role], Role]
    ) -> Role:
        account, name = context.scope.account, parameters["RoleName"]

        def work(transaction: Transaction) -> Role:
            changed = change(transaction, the_modifiable_role(transaction, account, name))
            repository.put_role(transaction, changed)
            return changed

        return await self._store.write(work)


def _check_trust(reader: Reader, account: str, document: str) -> None:
    check_principals(reader, account, check_trust_policy(document))
    if size_without_spaces(document) > MAX_TRUST_POLICY_SIZE:
        raise limit_exceeded(f"Cannot exceed quota for ACLSizePerRole: {MAX_TRUST_POLICY_SIZE}")
