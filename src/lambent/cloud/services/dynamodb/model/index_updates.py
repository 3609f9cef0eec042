"""GlobalSecondaryIndexUpdates of UpdateTable: one index is added or deleted at a time."""

from __future__ import annotations

from dataclasses import replace

from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.dynamodb.errors import in_use, invalid, limit_exceeded, not_found
from lambent.cloud.services.dynamodb.model.definitions import types_of, with_index, without_index
from lambent.cloud.services.dynamodb.model.table import Table


def with_index_updates(table: Table, parameters: Parameters) -> Table:
    """Return the table with its indexes changed as a request asks; one that is added is CREATING.

    Raises ServiceError where AWS refuses it.
    """
    updates = parameters.get("GlobalSecondaryIndexUpdates") or ()
    if parameters.get("AttributeDefinitions"):
        given = types_of(parameters["AttributeDefinitions"])
        for name, kind in table.types.items():
            if given.get(name, kind) != kind:
                raise invalid(f"One or more parameter values were invalid: Attribute {name} has another type")
        table = replace(table, types={**table.types, **given})
    if sum(not each.get("Update") for each in updates) > 1:
        raise limit_exceeded(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
        )
    for each in updates:
        table = _with_update(table, each)
    return _without_unused(table)


def _with_update(table: Table, update: Parameters) -> Table:
    if update.get("Create"):
        if any(index.status == "CREATING" for index in table.indexes):
            raise limit_exceeded(
                "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
            )
        if table.index(update["Create"]["IndexName"]) is not None:
            raise invalid("Attempting to create an index which already exists")
        return with_index(table, update["Create"], is_global=True, status="CREATING")
    change = update.get("Delete") or update.get("Update")
    if not change:
        raise invalid("One or more parameter values were invalid: GlobalSecondaryIndexUpdate is empty")
    index = table.index(change["IndexName"])
    if index is None or not index.is_global:
        raise not_found("Requested resource not found")
    if update.get("Delete"):
        return without_index(table, index.name)
    if index.status != "ACTIVE":
        raise in_use(f"Attempting to update an index that is not ACTIVE: {index.name}")
    settings = {**index.settings, **{name: value for name, value in change.items() if name != "IndexName"}}
    changed = replace(index, settings=settings)
    return replace(table, indexes=tuple(changed if one is index else one for one in table.indexes))


def _without_unused(table: Table) -> Table:
    used = {each for key in (table.key, *(index.key for index in table.indexes)) for each in key.names}
    return replace(table, types={name: kind for name, kind in table.types.items() if name in used})
