"""Requests against the constraints of Lambda's service model, as far as AWS checks them before Lambda sees them."""

from __future__ import annotations

import re
from functools import cache

from lambent.aws.service_models import Operation, service_model
from lambent.cloud.framework.service import Parameters
from lambent.cloud.protocol.validate import violations
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.model.runtimes import CREATABLE, KNOWN_TO_LAYERS

# Lambda itself checks these, in words of its own (InvalidParameterValueException).
_LEFT_TO_LAMBDA = ("at 'runtime' failed to satisfy constraint: Member must satisfy enum value set",)
# Enumerations that AWS, as seen there, does not print in the order of a HashSet.
_REORDERED = {"[TRIM_HORIZON, LATEST, AT_TIMESTAMP]": "[LATEST, AT_TIMESTAMP, TRIM_HORIZON]"}
_RUNTIMES = "Member must satisfy enum value set"
_PATTERN = "Member must satisfy regular expression pattern"
# Constraints that AWS, as seen there, prints otherwise than the model it publishes, by member.
_SEEN = {
    "compatibleRuntime": f"{_RUNTIMES}: [{', '.join(KNOWN_TO_LAYERS)}]",
    "compatibleRuntimes": f"{_RUNTIMES}: [{', '.join(CREATABLE)}]",
    "resource": (
        f"{_PATTERN}: arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{{2}}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{{1}}:\\d{{12}}:"
        r"(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|"
        r"code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-"
        r"[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)"
    ),
}
_MEMBER = re.compile(
    rf"(.* at '({'|'.join(_SEEN)})' failed to satisfy constraint: ).*(?:{_RUNTIMES}|{_PATTERN}).*", re.DOTALL
)
# Members that Lambda got later than those about them are checked after those.
_LATER = " at 'compatibleArchitectures' "


def check_model(operation: str, parameters: Parameters) -> None:
    """Raise ValidationException, as AWS words it, for parameters that the model does not allow."""
    known = _operation(operation)
    found = [] if known is None else violations(known, parameters)
    if found:
        found = [_as_seen(each) for each in found if not any(left in each for left in _LEFT_TO_LAMBDA)]
        found.sort(key=lambda each: _LATER in each)
    if found:
        raise errors.validation(*found)


def _as_seen(violation: str) -> str:
    for order, seen in _REORDERED.items():
        violation = violation.replace(order, seen)
    otherwise = _MEMBER.fullmatch(violation)
    return violation if otherwise is None else otherwise[1] + _SEEN[otherwise[2]]


@cache
def _operation(name: str) -> Operation | None:
    return service_model("lambda").operation(name)
