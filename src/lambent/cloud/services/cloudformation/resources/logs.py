"""AWS::Logs::LogGroup and LogStream.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Logs.html
"""

from __future__ import annotations

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.resources.calls import (
    gone_is_fine,
    matching,
    picked,
    tag_changes,
    tags_of,
)
from lambent.cloud.services.cloudformation.resources.contract import Live, Properties, ResourceContext
from lambent.cloud.services.cloudformation.resources.described import Described

_EXISTS = "ResourceAlreadyExistsException"
_GONE = "ResourceNotFoundException"


class LogGroupHandler:
    """A log group with its retention, key and tags."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the group and set its retention."""
        name = str(properties.get("LogGroupName") or context.generated_name(512))
        parameters: dict[str, object] = {"logGroupName": name}
        if tags := {**context.tags, **tags_of(properties)}:
            parameters["tags"] = tags
        if "KmsKeyId" in properties:
            parameters["kmsKeyId"] = properties["KmsKeyId"]
        if "LogGroupClass" in properties:
            parameters["logGroupClass"] = properties["LogGroupClass"]
        try:
            await context.call("logs", "CreateLogGroup", **parameters)
        except ServiceError as error:
            if not (context.is_repeated and error.code == _EXISTS):
                raise
        await self._retention(context, name, {}, properties)
        scope = context.scope
        return Live(name, {"Arn": f"arn:{scope.partition}:logs:{scope.region}:{scope.account}:log-group:{name}:*"})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Change retention, key and tags."""
        name = live.physical_id
        await self._retention(context, name, before, after)
        if before.get("KmsKeyId") != after.get("KmsKeyId"):
            if "KmsKeyId" in after:
                await context.call("logs", "AssociateKmsKey", logGroupName=name, kmsKeyId=after["KmsKeyId"])
            else:
                await context.call("logs", "DisassociateKmsKey", logGroupName=name)
        added, removed = tag_changes(tags_of(before), tags_of(after))
        arn = str(live.attributes["Arn"]).removesuffix(":*")
        if removed:
            await context.call("logs", "UntagResource", resourceArn=arn, tagKeys=removed)
        if added:
            await context.call("logs", "TagResource", resourceArn=arn, tags=added)
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Delete the group with all its events."""
        async with gone_is_fine(_GONE):
            await context.call("logs", "DeleteLogGroup", logGroupName=live.physical_id)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the group as it is."""
        answer = await context.call("logs", "DescribeLogGroups", logGroupNamePrefix=live.physical_id)
        found = next((one for one in answer["logGroups"] if one["logGroupName"] == live.physical_id), None)
        if found is None:
            return None
        names = {"logGroupName": "LogGroupName", "retentionInDays": "RetentionInDays", "kmsKeyId": "KmsKeyId"}
        told = {names[key]: value for key, value in found.items() if key in names}
        return matching({**picked(properties, "Tags", "LogGroupClass"), **told}, properties)

    async def _retention(self, context: ResourceContext, name: str, before: Properties, after: Properties) -> None:
        days = after.get("RetentionInDays")
        if days == before.get("RetentionInDays"):
            return
        if days is None:
            await context.call("logs", "DeleteRetentionPolicy", logGroupName=name)
        else:
            await context.call("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=int(days))


LOG_STREAM = Described(
    "logs",
    "CreateLogStream",
    "DeleteLogStream",
    "logStreamName",
    name_property="LogStreamName",
    named_in_api="logStreamName",
    longest=512,
    shape=lambda context, properties, name: {"logGroupName": properties["LogGroupName"]},
    deleting=lambda context, properties, name: {"logGroupName": properties["LogGroupName"], "logStreamName": name},
    exists=(_EXISTS,),
    gone=(_GONE,),
)
