"""Bucket policies: what AWS takes for one, and whether it makes the bucket public.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

import orjson

from lambent.cloud.framework.conditions import matches
from lambent.cloud.services.s3.configurations.actions import BUCKET_ACTIONS, OBJECT_ACTIONS
from lambent.cloud.services.s3.configurations.errors import malformed_policy

Policy = Mapping[str, Any]  # Any: JSON of a policy

_VERSIONS = frozenset({"2008-10-17", "2012-10-17"})
_AWS_PRINCIPAL = re.compile(r"\*|\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:.+|[0-9A-F]{64}|A[A-Z0-9]{15,}", re.IGNORECASE)
_FIXED_KEYS = frozenset(
    {
        "aws:sourcearn",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:sourceowner",
        "aws:sourceaccount",
        "aws:userid",
        "aws:principalarn",
        "aws:principalaccount",
        "aws:principalorgid",
        "aws:sourceorgid",
        "s3:dataaccesspointarn",
        "s3:dataaccesspointaccount",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
_WIDEST_V4 = 8
_WIDEST_V6 = 32


def checked(text: str, bucket_arn: str) -> Policy:
    """Return the policy in a text; raises MalformedPolicy as S3 words it."""
    if not text.startswith("{"):
        raise malformed_policy("Policies must be valid JSON and the first byte must be '{'")
    try:
        policy: Policy = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise malformed_policy("Policies must be valid JSON and the first byte must be '{'") from error
    if "Statement" not in policy:
        raise malformed_policy("Missing required field Statement")
    if policy.get("Version", "2008-10-17") not in _VERSIONS:
        raise malformed_policy("The policy must contain a valid version string")
    statements = _listed(policy["Statement"])
    if not statements:
        raise malformed_policy("Could not parse the policy: Statement is empty!")
    for statement in statements:
        if not isinstance(statement, Mapping):
            raise malformed_policy("Invalid policy syntax.")
        _check_statement(statement, bucket_arn)
    return policy


def is_public(policy: Policy) -> bool:
    """Whether a policy allows anything to everybody, without a condition that names fixed values."""
    return any(
        isinstance(statement, Mapping)
        and statement.get("Effect") == "Allow"
        and _is_for_everybody(statement)
        and not _is_fixed(statement.get("Condition"))
        for statement in _listed(policy.get("Statement"))
    )


def _check_statement(statement: Policy, bucket_arn: str) -> None:
    for one, other in (("Effect", "Effect"), ("Principal", "NotPrincipal"), ("Action", "NotAction")):
        if one not in statement and other not in statement:
            raise malformed_policy(f"Missing required field {one}")
    if statement["Effect"] not in {"Allow", "Deny"}:
        raise malformed_policy(f"Invalid effect: {statement['Effect']}")
    if "Resource" not in statement and "NotResource" not in statement:
        raise malformed_policy("Missing required field Resource")
    for kind, name in _principals(statement.get("Principal", statement.get("NotPrincipal"))):
        if kind == "AWS" and not _AWS_PRINCIPAL.fullmatch(name):
            raise malformed_policy("Invalid principal in policy")
    resources = [str(each) for each in _listed(statement.get("Resource", statement.get("NotResource")))]
    for resource in resources:
        if resource != "*" and not _is_of_bucket(resource, bucket_arn):
            raise malformed_policy("Policy has invalid resource")
    for action in map(str, _listed(statement.get("Action"))):
        _check_action(action, resources if "Resource" in statement else ("*",))


def _check_action(action: str, resources: Sequence[str]) -> None:
    of_objects, of_bucket = _reaches(action, OBJECT_ACTIONS), _reaches(action, BUCKET_ACTIONS)
    if not of_objects and not of_bucket:
        raise malformed_policy("Policy has invalid action")
    has_bucket = any("/" not in each for each in resources)
    has_objects = any("/" in each or each.endswith("*") for each in resources)
    if not ((of_objects and has_objects) or (of_bucket and has_bucket)):
        raise malformed_policy("Action does not apply to any resource(s) in statement")


def _reaches(pattern: str, actions: frozenset[str]) -> bool:
    return any(matches(pattern.lower(), action.lower()) for action in actions)


def _is_of_bucket(resource: str, bucket_arn: str) -> bool:
    beginning, _, _ = resource.partition("/")
    return matches(beginning, bucket_arn)


def _principals(named: object) -> Iterator[tuple[str, str]]:
    if named == "*":
        yield "AWS", "*"
    elif isinstance(named, Mapping):
        for kind, names in named.items():
            for name in _listed(names):
                yield str(kind), str(name)
    else:
        raise malformed_policy("Invalid principal in policy")


def _is_for_everybody(statement: Policy) -> bool:
    if "Principal" not in statement:
        return True
    return any((kind, name) == ("AWS", "*") for kind, name in _principals(statement["Principal"]))


def _is_fixed(condition: object) -> bool:
    """Whether a condition holds for named callers alone."""
    if not isinstance(condition, Mapping):
        return False
    return any(
        _names_callers(str(key).lower(), [str(value) for value in _listed(values)])
        for operator, wanted in condition.items()
        if "Not" not in str(operator) and not str(operator).endswith("IfExists") and isinstance(wanted, Mapping)
        for key, values in wanted.items()
    )


def _names_callers(key: str, values: Sequence[str]) -> bool:
    if key == "aws:sourceip":
        return all(_is_narrow(value) for value in values)
    return key in _FIXED_KEYS and not any("*" in value or "?" in value or "${" in value for value in values)


def _is_narrow(network: str) -> bool:
    try:
        found = ip_network(network, strict=False)
    except ValueError:
        return False
    return found.prefixlen >= (_WIDEST_V4 if found.version == 4 else _WIDEST_V6)


def _listed(value: object) -> Sequence[object]:
    if value is None:
        return ()
    return value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
