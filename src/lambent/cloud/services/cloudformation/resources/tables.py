"""Tables of DynamoDB, and global tables with one replica, which the AWS CDK makes of its TableV2.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.resources.calls import (
    gone_is_fine,
    made,
    picked,
    stack_tags,
    tag_changes,
    tag_list,
    tags_of,
    until,
)
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
    ResourceHandler,
)
from lambent.template.document import as_text

_GONE = ("ResourceNotFoundException", "TableNotFoundException")
_LONGEST_NAME = 255
# What CreateTable and UpdateTable take as the template writes it.
_COMMON = (
    "AttributeDefinitions", "BillingMode", "DeletionProtectionEnabled", "OnDemandThroughput", "ProvisionedThroughput",
    "TableClass", "WarmThroughput",
)  # fmt: skip
_ON_CREATE = ("KeySchema", "LocalSecondaryIndexes")
_OF_INDEX = ("IndexName", "KeySchema", "OnDemandThroughput", "Projection", "ProvisionedThroughput", "WarmThroughput")
_NOT_MADE = ("ImportSourceSpecification", "KinesisStreamSpecification")
Given = Mapping[str, Any]  # Any: parts of templates, parameters and answers of an operation


class TableHandler:
    """A table: its name is its physical id."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the table, and set what is not part of its creation."""
        wanted = self._table(context, properties)
        name = str(wanted.get("TableName") or context.generated_name(_LONGEST_NAME))
        try:
            await context.call("dynamodb", "CreateTable", TableName=name, **_creation(context, wanted))
        except ServiceError as error:
            if not (context.is_repeated and error.code == "ResourceInUseException"):
                raise
        async with made(name):
            await _set_ttl(context, name, wanted)
            await _set_backups(context, name, {}, wanted)
            live = await self._described(context, name)
            await _set_stream_policy(context, live, {}, wanted)
        return live

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Change the table in place, its indexes one after another."""
        name = live.physical_id
        was, wanted = self._table(context, before), self._table(context, after)
        # What an update that failed half-way has left may be neither of the two: the table itself tells.
        current = (await context.call("dynamodb", "DescribeTable", TableName=name))["Table"]
        await _change_stream(context, name, current, wanted)
        changes = _changes(was, wanted)
        if changes:
            await context.call("dynamodb", "UpdateTable", TableName=name, **changes)
        await _change_indexes(context, current, was, wanted)
        await _set_ttl(context, name, wanted)
        await _set_backups(context, name, was, wanted)
        arn = str(live.attributes["Arn"])
        await _set_policy(context, arn, was.get("ResourcePolicy"), wanted.get("ResourcePolicy"))
        added, removed = tag_changes(tags_of(was), tags_of(wanted))
        if removed:
            await context.call("dynamodb", "UntagResource", ResourceArn=arn, TagKeys=removed)
        if added:
            await context.call("dynamodb", "TagResource", ResourceArn=arn, Tags=tag_list(added))
        changed = await self._described(context, name)
        await _set_stream_policy(context, changed, was, wanted)
        return changed

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Delete the table."""
        async with gone_is_fine(*_GONE):
            await context.call("dynamodb", "DeleteTable", TableName=live.physical_id)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the table as it is now."""
        async with gone_is_fine(*_GONE) as found:
            answer = await context.call("dynamodb", "DescribeTable", TableName=live.physical_id)
            found.append(answer["Table"])
        return None if not found else {**properties, **_as_template(found[0], properties)}

    def _table(self, context: ResourceContext, properties: Properties) -> Properties:
        """Return the properties as those of a table in this region."""
        for name in _NOT_MADE:
            if properties.get(name):
                raise ResourceFailedError(f"{name} of {context.logical_id} is not available here.")
        return properties

    async def _described(self, context: ResourceContext, name: str) -> Live:
        table = (await context.call("dynamodb", "DescribeTable", TableName=name))["Table"]
        attributes = {"Arn": table["TableArn"], "TableId": table["TableId"]}
        if "LatestStreamArn" in table:
            attributes["StreamArn"] = table["LatestStreamArn"]
        return Live(name, attributes)


class GlobalTableHandler(TableHandler):
    """A global table whose one replica is in the stack's region."""

    def _table(self, context: ResourceContext, properties: Properties) -> Properties:
        replicas = properties["Replicas"]
        if [replica["Region"] for replica in replicas] != [context.scope.region]:
            raise ResourceFailedError(
                f"{context.logical_id} has replicas in other regions than {context.scope.region}, which are not "
                "available here."
            )
        (replica,) = replicas
        found: dict[str, Any] = {  # Any: as Given
            **picked(
                properties, "AttributeDefinitions", "BillingMode", "KeySchema", "LocalSecondaryIndexes",
                "SSESpecification", "StreamSpecification", "TableName", "TimeToLiveSpecification", "WarmThroughput",
            ),
            **picked(
                replica, "DeletionProtectionEnabled", "PointInTimeRecoverySpecification", "ResourcePolicy",
                "TableClass", "Tags",
            ),
        }  # fmt: skip
        if "SSESpecification" in replica:
            found["SSESpecification"] = {**found.get("SSESpecification", {}), **replica["SSESpecification"]}
        found |= _throughput(properties, replica)
        indexes = properties.get("GlobalSecondaryIndexes")
        if indexes:
            local = {one["IndexName"]: one for one in replica.get("GlobalSecondaryIndexes", ())}
            found["GlobalSecondaryIndexes"] = [
                {**picked(one, *_OF_INDEX), **_throughput(one, local.get(one["IndexName"], {}))} for one in indexes
            ]
        return super()._table(context, found)


