"""The state machine of a version, aliases' choices, and the answers to outcomes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.invocation import answer_to
from lambent.cloud.services.lambda_.model.function import Alias
from lambent.cloud.services.lambda_.model.state import (
    ACTIVE,
    PENDING,
    UPDATING,
    Event,
    IllegalMove,
    State,
    UpdateStatus,
    move,
)
from lambent.cloud.store.scope import Scope
from lambent.dataplane import (
    Crashed,
    ExitKind,
    InitFailed,
    InvocationReport,
    InvocationStatus,
    ProcessExit,
    Throttled,
    ThrottleReason,
)

REPORT = InvocationReport("id", InvocationStatus.ERROR, 0.0, 1.0, 1.0, None, 1, 128, 40, "Runtime.ExitError")


def test_version_goes_from_pending_to_active_and_through_updates() -> None:
    assert move(PENDING, Event.PREPARED) == ACTIVE
    assert move(ACTIVE, Event.CHANGED) == UPDATING
    assert move(UPDATING, Event.PREPARED) == ACTIVE


def test_failed_preparation_fails_a_new_version_but_leaves_an_updated_one_active() -> None:
    new = move(PENDING, Event.PREPARATION_FAILED, reason="why", reason_code="InternalError")
    assert (new.state, new.reason, new.reason_code) == (State.FAILED, "why", "InternalError")
    updated = move(UPDATING, Event.PREPARATION_FAILED, reason="why", reason_code="InternalError")
    assert (updated.state, updated.reason, updated.update_reason) == (State.ACTIVE, None, "why")
    assert move(updated, Event.CHANGED) == UPDATING


def test_change_of_a_version_that_is_not_settled_is_no_move() -> None:
    for status in (PENDING, UPDATING):
        with pytest.raises(IllegalMove):
            move(status, Event.CHANGED)


def test_unpublished_version_on_managed_instances_is_active_without_being_invocable() -> None:
    ready = move(PENDING, Event.PREPARED_TO_PUBLISH)
    assert (ready.state, ready.update) == (State.ACTIVE_NON_INVOCABLE, UpdateStatus.SUCCESSFUL)
    changing = move(ready, Event.CHANGED)
    assert (changing.state, changing.is_settled) == (State.ACTIVE_NON_INVOCABLE, False)
    assert move(changing, Event.PREPARED_TO_PUBLISH) == ready
    failed = move(changing, Event.PREPARATION_FAILED, reason="why")
    assert (failed.state, failed.update, failed.update_reason) == (ready.state, UpdateStatus.FAILED, "why")
    assert move(failed, Event.CHANGED) == changing


def test_published_version_on_managed_instances_is_replaced_and_put_to_sleep() -> None:
    again = move(ACTIVE, Event.REPUBLISHED)
    assert (again.state, again.update_reason) == (State.ACTIVE, "The function is being updated.")
    going = move(ACTIVE, Event.SCALED_TO_ZERO)
    assert (going.state, going.is_settled) == (State.DEACTIVATING, False)
    gone = move(going, Event.DRAINED)
    assert (gone.state, gone.is_settled) == (State.DEACTIVATED, True)
    assert move(gone, Event.REPUBLISHED) == gone
    assert move(gone, Event.SCALED_UP) == PENDING
    broken = move(again, Event.PREPARATION_FAILED, reason="why")
    assert move(broken, Event.SCALED_TO_ZERO).update_reason == "why"
    new = move(PENDING, Event.PREPARATION_FAILED, reason="why")
    assert move(new, Event.REPUBLISHED) == PENDING
    with pytest.raises(IllegalMove):
        move(going, Event.SCALED_UP)


def test_version_is_deleted_from_every_state_but_only_once() -> None:
    for status in (PENDING, ACTIVE, UPDATING, move(ACTIVE, Event.SCALED_TO_ZERO)):
        deleting = move(status, Event.DELETED)
        assert (deleting.state, deleting.update, deleting.is_settled) == (State.DELETING, None, False)
        with pytest.raises(IllegalMove):
            move(deleting, Event.DELETED)


@given(weight=st.floats(0, 1), fraction=st.floats(0, 1, exclude_max=True))
def test_alias_sends_its_weight_to_the_other_version(weight: float, fraction: float) -> None:
    alias = Alias(Scope("1", "r"), "f", "live", "1", "", {"2": weight}, "")
    assert alias.choose(fraction) == ("2" if fraction < weight else "1")


@pytest.mark.parametrize(
    ("ended", "error_type", "message"),
    [
        (ProcessExit(ExitKind.EXITED, 0), "Runtime.ExitError", "Runtime exited without providing a reason"),
        (ProcessExit(ExitKind.EXITED, 127), "Runtime.ExitError", "Runtime exited with error: exit status 127"),
        (
            ProcessExit(ExitKind.SIGNALLED, 11),
            "Runtime.ExitError",
            "Runtime exited with error: signal: segmentation fault",
        ),
        (ProcessExit(ExitKind.OUT_OF_MEMORY, 9), "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"),
    ],
)
def test_end_of_the_process_is_told_as_aws_tells_it(ended: ProcessExit, error_type: str, message: str) -> None:
    for outcome in (Crashed(ended, REPORT), InitFailed(None, error_type, ended, REPORT)):
        answer = answer_to(outcome, "id")
        assert answer.function_error == "Unhandled"
        assert json.loads(answer.payload) == {
            "errorType": error_type,
            "errorMessage": f"RequestId: id Error: {message}",
        }


def test_throttled_invocation_is_an_error_of_the_request() -> None:
    with pytest.raises(ServiceError) as caught:
        answer_to(Throttled(ThrottleReason.RESERVED), "id")
    assert (caught.value.code, caught.value.status) == ("TooManyRequestsException", 429)
    assert caught.value.members["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
