"""The EventBridge service, and the loop that removes archived events that have expired."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.base.tasks import let_others_run
from lambent.cloud.framework.constraints import check_constraints
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.faults.strikes import Strikes
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.loops import Loop
from lambent.cloud.framework.service import Parameters, Service
from lambent.cloud.services.events import archive_repository, repository
from lambent.cloud.services.events.accepting import Acceptance
from lambent.cloud.services.events.access import check_may_put
from lambent.cloud.services.events.deliveries import TargetDeliveries
from lambent.cloud.services.events.model import DEFAULT_BUS, Bus, bus_meant
from lambent.cloud.services.events.operations.archives import ArchiveOperations
from lambent.cloud.services.events.operations.buses import BusOperations
from lambent.cloud.services.events.operations.connections import ConnectionOperations
from lambent.cloud.services.events.operations.events import EventOperations
from lambent.cloud.services.events.operations.rules import RuleOperations
from lambent.cloud.services.events.operations.tags import TagOperations
from lambent.cloud.services.events.operations.targets import TargetOperations
from lambent.cloud.services.events.replays import Replays
from lambent.cloud.services.events.routing import Routing
from lambent.cloud.services.events.schedules import Schedules
from lambent.cloud.services.events.sending import Sending
from lambent.cloud.store.unit_of_work import Store

# A script that was released is never changed: what comes later is a further one.
_SCRIPTS = (Path(__file__).with_name("schema.sql"),)
_SWEEP_PERIOD_S = 3600.0
_ROWS_AT_ONCE = 500


class EventsService(Service):
    """Amazon EventBridge: buses, rules, targets, archives and replays, and rules that follow a schedule."""

    name: ClassVar[str] = "events"

    def __init__(self, store: Store, client: InternalClient, *, clock: Clock, ids: IdSource) -> None:
        routing = Routing(store)
        self._deliveries = TargetDeliveries(store, client, clock=clock, ids=ids)
        acceptance = Acceptance(store, routing, self._deliveries.queue)
        self._deliveries.send_with(Sending(store, client, acceptance, clock.now))
        self._schedules = Schedules(store, acceptance, clock=clock, ids=ids)
        self._replays = Replays(store, routing, acceptance, clock)
        super().__init__(
            BusOperations(store, routing),
            RuleOperations(store, routing, self._schedules),
            TargetOperations(store, routing),
            EventOperations(store, acceptance, ids),
            ArchiveOperations(store, routing, self._replays),
            ConnectionOperations(store, ids),
            TagOperations(store),
        )
        self._store = store
        self._clock = clock

    def expose_to(self, strikes: Strikes) -> None:
        """Let faults on purpose strike what rules send to their targets."""
        self._deliveries.expose_to(strikes)

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what the service model forbids, and events for buses whose policies do not let the caller in."""
        check_constraints(self.name, operation, context, parameters)
        if operation == "PutEvents":
            for named in {entry.get("EventBusName") for entry in parameters["Entries"]}:
                scope, bus = bus_meant(context.scope, named)
                if bus == DEFAULT_BUS or repository.resource(self._store.read, scope, Bus, bus) is not None:
                    check_may_put(self._store.read, context.caller, scope, bus)

    async def start(self) -> None:
        """Make or upgrade the tables, and go on with deliveries, schedules and replays where an earlier run ended."""
        await self._store.migrate(self.name, [script.read_text(encoding="utf-8") for script in _SCRIPTS])
        await self._deliveries.queue.start()
        await self._schedules.start()
        await self._replays.start()

    async def stop(self) -> None:
        """End background work."""
        await self._schedules.stop()
        await self._replays.stop()
        await self._deliveries.queue.stop()

    def loops(self) -> Sequence[Loop]:
        """Return the removal of archived events whose time is over."""
        return (Loop("remove expired archived events", _SWEEP_PERIOD_S, self.sweep),)

    async def sweep(self) -> None:
        """Remove archived events that have expired, and those of deleted archives."""
        now = self._clock.now()
        while await self._store.write(lambda transaction: archive_repository.sweep(transaction, now, _ROWS_AT_ONCE)):
            await let_others_run()
