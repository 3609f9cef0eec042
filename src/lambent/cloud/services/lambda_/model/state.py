"""The states of a function version, and the moves AWS allows between them.

https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Whether a function version can be invoked."""

    PENDING = "Pending"
    ACTIVE = "Active"
    FAILED = "Failed"


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


# AWS says "created" while it updates, too.
_REASON = "The function is being created."
_REASON_CODE = "Creating"


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
        return self.state is not State.PENDING and self.update is not UpdateStatus.IN_PROGRESS


class IllegalMove(Exception):
    """The state machine was asked for a move it does not know."""


PENDING = Status(State.PENDING, _REASON, _REASON_CODE)
ACTIVE = Status(State.ACTIVE, update=UpdateStatus.SUCCESSFUL)
UPDATING = Status(State.ACTIVE, update=UpdateStatus.IN_PROGRESS, update_reason=_REASON, update_reason_code=_REASON_CODE)

_MOVES: dict[tuple[State, UpdateStatus | None, Event], tuple[State, UpdateStatus]] = {
    (State.PENDING, None, Event.PREPARED): (State.ACTIVE, UpdateStatus.SUCCESSFUL),
    (State.PENDING, None, Event.PREPARATION_FAILED): (State.FAILED, UpdateStatus.FAILED),
    (State.ACTIVE, UpdateStatus.SUCCESSFUL, Event.CHANGED): (State.ACTIVE, UpdateStatus.IN_PROGRESS),
    (State.ACTIVE, UpdateStatus.FAILED, Event.CHANGED): (State.ACTIVE, UpdateStatus.IN_PROGRESS),
    (State.ACTIVE, UpdateStatus.IN_PROGRESS, Event.PREPARED): (State.ACTIVE, UpdateStatus.SUCCESSFUL),
    (State.ACTIVE, UpdateStatus.IN_PROGRESS, Event.PREPARATION_FAILED): (State.ACTIVE, UpdateStatus.FAILED),
}


def move(status: Status, event: Event, *, reason: str | None = None, reason_code: str | None = None) -> Status:
    """Return the status after `event`; raises IllegalMove if the event cannot happen in this status.

    `reason` and `reason_code` say why a preparation failed.
    """
    target = _MOVES.get((status.state, status.update, event))
    if target is None:
        raise IllegalMove(f"{event} in {status.state}/{status.update}")
    state, update = target
    if update is UpdateStatus.IN_PROGRESS:
        return UPDATING
    if update is UpdateStatus.SUCCESSFUL:
        return ACTIVE
    failed = state is State.FAILED
    return Status(
        state,
        reason=reason if failed else None,
        reason_code=reason_code if failed else None,
        update=update,
        update_reason=reason,
        update_reason_code=reason_code,
    )
