from __future__ import annotations

import logging
from itertools import product

import pytest

from lambent.dataplane.lifecycle import ALLOWED_MOVES, EnvironmentState, IllegalMoveError, Lifecycle

S = EnvironmentState


def _in_state(state: EnvironmentState) -> Lifecycle:
    paths: dict[EnvironmentState, tuple[EnvironmentState, ...]] = {
        S.STARTING: (),
        S.INITIALIZING: (S.INITIALIZING,),
        S.IDLE: (S.INITIALIZING, S.IDLE),
        S.BUSY: (S.INITIALIZING, S.IDLE, S.BUSY),
        S.STOPPING: (S.STOPPING,),
        S.GONE: (S.STOPPING, S.GONE),
    }
    lifecycle = Lifecycle("e1")
    for step in paths[state]:
        lifecycle.move(step, "test")
    return lifecycle


@pytest.mark.parametrize(("source", "target"), list(product(S, S)), ids=lambda state: state.value)
def test_only_the_moves_of_the_table_are_possible(source: EnvironmentState, target: EnvironmentState) -> None:
    lifecycle = _in_state(source)
    if target in ALLOWED_MOVES[source]:
        lifecycle.move(target, "test")
        assert lifecycle.state is target
    else:
        with pytest.raises(IllegalMoveError):
            lifecycle.move(target, "test")
        assert lifecycle.state is source


def test_an_environment_can_be_stopped_from_every_state_in_which_it_is_there() -> None:
    for state in S:
        assert (S.STOPPING in ALLOWED_MOVES[state]) is (state not in {S.STOPPING, S.GONE})


def test_what_is_gone_stays_gone() -> None:
    assert ALLOWED_MOVES[S.GONE] == frozenset()
    assert set(ALLOWED_MOVES) == set(S)


def test_every_move_is_logged_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="lambent.dataplane.lifecycle"):
        Lifecycle("e1").move(S.INITIALIZING, "sandbox built")
    assert [record.getMessage() for record in caplog.records] == [
        "environment e1: starting -> initializing (sandbox built)"
    ]
