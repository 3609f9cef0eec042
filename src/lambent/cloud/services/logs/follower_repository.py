"""Rows of what follows log groups, of resource policies and of query definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from lambent.cloud.services.logs.followers import MetricFilter, SubscriptionFilter
from lambent.cloud.services.logs.model import Event, Position, Stream
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction

_KINDS = {SubscriptionFilter: "subscription", MetricFilter: "metric"}


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """A policy that lets services write to log groups of an account."""

    name: str
    document: str
    updated_ms: int


def subscription_filters(reader: Reader, group_id: int) -> list[SubscriptionFilter]:
    """Return a group's subscription filters by name."""
    return [SubscriptionFilter(**document) for document in _filters(reader, group_id, "subscription")]


def metric_filters(reader: Reader, group_id: int) -> list[MetricFilter]:
    """Return a group's metric filters by name."""
    return [MetricFilter(**document) for document in _filters(reader, group_id, "metric")]


def count_of_metric_filters(reader: Reader, group_id: int) -> int:
    """Return how many metric filters a group has."""
    row = reader.one("SELECT count(*) FROM logs_filter WHERE group_id = ? AND kind = 'metric'", (group_id,))
    return int(str(row[0])) if row is not None else 0


def put_filter(transaction: Transaction, group_id: int, one: SubscriptionFilter | MetricFilter) -> None:
    """Add a filter, or replace the one of its name."""
    values = (group_id, _KINDS[type(one)], one.name, orjson.dumps(one).decode())
    transaction.execute("INSERT OR REPLACE INTO logs_filter VALUES (?, ?, ?, ?)", values)


def delete_filter(transaction: Transaction, group_id: int, one: SubscriptionFilter | MetricFilter) -> None:
    """Remove a filter."""
    key = (group_id, _KINDS[type(one)], one.name)
    transaction.execute("DELETE FROM logs_filter WHERE group_id = ? AND kind = ? AND name = ?", key)


def events_just_added(reader: Reader, stream: Stream, chunks: int) -> list[Event]:
    """Return the events of the stream's last `chunks` chunks as they are kept, in their order."""
    rows: Sequence[Sequence[Any]] = reader.all(  # Any: the tables are STRICT
        "SELECT id, ingested_ms, events FROM logs_chunk WHERE stream_id = ? ORDER BY id DESC LIMIT ?",
        (stream.id, chunks),
    )
    return [
        Event(Position(timestamp, chunk_id, place), stream.id, message, ingested_ms)
        for chunk_id, ingested_ms, events in reversed(rows)
        for place, (timestamp, message) in enumerate(orjson.loads(events))
    ]


def resource_policies(reader: Reader, scope: Scope) -> list[ResourcePolicy]:
    """Return the scope's resource policies by name."""
    rows: Sequence[Sequence[Any]] = reader.all(  # Any: as above
        "SELECT name, document, updated_ms FROM logs_resource_policy WHERE account = ? AND region = ? ORDER BY name",
        (scope.account, scope.region),
    )
    return [ResourcePolicy(*row) for row in rows]


def put_resource_policy(transaction: Transaction, scope: Scope, policy: ResourcePolicy) -> None:
    """Add a policy, or replace the one of its name."""
    values = (scope.account, scope.region, policy.name, policy.document, policy.updated_ms)
    transaction.execute("INSERT OR REPLACE INTO logs_resource_policy VALUES (?, ?, ?, ?, ?)", values)


def delete_resource_policy(transaction: Transaction, scope: Scope, name: str) -> int:
    """Remove a policy; return how many there were."""
    return transaction.execute(
        "DELETE FROM logs_resource_policy WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    )


def query_definitions(reader: Reader, scope: Scope) -> list[dict[str, Any]]:  # Any: JSON of our own writing
    """Return the scope's query definitions by id."""
    rows = reader.all(
        "SELECT document FROM logs_query_definition WHERE account = ? AND region = ? ORDER BY id",
        (scope.account, scope.region),
    )
    return [orjson.loads(str(row[0])) for row in rows]


def put_query_definition(transaction: Transaction, scope: Scope, query_id: str, document: object) -> None:
    """Add a query definition, or replace the one of its id."""
    values = (scope.account, scope.region, query_id, orjson.dumps(document).decode())
    transaction.execute("INSERT OR REPLACE INTO logs_query_definition VALUES (?, ?, ?, ?)", values)


def delete_query_definition(transaction: Transaction, scope: Scope, query_id: str) -> int:
    """Remove a query definition; return how many there were."""
    return transaction.execute(
        "DELETE FROM logs_query_definition WHERE account = ? AND region = ? AND id = ?",
        (scope.account, scope.region, query_id),
    )


def _filters(reader: Reader, group_id: int, kind: str) -> list[dict[str, Any]]:  # Any: JSON of our own writing
    rows = reader.all(
        "SELECT document FROM logs_filter WHERE group_id = ? AND kind = ? ORDER BY name", (group_id, kind)
    )
    return [orjson.loads(str(row[0])) for row in rows]
