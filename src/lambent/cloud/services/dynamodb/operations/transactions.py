"""Transactions: up to a hundred items read or changed as one.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.dynamodb import item_repository
from lambent.cloud.services.dynamodb.errors import check_transaction_size, invalid
from lambent.cloud.services.dynamodb.model.capacity import Consumption, read_units
from lambent.cloud.services.dynamodb.model.encoding import packed
from lambent.cloud.services.dynamodb.model.expressions.projections import project
from lambent.cloud.services.dynamodb.model.keys import ItemKey, key_given, place_of
from lambent.cloud.services.dynamodb.model.table import Table
from lambent.cloud.services.dynamodb.model.values import Item, item_size
from lambent.cloud.services.dynamodb.operations.batches import consumption_of
from lambent.cloud.services.dynamodb.operations.common import Answer, Parts, wants_capacity
from lambent.cloud.services.dynamodb.operations.items import collection_metrics
from lambent.cloud.services.dynamodb.requests import Changing, check_of, deletion_of, projection_of, put_of, update_of
from lambent.cloud.services.dynamodb.tokens import Token
from lambent.cloud.services.dynamodb.writing import Action, Unit

_READINGS: Mapping[str, Callable[[Table, Parameters], Changing]] = {
    "ConditionCheck": check_of,
    "Put": put_of,
    "Delete": deletion_of,
    "Update": update_of,
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """One action of a transaction, and the key of its item."""

    action: Action
    key: Item


class TransactionOperations:
    """The operations that are all or nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @operation("TransactGetItems")
    async def get(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return items as they are at one moment: the reads are of one commit, for nothing comes between them."""
        asked = [one["Get"] for one in parameters["TransactItems"]]
        tables = [self._parts.table(context, one["TableName"]) for one in asked]
        places = [place_of(table, key_given(table, one["Key"])) for table, one in zip(tables, asked, strict=True)]
        _check_distinct(tables, places)
        consumptions: dict[str, Consumption] = {}
        responses: list[Result] = []
        total = 0
        for table, place, one in zip(tables, places, asked, strict=True):
            paths = projection_of(one)
            row = item_repository.item(self._parts.store.read, table, place)
            used = consumptions.setdefault(table.name, Consumption(table, is_write=False))
            used.add(read_units(0 if row is None else row.size, is_consistent=True, is_transactional=True))
            total += 0 if row is None else row.size
            item = None if row is None else row.item if paths is None else project(row.item, paths)
            responses.append({} if item is None else {"Item": item})
        check_transaction_size(total)
        answer: Answer = {"Responses": responses}
        wanted = wants_capacity(parameters)
        if wanted is not None:
            answer["ConsumedCapacity"] = [used.shown(wanted, is_transactional=True) for used in consumptions.values()]
        return answer

    @operation("TransactWriteItems")
    async def write(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change items together or not at all; durable when it returns.

        A token makes the request idempotent for ten minutes.
        """
        asked = [self._asked(context, one) for one in parameters["TransactItems"]]
        _check_distinct([one.action.table for one in asked], [one.action.place for one in asked])
        token = _token(context, parameters)
        unit = Unit([one.action for one in asked], context.now, is_transaction=True, token=token)
        await self._parts.writer.write_one(unit)
        answer: Answer = {}
        wanted = wants_capacity(parameters)
        if wanted is not None:
            answer["ConsumedCapacity"] = [
                _consumption(each, is_replayed=unit.is_replayed).shown(wanted, is_transactional=True)
                for each in _by_table(asked).values()
            ]
        if parameters.get("ReturnItemCollectionMetrics") == "SIZE":
            metrics = {
                name: [found for one in each if (found := collection_metrics(one.action.table, one.key)) is not None]
                for name, each in _by_table(asked).items()
            }
            answer["ItemCollectionMetrics"] = {name: found for name, found in metrics.items() if found}
        return answer

    def _asked(self, context: RequestContext, item: Parameters) -> _Asked:
        kinds = [kind for kind in _READINGS if item.get(kind) is not None]
        if len(kinds) != 1:
            raise invalid("TransactItems can only contain one of Check, Put, Update or Delete")
        one = item[kinds[0]]
        table = self._parts.table(context, one["TableName"])
        changing = _READINGS[kinds[0]](table, one)
        return _Asked(Action(table, place_of(table, changing.key), changing.decide), changing.key)


def _check_distinct(tables: Sequence[Table], places: Sequence[ItemKey]) -> None:
    if len({(table.number, place) for table, place in zip(tables, places, strict=True)}) < len(places):
        raise invalid("Transaction request cannot include multiple operations on one item")


def _token(context: RequestContext, parameters: Parameters) -> Token | None:
    text = parameters.get("ClientRequestToken")
    if not text:
        return None
    digest = hashlib.blake2b(packed(parameters["TransactItems"]), digest_size=16).digest()
    return Token(context.scope, text, digest)


def _by_table(asked: Sequence[_Asked]) -> dict[str, list[_Asked]]:
    found: dict[str, list[_Asked]] = {}
    for one in asked:
        found.setdefault(one.action.table.name, []).append(one)
    return found


def _consumption(asked: Sequence[_Asked], *, is_replayed: bool) -> Consumption:
    """Return what the actions on one table consumed; a request that was carried out before reads its items only."""
    if not is_replayed:
        return consumption_of([one.action for one in asked], is_transactional=True)
    used = Consumption(asked[0].action.table, is_write=False)
    for one in asked:
        size = 0 if one.action.before is None else item_size(one.action.before)
        used.add(read_units(size, is_consistent=True, is_transactional=True))
    return used
