"""What a request for a stack is checked for besides its template: names, roles, and what is not offered here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.authorise import AccessRequest, Decision, decide
from lambent.cloud.framework.context import RequestContext, service_principal
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.cloudformation import errors
from lambent.cloud.services.cloudformation.model.stack import HOST, Values

_NAME = "[a-zA-Z][-a-zA-Z0-9]*"
_LONGEST_NAME = 128
_ROLE = re.compile(r"arn:[a-z-]+:iam::(\d{12}):role/(.+)")


def check_name(name: str) -> None:
    """Raise ValidationError for what no new stack may be called."""
    if len(name) > _LONGEST_NAME:
        raise errors.unsatisfied(name, "stackName", f"Member must have length less than or equal to {_LONGEST_NAME}")
    if not re.fullmatch(_NAME, name):
        raise errors.unsatisfied(name, "stackName", f"Member must satisfy regular expression pattern: {_NAME}")


def refuse_what_is_not_offered(asked: Parameters) -> None:
    """Raise ValidationError for parameters whose effect this platform does not have, where they would have one."""
    watched = asked.get("RollbackConfiguration") or {}
    if watched.get("RollbackTriggers") or watched.get("MonitoringTimeInMinutes"):
        raise errors.not_offered("RollbackConfiguration, a rollback when an alarm goes off,")
    if "DeploymentMode" in asked:
        raise errors.not_offered("DeploymentMode")
    if asked.get("ResourcesToImport") or asked.get("ChangeSetType") == "IMPORT":
        raise errors.not_offered("Importing resources with a change set of type IMPORT")


def deployment_of(asked: Parameters) -> Values:
    """Return the DeploymentConfig of a request, whole; empty where it names none.

    EXPRESS takes no other way here: it would not wait for resources to become ready, which takes them no time.
    """
    config = asked.get("DeploymentConfig")
    if config is None:
        return {}
    return {"Mode": config.get("Mode", "STANDARD"), "DisableRollback": bool(config.get("DisableRollback", False))}


def stays_where_it_fails(asked: Parameters) -> bool:
    """Return whether a request lets what failed stay as it is, by either of the two members that say so."""
    return bool(asked.get("DisableRollback", False)) or bool(deployment_of(asked).get("DisableRollback"))


def check_tags(asked: Parameters) -> None:
    """Raise ValidationError for tags that name a key twice."""
    keys = [str(one["Key"]) for one in asked.get("Tags", ())]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise errors.invalid(f"Duplicate tag key: {twice}")


async def check_role(client: InternalClient, context: RequestContext, asked: Parameters) -> None:
    """Raise ValidationError unless the role that a request names is there and lets CloudFormation assume it."""
    arn = asked.get("RoleARN")
    if arn is None:
        return
    found = _ROLE.fullmatch(arn)
    if found is None or found[1] != context.scope.account:
        raise errors.role_unusable(arn)
    service = service_principal(HOST, context.scope)
    name = found[2].rpartition("/")[2]
    try:
        answer = await client.call("iam", "GetRole", {"RoleName": name}, scope=context.scope, principal=service)
    except ServiceError as error:
        raise errors.role_unusable(arn) from error
    role: Mapping[str, Any] = answer["Role"]  # Any: a Role of IAM
    trust = _document(role["AssumeRolePolicyDocument"])
    if role["Arn"] != arn or decide([trust], AccessRequest(service, "sts:AssumeRole", arn)) is not Decision.ALLOW:
        raise errors.role_unusable(arn)


def _document(policy: Any) -> Any:  # Any: a policy, as IAM answers it: a map, or text that may be quoted
    return json.loads(unquote(policy)) if isinstance(policy, str) else policy
