"""The CloudWatch Logs service, and the loop that removes what has expired or was deleted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.base.tasks import let_others_run
from lambent.cloud.framework.constraints import check_constraints
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.loops import Loop
from lambent.cloud.framework.service import Parameters, Service
from lambent.cloud.services.logs import repository
from lambent.cloud.services.logs.deliveries import TOPIC, Deliveries
from lambent.cloud.services.logs.operations.events import EventOperations
from lambent.cloud.services.logs.operations.filters import FilterOperations
from lambent.cloud.services.logs.operations.groups import GroupOperations
from lambent.cloud.services.logs.operations.policies import PolicyOperations
from lambent.cloud.services.logs.operations.streams import StreamOperations
from lambent.cloud.services.logs.operations.tags import TagOperations
from lambent.cloud.store.unit_of_work import Store

# A script that was released is never changed: what comes later is a further one.
_SCRIPTS = tuple(Path(__file__).with_name(name) for name in ("schema.sql", "schema_2.sql"))
_SWEEP_PERIOD_S = 3600.0
# Removal goes in small transactions, between which others write.
_CHUNKS_AT_ONCE = 200


class LogsService(Service):
    """Amazon CloudWatch Logs: groups, streams, events, filters, retention and tags."""

    name: ClassVar[str] = "logs"

    def __init__(self, store: Store, client: InternalClient, *, clock: Clock, ids: IdSource) -> None:
        deliveries = Deliveries(client)
        super().__init__(
            GroupOperations(store),
            StreamOperations(store),
            EventOperations(store),
            TagOperations(store),
            FilterOperations(store, deliveries),
            PolicyOperations(store, ids),
        )
        store.deliver(TOPIC, deliveries.deliver)
        self._store = store
        self._clock = clock

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what the service model forbids; there are no resource policies here."""
        check_constraints(self.name, operation, context, parameters, code="InvalidParameterException")

    async def start(self) -> None:
        """Make or upgrade the tables."""
        await self._store.migrate(self.name, [script.read_text(encoding="utf-8") for script in _SCRIPTS])

    def loops(self) -> Sequence[Loop]:
        """Return the removal of expired and deleted events; readers do not see them from the moment they are so."""
        return (Loop("remove expired log events", _SWEEP_PERIOD_S, self.sweep),)

    async def sweep(self) -> None:
        """Remove the events that have expired, and those of deleted streams."""
        now_ms = int(self._clock.now() * 1000)
        for group in repository.expiring_groups(self._store.read):
            await self._remove_expired(group.id, group.oldest_kept_ms(now_ms))
            await let_others_run()  # there may be thousands of groups of which nothing has expired
        while repository.has_deleted(self._store.read):
            await self._store.write(lambda transaction: repository.sweep_deleted(transaction, _CHUNKS_AT_ONCE))

    async def _remove_expired(self, group_id: int, before_ms: int) -> None:
        while chunks := repository.expired_chunks(self._store.read, group_id, before_ms, _CHUNKS_AT_ONCE):
            await self._store.write(partial(repository.delete_chunks, chunks=chunks))
