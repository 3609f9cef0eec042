"""CloudFormation's errors, with AWS's codes and messages."""

from __future__ import annotations

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.model.stack import Stack


def invalid(message: str) -> ServiceError:
    """Return the error for a request that cannot be carried out as it is."""
    return ServiceError("ValidationError", message)


def no_such_stack(name: str) -> ServiceError:
    """Return the error for a stack that is not there."""
    return invalid(f"Stack with id {name} does not exist")


def stack_exists(name: str) -> ServiceError:
    """Return the error for a second stack of one name."""
    return ServiceError("AlreadyExistsException", f"Stack [{name}] already exists")


def wrong_state(stack: Stack, verb: str) -> ServiceError:
    """Return the error for what a stack's state does not allow; `verb` is `updated`, `deleted` and so on."""
    return invalid(f"Stack:{stack.id} is in {stack.status} state and can not be {verb}.")


def no_changes() -> ServiceError:
    """Return the error for an update that would change nothing."""
    return invalid("No updates are to be performed.")


def no_such_change_set(name: str) -> ServiceError:
    """Return the error for a change set that is not there."""
    return ServiceError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", status=404)


def needs_capabilities(names: str) -> ServiceError:
    """Return the error for a template whose effects the caller has not acknowledged."""
    return ServiceError("InsufficientCapabilitiesException", f"Requires capabilities : [{names}]")
