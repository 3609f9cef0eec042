"""The states of stacks and the moves between them."""

from __future__ import annotations

import pytest

from lambent.cloud.services.cloudformation.model.states import STABLE, UPDATABLE, StackStatus, WrongMoveError, moved

_S = StackStatus
RESTING = [one for one in StackStatus if not one.is_in_progress]


def goes(now: StackStatus, to: StackStatus) -> bool:
    """Whether the table allows a move."""
    try:
        return moved(now, to) is to
    except WrongMoveError:
        return False


def test_whatever_is_under_way_can_come_to_rest() -> None:
    seen = set(RESTING)
    while found := {one for one in StackStatus if one not in seen and any(goes(one, other) for other in seen)}:
        seen |= found
    assert seen == set(StackStatus)


def test_a_stack_is_updated_only_from_where_aws_allows_it() -> None:
    assert {one for one in StackStatus if goes(one, _S.UPDATE_IN_PROGRESS)} == UPDATABLE
    assert STABLE < UPDATABLE


def test_every_stack_at_rest_can_be_deleted_but_one_that_is_gone() -> None:
    assert {one for one in RESTING if not goes(one, _S.DELETE_IN_PROGRESS)} == {_S.DELETE_COMPLETE}


def test_nothing_leads_away_from_a_deleted_stack_or_back_to_a_review() -> None:
    assert not any(goes(_S.DELETE_COMPLETE, one) for one in StackStatus)
    assert not any(goes(one, _S.REVIEW_IN_PROGRESS) for one in StackStatus)


def test_a_rollback_that_failed_is_continued_or_given_up() -> None:
    assert {one for one in StackStatus if goes(_S.UPDATE_ROLLBACK_FAILED, one)} == {
        _S.UPDATE_ROLLBACK_IN_PROGRESS,
        _S.DELETE_IN_PROGRESS,
    }


def test_a_wrong_move_names_both_states() -> None:
    with pytest.raises(WrongMoveError, match="a stack in CREATE_COMPLETE does not become ROLLBACK_COMPLETE"):
        moved(_S.CREATE_COMPLETE, _S.ROLLBACK_COMPLETE)
