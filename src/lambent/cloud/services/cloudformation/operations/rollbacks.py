"""What rollbacks are asked to do: where a stack may go from where it is, and what is left alone on the way."""

from __future__ import annotations

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.cloudformation import errors, repository
from lambent.cloud.services.cloudformation.model.events import STACK_TYPE
from lambent.cloud.services.cloudformation.model.stack import HOST, ResourceStatus, Stack
from lambent.cloud.services.cloudformation.model.states import StackStatus
from lambent.cloud.store.unit_of_work import Reader

_S = StackStatus
_BEING_DELETED = frozenset({_S.DELETE_IN_PROGRESS, _S.DELETE_COMPLETE, _S.DELETE_FAILED})


def is_by_the_stack_around(context: RequestContext) -> bool:
    """Return whether it is the engine that asks, for a stack nested in another."""
    return context.caller.via == HOST


def require_outermost(context: RequestContext, stack: Stack) -> None:
    """Raise ServiceError where a user asks of a nested stack what only the stack around it is asked."""
    if stack.parent_id is not None and not is_by_the_stack_around(context):
        raise errors.invalid(f"ContinueUpdateRollback cannot be called on nested stack {stack.id}")


def where_to(context: RequestContext, stack: Stack) -> StackStatus:
    """Return the state in which a stack is rolled back. Raises ServiceError where there is nothing to roll back."""
    if stack.status is _S.CREATE_FAILED or (stack.status is _S.UPDATE_FAILED and stack.deployed is None):
        return _S.ROLLBACK_IN_PROGRESS
    is_held = stack.status is _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS and stack.is_held
    if stack.status is _S.UPDATE_FAILED or (is_held and is_by_the_stack_around(context)):
        return _S.UPDATE_ROLLBACK_IN_PROGRESS
    raise errors.wrong_state(stack, "rolled back")


def resources_to_skip(reader: Reader, stack: Stack, asked: Parameters) -> tuple[str, ...]:
    """Return what a continued rollback leaves alone, `Inner.A` for what is in a nested stack. Raises ServiceError."""
    named = tuple(asked.get("ResourcesToSkip") or ())
    if asked.get("ForceRollback"):
        if named:
            raise errors.invalid("ForceRollback and ResourcesToSkip are mutually exclusive.")
        return _failed(reader, stack)
    wrong = [name for name in named if not _may_be_skipped(reader, stack, name)]
    if wrong:
        raise errors.invalid(
            f"The following resource(s) can not be skipped because they are not in UPDATE_FAILED state: "
            f"[{', '.join(wrong)}]"
        )
    return named


def _failed(reader: Reader, stack: Stack) -> tuple[str, ...]:
    found: list[str] = []
    for row in repository.resources(reader, stack.id).values():
        if row.status is not ResourceStatus.UPDATE_FAILED:
            continue
        inner = repository.stack_by_id(reader, row.physical_id) if row.type == STACK_TYPE else None
        if inner is None or inner.status in _BEING_DELETED:
            found.append(row.logical_id)
        else:
            found += [f"{row.logical_id}.{name}" for name in _failed(reader, inner)]
    return tuple(found)


def _may_be_skipped(reader: Reader, stack: Stack, name: str) -> bool:
    first, _, rest = name.partition(".")
    row = repository.resource(reader, stack.id, first)
    if row is None:
        return False
    inner = repository.stack_by_id(reader, row.physical_id) if row.type == STACK_TYPE else None
    if rest:
        return inner is not None and _may_be_skipped(reader, inner, rest)
    is_failed = row.status is ResourceStatus.UPDATE_FAILED
    return is_failed and (inner is None or inner.status in _BEING_DELETED)
