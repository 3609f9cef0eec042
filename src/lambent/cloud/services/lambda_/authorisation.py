"""Who may call Lambda besides an account's own identities: whoever a function's resource policy lets in."""

from __future__ import annotations

from lambent.cloud.framework.authorise import AccessRequest, Decision, decide
from lambent.cloud.framework.context import ANONYMOUS, RequestContext
from lambent.cloud.framework.identity import Signer
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.control import Target, target_of
from lambent.cloud.services.lambda_.lookups import HOST
from lambent.cloud.services.lambda_.model.function import LATEST, function_arn
from lambent.cloud.services.lambda_.routing import Routes, UrlRoute

_INVOKING = frozenset({"Invoke", "InvokeAsync", "InvokeWithResponseStream"})


def check_access(routes: Routes, context: RequestContext, operation: str, parameters: Parameters) -> None:
    """Raise AccessDeniedException unless the caller is of the function's account, or its policy lets them in.

    Identities of the same account are the business of identity policies; Lambda itself may always.
    """
    caller = context.caller
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
    action = "lambda:InvokeFunction" if operation in _INVOKING else f"lambda:{operation}"
    if not _is_let_in(routes, context, target, action):
        resource = function_arn(target.scope, target.name)
        arn = resource if target.qualifier is None else f"{resource}:{target.qualifier}"
        raise errors.not_let_in(caller.arn, action, arn)


def is_let_in_by_url(route: UrlRoute, signer: Signer | None, source_ip: str) -> bool:
    """Whether a function URL may be called: by its account's identities where it asks for signatures, or by policy.

    The policy must allow both actions: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    """
    function, auth_type = route.function, route.url.auth_type
    if auth_type == "AWS_IAM":
        if signer is None:
            return False
        if signer.caller.account == function.scope.account:
            return True
    policy = function.policies.get(route.qualifier)
    if policy is None:
        return False
    document = policy.document()
    caller = ANONYMOUS if signer is None else signer.caller
    resource = function.arn_of(route.qualifier)
    keys = {
        "aws:SourceIp": source_ip,
        "lambda:FunctionUrlAuthType": auth_type,
        "lambda:InvokedViaFunctionUrl": "true",
    }
    return all(
        decide([document], AccessRequest(caller, action, resource, keys)) is Decision.ALLOW
        for action in ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
    )


def _is_let_in(routes: Routes, context: RequestContext, target: Target, action: str) -> bool:
    function = routes.find(target.scope.account, target.scope.region, target.name)
    if function is None:
        return False
    qualifier = "" if target.qualifier in {None, LATEST} else str(target.qualifier)
    policy = function.policies.get(qualifier)
    if policy is None:
        return False
    resource = function.arn_of(qualifier)
    return decide([policy.document()], AccessRequest(context.caller, action, resource)) is Decision.ALLOW
