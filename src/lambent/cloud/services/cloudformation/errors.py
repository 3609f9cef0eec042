"""CloudFormation's errors, with AWS's codes and messages."""

from __future__ import annotations

from collections.abc import Sequence

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.model.stack import Stack


def invalid(message: str) -> ServiceError:
    """Return the error for a request that cannot be carried out as it is."""
    return ServiceError("ValidationError", message)


def unsatisfied(value: str, member: str, constraint: str) -> ServiceError:
    """Return the error for a member that its shape does not allow."""
    return invalid(f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}")  # fmt: skip  # noqa: E501 - a message in one piece


def not_offered(what: str) -> ServiceError:
    """Return the error for what AWS does and this platform does not."""
    return invalid(f"{what} is not offered here.")


def no_such_stack(name: str) -> ServiceError:
    """Return the error for a stack that is not there."""
    return invalid(f"Stack with id {name} does not exist")


def nothing_to_change(name: str) -> ServiceError:
    """Return the error for a stack that is to be changed and is not there."""
    return invalid(f"Stack [{name}] does not exist")


def stack_exists(name: str) -> ServiceError:
    """Return the error for a second stack of one name."""
    return ServiceError("AlreadyExistsException", f"Stack [{name}] already exists")


def wrong_state(stack: Stack, verb: str) -> ServiceError:
    """Return the error for what a stack's state does not allow; `verb` is `updated`, `deleted` and so on."""
    return invalid(f"Stack:{stack.id} is in {stack.status} state and can not be {verb}.")


def protected(name: str) -> ServiceError:
    """Return the error for the deletion of a stack that is protected from it."""
    return invalid(f"Stack [{name}] cannot be deleted while TerminationProtection is enabled")


def no_changes() -> ServiceError:
    """Return the error for an update that would change nothing."""
    return invalid("No updates are to be performed.")


def no_such_change_set(name: str) -> ServiceError:
    """Return the error for a change set that is not there."""
    return ServiceError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", status=404)


def needs_capabilities(names: str) -> ServiceError:
    """Return the error for a template whose effects the caller has not acknowledged."""
    return ServiceError("InsufficientCapabilitiesException", f"Requires capabilities : [{names}]")


def change_set_exists(name: str) -> ServiceError:
    """Return the error for a second change set of one name."""
    return ServiceError("AlreadyExistsException", f"ChangeSet [{name}] already exists")


def token_used(token: str) -> ServiceError:
    """Return the error for a token that another operation of the stack was asked for with."""
    return ServiceError("TokenAlreadyExistsException", f"A client request token already exists: {token}")


def no_such_type(name: str) -> ServiceError:
    """Return the error for a resource type that is not there."""
    return ServiceError("TypeNotFoundException", f"The type '{name}' cannot be found.", status=404)


def role_unusable(arn: str) -> ServiceError:
    """Return the error for a role that CloudFormation cannot act as."""
    return invalid(f"Role {arn} is invalid or cannot be assumed")


def types_changed(names: Sequence[str]) -> ServiceError:
    """Return the error for an update that would make another type of what is there."""
    return invalid(
        "Update of resource type is not permitted. The new template modifies resource type of the following resources: "
        f"[{', '.join(names)}]"
    )
