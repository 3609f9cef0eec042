"""Resource policies of functions, versions and aliases: statements added, removed and shown."""

from __future__ import annotations

import orjson

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors, repository
from lambent.cloud.services.lambda_.control import Control, check_revision, target_of
from lambent.cloud.services.lambda_.model.function import LATEST
from lambent.cloud.services.lambda_.model.policy import Grant, Policy, Statement, principal_element, statement_for
from lambent.cloud.services.lambda_.policies import policy_of, put_policy, revision_of
from lambent.cloud.store.unit_of_work import Transaction


class PermissionOperations:
    """AddPermission, RemovePermission, GetPolicy."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("AddPermission")
    async def add_permission(self, context: RequestContext, parameters: Parameters) -> Result:
        """Add a statement to the policy of a function, version or alias; return the statement."""
        target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
        if target.qualifier == LATEST:
            raise errors.invalid_parameter("We currently do not support adding policies for $LATEST.")
        grant = _grant(parameters)
        if grant.url_auth_type is not None and grant.action != "lambda:InvokeFunctionUrl":
            raise errors.invalid_parameter("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")

        def work(transaction: Transaction) -> Statement:
            revision = revision_of(transaction, target)
            current = policy_of(transaction, target)
            # The revision is the policy's, where there is one already: publishing changes the function's alone.
            expected = parameters.get("RevisionId")
            check_revision(expected, revision if current is None else current.revision_id, read_by="GetPolicy")
            principal = principal_element(grant.principal, target.scope.partition)
            if principal is None:
                raise errors.invalid_parameter(
                    "The provided principal was invalid. Please check the principal and try again."
                )
            policy = current or Policy((), revision)
            if policy.has(grant.statement_id):
                raise errors.statement_exists(grant.statement_id)
            statement = statement_for(grant, resource=target.arn, principal=principal)
            put_policy(transaction, target, policy.adding(statement, self._control.new_revision()))
            return statement

        statement = await self._control.change(target.scope, target.name, work)
        return {"Statement": orjson.dumps(statement).decode()}

    @operation("RemovePermission")
    async def remove_permission(self, context: RequestContext, parameters: Parameters) -> Result:
        """Remove a statement."""
        target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
        statement_id = parameters["StatementId"]

        def work(transaction: Transaction) -> None:
            if repository.function(transaction, target.scope, target.name) is None:
                raise errors.not_found(f"No policy found for: {target.arn}")
            revision_of(transaction, target)
            policy = policy_of(transaction, target)
            if policy is None:
                raise errors.no_policy()
            if not policy.has(statement_id):
                raise errors.statement_not_found(statement_id)
            check_revision(parameters.get("RevisionId"), policy.revision_id)
            put_policy(transaction, target, policy.without(statement_id, self._control.new_revision()))

        await self._control.change(target.scope, target.name, work)
        return {}

    @operation("GetPolicy")
    async def get_policy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the policy of a function, version or alias."""
        target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
        policy = policy_of(self._control.read, target)
        if policy is None:
            raise errors.no_such_resource()
        return {"Policy": orjson.dumps(policy.document()).decode(), "RevisionId": policy.revision_id}


def _grant(parameters: Parameters) -> Grant:
    return Grant(
        statement_id=parameters["StatementId"],
        action=parameters["Action"],
        principal=parameters["Principal"],
        source_arn=parameters.get("SourceArn"),
        source_account=parameters.get("SourceAccount"),
        event_source_token=parameters.get("EventSourceToken"),
        organization=parameters.get("PrincipalOrgID"),
        url_auth_type=parameters.get("FunctionUrlAuthType"),
        via_function_url=parameters.get("InvokedViaFunctionUrl"),
    )
