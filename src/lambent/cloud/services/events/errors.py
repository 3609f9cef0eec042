"""EventBridge's errors, with AWS's codes and messages."""

from __future__ import annotations

from lambent.cloud.errors import ServiceError


def not_found(message: str) -> ServiceError:
    """Return ResourceNotFoundException."""
    return ServiceError("ResourceNotFoundException", message)


def bus_not_found(name: str) -> ServiceError:
    """Return the error for an event bus that is not there."""
    return not_found(f"Event bus {name} does not exist.")


def rule_not_found(name: str, bus: str) -> ServiceError:
    """Return the error for a rule that is not there."""
    return not_found(f"Rule {name} does not exist on EventBus {bus}.")


def already_exists(what: str, name: str) -> ServiceError:
    """Return the error for a second resource of one name."""
    return ServiceError("ResourceAlreadyExistsException", f"{what} {name} already exists.")


def invalid(message: str) -> ServiceError:
    """Return ValidationException."""
    return ServiceError("ValidationException", message)


def invalid_parameter(parameter: str, reason: str) -> ServiceError:
    """Return the error for a parameter that is not valid, for a reason."""
    return invalid(f"Parameter {parameter} is not valid. Reason: {reason}")


def invalid_pattern(reason: str) -> ServiceError:
    """Return the error for an event pattern that AWS does not take."""
    return ServiceError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")


def limit_exceeded() -> ServiceError:
    """Return the error for one more than there may be."""
    message = "The requested resource exceeds the maximum number allowed."
    return ServiceError("LimitExceededException", message)


def illegal_status(message: str) -> ServiceError:
    """Return IllegalStatusException."""
    return ServiceError("IllegalStatusException", message)


def disabled(message: str) -> ServiceError:
    """Return the error for an operation that there is not here."""
    return ServiceError("OperationDisabledException", message)


def cross_account_target(arn: str) -> ServiceError:
    """Return the error for a target of another account, of a kind that must be of the rule's."""
    message = f"Access to the resource {arn} is denied. Reason: Adding cross-account target is not permitted."
    return ServiceError("AccessDeniedException", message)


def not_let_in(caller: str, action: str, resource: str) -> ServiceError:
    """Return the error for who is of another account and whom the bus's policy does not let in."""
    message = (
        f"User: {caller} is not authorized to perform: {action} on resource: {resource}"
        f" because no resource-based policy allows the {action} action"
    )
    return ServiceError("AccessDeniedException", message)
