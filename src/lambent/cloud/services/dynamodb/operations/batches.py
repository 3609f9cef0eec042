"""Batches: many items in one request, each for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.dynamodb import item_repository
from lambent.cloud.services.dynamodb.errors import invalid
from lambent.cloud.services.dynamodb.model.capacity import Consumption, read_units
from lambent.cloud.services.dynamodb.model.expressions.projections import project
from lambent.cloud.services.dynamodb.model.keys import ItemKey, key_given, place_of
from lambent.cloud.services.dynamodb.model.table import Table
from lambent.cloud.services.dynamodb.model.values import Item
from lambent.cloud.services.dynamodb.operations.common import Answer, Parts, wants_capacity
from lambent.cloud.services.dynamodb.operations.items import collection_metrics
from lambent.cloud.services.dynamodb.requests import Changing, deletion_of, projection_of, put_of
from lambent.cloud.services.dynamodb.writing import Action, Unit

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_MOST_READ = 100
_MOST_READ_BYTES = 16 * 1024 * 1024
_MOST_WRITTEN = 25
_DUPLICATES = "Provided list of item keys contains duplicates"


class BatchOperations:
    """The operations on many items."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("BatchGetItem")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return items of several tables; what goes beyond 16 MB is left for another request."""
        asked: Mapping[str, Parameters] = parameters["RequestItems"]
        if sum(len(one["Keys"]) for one in asked.values()) > _MOST_READ:
            raise invalid("Too many items requested for the BatchGetItem call")
        reads = [_Read(self._parts.table(context, name), name, one) for name, one in asked.items()]
        room = _MOST_READ_BYTES
        for read in reads:
            room = read.carry_out(self._parts, room)
        answer: Answer = {
            "Responses": {read.name: read.found for read in reads},
            "UnprocessedKeys": {read.name: {**asked[read.name], "Keys": read.left} for read in reads if read.left},
        }
        wanted = wants_capacity(parameters)
        if wanted is not None:
            answer["ConsumedCapacity"] = [read.used.shown(wanted) for read in reads]
        return answer

    @operation("BatchWriteItem")
    async def write(self, context: RequestContext, parameters: Parameters) -> Result:
        """Put and delete items of several tables; all are durable when it returns."""
        asked: Mapping[str, Sequence[Parameters]] = parameters["RequestItems"]
        if sum(map(len, asked.values())) > _MOST_WRITTEN:
            raise invalid("Too many items requested for the BatchWriteItem call")
        actions: dict[str, list[tuple[Action, Item]]] = {}
        for name, requests in asked.items():
            table = self._parts.table(context, name)
            changes = [_change(table, request) for request in requests]
            actions[name] = [(Action(table, place_of(table, each.key), each.decide), each.key) for each in changes]
            if len({action.place for action, _ in actions[name]}) < len(changes):
                raise invalid(_DUPLICATES)
        units = [Unit((action,), context.now) for each in actions.values() for action, _ in each]
        await self._parts.writer.write(*units)
        for unit in units:
            if unit.error is not None:
                raise unit.error
        answer: Answer = {"UnprocessedItems": {}}
        wanted = wants_capacity(parameters)
        if wanted is not None:
            answer["ConsumedCapacity"] = [
                consumption_of([action for action, _ in each]).shown(wanted) for each in actions.values()
            ]
        if parameters.get("ReturnItemCollectionMetrics") == "SIZE":
            answer["ItemCollectionMetrics"] = _metrics(actions)
        return answer


def consumption_of(actions: Sequence[Action], *, is_transactional: bool = False) -> Consumption:
    """Return what changes of one table's items consumed."""
    used = Consumption(actions[0].table, is_write=True)
    for action in actions:
        used.add_write(action.before, action.after, is_transactional=is_transactional)
    return used


class _Read:
    """The items of one table in a batch."""

    def __init__(self, table: Table, name: str, asked: Parameters) -> None:
        self.name = name
        self.used = Consumption(table, is_write=False)
        self.found: list[Item] = []
        self.left: Sequence[Item] = ()
        self._table = table
        self._keys: Sequence[Item] = asked["Keys"]
        self._paths = projection_of(asked)
        self._is_consistent = asked.get("ConsistentRead", False)
        self._places: list[ItemKey] = [place_of(table, key_given(table, key)) for key in self._keys]
        if len(set(self._places)) < len(self._places):
            raise invalid(_DUPLICATES)

    def carry_out(self, parts: Parts, room: int) -> int:
        """Read the items as long as there is room; return how much is left of it."""
        for number, place in enumerate(self._places):
            row = item_repository.item(parts.store.read, self._table, place) if room else None
            if not room or (row is not None and row.size > room):
                self.left = self._keys[number:]
                return 0
            self.used.add(read_units(0 if row is None else row.size, is_consistent=self._is_consistent))
            if row is not None:
                room -= row.size
                self.found.append(row.item if self._paths is None else project(row.item, self._paths))
        return room


def _change(table: Table, request: Parameters) -> Changing:
    put, deletion = request.get("PutRequest"), request.get("DeleteRequest")
    if (put is None) == (deletion is None):
        raise invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported "
            "datatypes"
            if put is not None
            else "Supplied WriteRequest is empty, must contain exactly one of PutRequest and DeleteRequest"
        )
    return put_of(table, put) if put is not None else deletion_of(table, deletion or {})


def _metrics(actions: Mapping[str, Sequence[tuple[Action, Item]]]) -> Result:
    found = {
        name: [metrics for action, key in each if (metrics := collection_metrics(action.table, key)) is not None]
        for name, each in actions.items()
    }
    return {name: metrics for name, metrics in found.items() if metrics}
