"""Replays: events of an archive given once more to the rules of their bus, some at a time.

How far a replay is, is in the store, so that one that was under way goes on after a crash; what it had given before
may then be given twice, never left out.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from functools import partial

import orjson

from lambent.base.clock import Clock
from lambent.base.tasks import TaskOwner
from lambent.cloud.framework.deliveries import Addition
from lambent.cloud.services.events import archive_repository, repository
from lambent.cloud.services.events.accepting import Acceptance, deliveries_of
from lambent.cloud.services.events.event import Event, replayed
from lambent.cloud.services.events.model import Replay, ReplayState
from lambent.cloud.services.events.routing import Routing
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store, Transaction

_log = logging.getLogger(__name__)
_AT_ONCE = 100
_PAUSE_AFTER_FAILURE_S = 5.0


class Replays:
    """Carries replays out, each in a task of its own; an account may have ten at a time."""

    def __init__(self, store: Store, routing: Routing, acceptance: Acceptance, clock: Clock) -> None:
        self._store = store
        self._routing = routing
        self._acceptance = acceptance
        self._clock = clock
        self._tasks = TaskOwner("replays", clock=clock)

    async def start(self) -> None:
        """Go on with those that were under way."""
        for scope, replay in _unfinished(self._store):
            self.begin(scope, replay.name)

    async def stop(self) -> None:
        """End what is under way; it goes on with the next start."""
        await self._tasks.aclose()

    def begin(self, scope: Scope, name: str) -> None:
        """Carry a replay out that is durable."""
        self._tasks.start(self._run(scope, name), name=f"replay {name}")

    async def _run(self, scope: Scope, name: str) -> None:
        is_over = False
        while not is_over:
            try:
                is_over = await self._go_on(scope, name)
            except Exception:  # noqa: BLE001 - a replay ends by its archive alone, and goes on where it was
                _log.exception("replay %s could not go on", name)
                await self._clock.sleep_until(self._clock.now() + _PAUSE_AFTER_FAILURE_S)

    async def _go_on(self, scope: Scope, name: str) -> bool:
        """Give some more of a replay's events; return whether it is over."""
        replay = repository.resource(self._store.read, scope, Replay, name)
        if replay is None:
            return True
        await self._routing.ready(scope, replay.bus)
        if replay.state == ReplayState.CANCELLING:
            await self._store.write(partial(self._end, scope, name, ReplayState.CANCELLED))
            return True
        since = (replay.starts_at if replay.last_at is None else replay.last_at, replay.passed)
        archived = archive_repository.between(self._store.read, replay.archive_id, since, replay.ends_at, _AT_ONCE)
        if not archived:
            await self._store.write(partial(self._end, scope, name, ReplayState.COMPLETED))
            return True
        deliveries = [each for _, _, event in archived for each in self._deliveries(scope, replay, event)]
        number, at, _ = archived[-1]
        going_on = dataclasses.replace(replay, state=ReplayState.RUNNING, passed=number, last_at=at)
        await self._store.write(partial(self._give, scope, going_on, deliveries))
        return False

    def _deliveries(self, scope: Scope, replay: Replay, event: Event) -> list[Addition]:
        told = replayed(event, replay.name)
        routes = self._routing.concern(scope, replay.bus, told).routes
        return deliveries_of(told, [route for route in routes if not replay.rules or route.rule in replay.rules])

    def _give(self, scope: Scope, going_on: Replay, deliveries: Sequence[Addition], transaction: Transaction) -> None:
        """Write the deliveries of some events, and how far the replay is with that, unless it is to end."""
        replay = repository.resource(transaction, scope, Replay, going_on.name)
        if replay is not None and replay.state != ReplayState.CANCELLING:
            self._acceptance.add(transaction, deliveries)
            repository.put(transaction, scope, going_on)

    def _end(self, scope: Scope, name: str, state: ReplayState, transaction: Transaction) -> None:
        replay = repository.resource(transaction, scope, Replay, name)
        if replay is None:
            return
        if state is ReplayState.COMPLETED and replay.state == ReplayState.CANCELLING:
            state = ReplayState.CANCELLED
        repository.put(transaction, scope, dataclasses.replace(replay, state=state, ended_at=self._clock.now()))


def _unfinished(store: Store) -> list[tuple[Scope, Replay]]:
    rows = store.read.all("SELECT account, region, document FROM events_resource WHERE kind = 'replay'")
    found = [(Scope(str(account), str(region)), Replay(**orjson.loads(str(text)))) for account, region, text in rows]
    return [(scope, replay) for scope, replay in found if replay.ended_at is None]
