"""Single items: get, put, update and delete."""

from __future__ import annotations

from collections.abc import Callable

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.dynamodb import item_repository
from lambent.cloud.services.dynamodb.model.capacity import Consumption, read_units
from lambent.cloud.services.dynamodb.model.expressions.projections import project
from lambent.cloud.services.dynamodb.model.expressions.syntax import Path
from lambent.cloud.services.dynamodb.model.keys import key_given, place_of
from lambent.cloud.services.dynamodb.model.table import Table
from lambent.cloud.services.dynamodb.model.values import Item
from lambent.cloud.services.dynamodb.operations.common import Answer, Parts, wants_capacity
from lambent.cloud.services.dynamodb.requests import (
    Changing,
    deletion_of,
    projection_of,
    put_of,
    update_of,
)
from lambent.cloud.services.dynamodb.writing import Action, Unit


class ItemOperations:
    """The operations on one item."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("GetItem")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return an item, or what a projection takes of it."""
        table = self._parts.table(context, parameters["TableName"])
        paths = projection_of(parameters)
        place = place_of(table, key_given(table, parameters["Key"]))
        row = item_repository.item(self._parts.store.read, table, place)
        answer: Answer = {}
        if row is not None:
            answer["Item"] = row.item if paths is None else project(row.item, paths)
        wanted = wants_capacity(parameters)
        if wanted is not None:
            used = Consumption(table, is_write=False)
            is_consistent = parameters.get("ConsistentRead", False)
            used.add(read_units(0 if row is None else row.size, is_consistent=is_consistent))
            answer["ConsumedCapacity"] = used.shown(wanted)
        return answer

    @operation("PutItem")
    async def put(self, context: RequestContext, parameters: Parameters) -> Result:
        """Put an item in the place of the one with its key; durable when it returns."""
        return await self._change(context, parameters, put_of)

    @operation("DeleteItem")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete an item; durable when it returns."""
        return await self._change(context, parameters, deletion_of)

    @operation("UpdateItem")
    async def update(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change attributes of an item, or make it; durable when it returns."""
        return await self._change(context, parameters, update_of)

    async def _change(
        self, context: RequestContext, parameters: Parameters, reading: Callable[[Table, Parameters], Changing]
    ) -> Result:
        table = self._parts.table(context, parameters["TableName"])
        changing = reading(table, parameters)
        action = Action(table, place_of(table, changing.key), changing.decide)
        await self._parts.writer.write_one(Unit((action,), context.now))
        answer: Answer = {}
        returned = _returned(parameters.get("ReturnValues", "NONE"), action, changing.paths)
        if returned:
            answer["Attributes"] = returned
        wanted = wants_capacity(parameters)
        if wanted is not None:
            used = Consumption(action.table, is_write=True)
            used.add_write(action.before, action.after)
            answer["ConsumedCapacity"] = used.shown(wanted)
        if parameters.get("ReturnItemCollectionMetrics") == "SIZE":
            metrics = collection_metrics(action.table, changing.key)
            if metrics is not None:
                answer["ItemCollectionMetrics"] = metrics
        return answer


def collection_metrics(table: Table, key: Item) -> Result | None:
    """Return ItemCollectionMetrics, which tables with local secondary indexes have."""
    if all(index.is_global for index in table.indexes):
        return None
    return {"ItemCollectionKey": {table.key.hash: key[table.key.hash]}, "SizeEstimateRangeGB": [0.0, 1.0]}


def _returned(wanted: str, action: Action, paths: tuple[Path, ...]) -> Item | None:
    match wanted:
        case "ALL_OLD":
            return action.before
        case "ALL_NEW":
            return action.after
        case "UPDATED_OLD":
            return project(action.before or {}, paths)
        case "UPDATED_NEW":
            return project(action.after or {}, paths)
        case _:
            return None
