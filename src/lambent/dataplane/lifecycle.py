"""The states of an execution environment and the moves between them; whatever the table lacks is refused."""

from __future__ import annotations

import logging
from enum import StrEnum

_log = logging.getLogger(__name__)


class EnvironmentState(StrEnum):
    """Where an execution environment stands in its life."""

    STARTING = "starting"
    """Its sandbox is being built; no code of the function runs yet."""
    INITIALIZING = "initializing"
    """The runtime and the function's module are loading."""
    IDLE = "idle"
    """It serves nothing and waits for an invocation."""
    BUSY = "busy"
    """At least one of its slots serves an invocation."""
    STOPPING = "stopping"
    """It takes no more invocations; its processes are being ended."""
    GONE = "gone"
    """Nothing of it is left."""


_S = EnvironmentState

ALLOWED_MOVES: dict[EnvironmentState, frozenset[EnvironmentState]] = {
    # Init belongs to the invocation that waits for it, but that one may have been served elsewhere meanwhile: idle.
    _S.STARTING: frozenset({_S.INITIALIZING, _S.STOPPING}),
    # An init that failed also ends in `idle`: it is tried again inside the environment's next invocation.
    _S.INITIALIZING: frozenset({_S.IDLE, _S.STOPPING}),
    _S.IDLE: frozenset({_S.BUSY, _S.STOPPING}),
    _S.BUSY: frozenset({_S.IDLE, _S.STOPPING}),
    _S.STOPPING: frozenset({_S.GONE}),
    _S.GONE: frozenset(),
}


class IllegalMoveError(Exception):
    """An environment was asked for a move that its state does not allow: a fault of the data plane itself."""

    def __init__(self, environment_id: str, source: EnvironmentState, target: EnvironmentState, cause: str) -> None:
        super().__init__(f"environment {environment_id}: {source} -> {target} ({cause})")
        self.source = source
        self.target = target


class Lifecycle:
    """The state of one environment; it changes only along the table."""

    __slots__ = ("_environment_id", "state")

    def __init__(self, environment_id: str) -> None:
        self._environment_id = environment_id
        self.state = EnvironmentState.STARTING

    def move(self, target: EnvironmentState, cause: str) -> None:
        """Take the environment to `target` and log the cause; raises IllegalMoveError if the table lacks the move."""
        source = self.state
        if target not in ALLOWED_MOVES[source]:
            raise IllegalMoveError(self._environment_id, source, target, cause)
        self.state = target
        # Twice per invocation: the test spares the warm path the making of a record that nobody reads.
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("environment %s: %s -> %s (%s)", self._environment_id, source, target, cause)
