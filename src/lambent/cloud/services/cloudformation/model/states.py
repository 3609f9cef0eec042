"""The states of stacks and resources, and the moves between them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html#cfn-console-view-stack-data-resources-status-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class StackStatus(StrEnum):
    """What a stack is doing, or how it ended."""

    REVIEW_IN_PROGRESS = "REVIEW_IN_PROGRESS"
    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_FAILED = "CREATE_FAILED"
    CREATE_COMPLETE = "CREATE_COMPLETE"
    ROLLBACK_IN_PROGRESS = "ROLLBACK_IN_PROGRESS"
    ROLLBACK_FAILED = "ROLLBACK_FAILED"
    ROLLBACK_COMPLETE = "ROLLBACK_COMPLETE"
    UPDATE_IN_PROGRESS = "UPDATE_IN_PROGRESS"
    UPDATE_COMPLETE_CLEANUP_IN_PROGRESS = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    UPDATE_COMPLETE = "UPDATE_COMPLETE"
    UPDATE_FAILED = "UPDATE_FAILED"
    UPDATE_ROLLBACK_IN_PROGRESS = "UPDATE_ROLLBACK_IN_PROGRESS"
    UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
    UPDATE_ROLLBACK_COMPLETE = "UPDATE_ROLLBACK_COMPLETE"
    UPDATE_ROLLBACK_FAILED = "UPDATE_ROLLBACK_FAILED"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_FAILED = "DELETE_FAILED"
    DELETE_COMPLETE = "DELETE_COMPLETE"

    @property
    def is_in_progress(self) -> bool:
        """Whether an operation is under way."""
        return self.value.endswith("IN_PROGRESS") and self is not StackStatus.REVIEW_IN_PROGRESS


_S = StackStatus
# What CloudFormation lets be asked of a stack in each state.
UPDATABLE = frozenset({
    _S.CREATE_COMPLETE, _S.UPDATE_COMPLETE, _S.UPDATE_ROLLBACK_COMPLETE, _S.CREATE_FAILED, _S.UPDATE_FAILED,
})  # fmt: skip
# What a rollback goes back to, as it was when the operation began.
STABLE = frozenset({_S.CREATE_COMPLETE, _S.UPDATE_COMPLETE, _S.UPDATE_ROLLBACK_COMPLETE})
_DELETING = frozenset({_S.DELETE_IN_PROGRESS})
_MOVES: Mapping[StackStatus, frozenset[StackStatus]] = {
    _S.REVIEW_IN_PROGRESS: frozenset({_S.CREATE_IN_PROGRESS}) | _DELETING,
    _S.CREATE_IN_PROGRESS: frozenset({_S.CREATE_COMPLETE, _S.CREATE_FAILED, _S.ROLLBACK_IN_PROGRESS}) | _DELETING,
    _S.CREATE_FAILED: frozenset({_S.ROLLBACK_IN_PROGRESS, _S.UPDATE_IN_PROGRESS}) | _DELETING,
    _S.CREATE_COMPLETE: frozenset({_S.UPDATE_IN_PROGRESS}) | _DELETING,
    _S.ROLLBACK_IN_PROGRESS: frozenset({_S.ROLLBACK_COMPLETE, _S.ROLLBACK_FAILED}),
    _S.ROLLBACK_COMPLETE: _DELETING,
    _S.ROLLBACK_FAILED: _DELETING,
    # A stack that was never stable has nothing to go back to: its update that fails is rolled back like a creation.
    _S.UPDATE_IN_PROGRESS: frozenset({
        _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS, _S.UPDATE_ROLLBACK_IN_PROGRESS, _S.UPDATE_FAILED,
        _S.ROLLBACK_IN_PROGRESS,
    }),
    # A nested stack's clean-up waits for the stack around it, whose rollback takes it back.
    _S.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: frozenset({_S.UPDATE_COMPLETE, _S.UPDATE_ROLLBACK_IN_PROGRESS}),
    _S.UPDATE_COMPLETE: frozenset({_S.UPDATE_IN_PROGRESS}) | _DELETING,
    _S.UPDATE_FAILED: frozenset({
        _S.UPDATE_ROLLBACK_IN_PROGRESS, _S.UPDATE_IN_PROGRESS, _S.ROLLBACK_IN_PROGRESS,
    }) | _DELETING,
    _S.UPDATE_ROLLBACK_IN_PROGRESS: frozenset({
        _S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS, _S.UPDATE_ROLLBACK_FAILED,
    }),
    _S.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: frozenset({_S.UPDATE_ROLLBACK_COMPLETE}),
    _S.UPDATE_ROLLBACK_COMPLETE: frozenset({_S.UPDATE_IN_PROGRESS}) | _DELETING,
    _S.UPDATE_ROLLBACK_FAILED: frozenset({_S.UPDATE_ROLLBACK_IN_PROGRESS}) | _DELETING,
    _S.DELETE_IN_PROGRESS: frozenset({_S.DELETE_COMPLETE, _S.DELETE_FAILED}),
    _S.DELETE_FAILED: _DELETING,
    _S.DELETE_COMPLETE: frozenset(),
}  # fmt: skip


class WrongMoveError(Exception):
    """A stack was to go where it cannot go from where it is."""


def moved(now: StackStatus, to: StackStatus) -> StackStatus:
    """Return `to`. Raises WrongMoveError where the table does not allow the move."""
    if to not in _MOVES[now]:
        raise WrongMoveError(f"a stack in {now} does not become {to}")
    return to
