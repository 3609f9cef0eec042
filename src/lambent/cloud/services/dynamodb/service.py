"""The DynamoDB service and the service of its streams, and the loops that remove what has expired."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from lambent.base.clock import Clock
from lambent.base.identifiers import IdSource
from lambent.cloud.framework.constraints import check_constraints
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.loops import Loop
from lambent.cloud.framework.service import Parameters, Service
from lambent.cloud.services.dynamodb.expiring import Expiring
from lambent.cloud.services.dynamodb.operations.batches import BatchOperations
from lambent.cloud.services.dynamodb.operations.common import Parts
from lambent.cloud.services.dynamodb.operations.items import ItemOperations
from lambent.cloud.services.dynamodb.operations.queries import QueryOperations
from lambent.cloud.services.dynamodb.operations.settings import SettingOperations
from lambent.cloud.services.dynamodb.operations.streams import StreamOperations
from lambent.cloud.services.dynamodb.operations.tables import TableOperations
from lambent.cloud.services.dynamodb.operations.transactions import TransactionOperations
from lambent.cloud.services.dynamodb.rebuilding import Rebuilding
from lambent.cloud.services.dynamodb.repository import Tables
from lambent.cloud.services.dynamodb.stream_waits import StreamWaits
from lambent.cloud.services.dynamodb.writing import ItemWriter
from lambent.cloud.store.unit_of_work import Store

# A script that was released is never changed: what comes later is a further one.
_SCRIPTS = tuple(Path(__file__).with_name(name) for name in ("schema.sql",))
_EXPIRY_PERIOD_S = 60.0
_SWEEP_PERIOD_S = 600.0


class DynamoDbService(Service):
    """Amazon DynamoDB: tables, items, indexes, transactions, time to live."""

    name: ClassVar[str] = "dynamodb"

    def __init__(self, store: Store, *, clock: Clock, ids: IdSource) -> None:
        self.waits = StreamWaits(clock)
        """Who waits for records of the tables' streams."""
        tables = Tables()
        self._writer = ItemWriter(store, tables, self.waits)
        self._rebuilding = Rebuilding(store, tables, clock)
        self._expiring = Expiring(store, tables, self._writer, clock)
        self._store = store
        parts = Parts(store, tables, self._writer)
        super().__init__(
            TableOperations(parts, ids, self._rebuilding.start),
            ItemOperations(parts),
            QueryOperations(parts),
            BatchOperations(parts),
            TransactionOperations(parts),
            SettingOperations(parts, self._rebuilding.start),
        )

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what the service model forbids."""
        check_constraints(self.name, operation, context, parameters)

    async def start(self) -> None:
        """Make or upgrade the tables, and go on with what an earlier run left."""
        await self._store.migrate(self.name, [script.read_text(encoding="utf-8") for script in _SCRIPTS])
        self._rebuilding.resume()

    async def stop(self) -> None:
        """End what is under way; the next start goes on with it."""
        await self._rebuilding.stop()

    def loops(self) -> Sequence[Loop]:
        """Return the removal of expired items, and of what is left of what was deleted."""
        return (
            Loop("remove expired items of tables", _EXPIRY_PERIOD_S, self._expiring.remove_expired),
            Loop("remove what is left of deleted tables", _SWEEP_PERIOD_S, self._expiring.sweep),
        )


class DynamoDbStreamsService(Service):
    """Amazon DynamoDB Streams: what changed in tables, for a day. Its rows are DynamoDB's, which starts before it."""

    name: ClassVar[str] = "dynamodbstreams"

    def __init__(self, store: Store, waits: StreamWaits) -> None:
        super().__init__(StreamOperations(store, waits))

    def authorise(self, context: RequestContext, operation: str, parameters: Parameters) -> None:
        """Refuse what the service model forbids."""
        check_constraints(self.name, operation, context, parameters)
