"""What IAM says of the account as a whole."""

from __future__ import annotations

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.iam import repository
from lambent.cloud.services.iam.errors import already_exists, no_such_entity
from lambent.cloud.services.iam.model import (
    MAX_ACCESS_KEYS,
    MAX_ATTACHED_POLICIES,
    MAX_MANAGED_POLICY_SIZE,
    MAX_POLICY_VERSIONS,
    MAX_TRUST_POLICY_SIZE,
    HolderKind,
)
from lambent.cloud.store.unit_of_work import Store, Transaction


class AccountOperations:
    """The operations on the account."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("GetAccountSummary")
    async def summary(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return how many entities the account has, and its quotas."""
        reader, account = self._store.read, context.scope.account
        return {
            "SummaryMap": {
                "Users": repository.count(reader, "iam_user", account),
                "Roles": repository.count(reader, "iam_role", account),
                "Policies": repository.count(reader, "iam_policy", account),
                "PolicyVersionsInUse": repository.count(reader, "iam_policy_version", account),
                "InstanceProfiles": repository.count(reader, "iam_instance_profile", account),
                "AccessKeysPerUserQuota": MAX_ACCESS_KEYS,
                "AssumeRolePolicySizeQuota": MAX_TRUST_POLICY_SIZE,
                "AttachedPoliciesPerRoleQuota": MAX_ATTACHED_POLICIES,
                "AttachedPoliciesPerUserQuota": MAX_ATTACHED_POLICIES,
                "PolicySizeQuota": MAX_MANAGED_POLICY_SIZE,
                "RolePolicySizeQuota": HolderKind.ROLE.max_inline_size,
                "UserPolicySizeQuota": HolderKind.USER.max_inline_size,
                "VersionsPerPolicyQuota": MAX_POLICY_VERSIONS,
            }
        }

    @operation("CreateAccountAlias")
    async def create_alias(self, context: RequestContext, parameters: Parameters) -> Result:
        """Give the account its alias, in place of the one it had; aliases are unique among all accounts."""
        account, alias = context.scope.account, parameters["AccountAlias"]

        def create(transaction: Transaction) -> None:
            owner = repository.account_with_alias(transaction, alias)
            if owner is not None and owner != account:
                raise already_exists(f"The account alias {alias} already exists.")
            repository.put_account_alias(transaction, account, alias)

        await self._store.write(create)
        return {}

    @operation("DeleteAccountAlias")
    async def delete_alias(self, context: RequestContext, parameters: Parameters) -> Result:
        """Take the account's alias away."""
        account, alias = context.scope.account, parameters["AccountAlias"]

        def delete(transaction: Transaction) -> None:
            if repository.account_alias(transaction, account) != alias:
                raise no_such_entity(f"The account alias with name {alias} cannot be found.")
            repository.delete_account_alias(transaction, account)

        await self._store.write(delete)
        return {}

    @operation("ListAccountAliases")
    async def list_aliases(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the account's alias, if it has one."""
        alias = repository.account_alias(self._store.read, context.scope.account)
        return {"AccountAliases": [] if alias is None else [alias], "IsTruncated": False}
