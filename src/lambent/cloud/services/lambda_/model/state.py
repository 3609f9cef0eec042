"""The states of a function version, and the moves AWS allows between them.

https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class State(StrEnum):
    """Whether a function version can be invoked."""

    PENDING = "Pending"
    ACTIVE = "Active"
    FAILED = "Failed"
    ACTIVE_NON_INVOCABLE = "ActiveNonInvocable"
    """On Managed Instances: ready to be published. Only what is published has capacity to run on."""
    DEACTIVATING = "Deactivating"
    DEACTIVATED = "Deactivated"
    DELETING = "Deleting"
    """On Managed Instances: capacity is given back after DeleteFunction has answered."""


class UpdateStatus(StrEnum):
    """How the last change of a function is getting on."""

    IN_PROGRESS = "InProgress"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"


class Event(StrEnum):
    """What can happen to a function version."""

    PREPARED = "prepared"
    PREPARATION_FAILED = "preparation failed"
    CHANGED = "changed"
    PREPARED_TO_PUBLISH = "prepared to publish"
    REPUBLISHED = "republished"
    SCALED_TO_ZERO = "scaled to zero"
    DRAINED = "drained"
    SCALED_UP = "scaled up"
    DELETED = "deleted"


# AWS says "created" while it updates, too.
_REASON = "The function is being created."
_REASON_CODE = "Creating"
# Except where $LATEST.PUBLISHED is published again.
_REPUBLISHED_REASON = "The function is being updated."


@dataclass(frozen=True, slots=True)
class Status:
    """A function version's state and the state of its last update, each with AWS's reason while there is one."""

    state: State
    reason: str | None = None
    reason_code: str | None = None
    update: UpdateStatus | None = None
    update_reason: str | None = None
    update_reason_code: str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether nothing is under way: only then may the version be changed or published."""
        under_way = self.state in {State.PENDING, State.DEACTIVATING, State.DELETING}
        return not under_way and self.update is not UpdateStatus.IN_PROGRESS


class IllegalMove(Exception):
    """The state machine was asked for a move it does not know."""


PENDING = Status(State.PENDING, _REASON, _REASON_CODE)
ACTIVE = Status(State.ACTIVE, update=UpdateStatus.SUCCESSFUL)
UPDATING = Status(State.ACTIVE, update=UpdateStatus.IN_PROGRESS, update_reason=_REASON, update_reason_code=_REASON_CODE)

_Move = tuple[State, UpdateStatus | None, Event]


def _of_a_managed_instance(update: UpdateStatus) -> dict[_Move, tuple[State, UpdateStatus | None]]:
    """Return the moves that a version can make whether its last update came off (`update`) or not."""
    changing = UpdateStatus.IN_PROGRESS
    return {
        (State.ACTIVE_NON_INVOCABLE, update, Event.CHANGED): (State.ACTIVE_NON_INVOCABLE, changing),
        (State.ACTIVE, update, Event.REPUBLISHED): (State.ACTIVE, changing),
        (State.ACTIVE, update, Event.SCALED_TO_ZERO): (State.DEACTIVATING, update),
        (State.DEACTIVATING, update, Event.DRAINED): (State.DEACTIVATED, update),
        (State.DEACTIVATED, update, Event.REPUBLISHED): (State.DEACTIVATED, update),
        (State.DEACTIVATED, update, Event.SCALED_UP): (State.PENDING, None),
    }


_MOVES: dict[_Move, tuple[State, UpdateStatus | None]] = {
    (State.PENDING, None, Event.PREPARED): (State.ACTIVE, UpdateStatus.SUCCESSFUL),
    (State.PENDING, None, Event.PREPARATION_FAILED): (State.FAILED, UpdateStatus.FAILED),
    (State.ACTIVE, UpdateStatus.SUCCESSFUL, Event.CHANGED): (State.ACTIVE, UpdateStatus.IN_PROGRESS),
    (State.ACTIVE, UpdateStatus.FAILED, Event.CHANGED): (State.ACTIVE, UpdateStatus.IN_PROGRESS),
    (State.ACTIVE, UpdateStatus.IN_PROGRESS, Event.PREPARED): (State.ACTIVE, UpdateStatus.SUCCESSFUL),
    (State.ACTIVE, UpdateStatus.IN_PROGRESS, Event.PREPARATION_FAILED): (State.ACTIVE, UpdateStatus.FAILED),
    (State.PENDING, None, Event.PREPARED_TO_PUBLISH): (State.ACTIVE_NON_INVOCABLE, UpdateStatus.SUCCESSFUL),
    (State.FAILED, UpdateStatus.FAILED, Event.REPUBLISHED): (State.PENDING, None),
    **{
        (state, update, Event.DELETED): (State.DELETING, None)
        for state in State
        if state is not State.DELETING
        for update in (None, *UpdateStatus)
    },
    **_of_a_managed_instance(UpdateStatus.SUCCESSFUL),
    **_of_a_managed_instance(UpdateStatus.FAILED),
    (State.ACTIVE_NON_INVOCABLE, UpdateStatus.IN_PROGRESS, Event.PREPARED_TO_PUBLISH): (
        State.ACTIVE_NON_INVOCABLE,
        UpdateStatus.SUCCESSFUL,
    ),
    (State.ACTIVE_NON_INVOCABLE, UpdateStatus.IN_PROGRESS, Event.PREPARATION_FAILED): (
        State.ACTIVE_NON_INVOCABLE,
        UpdateStatus.FAILED,
    ),
}


def move(status: Status, event: Event, *, reason: str | None = None, reason_code: str | None = None) -> Status:
    """Return the status after `event`; raises IllegalMove if the event cannot happen in this status.

    `reason` and `reason_code` say why a preparation failed.
    """
    target = _MOVES.get((status.state, status.update, event))
    if target is None:
        raise IllegalMove(f"{event} in {status.state}/{status.update}")
    state, update = target
    if state is State.PENDING:
        return PENDING
    if state is State.DELETING:
        return Status(state)
    if update is UpdateStatus.IN_PROGRESS:
        told = _REPUBLISHED_REASON if event is Event.REPUBLISHED else _REASON
        return Status(state, update=update, update_reason=told, update_reason_code=_REASON_CODE)
    if update is UpdateStatus.SUCCESSFUL:
        return Status(state, update=update)
    if event is not Event.PREPARATION_FAILED:
        return replace(status, state=state)
    failed = state is State.FAILED
    return Status(
        state,
        reason=reason if failed else None,
        reason_code=reason_code if failed else None,
        update=update,
        update_reason=reason,
        update_reason_code=reason_code,
    )
