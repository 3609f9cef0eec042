"""EventBridge Scheduler's errors, with AWS's codes and messages."""

from __future__ import annotations

from lambent.cloud.errors import ServiceError


def schedule_not_found(name: str) -> ServiceError:
    """Return the error for a schedule that is not there."""
    return ServiceError("ResourceNotFoundException", f"Schedule {name} does not exist.", status=404)


def group_not_found(name: str) -> ServiceError:
    """Return the error for a schedule group that is not there."""
    return ServiceError("ResourceNotFoundException", f"Schedule group {name} does not exist.", status=404)


def schedule_exists(name: str) -> ServiceError:
    """Return the error for a second schedule of one name in a group."""
    return conflict(f"Schedule {name} already exists.")


def group_exists(name: str) -> ServiceError:
    """Return the error for a second schedule group of one name."""
    return conflict(f"Schedule group {name} already exists.")


def conflict(message: str) -> ServiceError:
    """Return ConflictException."""
    return ServiceError("ConflictException", message, status=409)


def validation(message: str) -> ServiceError:
    """Return ValidationException."""
    return ServiceError("ValidationException", message)


def role_not_assumable() -> ServiceError:
    """Return the error for an execution role that Scheduler may not assume."""
    return validation("The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
