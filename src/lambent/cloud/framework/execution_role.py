"""A role that a service acts as for somebody: whom it trusts, and what its own policies let it do.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-service-role
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from lambent.aws.arn import Arn
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.authorise import AccessRequest, Decision, Document, decide
from lambent.cloud.framework.context import Principal
from lambent.cloud.framework.service import Parameters, Result

AskIam = Callable[[str, Parameters], Awaitable[Result]]
"""Calls an operation of IAM."""

_GONE = frozenset({"NoSuchEntity", "NoSuchEntityException"})


@dataclass(frozen=True, slots=True)
class ExecutionRole:
    """A role: who acts as it, whom it trusts, and what its own policies say."""

    arn: str
    principal: Principal
    trust: Document
    policies: tuple[Document, ...]

    def trusts(self, service: Principal) -> bool:
        """Whether its trust policy lets a service assume it."""
        keys = {"aws:PrincipalIsAWSService": "true", "sts:RoleSessionName": self.principal.arn.rpartition("/")[2]}
        return decide([self.trust], AccessRequest(service, "sts:AssumeRole", self.arn, keys)) is Decision.ALLOW

    def may(self, action: str, resource: str, *shared: Document) -> bool:
        """Whether its policies, or those of the resource itself, let it carry out an action."""
        return decide((*self.policies, *shared), AccessRequest(self.principal, action, resource)) is Decision.ALLOW

    def may_somewhere(self, action: str) -> bool:
        """Whether its policies let it carry out an action on any resource at all."""
        anywhere = [_without_resources(policy) for policy in self.policies]
        return decide(anywhere, AccessRequest(self.principal, action, "*")) is Decision.ALLOW


async def execution_role(ask: AskIam, arn: str, session: str) -> ExecutionRole | None:
    """Return the role as a session of that name acts as it; None where it is not there."""
    parsed = Arn.parse(arn)
    name = parsed.resource.rpartition("/")[2]
    session_arn = f"arn:{parsed.partition}:sts::{parsed.account}:assumed-role/{name}/{session}"
    try:
        role = (await ask("GetRole", {"RoleName": name}))["Role"]
        policies = (*await _inline(ask, name), *await _attached(ask, name))
    except ServiceError as error:
        if error.code not in _GONE:
            raise
        return None
    principal = Principal("assumed-role", parsed.account, session_arn, f"{role['RoleId']}:{session}")
    return ExecutionRole(arn, principal, _document(role["AssumeRolePolicyDocument"]), policies)


async def _inline(ask: AskIam, role: str) -> list[Document]:
    names = (await ask("ListRolePolicies", {"RoleName": role}))["PolicyNames"]
    found = [await ask("GetRolePolicy", {"RoleName": role, "PolicyName": name}) for name in names]
    return [_document(each["PolicyDocument"]) for each in found]


async def _attached(ask: AskIam, role: str) -> list[Document]:
    found = []
    for attached in (await ask("ListAttachedRolePolicies", {"RoleName": role}))["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        policy = (await ask("GetPolicy", {"PolicyArn": arn}))["Policy"]
        asked = {"PolicyArn": arn, "VersionId": policy["DefaultVersionId"]}
        found.append(_document((await ask("GetPolicyVersion", asked))["PolicyVersion"]["Document"]))
    return found


def _document(policy: object) -> Document:
    # IAM hands policy documents out URL-encoded; a client's decoder would undo that.
    parsed = json.loads(unquote(policy)) if isinstance(policy, str) else policy
    return parsed if isinstance(parsed, Mapping) else {}


def _without_resources(policy: Document) -> Document:
    """Return a policy whose allowances hold everywhere, and of its denials those that do already."""
    said = policy.get("Statement", ())
    statements = said if isinstance(said, list) else [said]
    kept = [
        {key: value for key, value in one.items() if key not in {"Resource", "NotResource"}}
        for one in statements
        if isinstance(one, Mapping) and (one.get("Effect") == "Allow" or one.get("Resource") in ("*", ["*"]))
    ]
    return {**policy, "Statement": kept}
