"""The policies that roles and users hold: inline, and managed ones attached."""

from __future__ import annotations

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.iam import policy_repository, repository
from lambent.cloud.services.iam.documents import check_permissions_policy
from lambent.cloud.services.iam.errors import invalid_input, limit_exceeded, no_such_entity, policy_not_found
from lambent.cloud.services.iam.model import (
    MAX_ATTACHED_POLICIES,
    Holder,
    HolderKind,
    is_policy_arn,
    name_in_arn,
    size_without_spaces,
    url_encoded,
)
from lambent.cloud.services.iam.operations.common import Wire, paged, the_modifiable_role, the_role, the_user
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction


class RolePolicyOperations:
    """The operations on the policies of roles."""

    def __init__(self, store: Store) -> None:
        self._holdings = _Holdings(store, HolderKind.ROLE, "RoleName")

    @operation("PutRolePolicy")
    async def put(self, context: RequestContext, parameters: Parameters) -> Result:
        """Write an inline policy of the role."""
        return await self._holdings.put(context, parameters)

    @operation("GetRolePolicy")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return an inline policy of the role."""
        return self._holdings.get(context, parameters)

    @operation("DeleteRolePolicy")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete an inline policy of the role."""
        return await self._holdings.delete(context, parameters)

    @operation("ListRolePolicies")
    async def list_all(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the names of the role's inline policies."""
        return self._holdings.names(context, parameters)

    @operation("AttachRolePolicy")
    async def attach(self, context: RequestContext, parameters: Parameters) -> Result:
        """Attach a managed policy to the role."""
        return await self._holdings.attach(context, parameters)

    @operation("DetachRolePolicy")
    async def detach(self, context: RequestContext, parameters: Parameters) -> Result:
        """Detach a managed policy from the role."""
        return await self._holdings.detach(context, parameters)

    @operation("ListAttachedRolePolicies")
    async def list_attached(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the managed policies attached to the role."""
        return self._holdings.list_attached(context, parameters)


class UserPolicyOperations:
    """The operations on the policies of users."""

    def __init__(self, store: Store) -> None:
        self._holdings = _Holdings(store, HolderKind.USER, "UserName")

    @operation("PutUserPolicy")
    async def put(self, context: RequestContext, parameters: Parameters) -> Result:
        """Write an inline policy of the user."""
        return await self._holdings.put(context, parameters)

    @operation("GetUserPolicy")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return an inline policy of the user."""
        return self._holdings.get(context, parameters)

    @operation("DeleteUserPolicy")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete an inline policy of the user."""
        return await self._holdings.delete(context, parameters)

    @operation("ListUserPolicies")
    async def list_all(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the names of the user's inline policies."""
        return self._holdings.names(context, parameters)

    @operation("AttachUserPolicy")
    async def attach(self, context: RequestContext, parameters: Parameters) -> Result:
        """Attach a managed policy to the user."""
        return await self._holdings.attach(context, parameters)

    @operation("DetachUserPolicy")
    async def detach(self, context: RequestContext, parameters: Parameters) -> Result:
        """Detach a managed policy from the user."""
        return await self._holdings.detach(context, parameters)

    @operation("ListAttachedUserPolicies")
    async def list_attached(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the managed policies attached to the user."""
        return self._holdings.list_attached(context, parameters)


class _Holdings:
    """What both kinds of holders do alike; `member` is the parameter that names the holder."""

    def __init__(self, store: Store, kind: HolderKind, member: str) -> None:
        self._store = store
        self._kind = kind
        self._member = member

    async def put(self, context: RequestContext, parameters: Parameters) -> Result:
        name, document = parameters["PolicyName"], parameters["PolicyDocument"]
        check_permissions_policy(document, is_inline=True)

        def put(transaction: Transaction) -> None:
            holder = self._holder(transaction, context, parameters, to_change=True)
            documents = repository.inline_policies(transaction, holder) | {name: document}
            limit = self._kind.max_inline_size
            if sum(size_without_spaces(one) for one in documents.values()) > limit:
                raise limit_exceeded(
                    f"Maximum policy size of {limit} bytes exceeded for {self._kind.value} {holder.name}"
                )
            repository.put_inline_policy(transaction, holder, name, document)

        await self._store.write(put)
        return {}

    def get(self, context: RequestContext, parameters: Parameters) -> Result:
        holder = self._holder(self._store.read, context, parameters)
        name = parameters["PolicyName"]
        document = repository.inline_policies(self._store.read, holder).get(name)
        if document is None:
            raise self._no_inline_policy(name)
        return {self._member: holder.name, "PolicyName": name, "PolicyDocument": url_encoded(document)}

    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        def delete(transaction: Transaction) -> None:
            holder = self._holder(transaction, context, parameters, to_change=True)
            if not repository.delete_inline_policy(transaction, holder, parameters["PolicyName"]):
                raise self._no_inline_policy(parameters["PolicyName"])

        await self._store.write(delete)
        return {}

    def names(self, context: RequestContext, parameters: Parameters) -> Result:
        holder = self._holder(self._store.read, context, parameters)
        names = list(repository.inline_policies(self._store.read, holder))
        shown, more = paged(parameters, names, str)
        return {"PolicyNames": shown, **more}

    async def attach(self, context: RequestContext, parameters: Parameters) -> Result:
        arn = _checked_arn(parameters["PolicyArn"])

        def attach(transaction: Transaction) -> None:
            holder = self._holder(transaction, context, parameters, to_change=True)
            policy = policy_repository.policy(transaction, context.scope.account, arn)
            if policy is None:
                raise no_such_entity(f"Policy {arn} does not exist or is not attachable.")
            if policy.is_for_service_linked_roles:
                raise ServiceError("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")
            attached = repository.attachments(transaction, holder)
            if arn not in attached and len(attached) >= MAX_ATTACHED_POLICIES:
                quota = f"PoliciesPer{self._kind.value.title()}"
                raise limit_exceeded(f"Cannot exceed quota for {quota}: {MAX_ATTACHED_POLICIES}")
            repository.attach(transaction, holder, arn)

        await self._store.write(attach)
        return {}

    async def detach(self, context: RequestContext, parameters: Parameters) -> Result:
        arn = _checked_arn(parameters["PolicyArn"])

        def detach(transaction: Transaction) -> None:
            holder = self._holder(transaction, context, parameters, to_change=True)
            if not repository.detach(transaction, holder, arn):
                raise policy_not_found(arn)

        await self._store.write(detach)
        return {}

    def list_attached(self, context: RequestContext, parameters: Parameters) -> Result:
        holder = self._holder(self._store.read, context, parameters)
        prefix = parameters.get("PathPrefix", "/")
        attached: list[Wire] = [
            {"PolicyName": name_in_arn(arn), "PolicyArn": arn}
            for arn in repository.attachments(self._store.read, holder)
            if arn.partition(":policy")[2].startswith(prefix)
        ]
        shown, more = paged(parameters, attached, lambda entry: f"{entry['PolicyName']}\n{entry['PolicyArn']}")
        return {"AttachedPolicies": shown, **more}

    def _holder(
        self, reader: Reader, context: RequestContext, parameters: Parameters, *, to_change: bool = False
    ) -> Holder:
        account, name = context.scope.account, parameters[self._member]
        if self._kind is HolderKind.USER:
            return Holder(account, self._kind, the_user(reader, account, name).name)
        find = the_modifiable_role if to_change else the_role
        return Holder(account, self._kind, find(reader, account, name).name)

    def _no_inline_policy(self, name: str) -> ServiceError:
        return no_such_entity(f"The {self._kind.value} policy with name {name} cannot be found.")


def _checked_arn(arn: str) -> str:
    if not is_policy_arn(arn):
        raise invalid_input(f"ARN {arn} is not valid.")
    return arn
