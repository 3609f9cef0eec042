"""The EventBridge Scheduler service."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.constraints import check_constraints
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.faults.strikes import Strikes
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters, Service
from lambent.cloud.services.scheduler.firing import Firing
from lambent.cloud.services.scheduler.invocations import Invocations
from lambent.cloud.services.scheduler.operations.groups import GroupOperations
from lambent.cloud.services.scheduler.operations.schedules import ScheduleOperations
from lambent.cloud.store.unit_of_work import Store

_SCHEMA = Path(__file__).with_name("schema.sql")


class SchedulerService(Service):
    """Amazon EventBridge Scheduler: schedules, schedule groups, and their occurrences."""

    name: ClassVar[str] = "scheduler"

    def __init__(self, store: Store, client: InternalClient, *, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._invocations = Invocations(store, client, clock)
        self._firing = Firing(store, clock, ids, self._invocations)
        super().__init__(
            ScheduleOperations(store, self._invocations, self._firing.look_again),
            GroupOperations(store),
        )

    def expose_to(self, strikes: Strikes) -> None:
        """Let faults on purpose strike what schedules set off."""
        self._invocations.expose_to(strikes)

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what the service model forbids; there are no resource policies here."""
        check_constraints(self.name, operation, context, parameters)

    async def start(self) -> None:
        """Make or upgrade the tables, take up what is owed, and wait for what is due."""
        await self._store.migrate(self.name, [_SCHEMA.read_text(encoding="utf-8")])
        await self._invocations.start()
        self._firing.start()

    async def stop(self) -> None:
        """End the waiting; what is owed is kept."""
        await self._firing.stop()
        await self._invocations.stop()
