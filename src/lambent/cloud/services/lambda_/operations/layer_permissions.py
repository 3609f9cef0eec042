"""Policies of layer versions: which other accounts may get them."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, layers
from lambent.cloud.services.lambda_.control import Control, check_revision
from lambent.cloud.services.lambda_.layer_access import check_owner
from lambent.cloud.services.lambda_.model.layer import layer_arn
from lambent.cloud.services.lambda_.model.policy import (
    POLICY_LIMIT,
    Grant,
    Policy,
    Statement,
    principal_element,
    statement_for,
)
from lambent.cloud.services.lambda_.operations.layers import checked_number, named_layer
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

_REMEDY = "GetLayerPolicy"


class LayerPermissionOperations:
    """AddLayerVersionPermission, GetLayerVersionPolicy, RemoveLayerVersionPermission."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("AddLayerVersionPermission")
    async def add_layer_version_permission(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add a statement to a layer version's policy; return the statement and the policy's revision."""
        named = _named(context, parameters, "AddLayerVersionPermission")
        statement = _statement(named, parameters)

        def work(transaction: Transaction) -> Policy:
            policy = named.policy(transaction) or Policy((), "")
            statement_id = parameters["StatementId"]
            if policy.has(statement_id):
                raise errors.statement_exists(statement_id)
            check_revision(parameters.get("RevisionId"), policy.revision_id, read_by=_REMEDY)
            return self._put(transaction, named, policy.adding(statement, self._control.new_revision()))

        policy = await self._control.dependencies.store.write(work)
        return {"Statement": orjson.dumps(statement).decode(), "RevisionId": policy.revision_id}

    @operation("GetLayerVersionPolicy")
    async def get_layer_version_policy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a layer version's policy."""
        policy = _named(context, parameters, "GetLayerVersionPolicy").found_policy(self._control.read)
        return {"Policy": orjson.dumps(policy.document()).decode(), "RevisionId": policy.revision_id}

    @operation("RemoveLayerVersionPermission")
    async def remove_layer_version_permission(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove a statement; functions that use the layer version already keep it."""
        named = _named(context, parameters, "RemoveLayerVersionPermission")
        statement_id = parameters["StatementId"]

        def work(transaction: Transaction) -> None:
            policy = named.found_policy(transaction)
            if not policy.has(statement_id):
                raise errors.statement_not_found(statement_id)
            check_revision(parameters.get("RevisionId"), policy.revision_id, read_by=_REMEDY)
            self._put(transaction, named, policy.without(statement_id, self._control.new_revision()))

        await self._control.dependencies.store.write(work)
        return {}

    def _put(self, transaction: Transaction, named: _Named, policy: Policy) -> Policy:
        if policy.is_too_long:
            raise errors.policy_too_long(POLICY_LIMIT)
        layers.put_layer_policy(transaction, named.scope, named.layer, named.version, policy)
        return policy


class _Named(NamedTuple):
    """The layer version that a request names."""

    scope: Scope
    layer: str
    version: int

    @property
    def arn(self) -> str:
        return f"{layer_arn(self.scope, self.layer)}:{self.version}"

    def policy(self, reader: Reader) -> Policy | None:
        """Return its policy, if it has one; raises ResourceNotFoundException where there is no such version."""
        if layers.layer_version(reader, self.scope, self.layer, self.version) is None:
            raise errors.layer_version_not_found(self.arn)
        return layers.layer_policy(reader, self.scope, self.layer, self.version)

    def found_policy(self, reader: Reader) -> Policy:
        """Return its policy; raises ResourceNotFoundException where it has none."""
        policy = self.policy(reader)
        if policy is None:
            raise errors.no_policy()
        return policy


def _named(context: RequestContext, parameters: Parameters, action: str) -> _Named:
    scope, layer = named_layer(context, parameters["LayerName"])
    named = _Named(scope, layer, checked_number(parameters["VersionNumber"]))
    check_owner(context, scope, action, named.arn)
    return named


def _statement(named: _Named, parameters: Parameters) -> Statement:
    grant = Grant(
        statement_id=parameters["StatementId"],
        action=parameters["Action"],
        principal=parameters["Principal"],
        organization=parameters.get("OrganizationId"),
    )
    principal = principal_element(grant.principal, named.scope.partition)
    return statement_for(grant, resource=named.arn, principal=principal)
