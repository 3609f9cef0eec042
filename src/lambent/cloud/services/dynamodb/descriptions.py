"""Tables as the API describes them."""

from __future__ import annotations

from lambent.cloud.framework.service import Result
from lambent.cloud.services.dynamodb import repository
from lambent.cloud.services.dynamodb.model.table import Index, Settings, Table
from lambent.cloud.store.unit_of_work import Reader

# What an on-demand table can serve from the start:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html
_WARM = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000}
_NOTHING = {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}


def describe(reader: Reader, table: Table, status: str = "ACTIVE") -> Result:
    """Return a TableDescription."""
    items, size = repository.size(reader, table)
    settings = table.settings
    answer: dict[str, object] = {
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in table.types.items()],
        "TableName": table.name,
        "KeySchema": table.key.shown(),
        "TableStatus": status,
        "CreationDateTime": table.created,
        "ProvisionedThroughput": _throughput(settings),
        "TableSizeBytes": size,
        "ItemCount": items,
        "TableArn": table.arn,
        "TableId": table.table_id,
        "DeletionProtectionEnabled": settings.get("DeletionProtectionEnabled", False),
        "WarmThroughput": {**_warm(settings), "Status": "ACTIVE"},
    }
    if settings["BillingMode"] == "PAY_PER_REQUEST":
        answer["BillingModeSummary"] = {
            "BillingMode": "PAY_PER_REQUEST",
            "LastUpdateToPayPerRequestDateTime": settings.get("OnDemandSince", table.created),
        }
    for member, is_global in (("GlobalSecondaryIndexes", True), ("LocalSecondaryIndexes", False)):
        indexes = [_index(table, index) for index in table.indexes if index.is_global is is_global]
        if indexes:
            answer[member] = indexes
    return {**answer, **_stream(table), **_stored(table)}


def _index(table: Table, index: Index) -> Result:
    projection: dict[str, object] = {"ProjectionType": index.projection}
    if index.non_key:
        projection["NonKeyAttributes"] = list(index.non_key)
    answer: dict[str, object] = {
        "IndexName": index.name,
        "KeySchema": index.key.shown(),
        "Projection": projection,
        "IndexSizeBytes": 0,
        "ItemCount": 0,
        "IndexArn": f"{table.arn}/index/{index.name}",
    }
    if not index.is_global:
        return answer
    if index.status == "CREATING":
        answer["Backfilling"] = True
    if "OnDemandThroughput" in index.settings:
        answer["OnDemandThroughput"] = index.settings["OnDemandThroughput"]
    return {
        **answer,
        "IndexStatus": index.status,
        "ProvisionedThroughput": _throughput(index.settings),
        "WarmThroughput": {**_warm(index.settings), "Status": "ACTIVE"},
    }


def _throughput(settings: Settings) -> Result:
    return {"NumberOfDecreasesToday": 0, **(settings.get("ProvisionedThroughput") or _NOTHING)}


def _warm(settings: Settings) -> Result:
    provisioned = settings.get("ProvisionedThroughput")
    least = _WARM
    if provisioned is not None:
        least = {
            "ReadUnitsPerSecond": provisioned["ReadCapacityUnits"],
            "WriteUnitsPerSecond": provisioned["WriteCapacityUnits"],
        }
    return {**least, **settings.get("WarmThroughput", {})}


def _stream(table: Table) -> Result:
    if table.stream is None:
        return {}
    answer: dict[str, object] = {"LatestStreamLabel": table.stream.label, "LatestStreamArn": table.stream_arn}
    if table.stream.is_enabled:
        answer["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream.view}
    return answer


def _stored(table: Table) -> Result:
    settings = table.settings
    answer: dict[str, object] = {}
    if "TableClass" in settings:
        answer["TableClassSummary"] = {"TableClass": settings["TableClass"]}
    if "OnDemandThroughput" in settings:
        answer["OnDemandThroughput"] = settings["OnDemandThroughput"]
    encryption = settings.get("SSESpecification", {})
    if encryption.get("Enabled"):
        key = encryption.get("KMSMasterKeyId", "alias/aws/dynamodb")
        where = table.scope
        kind = "" if key.startswith("alias/") else "key/"
        arn = key if key.startswith("arn:") else f"arn:{where.partition}:kms:{where.region}:{where.account}:{kind}{key}"
        answer["SSEDescription"] = {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": arn}
    return answer
