"""Rules about roles and policies: ARNs, AWS's managed policies, statements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from lambent.base.diagnostics import Diagnostic
from lambent.manifest.checks.parties import TARGETS
from lambent.manifest.checks.subject import Place, constraint, literal
from lambent.manifest.expression import Expression
from lambent.manifest.system import Function, Role
from lambent.manifest.words import did_you_mean

_ROLE = re.compile(r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+\Z")
_ARN = re.compile(r"arn:[^:\s]*:[a-z0-9-]+:[a-z0-9-]*:(\d{12}|aws|)?:.+\Z")
_AWS_POLICY = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/(?P<rest>.+)\Z")
_ACTION = re.compile(r"(\*|[a-zA-Z0-9-]+:[A-Za-z0-9*?]+)\Z")
_STATEMENT_KEYS = frozenset({
    "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition",
})  # fmt: skip
OPERATOR_POLICY = "AWSLambdaManagedEC2ResourceOperator"
"""What the operator role of a capacity provider needs at least; it lies at the top, not in `service-role/`."""
OPERATOR_SERVICE = "lambda.amazonaws.com"
OPERATOR_PROBLEM = "The operator role is invalid or doesn't have sufficient permissions. Verify the role and permissions and try again."
# Policies that people look for under a name that AWS never gave them.
_MEANT = {"AWSLambdaManagedInstancesOperatorRole": OPERATOR_POLICY}


@cache
def managed_policies() -> Mapping[str, str]:
    """Return AWS's managed policies: the path and name behind `policy/`, by name."""
    text = files("lambent.aws").joinpath("managed_policies.txt").read_text(encoding="utf-8")
    return {line.rpartition("/")[2]: line for line in text.splitlines() if line}


def check_function_permissions(function: Function, place: Place) -> Iterator[Diagnostic]:
    """Yield what is wrong with a function's role, policies and destinations."""
    role = literal(function.role)
    if role is not None and not _ROLE.match(role):
        message = constraint(role, "role", "Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+")  # fmt: skip
        yield place.found("role-arn", message, "Write the role's ARN, or ${roles.NAME}.", "role")
    for index, policy in enumerate(function.policies or ()):
        if isinstance(policy, Expression):
            yield from _managed(policy, place, "policies", index)
        else:
            yield from _statements([policy], place, "policies", index)
    for name in (*TARGETS, "kms_key"):
        target = getattr(function, name)
        # What has no colon is the key of a resource, which `parties` looks for.
        if isinstance(target, Expression) and (name == "kms_key" or ":" in (target.literal or "")):
            yield from _arn(target, place, name)


def check_role(role: Role, place: Place) -> Iterator[Diagnostic]:
    """Yield what is wrong with a role."""
    for index, policy in enumerate(role.managed_policies):
        yield from _managed(policy, place, "managed_policies", index)
    for name, document in role.policies.items():
        yield from _document(document, place, "policies", name)
    if role.trust is not None:
        yield from _document(role.trust, place, "trust")


def _managed(policy: Expression, place: Place, *inside: str | int) -> Iterator[Diagnostic]:
    text = policy.literal
    if text is None:
        return
    if text.startswith("arn:") and _AWS_POLICY.match(text) is None:
        yield from _arn(policy, place, *inside)
        return
    problem = managed_policy_problem(text)
    if problem is not None:
        yield place.found("managed-policy", *problem, *inside)


def managed_policy_problem(text: str) -> tuple[str, str] | None:
    """Return message and advice for one of AWS's managed policies, by ARN or name, that there is not; None if it is.

    >>> managed_policy_problem("arn:aws:iam::aws:policy/service-role/AWSLambdaManagedInstancesOperatorRole")[1]
    'Write arn:aws:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator.'
    """
    match = _AWS_POLICY.match(text)
    wanted = text if match is None else match["rest"]
    name = wanted.rpartition("/")[2]
    known = managed_policies().get(name)
    if known is not None and (match is None or wanted == known):
        return None
    right = known or managed_policies().get(_MEANT.get(name, ""))
    message = f"Policy {text if match else f'arn:aws:iam::aws:policy/{wanted}'} does not exist or is not attachable."
    advice = (
        f"Write arn:aws:iam::aws:policy/{right}."
        if right
        else did_you_mean(name, managed_policies(), otherwise="AWS has no managed policy of that name.")
    )
    return message, advice


def _arn(expression: Expression | None, place: Place, *inside: str | int) -> Iterator[Diagnostic]:
    text = literal(expression)
    if text is not None and not _ARN.match(text):
        message = f"{text!r} is no ARN"
        advice = "An ARN is arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE, its account 12 digits; or refer to a resource."
        yield place.found("arn", message, advice, *inside)


def _document(document: Mapping[str, Any], place: Place, *inside: str | int) -> Iterator[Diagnostic]:  # Any: a policy
    statements = document.get("Statement")
    if not isinstance(statements, list | dict):
        message = "Syntax errors in policy: a policy document has a Statement."
        yield place.found("policy-document", message, "Add `Statement:` with a list.", *inside, key=True)
        return
    if document.get("Version") not in {"2012-10-17", "2008-10-17"}:
        message = "Syntax errors in policy: the Version is that of the policy language."
        yield place.found("policy-document", message, 'Write `Version: "2012-10-17"`.', *inside, key=True)
    listed = statements if isinstance(statements, list) else [statements]
    yield from _statements(listed, place, *inside)


def _statements(statements: list[Any], place: Place, *inside: str | int) -> Iterator[Diagnostic]:  # Any: statements
    for statement in statements:
        for problem, advice in _problems(statement):
            yield place.found("policy-document", f"Syntax errors in policy: {problem}", advice, *inside, key=True)
        actions = _listed(statement.get("Action")) if isinstance(statement, dict) else []
        resources = _listed(statement.get("Resource")) if isinstance(statement, dict) else []
        if "*" in resources and any(action in {"iam:PassRole", "iam:*", "*"} for action in actions):
            message = "this statement lets the function pass any role of the account"
            yield place.found("broad-pass-role", message, "Name the roles in Resource.", *inside, key=True)


def _problems(statement: Any) -> Iterator[tuple[str, str]]:  # Any: a statement
    if not isinstance(statement, dict):
        yield "a statement is a mapping.", ""
        return
    unknown = [key for key in statement if key not in _STATEMENT_KEYS]
    if unknown:
        yield f"{unknown[0]} is no element of a statement.", did_you_mean(unknown[0], _STATEMENT_KEYS)
    if statement.get("Effect") not in {"Allow", "Deny"}:
        yield f"Effect is {statement.get('Effect')!r}.", "Write Allow or Deny."
    if "Action" not in statement and "NotAction" not in statement:
        yield "a statement has actions.", "Add `Action:`."
    if not {"Resource", "NotResource", "Principal", "NotPrincipal"} & statement.keys():
        yield "a statement has resources.", "Add `Resource:`."
    for action in _listed(statement.get("Action")):
        if "${" not in action and not _ACTION.match(action):
            yield (
                f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: {action}",
                "Write service:Action.",
            )
    for resource in _listed(statement.get("Resource")):
        if "${" not in resource and resource != "*" and not resource.startswith("arn:"):
            yield f'Resource {resource} must be in ARN format or "*".', "Write its ARN."


def _listed(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
