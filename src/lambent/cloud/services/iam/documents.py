"""Policy documents: the grammar that IAM holds them to before it stores them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from lambent.cloud.services.iam.errors import malformed_policy

_SYNTAX = "Syntax errors in policy."
_VERSIONS = ("2012-10-17", "2008-10-17")
_POLICY_KEYS = {"Version", "Id", "Statement"}
_STATEMENT_KEYS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}
_PRINCIPAL_KINDS = {"AWS", "Service", "Federated", "CanonicalUser"}
_VENDOR = re.compile(r"[a-zA-Z0-9\-.]+|\*")
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]*\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal)")
_ACCOUNT = re.compile(r"\d{12}")
_IAM_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:(iam|sts)::\d{12}:.+")
_TRUST_ACTIONS = {
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:tagsession",
    "sts:setsourceidentity",
    "sts:setcontext",
    "sts:*",
}
# A condition operator is a name, perhaps with a set prefix and an existence suffix.
_OPERATOR = re.compile(
    r"((ForAllValues|ForAnyValue):)?"
    r"(String(Not)?(Equals(IgnoreCase)?|Like)|Numeric(Not)?(Equals)|Numeric(LessThan|GreaterThan)(Equals)?"
    r"|Date(Not)?Equals|Date(LessThan|GreaterThan)(Equals)?|Bool|BinaryEquals|(Not)?IpAddress"
    r"|Arn(Not)?(Equals|Like)|Null)(IfExists)?",
    re.IGNORECASE,
)

Statement = Mapping[str, object]


def check_permissions_policy(document: str, *, is_inline: bool = False) -> None:
    """Raise MalformedPolicyDocument unless `document` is a policy that grants or denies permissions.

    An inline one may be of the older version, which one without a version is: SAM's policy templates are such.
    """
    policy = _parsed(document, _SYNTAX)
    allowed = (None, *_VERSIONS) if is_inline else _VERSIONS[:1]
    if policy.get("Version") not in allowed:
        raise malformed_policy("Policy document must be version 2012-10-17 or greater.")
    for statement in _checked_statements(policy):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise malformed_policy("Policy document should not specify a principal.")
        if "Action" not in statement and "NotAction" not in statement:
            raise malformed_policy("Policy statement must contain actions.")
        if "Resource" not in statement and "NotResource" not in statement:
            raise malformed_policy("Policy statement must contain resources.")
        for resource in (*_strings(statement.get("Resource", [])), *_strings(statement.get("NotResource", []))):
            _check_resource(resource)


def check_trust_policy(document: str) -> list[str]:
    """Raise MalformedPolicyDocument unless `document` may say who assumes a role.

    Returns the ARNs of the IAM principals it names, of which AWS demands that they exist.
    """
    policy = _parsed(document, "This policy contains invalid Json")
    version = policy.get("Version", _VERSIONS[1])
    if version not in _VERSIONS:
        raise malformed_policy(_SYNTAX)
    named: list[str] = []
    for statement in _checked_statements(policy):
        if "Resource" in statement or "NotResource" in statement:
            raise malformed_policy("Has prohibited field Resource")
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise malformed_policy("Missing required field Principal")
        if "Action" not in statement:
            raise malformed_policy("Missing required field Action")
        if any(action.lower() not in _TRUST_ACTIONS for action in _strings(statement["Action"])):
            raise malformed_policy("AssumeRole policy may only specify STS AssumeRole actions.")
        named += _checked_principals(statement.get("Principal", statement.get("NotPrincipal")))
    return named


def _parsed(document: str, complaint: str) -> Mapping[str, object]:
    try:
        policy = json.loads(document, object_pairs_hook=_without_repeated_keys)
    except ValueError as error:
        raise malformed_policy(complaint) from error
    if not isinstance(policy, dict) or not set(policy) <= _POLICY_KEYS or not isinstance(policy.get("Id", ""), str):
        raise malformed_policy(_SYNTAX)
    return policy


def _without_repeated_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is repeated")
    return found


def _checked_statements(policy: Mapping[str, object]) -> Iterator[Statement]:
    statements = policy.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise malformed_policy(_SYNTAX)
    seen: set[str] = set()
    for statement in statements:
        if not isinstance(statement, dict):
            raise malformed_policy(_SYNTAX)
        _check_statement(statement)
        sid = statement.get("Sid", "")
        if sid and sid in seen:
            raise malformed_policy("Statement IDs (SID) in a single policy must be unique.")
        seen.add(sid)
        yield statement


def _check_statement(statement: Statement) -> None:
    well_formed = (
        set(statement) <= _STATEMENT_KEYS
        and statement.get("Effect") in {"Allow", "Deny"}
        and isinstance(statement.get("Sid", ""), str)
        and not any(name in statement and f"Not{name}" in statement for name in ("Action", "Resource", "Principal"))
    )
    if not well_formed:
        raise malformed_policy(_SYNTAX)
    _check_conditions(statement.get("Condition", {}))
    for action in (*_strings(statement.get("Action", ["*"])), *_strings(statement.get("NotAction", ["*"]))):
        _check_action(action)


def _strings(value: object) -> list[str]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise malformed_policy(_SYNTAX)
    return values


def _check_conditions(conditions: object) -> None:
    if not isinstance(conditions, dict):
        raise malformed_policy(_SYNTAX)
    for operator, keys in conditions.items():
        if not _OPERATOR.fullmatch(operator) or not isinstance(keys, dict):
            raise malformed_policy(_SYNTAX)
        if any(isinstance(value, dict) for value in keys.values()):
            raise malformed_policy(_SYNTAX)


def _check_action(action: str) -> None:
    if action == "*":
        return
    vendor, colon, name = action.partition(":")
    if not colon:
        raise malformed_policy("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if ":" in name:
        raise malformed_policy("Actions/Condition can contain only one colon.")
    if not _VENDOR.fullmatch(vendor):
        raise malformed_policy(f"Vendor {vendor} is not valid")


def _check_resource(resource: str) -> None:
    # A resource may be a pattern as short as "*", or "arn:*" and the like.
    if resource == "*" or "*" in resource.partition(":")[0]:
        return
    prefix, _, rest = resource.partition(":")
    if prefix != "arn" or not rest:
        raise malformed_policy(f'Resource {resource} must be in ARN format or "*".')
    if rest.count(":") < 4 and "*" not in rest:
        raise malformed_policy(f'Resource {resource} must be in ARN format or "*".')


def _checked_principals(principal: object) -> list[str]:
    if principal == "*":
        return []
    if not isinstance(principal, dict) or not principal or not set(principal) <= _PRINCIPAL_KINDS:
        raise malformed_policy(_SYNTAX)
    named = []
    for kind, values in principal.items():
        for value in _strings(values):
            if kind == "Service" and not _SERVICE.fullmatch(value):
                raise invalid_principal("SERVICE", value)
            if kind == "AWS" and not (value == "*" or _ACCOUNT.fullmatch(value)):
                if not _IAM_PRINCIPAL.fullmatch(value) and not value.startswith(("AROA", "AIDA")):
                    raise invalid_principal("AWS", value)
                named.append(value)
    return named


def invalid_principal(kind: str, value: str) -> Exception:
    """Return the error for a principal that does not exist or has no such form."""
    return malformed_policy(f'Invalid principal in policy: "{kind}":"{value}"')
