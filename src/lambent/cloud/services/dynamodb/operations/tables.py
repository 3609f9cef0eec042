"""Tables: create, describe, list, update and delete."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from lambent.base.identifiers import IdSource
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.framework.tags import MOST_TAGS
from lambent.cloud.services.dynamodb import repository, stream_repository
from lambent.cloud.services.dynamodb.descriptions import describe
from lambent.cloud.services.dynamodb.errors import in_use, invalid, invalid_values, limit_exceeded, not_available
from lambent.cloud.services.dynamodb.model.definitions import (
    billing_of,
    key_schema,
    stored_settings,
    types_of,
    with_indexes,
)
from lambent.cloud.services.dynamodb.model.index_updates import with_index_updates
from lambent.cloud.services.dynamodb.model.table import Index, StreamSettings, Table
from lambent.cloud.services.dynamodb.operations.common import Answer, Parts, name_in
from lambent.cloud.store.unit_of_work import Transaction

_NAME = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
_MOST_TABLES = 2500
_PAGE = 100
_ELSEWHERE = (
    "GlobalTableSourceArn", "GlobalTableSettingsReplicationMode", "VectorIndexes", "VectorIndexUpdates",
    "ReplicaUpdates", "MultiRegionConsistency", "GlobalTableWitnessUpdates", "DisassociationProtectionEnabled",
)  # fmt: skip
_UPDATES = (
    "BillingMode", "DeletionProtectionEnabled", "GlobalSecondaryIndexUpdates", "OnDemandThroughput",
    "ProvisionedThroughput", "SSESpecification", "StreamSpecification", "TableClass", "WarmThroughput",
)  # fmt: skip


class TableOperations:
    """The operations on tables; `rebuild` is told of a table whose items are to be gone through again."""

    def __init__(self, parts: Parts, ids: IdSource, rebuild: Callable[[int], None]) -> None:
        self._parts = parts
        self._ids = ids
        self._rebuild = rebuild

    @operation("CreateTable")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Make a table; it can be used when this returns, though it is shown as CREATING."""
        _refuse_elsewhere(parameters)
        table = self._new_table(context, parameters)
        view = _view_of(parameters)

        def work(transaction: Transaction) -> Table:
            if self._parts.tables.find(transaction, context.scope, table.name) is not None:
                raise in_use(f"Table already exists: {table.name}")
            if repository.count(transaction, context.scope) >= _MOST_TABLES:
                raise limit_exceeded("Subscriber limit exceeded: There is a limit of 2500 tables per subscriber")
            made = table if view is None else _with_stream(transaction, table, view, context.now)
            repository.add(transaction, made)
            return made

        made = await self._parts.store.write(work)
        return {"TableDescription": describe(self._parts.store.read, made, "CREATING")}

    @operation("DescribeTable")
    async def describe(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a table as it is."""
        reader = self._parts.store.read
        return {"Table": describe(reader, self._parts.described(context, parameters["TableName"]))}

    @operation("ListTables")
    async def list_tables(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the names of the tables."""
        limit = parameters.get("Limit", _PAGE)
        found = repository.names(
            self._parts.store.read, context.scope, parameters.get("ExclusiveStartTableName", ""), limit + 1
        )
        answer: Answer = {"TableNames": found[:limit]}
        if len(found) > limit:
            answer["LastEvaluatedTableName"] = found[limit - 1]
        return answer

    @operation("UpdateTable")
    async def update(self, context: RequestContext, parameters: Parameters) -> Result:
        """Change a table; an index that is added is filled afterwards, while the table is used."""
        _refuse_elsewhere(parameters)
        if all(parameters.get(name) is None for name in _UPDATES):
            raise invalid(
                "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates "
                "or SSESpecification or ReplicaUpdates is required"
            )

        def change(transaction: Transaction, table: Table) -> Table:
            changed = _with_settings(table, parameters, context.now)
            changed = with_index_updates(changed, parameters)
            for index in table.indexes:
                if changed.index(index.name) is None:
                    repository.mark_deleted(transaction, table.number, index.number)
            if len(changed.indexes) > len(table.indexes):
                repository.ask_rebuild(transaction, table.number)
            return _with_stream_changes(transaction, changed, parameters, context.now)

        before, after = await self._parts.change(context, parameters["TableName"], change)
        if any(index.status == "CREATING" for index in after.indexes):
            self._rebuild(before.number)
        return {"TableDescription": describe(self._parts.store.read, after, "UPDATING")}

    @operation("DeleteTable")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete a table; its name is free when this returns, and its stream stays for a day."""

        def work(transaction: Transaction) -> Table:
            table = self._parts.described(context, parameters["TableName"], transaction)
            if table.settings.get("DeletionProtectionEnabled"):
                raise invalid(
                    "Resource cannot be deleted as it is currently protected against deletion. Disable deletion "
                    "protection first."
                )
            if table.writes_stream and table.stream is not None:
                stream_repository.disable(transaction, table.stream.id, context.now)
            repository.delete(transaction, table)
            return table

        table = await self._parts.store.write(work)
        return {"TableDescription": describe(self._parts.store.read, table, "DELETING")}

    def _new_table(self, context: RequestContext, parameters: Parameters) -> Table:
        name = name_in(context.scope, parameters["TableName"])
        if not _NAME.fullmatch(name):
            raise invalid(
                "Invalid table/index name.  Table/index names must be between 3 and 255 characters long, and may "
                "contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'"
            )
        types = types_of(parameters.get("AttributeDefinitions") or ())
        tags = {tag["Key"]: tag["Value"] for tag in parameters.get("Tags") or ()}
        if len(tags) > MOST_TAGS:
            raise invalid("Too many tags: at most 50 are allowed")
        settings = {
            **billing_of(parameters),
            **stored_settings(parameters),
            "OnDemandSince": context.now,
            "Tags": tags,
            "Policy": parameters.get("ResourcePolicy"),
        }
        table = Table(
            scope=context.scope,
            name=name,
            table_id=self._ids.uuid(),
            created=context.now,
            key=key_schema(parameters["KeySchema"], types),
            types=types,
            settings={name: value for name, value in settings.items() if value is not None},
        )
        return with_indexes(table, parameters)


def _refuse_elsewhere(parameters: Parameters) -> None:
    for name in _ELSEWHERE:
        if parameters.get(name):
            raise not_available(f"{name} of DynamoDB tables")


def _view_of(parameters: Parameters) -> str | None:
    specification = parameters.get("StreamSpecification") or {}
    view: str | None = specification.get("StreamViewType")
    if specification.get("StreamEnabled") and view is None:
        raise invalid_values("StreamViewType is required when StreamEnabled is true")
    if not specification.get("StreamEnabled") and view is not None:
        raise invalid_values("StreamViewType cannot be specified when StreamEnabled is false")
    return view


def _with_stream(transaction: Transaction, table: Table, view: str, now: float) -> Table:
    label = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    while stream_repository.find(transaction, table.scope, table.name, label) is not None:
        now += 0.001
        label = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    stream_id = stream_repository.add(transaction, table, label, view, now)
    return replace(table, stream=StreamSettings(stream_id, label, view))


def _with_stream_changes(transaction: Transaction, table: Table, parameters: Parameters, now: float) -> Table:
    if parameters.get("StreamSpecification") is None:
        return table
    view = _view_of(parameters)
    if view is None:
        if table.stream is None or not table.stream.is_enabled:
            raise invalid(f"Table already has streams disabled: TableName: {table.name}")
        stream_repository.disable(transaction, table.stream.id, now)
        return replace(table, stream=replace(table.stream, is_enabled=False))
    if table.writes_stream:
        raise invalid(f"Table already has an enabled stream: TableName: {table.name}")
    return _with_stream(transaction, table, view, now)


def _with_settings(table: Table, parameters: Parameters, now: float) -> Table:
    settings = stored_settings(parameters)
    if parameters.get("BillingMode") is not None or parameters.get("ProvisionedThroughput") is not None:
        _check_throughput_changes(table, parameters)
        settings |= billing_of(parameters, table.settings)
        if settings["BillingMode"] == "PAY_PER_REQUEST" and table.settings["BillingMode"] != "PAY_PER_REQUEST":
            settings["OnDemandSince"] = now
            table = replace(table, indexes=tuple(_on_demand(index) for index in table.indexes))
    return table.with_settings(**settings)


def _on_demand(index: Index) -> Index:
    kept = {name: value for name, value in index.settings.items() if name != "ProvisionedThroughput"}
    return replace(index, settings=kept)


def _check_throughput_changes(table: Table, parameters: Parameters) -> None:
    wanted, current = parameters.get("ProvisionedThroughput"), table.settings.get("ProvisionedThroughput")
    if wanted is None or wanted != current or parameters.get("GlobalSecondaryIndexUpdates"):
        return
    kinds: Sequence[str] = ("ReadCapacityUnits", "WriteCapacityUnits")
    told = " ".join(
        f"Current {kind} provisioned for the table: {current[kind]}. Requested {kind}: {wanted[kind]}."
        for kind in kinds
    )
    raise invalid(
        "The provisioned throughput for the table will not change. The requested value equals the current value. "
        f"{told} Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
    )
