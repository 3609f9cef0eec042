"""Who may call Lambda besides an account's own identities: whoever a function's resource policy lets in."""

from __future__ import annotations

from lambent.cloud.framework.authorise import AccessRequest, Decision, decide
from lambent.cloud.framework.context import ANONYMOUS, RequestContext
from lambent.cloud.framework.identity import Signer
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.control import Target, target_of
from lambent.cloud.services.lambda_.lookups import HOST
from lambent.cloud.services.lambda_.model.function import LATEST
from lambent.cloud.services.lambda_.routing import Routes, UrlRoute

_INVOKING = frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"})


def check_access(routes: Routes, context: RequestContext, operation: str, parameters: Parameters) -> None:
    """Raise AccessDeniedException unless the caller is of the function's account, or its policy lets them in.

    Identities of the same account are the business of identity policies; Lambda itself may always.
    """
    caller = context.caller
    if routes.denying and "FunctionName" in parameters:
        _check_not_denied(routes, context, operation, parameters)
    if caller.kind == "service":
        if caller.arn == HOST:
            return
    elif "FunctionName" not in parameters or ":" not in parameters["FunctionName"]:
        return
    if "FunctionName" not in parameters:
        raise errors.access_denied(f"{caller.arn} is not authorized to perform: lambda:{operation}")
    target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
    if caller.kind != "service" and caller.account == target.scope.account:
        return
    if operation == "CreateFunction":
        raise errors.access_denied()
    action = _action(operation)
    if _decision(routes, context, target, action) is not Decision.ALLOW:
        raise errors.not_let_in(caller.arn, action, target.arn)


def is_let_in_by_url(route: UrlRoute, signer: Signer | None, source_ip: str) -> bool:
    """Whether a function URL may be called: by its account's identities where it asks for signatures, or by policy.

    The policy must allow both actions: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    """
    function, auth_type = route.function, route.url.auth_type
    if auth_type == "AWS_IAM" and signer is None:
        return False
    policy = function.policies.get(route.qualifier)
    is_own = auth_type == "AWS_IAM" and signer is not None and signer.caller.account == function.scope.account
    if policy is None or (is_own and not policy.denies):
        return is_own
    document = policy.document()
    caller = ANONYMOUS if signer is None else signer.caller
    resource = function.arn_of(route.qualifier)
    keys = {
        "aws:SourceIp": source_ip,
        "lambda:FunctionUrlAuthType": auth_type,
        "lambda:InvokedViaFunctionUrl": "true",
    }
    decisions = {
        decide([document], AccessRequest(caller, action, resource, keys))
        for action in ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
    }
    if is_own:
        return Decision.EXPLICIT_DENY not in decisions
    return decisions == {Decision.ALLOW}


def _action(operation: str) -> str:
    return "lambda:InvokeFunction" if operation in _INVOKING else f"lambda:{operation}"


def _check_not_denied(routes: Routes, context: RequestContext, operation: str, parameters: Parameters) -> None:
    """Raise AccessDeniedException where a policy forbids what is asked, which no other permission makes up for."""
    target = target_of(context, parameters["FunctionName"], parameters.get("Qualifier"))
    if (target.scope.account, target.scope.region, target.name) not in routes.denying:
        return
    if context.caller.kind == "service" and context.caller.arn == HOST:
        return
    action = _action(operation)
    if _decision(routes, context, target, action) is Decision.EXPLICIT_DENY:
        raise errors.kept_out(context.caller.arn, action, target.arn)


def _decision(routes: Routes, context: RequestContext, target: Target, action: str) -> Decision:
    """Return what the policy of the function, version or alias says."""
    function = routes.find(target.scope.account, target.scope.region, target.name)
    qualifier = "" if target.qualifier in {None, LATEST} else str(target.qualifier)
    policy = None if function is None else function.policies.get(qualifier)
    if function is None or policy is None:
        return Decision.IMPLICIT_DENY
    return decide([policy.document()], AccessRequest(context.caller, action, function.arn_of(qualifier)))
