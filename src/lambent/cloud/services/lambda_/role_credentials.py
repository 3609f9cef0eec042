"""The credentials that functions find in their environments."""

from __future__ import annotations

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import service_principal
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.store.scope import Scope
from lambent.dataplane import Credentials, FunctionSpec, SandboxError

_ROLE_SESSION_S = 12 * 3600  # how long Lambda's own credentials hold; an environment is gone long before


class RoleCredentials:
    """Credentials of functions' execution roles, assumed as the Lambda service does it."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def issue(self, spec: FunctionSpec) -> Credentials:
        """Return new credentials of the function's role; raises SandboxError where Lambda may not assume it."""
        scope = Scope(spec.account, spec.region)
        parameters = {
            "RoleArn": spec.role_arn,
            "RoleSessionName": _session_name(spec.function_name),
            "DurationSeconds": _ROLE_SESSION_S,
        }
        caller = service_principal("lambda.amazonaws.com", scope, spec.function_arn)
        try:
            answer = await self._client.call("sts", "AssumeRole", parameters, scope=scope, principal=caller)
        except ServiceError as error:
            raise SandboxError(f"The role defined for the function cannot be assumed by Lambda: {error}") from error
        issued = answer["Credentials"]
        return Credentials(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])


def _session_name(function: str) -> str:
    # STS takes no session name of one character: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    return function if len(function) > 1 else f"{function}@lambda_function"