def _throughput(shared: Properties, replica: Properties) -> Given:
    """Return the throughput that a global table splits into writes of all and reads of each replica."""
    found: dict[str, Any] = {}  # Any: as Given
    write, read = shared.get("WriteProvisionedThroughputSettings"), replica.get("ReadProvisionedThroughputSettings")
    if write is not None or read is not None:
        found["ProvisionedThroughput"] = {
            "ReadCapacityUnits": _units(read or {}, "Read"),
            "WriteCapacityUnits": _units(write or {}, "Write"),
        }
    most = {
        **shared.get("WriteOnDemandThroughputSettings", {}),
        **replica.get("ReadOnDemandThroughputSettings", {}),
    }
    if most:
        found["OnDemandThroughput"] = most
    return found


def _units(settings: Properties, kind: str) -> Any:  # Any: a number or its text
    scaling = settings.get(f"{kind}CapacityAutoScalingSettings", {})
    return settings.get(f"{kind}CapacityUnits", scaling.get("SeedCapacity", scaling.get("MinCapacity", 1)))


def _creation(context: ResourceContext, properties: Properties) -> Given:
    found = {**picked(properties, *_COMMON, *_ON_CREATE), **_encryption(properties)}
    if properties.get("StreamSpecification"):
        found["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": _view(properties)}
    if properties.get("GlobalSecondaryIndexes"):
        found["GlobalSecondaryIndexes"] = [picked(one, *_OF_INDEX) for one in properties["GlobalSecondaryIndexes"]]
    if "ResourcePolicy" in properties:
        found["ResourcePolicy"] = _policy_text(properties["ResourcePolicy"])
    found["Tags"] = tag_list({**stack_tags(context), **tags_of(properties)})
    return found


def _encryption(properties: Properties) -> Given:
    encryption = properties.get("SSESpecification")
    if encryption is None:
        return {}
    chosen = picked(encryption, "KMSMasterKeyId", "SSEType")
    return {"SSESpecification": {"Enabled": encryption.get("SSEEnabled", False), **chosen}}


def _view(properties: Properties) -> str | None:
    view: str | None = (properties.get("StreamSpecification") or {}).get("StreamViewType")
    return view


async def _change_stream(context: ResourceContext, name: str, current: Given, after: Properties) -> None:
    """Enable or disable the stream; one of another view is a stream anew."""
    was, wanted = _view(current), _view(after)
    if was == wanted:
        return
    if was is not None:
        off = {"StreamEnabled": False}
        await context.call("dynamodb", "UpdateTable", TableName=name, StreamSpecification=off)
    if wanted is not None:
        on = {"StreamEnabled": True, "StreamViewType": wanted}
        await context.call("dynamodb", "UpdateTable", TableName=name, StreamSpecification=on)


def _changes(before: Properties, after: Properties) -> Given:
    """Return what UpdateTable is to change."""
    was = {**picked(before, *_COMMON), **_encryption(before)}
    wanted = {**picked(after, *_COMMON), **_encryption(after)}
    changed = {name: value for name, value in wanted.items() if was.get(name) != value}
    if was.get("DeletionProtectionEnabled") and "DeletionProtectionEnabled" not in wanted:
        changed["DeletionProtectionEnabled"] = False
    if was.get("BillingMode") == "PAY_PER_REQUEST" and "BillingMode" not in wanted:
        changed["BillingMode"] = "PROVISIONED"
    if "TableClass" in was and "TableClass" not in wanted:
        changed["TableClass"] = "STANDARD"
    # Definitions go with the indexes that need them.
    changed.pop("AttributeDefinitions", None)
    return changed


