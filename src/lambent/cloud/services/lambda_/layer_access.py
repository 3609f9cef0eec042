"""Who may get a layer version besides its own account: whoever its policy lets in.

https://docs.aws.amazon.com/lambda/latest/dg/permissions-layer-cross-account.html
"""

from __future__ import annotations

from lambent.cloud.framework.authorise import AccessRequest, Decision, decide
from lambent.cloud.framework.context import Principal, RequestContext, root_of
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.layers import layer_policy
from lambent.cloud.services.lambda_.lookups import Lookups
from lambent.cloud.services.lambda_.model.layer import layer_arn
from lambent.cloud.services.lambda_.model.layer_arn import LayerVersionReference
from lambent.cloud.services.lambda_.model.policy import Policy
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader

_ACTION = "lambda:GetLayerVersion"


class LayerAccess:
    """Decides about layer versions of other accounts."""

    def __init__(self, reader: Reader, lookups: Lookups) -> None:
        self._reader = reader
        self._lookups = lookups

    async def check(self, context: RequestContext, layer: LayerVersionReference) -> None:
        """Raise AccessDeniedException unless the layer version is the caller's account's, or its policy lets them in.

        One that is not there lets nobody in, so that nobody learns what another account has; nor does one of another
        region, where this one cannot look.
        """
        caller = _acting(context)
        if caller.account == layer.account:
            return
        scope = Scope(layer.account, layer.region)
        policy = None
        if layer.region == context.scope.region:
            policy = layer_policy(self._reader, scope, layer.name, layer.version)
        arn = f"{layer_arn(scope, layer.name)}:{layer.version}"
        if policy is None or not await self._lets_in(policy, caller, context.scope, arn):
            raise errors.not_let_in(caller.arn, _ACTION, arn)

    async def _lets_in(self, policy: Policy, caller: Principal, scope: Scope, arn: str) -> bool:
        keys = {}
        if any("Condition" in statement for statement in policy.statements):
            organization = await self._lookups.organization(Scope(caller.account, scope.region))
            if organization is not None:
                keys["aws:PrincipalOrgID"] = organization
        return decide([policy.document()], AccessRequest(caller, _ACTION, arn, keys)) is Decision.ALLOW


def check_owner(context: RequestContext, scope: Scope, action: str, resource: str) -> None:
    """Raise AccessDeniedException for an operation that no layer's policy can allow to another account."""
    caller = _acting(context)
    if caller.account != scope.account:
        raise errors.not_let_in(caller.arn, f"lambda:{action}", resource)


def _acting(context: RequestContext) -> Principal:
    # A service that makes a function for somebody does so for an account, and a layer's policy speaks of accounts.
    caller = context.caller
    return root_of(caller.account) if caller.kind == "service" else caller
