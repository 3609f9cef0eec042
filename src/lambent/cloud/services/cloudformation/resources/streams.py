"""Streams of Kinesis and their consumers, which the bridge keeps.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Kinesis.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambent.cloud.services.cloudformation.resources.calls import made, picked, stack_tags, tag_changes, tags_of, until
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
    ResourceHandler,
)
from lambent.cloud.services.cloudformation.resources.described import Described, Given

_ON_DEMAND = {"StreamMode": "ON_DEMAND"}
_USUAL_HOURS = 24
_NOT_OFFERED = ("MaxRecordSizeInKiB", "RecordDistributionStrategy", "WarmThroughputMiBps")
_AT_ONCE = 10  # tags in one call: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_AddTagsToStream.html


def _mode(properties: Properties) -> Given:
    """Return a stream's mode: one that says neither a mode nor how many shards is on demand."""
    return properties.get("StreamModeDetails") or ({} if "ShardCount" in properties else _ON_DEMAND)


def _stream(context: ResourceContext, properties: Properties, name: str) -> Given:
    told = [one for one in _NOT_OFFERED if one in properties]
    if told:
        raise ResourceFailedError(f"{', '.join(told)} of a stream is not offered here.")
    mode = _mode(properties)
    return {**picked(properties, "ShardCount"), **({"StreamModeDetails": mode} if mode else {})}


async def _described(context: ResourceContext, name: str) -> Mapping[str, Any]:  # Any: a StreamDescriptionSummary
    """Return a stream as it is told once it can be worked with."""

    async def look() -> Mapping[str, Any] | None:  # Any: as above
        answer = await context.call("kinesis", "DescribeStreamSummary", StreamName=name)
        found: Mapping[str, Any] = answer["StreamDescriptionSummary"]  # Any: as above
        return found if found["StreamStatus"] == "ACTIVE" else None

    return await until(context, look)


async def _configure(context: ResourceContext, name: str, before: Properties, after: Properties) -> None:
    hours, wanted = (int(one.get("RetentionPeriodHours", _USUAL_HOURS)) for one in (before, after))
    if hours != wanted:
        verb = "Increase" if wanted > hours else "Decrease"
        await context.call("kinesis", f"{verb}StreamRetentionPeriod", StreamName=name, RetentionPeriodHours=wanted)
    await _encrypt(context, name, before.get("StreamEncryption"), after.get("StreamEncryption"))
    old, new = (set(one.get("DesiredShardLevelMetrics", ())) for one in (before, after))
    for operation, metrics in (("DisableEnhancedMonitoring", old - new), ("EnableEnhancedMonitoring", new - old)):
        if metrics:
            await context.call("kinesis", operation, StreamName=name, ShardLevelMetrics=sorted(metrics))


async def _encrypt(context: ResourceContext, name: str, before: Given | None, after: Given | None) -> None:
    if before == after:
        return
    operation, how = ("StopStreamEncryption", before) if after is None else ("StartStreamEncryption", after)
    await context.call("kinesis", operation, StreamName=name, **picked(how or {}, "EncryptionType", "KeyId"))


async def _tag(context: ResourceContext, name: str, tags: Mapping[str, str]) -> None:
    listed = list(tags.items())
    for start in range(0, len(listed), _AT_ONCE):
        await context.call("kinesis", "AddTagsToStream", StreamName=name, Tags=dict(listed[start : start + _AT_ONCE]))


class StreamHandler(Described):
    """A stream: its name is its physical id."""

    __slots__ = ()

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the stream, and configure it once it is active."""
        found = await Described.create(self, context, properties)
        async with made(found.physical_id):
            stream = await _described(context, found.physical_id)
            await _configure(context, found.physical_id, {}, properties)
            await _tag(context, found.physical_id, {**stack_tags(context), **tags_of(properties)})
        return Live(found.physical_id, {"Arn": stream["StreamARN"]})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Change mode, number of shards and the rest in place."""
        name = live.physical_id
        _stream(context, after, name)
        arn = live.attributes["Arn"]
        if (mode := _mode(after)) != _mode(before):
            wanted = mode or {"StreamMode": "PROVISIONED"}
            await context.call("kinesis", "UpdateStreamMode", StreamARN=arn, StreamModeDetails=wanted)
        shards = after.get("ShardCount")
        if shards is not None and shards != before.get("ShardCount"):
            await _described(context, name)
            await context.call(
                "kinesis", "UpdateShardCount", StreamName=name, TargetShardCount=int(shards),
                ScalingType="UNIFORM_SCALING",
            )  # fmt: skip
        await _described(context, name)
        await _configure(context, name, before, after)
        added, removed = tag_changes(tags_of(before), tags_of(after))
        if removed:
            await context.call("kinesis", "RemoveTagsFromStream", StreamName=name, TagKeys=removed)
        await _tag(context, name, added)
        return live


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::Kinesis::Stream": StreamHandler(
        "kinesis",
        "CreateStream",
        "DeleteStream",
        "StreamName",
        name_property="Name",
        named_in_api="StreamName",
        longest=128,
        shape=_stream,
        deleting=lambda context, properties, name: {"StreamName": name, "EnforceConsumerDeletion": True},
        exists=("ResourceInUseException",),
        gone=("ResourceNotFoundException",),
    ),
    "AWS::Kinesis::StreamConsumer": Described(
        "kinesis",
        "RegisterStreamConsumer",
        "DeregisterStreamConsumer",
        "ConsumerARN",
        identity=lambda answer: str(answer["Consumer"]["ConsumerARN"]),
        shape=lambda context, properties, name: picked(properties, "StreamARN", "ConsumerName"),
        attributes=lambda context, answer, arn: {
            "ConsumerARN": arn,
            "ConsumerName": answer["Consumer"]["ConsumerName"],
            "ConsumerStatus": answer["Consumer"]["ConsumerStatus"],
            "ConsumerCreationTimestamp": str(answer["Consumer"]["ConsumerCreationTimestamp"]),
        },
        gone=("ResourceNotFoundException",),
    ),
}
