"""IAM's errors, with AWS's codes, messages and statuses."""

from __future__ import annotations

from lambent.cloud.errors import ServiceError


def no_such_entity(message: str) -> ServiceError:
    """Return NoSuchEntity."""
    return ServiceError("NoSuchEntity", message, status=404)


def already_exists(message: str) -> ServiceError:
    """Return EntityAlreadyExists."""
    return ServiceError("EntityAlreadyExists", message, status=409)


def delete_conflict(what_first: str) -> ServiceError:
    """Return DeleteConflict for an entity that still has something; `what_first` says what must go before it."""
    return ServiceError("DeleteConflict", f"Cannot delete entity, must {what_first} first.", status=409)


def policy_conflict(message: str) -> ServiceError:
    """Return DeleteConflict for a managed policy or one of its versions."""
    return ServiceError("DeleteConflict", message, status=409)


def limit_exceeded(message: str) -> ServiceError:
    """Return LimitExceeded."""
    return ServiceError("LimitExceeded", message, status=409)


def invalid_input(message: str) -> ServiceError:
    """Return InvalidInput."""
    return ServiceError("InvalidInput", message)


def validation_error(message: str) -> ServiceError:
    """Return ValidationError."""
    return ServiceError("ValidationError", message)


def malformed_policy(message: str) -> ServiceError:
    """Return MalformedPolicyDocument."""
    return ServiceError("MalformedPolicyDocument", message)


def role_not_found(name: str) -> ServiceError:
    """Return the error for a role that is not there."""
    return no_such_entity(f"The role with name {name} cannot be found.")


def user_not_found(name: str) -> ServiceError:
    """Return the error for a user that is not there."""
    return no_such_entity(f"The user with name {name} cannot be found.")


def profile_not_found(name: str) -> ServiceError:
    """Return the error for an instance profile that is not there."""
    return no_such_entity(f"Instance Profile {name} cannot be found.")


def policy_not_found(arn: str) -> ServiceError:
    """Return the error for a managed policy that is not there."""
    return no_such_entity(f"Policy {arn} was not found.")


def protected_role(name: str) -> ServiceError:
    """Return the error for changing a service-linked role, which only its service may do."""
    return ServiceError(
        "UnmodifiableEntity",
        f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS",
    )
