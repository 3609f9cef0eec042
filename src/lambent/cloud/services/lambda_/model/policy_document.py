"""A whole policy document, as PutResourcePolicy is given it: read, and refused where it is none.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.model.function import JsonValue
from lambent.cloud.services.lambda_.model.policy import Policy, Statement

_VERSIONS = {"2012-10-17", "2008-10-17"}
# Of each pair a statement of a resource policy has exactly one.
_ELEMENTS = (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))
_KNOWN = {"Sid", "Effect", "Condition", *(name for pair in _ELEMENTS for name in pair)}


def parse_policy(text: str, revision_id: str) -> Policy:
    """Return the policy a document makes, under a revision.

    Raises InvalidParameterValueException for a text that is no policy, PublicPolicyException for a policy that lets in
    everybody whatever the circumstances.
    """
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _malformed(f"it is not JSON: {error}") from error
    if not isinstance(document, dict) or not document.keys() <= {"Version", "Id", "Statement"}:
        raise _malformed("it must be an object of Version, Id and Statement")
    if document.get("Version", "2012-10-17") not in _VERSIONS:
        raise _malformed(f"Version {document['Version']} is not known")
    given = document.pop("Statement", None)
    statements = given if isinstance(given, list) else [given]
    policy = Policy(tuple(_statement(each) for each in statements), revision_id, frame=document)
    if not policy.statements:
        raise _malformed("it has no Statement")
    ids = [each["Sid"] for each in policy.statements if "Sid" in each]
    if len(ids) != len(set(map(str, ids))):
        raise _malformed("each Sid must be of one statement only")
    if any(_is_public(each) for each in policy.statements):
        raise errors.public_policy()
    return policy


def _statement(given: object) -> Statement:
    if not isinstance(given, dict) or not given.keys() <= _KNOWN:
        raise _malformed("each Statement must be an object of a statement's elements")
    if given.get("Effect") not in {"Allow", "Deny"}:
        raise _malformed("each Statement needs an Effect, Allow or Deny")
    for pair in _ELEMENTS:
        if sum(name in given for name in pair) != 1:
            raise _malformed(f"each Statement needs either {pair[0]} or {pair[1]}")
    if not isinstance(given.get("Condition", {}), dict):
        raise _malformed("a Condition must be an object of operators")
    return given


def _is_public(statement: Statement) -> bool:
    return statement["Effect"] == "Allow" and not statement.get("Condition") and _names_everybody(statement)


def _names_everybody(statement: Statement) -> bool:
    principal: JsonValue = statement.get("Principal")
    if "NotPrincipal" in statement or principal == "*":
        return True
    named = principal.get("AWS") if isinstance(principal, Mapping) else None
    return named == "*" or (isinstance(named, list) and "*" in named)


def _malformed(reason: str) -> Exception:
    return errors.invalid_parameter(f"The provided policy is not valid: {reason}.")