async def _change_indexes(context: ResourceContext, current: Given, before: Properties, after: Properties) -> None:
    name = str(current["TableName"])
    there = {one["IndexName"] for one in current.get("GlobalSecondaryIndexes", ())}
    was = {one["IndexName"]: picked(one, *_OF_INDEX) for one in before.get("GlobalSecondaryIndexes", ())}
    wanted = {one["IndexName"]: picked(one, *_OF_INDEX) for one in after.get("GlobalSecondaryIndexes", ())}
    kept = set()
    for index in sorted(there):
        old, new = was.get(index), wanted.get(index)
        if new is None or (old is not None and _schema_of(new) != _schema_of(old)):
            await _update_index(context, name, {"Delete": {"IndexName": index}}, after)
            continue
        kept.add(index)
        if new != old:
            throughput = picked(new, "IndexName", "OnDemandThroughput", "ProvisionedThroughput", "WarmThroughput")
            await _update_index(context, name, {"Update": throughput}, after)
    for index, new in wanted.items():
        if index not in kept:
            await _update_index(context, name, {"Create": new}, after)
            await until(context, lambda: _at_rest(context, name))


async def _update_index(context: ResourceContext, name: str, update: Given, after: Properties) -> None:
    await context.call(
        "dynamodb",
        "UpdateTable",
        TableName=name,
        AttributeDefinitions=after["AttributeDefinitions"],
        GlobalSecondaryIndexUpdates=[update],
    )


async def _at_rest(context: ResourceContext, name: str) -> bool | None:
    table = (await context.call("dynamodb", "DescribeTable", TableName=name))["Table"]
    states = {one["IndexStatus"] for one in table.get("GlobalSecondaryIndexes", ())}
    return True if states <= {"ACTIVE"} else None


def _schema_of(index: Properties) -> Given:
    return picked(index, "KeySchema", "Projection")


async def _set_ttl(context: ResourceContext, name: str, after: Properties) -> None:
    described = await context.call("dynamodb", "DescribeTimeToLive", TableName=name)
    was, wanted = described["TimeToLiveDescription"].get("AttributeName", ""), _ttl_of(after)
    if was == wanted:
        return
    for attribute, is_on in ((was, False), (wanted, True)):
        if attribute:
            specification = {"AttributeName": attribute, "Enabled": is_on}
            await context.call("dynamodb", "UpdateTimeToLive", TableName=name, TimeToLiveSpecification=specification)


def _ttl_of(properties: Properties) -> str:
    specification = properties.get("TimeToLiveSpecification") or {}
    is_on = as_text(specification.get("Enabled", False)) == "true"
    return str(specification["AttributeName"]) if is_on else ""


async def _set_backups(context: ResourceContext, name: str, before: Properties, after: Properties) -> None:
    was, wanted = before.get("PointInTimeRecoverySpecification"), after.get("PointInTimeRecoverySpecification")
    if was != wanted:
        specification = wanted or {"PointInTimeRecoveryEnabled": False}
        await context.call(
            "dynamodb",
            "UpdateContinuousBackups",
            TableName=name,
            PointInTimeRecoverySpecification=picked(
                {"PointInTimeRecoveryEnabled": False, **specification},
                "PointInTimeRecoveryEnabled",
                "RecoveryPeriodInDays",
            ),
        )


async def _set_stream_policy(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    was, wanted = (each.get("StreamSpecification", {}).get("ResourcePolicy") for each in (before, after))
    if "StreamArn" in live.attributes:
        await _set_policy(context, str(live.attributes["StreamArn"]), was, wanted)


async def _set_policy(context: ResourceContext, arn: str, before: Given | None, after: Given | None) -> None:
    if before == after:
        return
    if after is None:
        await context.call("dynamodb", "DeleteResourcePolicy", ResourceArn=arn)
    else:
        await context.call("dynamodb", "PutResourcePolicy", ResourceArn=arn, Policy=_policy_text(after))


def _policy_text(policy: Mapping[str, Any]) -> str:  # Any: a policy document
    document = policy["PolicyDocument"]
    return document if isinstance(document, str) else json.dumps(document)


def _as_template(table: Mapping[str, Any], properties: Properties) -> Given:  # Any: a TableDescription
    """Return of a table what the template says, as templates write it."""
    found: dict[str, Any] = picked(  # Any: as Given
        table, "AttributeDefinitions", "DeletionProtectionEnabled", "KeySchema", "TableName"
    )
    found["BillingMode"] = table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    found["TableClass"] = table.get("TableClassSummary", {}).get("TableClass", "STANDARD")
    throughput = table["ProvisionedThroughput"]
    found["ProvisionedThroughput"] = picked(throughput, "ReadCapacityUnits", "WriteCapacityUnits")
    if "StreamSpecification" in table:
        found["StreamSpecification"] = {"StreamViewType": table["StreamSpecification"]["StreamViewType"]}
    return {name: value for name, value in found.items() if name in properties}


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::DynamoDB::GlobalTable": GlobalTableHandler(),
    "AWS::DynamoDB::Table": TableHandler(),
}
