"""The IAM service: its groups of operations, and the directory of access keys that the gateway asks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from lambent.base.identifiers import IdSource
from lambent.cloud.framework.constraints import check_constraints
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Operation, Parameters, Service
from lambent.cloud.services.iam import repository
from lambent.cloud.services.iam.access_keys import AccessKeyDirectory
from lambent.cloud.services.iam.operations.account import AccountOperations
from lambent.cloud.services.iam.operations.holdings import RolePolicyOperations, UserPolicyOperations
from lambent.cloud.services.iam.operations.instance_profiles import InstanceProfileOperations
from lambent.cloud.services.iam.operations.policies import PolicyOperations, PolicyVersionOperations
from lambent.cloud.services.iam.operations.roles import RoleOperations
from lambent.cloud.services.iam.operations.service_linked_roles import ServiceLinkedRoleOperations
from lambent.cloud.services.iam.operations.users import AccessKeyOperations, UserOperations
from lambent.cloud.services.iam.policy_files import PolicyFiles
from lambent.cloud.store.unit_of_work import Store

_SCRIPTS = tuple(Path(__file__).with_name(name) for name in ("schema.sql", "schema_2.sql"))


class IamService(Service):
    """AWS IAM, as far as functions and the tools that deploy them need it."""

    name: ClassVar[str] = "iam"

    def __init__(self, store: Store, ids: IdSource) -> None:
        self._store = store
        self.access_keys = AccessKeyDirectory()
        super().__init__(
            RoleOperations(store, ids),
            ServiceLinkedRoleOperations(store, ids),
            RolePolicyOperations(store),
            UserPolicyOperations(store),
            PolicyOperations(store, ids),
            PolicyVersionOperations(store),
            InstanceProfileOperations(store, ids),
            UserOperations(store, ids),
            AccessKeyOperations(store, ids, self.access_keys),
            AccountOperations(store),
        )
        self._policy_files = PolicyFiles()
        self._prepared = {name: self._policy_files.before(name, each) for name, each in super().operations().items()}

    def operations(self) -> Mapping[str, Operation]:
        """Return the operations, which find AWS's policies read."""
        return self._prepared

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what the service model forbids; there are no resource policies here."""
        check_constraints(self.name, operation, context, parameters)

    async def start(self) -> None:
        """Make or upgrade the tables, and learn the access keys there are."""
        await self._store.migrate(self.name, [script.read_text(encoding="utf-8") for script in _SCRIPTS])
        for key, user in repository.all_access_keys(self._store.read):
            self.access_keys.put(key, user)

    async def stop(self) -> None:
        """End the thread that reads the data files."""
        await self._policy_files.stop()
