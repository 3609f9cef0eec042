"""AWS::Logs::*: groups, streams, what follows them, policies and saved queries.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Logs.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.resources.calls import (
    gone_is_fine,
    made,
    matching,
    picked,
    tag_changes,
    tags_of,
)
from lambent.cloud.services.cloudformation.resources.contract import Live, Properties, ResourceContext
from lambent.cloud.services.cloudformation.resources.described import Described, Given

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
        async with made(name):
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


def _filter_parameters(context: ResourceContext, properties: Properties, name: str) -> Given:
    """Return the properties by the API's names, which differ in their first letter alone."""
    return {key[0].lower() + key[1:]: value for key, value in properties.items() if key != "FilterName"}


def _metric_parameters(context: ResourceContext, properties: Properties, name: str) -> Given:
    transformations: list[dict[str, Any]] = []  # Any: text and numbers
    for said in properties["MetricTransformations"]:
        one = {key[0].lower() + key[1:]: value for key, value in said.items()}
        if "dimensions" in one:
            one["dimensions"] = {each["Key"]: each["Value"] for each in one["dimensions"]}
        transformations.append(one)
    return {**_filter_parameters(context, properties, name), "metricTransformations": transformations}


def _filter_key(context: ResourceContext, properties: Properties, name: str) -> Given:
    return {"logGroupName": properties["LogGroupName"], "filterName": name}


def _filter(kind: str, shape: Callable[[ResourceContext, Properties, str], Given]) -> Described:
    return Described(
        "logs",
        f"Put{kind}Filter",
        f"Delete{kind}Filter",
        "filterName",
        name_property="FilterName",
        named_in_api="filterName",
        longest=512,
        shape=shape,
        put_again=True,
        deleting=_filter_key,
        gone=(_GONE,),
    )


SUBSCRIPTION_FILTER = _filter("Subscription", _filter_parameters)
METRIC_FILTER = _filter("Metric", _metric_parameters)

RESOURCE_POLICY = Described(
    "logs",
    "PutResourcePolicy",
    "DeleteResourcePolicy",
    "policyName",
    name_property="PolicyName",
    named_in_api="policyName",
    shape=lambda context, properties, name: {"policyDocument": properties["PolicyDocument"]},
    put_again=True,
    gone=(_GONE,),
)


def _query(context: ResourceContext, properties: Properties, name: str) -> Given:
    found = {key[0].lower() + key[1:]: value for key, value in properties.items()}
    return {**found, "queryDefinitionId": name} if name else found


async def _change_query(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    await context.call("logs", "PutQueryDefinition", **_query(context, after, live.physical_id))


QUERY_DEFINITION = Described(
    "logs",
    "PutQueryDefinition",
    "DeleteQueryDefinition",
    "queryDefinitionId",
    identity=lambda answer: str(answer["queryDefinitionId"]),
    shape=_query,
    change=_change_query,
    attributes=lambda context, answer, physical_id: {"QueryDefinitionId": physical_id},
    gone=(_GONE,),
)
