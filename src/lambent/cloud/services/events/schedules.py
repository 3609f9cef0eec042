"""Rules with a schedule: when each falls due next is in the store, and one task waits for the first of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import lru_cache, partial

from lambent.aws.schedule import Dialect, Schedule, parse_schedule
from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.base.tasks import TaskOwner, wait_for_event
from lambent.cloud.services.events import repository
from lambent.cloud.services.events.accepting import Acceptance, deliveries_of
from lambent.cloud.services.events.event import scheduled_event
from lambent.cloud.services.events.model import DEFAULT_BUS, Rule, rule_arn
from lambent.cloud.services.events.routing import routes_of
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store, Transaction

_log = logging.getLogger(__name__)
_AT_ONCE = 100
_PAUSE_AFTER_FAILURE_S = 5.0
_Due = tuple[Scope, str, float]


class Schedules:
    """Has scheduled rules fire.

    A rule that fell due while the platform did not run fires once when it starts, then at its times again.
    """

    def __init__(self, store: Store, acceptance: Acceptance, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._acceptance = acceptance
        self._clock = clock
        self._ids = ids
        self._changed = asyncio.Event()
        self._tasks = TaskOwner("scheduled rules", clock=clock)
        self._started_at = 0.0

    def put(self, transaction: Transaction, scope: Scope, rule: Rule, now: float) -> None:
        """Note when a rule that was changed falls due next."""
        due = None
        if rule.schedule is not None and rule.is_enabled:
            due = _parsed(rule.schedule).next_after(now, since=now)
        repository.schedule(transaction, scope, rule.name, due)
        transaction.after_commit(self._changed.set)

    async def start(self) -> None:
        """Begin to wait."""
        self._started_at = self._clock.now()
        # A virtual clock is not to go on before the first look: it counts what is begun so as work, not a loop.
        self._tasks.start(self._run(), name="waiting")

    async def stop(self) -> None:
        """Wait no longer."""
        await self._tasks.aclose()

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            due = repository.due_rules(self._store.read, self._clock.now(), _AT_ONCE)
            if due:
                await self._have_fire(due)
                continue
            await wait_for_event(self._changed, self._clock, until=repository.next_due(self._store.read))

    async def _have_fire(self, due: Sequence[_Due]) -> None:
        try:
            await self._store.write(partial(self._fire, due))
        except Exception:  # noqa: BLE001 - the loop must live on; what is due stays so
            _log.exception("scheduled rules that are due could not fire")
            await self._clock.sleep_until(self._clock.now() + _PAUSE_AFTER_FAILURE_S)

    def _fire(self, due: Sequence[_Due], transaction: Transaction) -> None:
        """Write the events of rules that are due to their targets, and when each is due next, in one commit."""
        for scope, name, due_at in due:
            rule = repository.rule(transaction, scope, DEFAULT_BUS, name)
            if rule is None or rule.schedule is None:
                repository.schedule(transaction, scope, name, None)
                continue
            if rule.targets:
                arn = rule_arn(scope, rule.bus, rule.name)
                event = scheduled_event(scope, arn, self._ids.uuid(), due_at)
                self._acceptance.add(transaction, deliveries_of(event, routes_of(scope, rule)))
            # What was missed while the platform did not run is not made up for, but once.
            following = _parsed(rule.schedule).next_after(max(due_at, self._started_at), since=due_at)
            repository.schedule(transaction, scope, name, following)


@lru_cache(maxsize=4096)
def _parsed(expression: str) -> Schedule:
    return parse_schedule(expression, Dialect.RULE)
