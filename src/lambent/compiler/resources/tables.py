"""DynamoDB tables."""

from __future__ import annotations

from collections.abc import Iterator

from lambent.compiler.intrinsics import Value
from lambent.compiler.names import logical_id, physical_name
from lambent.compiler.resources.parties import party
from lambent.compiler.resources.scope import RETAINED, Emitted, Scope, resource, said
from lambent.manifest.event_sources import Index, KeyAttribute, Table

_TYPES = {"string": "S", "number": "N", "binary": "B"}
_VIEWS = {"keys": "KEYS_ONLY", "new": "NEW_IMAGE", "old": "OLD_IMAGE", "both": "NEW_AND_OLD_IMAGES"}


def tables(scope: Scope) -> Iterator[Emitted]:
    """Yield the tables of the manifest's `tables`."""
    for key, table in scope.system.tables.items():
        name = physical_name(scope.system.stack, key) if table.name is None else scope.references.value(table.name)
        stream = table.stream or ("both" if _is_read(scope, key) else None)
        properties = {
            "TableName": name,
            "AttributeDefinitions": _attributes(table),
            "KeySchema": _schema(table),
            "BillingMode": "PAY_PER_REQUEST" if table.capacity is None else "PROVISIONED",
            "ProvisionedThroughput": _throughput(table),
            "GlobalSecondaryIndexes": [_index(name, index, table) for name, index in table.indexes.items()] or None,
            "TimeToLiveSpecification": None if table.ttl is None else {"AttributeName": table.ttl, "Enabled": True},
            "StreamSpecification": None if stream is None else {"StreamViewType": _VIEWS[stream]},
            "SSESpecification": _encryption(scope, table),
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True} if table.backups else None,
            "DeletionProtectionEnabled": table.protect or None,
            "Tags": scope.tags(table.tags),
        }
        kept = RETAINED if table.retain else {}
        yield logical_id(key, "Table"), resource("AWS::DynamoDB::Table", properties, **kept)


def _is_read(scope: Scope, key: str) -> bool:
    """Tell whether a function has a trigger on the stream of a table."""
    return any(
        trigger.stream is not None and party(scope, trigger.stream.source, "tables").key == key
        for function in scope.functions.values()
        for trigger in function.triggers
    )


def _named(attribute: KeyAttribute) -> tuple[str, str]:
    if isinstance(attribute, str):
        return attribute, "S"
    ((name, kind),) = attribute.items()
    return name, _TYPES[kind]


def _attributes(table: Table) -> list[Value]:
    """Return the attributes that keys consist of, each once; DynamoDB refuses to be told of any other."""
    keys = [table.key, table.sort, *(each for index in table.indexes.values() for each in (index.key, index.sort))]
    found = dict(_named(key) for key in keys if key is not None)
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in found.items()]


def _schema(keyed: Table | Index) -> list[Value]:
    schema = [{"AttributeName": _named(keyed.key)[0], "KeyType": "HASH"}]
    if keyed.sort is not None:
        schema.append({"AttributeName": _named(keyed.sort)[0], "KeyType": "RANGE"})
    return schema


def _index(name: str, index: Index, table: Table) -> Value:
    projection: Value = {"ProjectionType": "ALL"}
    if index.attributes is not None:
        listed = list(index.attributes)
        projection = (
            {"ProjectionType": "INCLUDE", "NonKeyAttributes": listed} if listed else {"ProjectionType": "KEYS_ONLY"}
        )
    return said(
        {
            "IndexName": name,
            "KeySchema": _schema(index),
            "Projection": projection,
            "ProvisionedThroughput": _throughput(table),
        }
    )


def _throughput(table: Table) -> Value:
    if table.capacity is None:
        return None
    return {
        "ReadCapacityUnits": table.capacity.get("read", 1),
        "WriteCapacityUnits": table.capacity.get("write", 1),
    }


def _encryption(scope: Scope, table: Table) -> Value:
    if table.encryption_key is None:
        return None
    return {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": scope.references.value(table.encryption_key)}
