"""Policies to a decision: whether policy documents let a principal carry out an action on a resource.

An explicit deny wins, then any allow; without either the answer is an implicit deny, and the caller decides what else
may allow (an identity policy beside a resource policy). Documents are parsed JSON, as the services store them.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from lambent.cloud.framework.conditions import LITERALS, ConditionKeys, holds, matches
from lambent.cloud.framework.context import Principal

Document = Mapping[str, object]

_VARIABLE = re.compile(r"\$\{([^},]+)(?:,\s*'([^']*)')?\}")
_ROOT_ARN = re.compile(r"arn:[^:]+:iam::(\d{12}):root")
_ASSUMED_ROLE = re.compile(r"arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)/.+")

_NAMED_BY_REGION = frozenset({"logs"})


class Decision(Enum):
    """What policies say of a request."""

    ALLOW = auto()
    EXPLICIT_DENY = auto()
    IMPLICIT_DENY = auto()


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """One thing a principal wants to do: `action` is `lambda:InvokeFunction`, `resource` an ARN.

    `keys` are condition keys as AWS writes them (`aws:SourceArn`), besides those that follow from the principal.
    """

    principal: Principal
    action: str
    resource: str
    keys: ConditionKeys = field(default_factory=dict)

    def condition_keys(self) -> ConditionKeys:
        """Return every condition key of the request in lower case, those that follow from the principal included."""
        caller = self.principal
        known: dict[str, str | Sequence[str]] = {
            "aws:principalaccount": caller.account,
            "aws:principalarn": role_of(caller) or caller.arn,
            "aws:userid": caller.user_id,
        }
        if caller.kind == "service":
            known = {"aws:principalservicename": caller.arn, "aws:sourceaccount": caller.account}
        elif caller.kind == "user":
            known["aws:username"] = caller.arn.rpartition("/")[2]
        if caller.source_arn is not None:
            known["aws:sourcearn"] = caller.source_arn
        known.update({key.lower(): value for key, value in self.keys.items()})
        return known


def decide(documents: Iterable[Document], request: AccessRequest) -> Decision:
    """Return what the documents together say.

    Statements without a Principal are an identity policy's and speak of whoever it is attached to; those without a
    Resource are a trust policy's and speak of the role itself.
    """
    keys = request.condition_keys()
    decision = Decision.IMPLICIT_DENY
    for statement in _statements(documents):
        if not _applies(statement, request, keys):
            continue
        if statement.get("Effect") == "Deny":
            return Decision.EXPLICIT_DENY
        if statement.get("Effect") == "Allow":
            decision = Decision.ALLOW
    return decision


def role_of(principal: Principal) -> str | None:
    """Return the ARN of the role behind a session, as far as a session's ARN tells it (the role's path is lost)."""
    found = _ASSUMED_ROLE.fullmatch(principal.arn)
    return f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}" if found else None


def _statements(documents: Iterable[Document]) -> Iterable[Mapping[str, object]]:
    for document in documents:
        for statement in _listed(document.get("Statement")):
            if isinstance(statement, Mapping):
                yield statement


def _applies(statement: Mapping[str, object], request: AccessRequest, keys: ConditionKeys) -> bool:
    return (
        _principal_fits(statement, request.principal)
        and _action_fits(statement, request.action)
        and _resource_fits(statement, request.resource, keys)
        and ("Condition" not in statement or holds(_filled_in(statement["Condition"], keys), keys))
    )


def _principal_fits(statement: Mapping[str, object], principal: Principal) -> bool:
    if "NotPrincipal" in statement:
        return not _is_named(statement["NotPrincipal"], principal)
    return "Principal" not in statement or _is_named(statement["Principal"], principal)


def _is_named(named: object, principal: Principal) -> bool:
    if named == "*":
        return True
    if not isinstance(named, Mapping):
        return False
    return any(
        _names_principal(str(kind), str(name), principal) for kind, names in named.items() for name in _listed(names)
    )


def _names_principal(kind: str, name: str, principal: Principal) -> bool:
    if kind == "Service":
        return principal.kind == "service" and name in {principal.arn, _regional(principal)}
    if kind != "AWS":
        return principal.arn == name
    if name == "*":
        return True
    if principal.kind == "service":
        return False
    root = _ROOT_ARN.fullmatch(name)
    if root is not None or (len(name) == 12 and name.isdigit()):
        # Naming an account hands the decision to it: whoever is of that account is meant.
        return principal.account == (root[1] if root else name)
    if principal.arn == name:
        return True
    session_of = _ASSUMED_ROLE.fullmatch(principal.arn)
    role = re.fullmatch(r"arn:[^:]+:iam::(\d{12}):role/(?:.*/)?([^/]+)", name)
    return session_of is not None and role is not None and (session_of[2], session_of[3]) == (role[1], role[2])


def _regional(principal: Principal) -> str:
    """Return a service's name with the region of what it acts for, as many policies name CloudWatch Logs.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html has had both forms.
    """
    service, _, domain = principal.arn.partition(".")
    region = (principal.source_arn or "").split(":")[3:4]
    return ".".join((service, *region, domain)) if service in _NAMED_BY_REGION else principal.arn


def _action_fits(statement: Mapping[str, object], action: str) -> bool:
    wanted = action.lower()
    if "NotAction" in statement:
        return not any(matches(str(each).lower(), wanted) for each in _listed(statement["NotAction"]))
    return any(matches(str(each).lower(), wanted) for each in _listed(statement.get("Action")))


def _resource_fits(statement: Mapping[str, object], resource: str, keys: ConditionKeys) -> bool:
    if "NotResource" in statement:
        return not any(_resource_is(str(each), resource, keys) for each in _listed(statement["NotResource"]))
    if "Resource" not in statement:
        return True
    return any(_resource_is(str(each), resource, keys) for each in _listed(statement["Resource"]))


def _resource_is(pattern: str, resource: str, keys: ConditionKeys) -> bool:
    filled = _fill_in(pattern, keys)
    return filled is not None and matches(filled, resource)


def _filled_in(value: object, keys: ConditionKeys) -> object:
    """Return a Condition element with its policy variables filled in."""
    if isinstance(value, str):
        return _fill_in(value, keys)
    if isinstance(value, Mapping):
        return {key: _filled_in(each, keys) for key, each in value.items()}
    if isinstance(value, Sequence):
        return [filled for each in value if (filled := _filled_in(each, keys)) is not None]
    return value


def _fill_in(text: str, keys: ConditionKeys) -> str | None:
    """Return `text` with `${aws:username}` and the like filled in; None where one has no value and no default."""
    if "${" not in text:
        return text
    missing = False

    def value_of(variable: re.Match[str]) -> str:
        nonlocal missing
        name, default = variable[1], variable[2]
        if name in LITERALS:
            return LITERALS[name]
        value = keys.get(name.lower(), default)
        if not isinstance(value, str):
            missing = True
            return ""
        return value

    filled = _VARIABLE.sub(value_of, text)
    return None if missing else filled


def _listed(value: object) -> Sequence[object]:
    if value is None:
        return ()
    return value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
