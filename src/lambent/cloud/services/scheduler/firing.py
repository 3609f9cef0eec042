"""Schedules that fall due: one task waits for the first of them all, however many there are."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.due_rows import DueRows
from lambent.cloud.services.scheduler import repository
from lambent.cloud.services.scheduler.invocations import Invocations
from lambent.cloud.services.scheduler.model import KeptSchedule, retries_of, timing_of, window_s
from lambent.cloud.store.unit_of_work import Store, Transaction

_log = logging.getLogger(__name__)
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Turn:
    """What is to become of a schedule that is due: what is told of its occurrence, if it has one, and its next one."""

    schedule: KeptSchedule
    following: float | None
    begins: float = 0.0
    told: Mapping[str, object] | None = None


class Firing:
    """Moves every schedule on as it falls due; the occurrence is owed from the same commit on."""

    def __init__(self, store: Store, clock: Clock, ids: IdSource, invocations: Invocations) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._invocations = invocations
        self._due = DueRows("schedules", clock, next_due=lambda: repository.next_due(store.read), carry_out=self._fire)

    def start(self) -> None:
        """Begin to wait for what is due."""
        self._due.start()

    async def stop(self) -> None:
        """End the waiting."""
        await self._due.stop()

    def look_again(self) -> None:
        """Look whether another schedule is due first now."""
        self._due.look_again()

    async def _fire(self) -> None:
        now = self._clock.now()
        turns = [self._turn(one, now) for one in repository.due_schedules(self._store.read, now, _AT_ONCE)]
        await self._store.write(partial(self._move_on, turns))

    def _turn(self, one: KeptSchedule, now: float) -> _Turn:
        if one.due is None:
            raise ValueError("a schedule that is not due has no turn")
        oldest_s = retries_of(one.definition["Target"])["MaximumEventAgeInSeconds"]
        fires, following = timing_of(one.definition, one.since).turn(one.due, now, oldest_s)
        if fires is None:
            _log.warning("%s was due when the platform was off; that is not made up for", one.key.arn)
            return _Turn(one, following)
        begins = fires + self._ids.fraction() * window_s(one.definition)
        told = {
            "schedule": one.id,
            "revision": one.revision,
            "scheduled": fires,
            "begins": begins,
            "execution": self._ids.hex(16),
            "event": self._ids.uuid(),
            "completes": following is None and one.completes,
        }
        return _Turn(one, following, begins, told)

    def _move_on(self, turns: Sequence[_Turn], transaction: Transaction) -> None:
        for turn in turns:
            one = turn.schedule
            if not repository.move_on(transaction, one, turn.following):
                continue  # it was changed or deleted meanwhile
            if turn.told is not None:
                self._invocations.add(transaction, one, turn.told, turn.begins)
            elif turn.following is None and one.completes:
                repository.delete_unchanged(transaction, one.id, one.revision)
