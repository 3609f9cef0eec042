"""Rules with a schedule: when each falls due next is in the store, and one task waits for the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

from lambent.aws.schedule import Dialect, Schedule, parse_schedule
from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.due_rows import DueRows
from lambent.cloud.services.events import repository
from lambent.cloud.services.events.accepting import Acceptance, deliveries_of
from lambent.cloud.services.events.event import scheduled_event
from lambent.cloud.services.events.model import DEFAULT_BUS, Rule, rule_arn
from lambent.cloud.services.events.routing import routes_of
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store, Transaction

_AT_ONCE = 100
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
        self._due = DueRows(
            "scheduled rules", clock, next_due=lambda: repository.next_due(store.read), carry_out=self._fire_due
        )
        self._started_at = 0.0

    def put(self, transaction: Transaction, scope: Scope, rule: Rule, now: float) -> None:
        """Note when a rule that was changed falls due next."""
        due = None
        if rule.schedule is not None and rule.is_enabled:
            due = _parsed(rule.schedule).next_after(now, since=now)
        repository.schedule(transaction, scope, rule.name, due)
        transaction.after_commit(self._due.look_again)

    async def start(self) -> None:
        """Begin to wait."""
        self._started_at = self._clock.now()
        self._due.start()

    async def stop(self) -> None:
        """Wait no longer."""
        await self._due.stop()

    async def _fire_due(self) -> None:
        due = repository.due_rules(self._store.read, self._clock.now(), _AT_ONCE)
        await self._store.write(partial(self._fire, due))

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
