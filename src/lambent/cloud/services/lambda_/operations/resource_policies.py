"""Resource policies as whole documents: put, shown and deleted.

https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

from __future__ import annotations

import orjson

from lambent.aws.arn import FunctionIdentifier, MalformedFunctionIdentifierError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.control import Control, Target, check_revision, target_of
from lambent.cloud.services.lambda_.model.function import LATEST
from lambent.cloud.services.lambda_.model.policy import Policy
from lambent.cloud.services.lambda_.model.policy_document import parse_policy
from lambent.cloud.services.lambda_.policies import policy_of, put_policy, revision_of
from lambent.cloud.store.unit_of_work import Transaction


class ResourcePolicyOperations:
    """PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @operation("PutResourcePolicy")
    async def put_resource_policy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Give a function, version or alias a policy; one it had, by AddPermission too, is replaced."""
        target = _target(context, parameters, "PutResourcePolicy")
        policy = parse_policy(parameters["Policy"], self._control.new_revision())

        def work(transaction: Transaction) -> None:
            revision_of(transaction, target)
            current = policy_of(transaction, target)
            check_revision(
                parameters.get("RevisionId"),
                None if current is None else current.revision_id,
                read_by="GetResourcePolicy",
            )
            put_policy(transaction, target, policy)

        await self._control.change(target.scope, target.name, work)
        return _shape(policy)

    @operation("GetResourcePolicy")
    async def get_resource_policy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the policy of a function, version or alias."""
        policy = policy_of(self._control.read, _target(context, parameters, "GetResourcePolicy"))
        if policy is None:
            raise errors.no_such_resource()
        return _shape(policy)

    @operation("DeleteResourcePolicy")
    async def delete_resource_policy(self, context: RequestContext, parameters: Parameters) -> Result:
        """Take the whole policy away, whatever its statements came by."""
        target = _target(context, parameters, "DeleteResourcePolicy")

        def work(transaction: Transaction) -> None:
            policy = policy_of(transaction, target)
            if policy is None:
                raise errors.no_such_resource()
            check_revision(parameters.get("RevisionId"), policy.revision_id, read_by="GetResourcePolicy")
            put_policy(transaction, target, Policy((), self._control.new_revision()))

        await self._control.change(target.scope, target.name, work)
        return {}


def _target(context: RequestContext, parameters: Parameters, action: str) -> Target:
    arn = parameters["ResourceArn"]
    try:
        FunctionIdentifier.parse(arn)
    except MalformedFunctionIdentifierError as error:
        raise errors.no_such_resource() from error  # the policies of runtimes: nothing here has one
    target = target_of(context, arn)
    if target.scope.account != context.caller.account and context.caller.kind != "service":
        raise errors.not_let_in(context.caller.arn, f"lambda:{action}", arn)
    if target.qualifier == LATEST:
        raise errors.invalid_parameter("We currently do not support adding policies for $LATEST.")
    return target


def _shape(policy: Policy) -> Result:
    return {"Policy": orjson.dumps(policy.document()).decode(), "RevisionId": policy.revision_id}
