"""Requests against the constraints of Lambda's service model, as far as AWS checks them before Lambda sees them."""

from __future__ import annotations

from functools import cache

from lambent.aws.service_models import Operation, service_model
from lambent.cloud.framework.service import Parameters
from lambent.cloud.protocol.validate import violations
from lambent.cloud.services.lambda_ import errors

# Lambda itself checks these, in words of its own (InvalidParameterValueException).
_LEFT_TO_LAMBDA = ("at 'runtime' failed to satisfy constraint: Member must satisfy enum value set",)
# Enumerations that AWS, as seen there, does not print in the order of a HashSet.
_REORDERED = {"[TRIM_HORIZON, LATEST, AT_TIMESTAMP]": "[LATEST, AT_TIMESTAMP, TRIM_HORIZON]"}


def check_model(operation: str, parameters: Parameters) -> None:
    """Raise ValidationException, as AWS words it, for parameters that the model does not allow."""
    known = _operation(operation)
    found = [] if known is None else violations(known, parameters)
    if found:
        found = [_as_seen(each) for each in found if not any(left in each for left in _LEFT_TO_LAMBDA)]
    if found:
        raise errors.validation(*found)


def _as_seen(violation: str) -> str:
    for order, seen in _REORDERED.items():
        violation = violation.replace(order, seen)
    return violation


@cache
def _operation(name: str) -> Operation | None:
    return service_model("lambda").operation(name)
