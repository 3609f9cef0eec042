"""Event source mappings of a stack.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventsourcemapping.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.resources.calls import (
    gone_is_fine,
    made,
    retag_lambda,
    stack_tags,
    tags_of,
    until,
)
from lambent.cloud.services.cloudformation.resources.coercion import coerced
from lambent.cloud.services.cloudformation.resources.contract import Live, Properties, ResourceContext
from lambent.cloud.services.cloudformation.resources.described import Given

_MISSING = ("ResourceNotFoundException",)
# The blocks of which an update names only what it changes.
_BLOCKS = (
    "AmazonManagedKafkaEventSourceConfig", "DocumentDBEventSourceConfig", "SelfManagedKafkaEventSourceConfig",
)  # fmt: skip
# What a property comes to when it is taken out of the template: an update of the API leaves alone what it is not told.
_ABSENT: Given = {
    "BatchSize": 100,
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {},
    "Enabled": True,
    "FilterCriteria": {},
    "FullDocument": "Default",
    "FunctionResponseTypes": [],
    "KMSKeyArn": "",
    "LoggingConfig": {},
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "MetricsConfig": {},
    "ParallelizationFactor": 1,
    "ProvisionedPollerConfig": {},
    "ScalingConfig": {},
    "SchemaRegistryConfig": {},
    "SourceAccessConfigurations": [],
    "TumblingWindowInSeconds": 0,
}
_QUEUE_BATCH = 10
# What UpdateEventSourceMapping does not take: a change of these is a replacement, or, as on AWS, comes to nothing.
_FIXED = frozenset({
    "EventSourceArn", "Queues", "SelfManagedEventSource", "StartingPosition", "StartingPositionTimestamp", "Topics",
})  # fmt: skip


class MappingHandler:
    """A mapping: its physical id is its UUID."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the mapping, or find the one that this step created before it was cut off."""
        tags = {**stack_tags(context), **tags_of(properties)}
        try:
            answer = await context.call("lambda", "CreateEventSourceMapping", **_members(properties), Tags=tags)
        except ServiceError as error:
            if not (context.is_repeated and error.code == "ResourceConflictException"):
                raise
            # The message ends in the UUID of the mapping that is there.
            answer = await context.call("lambda", "GetEventSourceMapping", UUID=error.message.rpartition(" ")[2])
        uuid = str(answer["UUID"])
        async with made(uuid):
            await _settled(context, uuid)
        return Live(uuid, {"Id": uuid, "EventSourceMappingArn": answer["EventSourceMappingArn"]})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Change what differs, and the tags."""
        changes = _changes(_members(before), _members(after))
        if changes:
            await context.call("lambda", "UpdateEventSourceMapping", UUID=live.physical_id, **changes)
            await _settled(context, live.physical_id)
        await retag_lambda(context, str(live.attributes["EventSourceMappingArn"]), before, after)
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Delete the mapping, and wait until it is gone."""

        async def look() -> bool | None:
            async with gone_is_fine(*_MISSING) as found:
                found.append(await context.call("lambda", "GetEventSourceMapping", UUID=live.physical_id))
            return None if found else True

        async with gone_is_fine(*_MISSING):
            await _settled(context, live.physical_id)  # while it changes, after a step that was cut off, it stays
            await context.call("lambda", "DeleteEventSourceMapping", UUID=live.physical_id)
            await until(context, look)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the properties with those that the mapping no longer has as they were given."""
        async with gone_is_fine(*_MISSING) as found:
            found.append(await context.call("lambda", "GetEventSourceMapping", UUID=live.physical_id))
        if not found:
            return None
        shown = {**found[0], "Enabled": found[0]["State"] not in {"Disabled", "Disabling"}}
        given = coerced("lambda", "CreateEventSourceMapping", _members(properties))
        compared = given.keys() - _FIXED - {"FunctionName"}
        changed = {name: shown.get(name) for name in compared if not _holds(shown.get(name), given[name])}
        return {**properties, **{_property(name): value for name, value in changed.items()}}


async def _settled(context: ResourceContext, uuid: str) -> None:
    async def look() -> bool | None:
        found = await context.call("lambda", "GetEventSourceMapping", UUID=uuid)
        return True if found["State"] in {"Enabled", "Disabled"} else None

    await until(context, look)


def _members(properties: Properties) -> dict[str, Any]:  # Any: Given
    """Return the properties but for the tags, as the API names them."""
    found = {name: value for name, value in properties.items() if name not in {"Tags", "KmsKeyArn"}}
    if "KmsKeyArn" in properties:
        found["KMSKeyArn"] = properties["KmsKeyArn"]
    if "SelfManagedEventSource" in properties:
        endpoints = properties["SelfManagedEventSource"].get("Endpoints", {})
        servers = endpoints.get("KafkaBootstrapServers")
        found["SelfManagedEventSource"] = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": servers} if servers else {}}
    return found


def _property(member: str) -> str:
    return "KmsKeyArn" if member == "KMSKeyArn" else member


def _changes(before: Given, after: Given) -> dict[str, Any]:  # Any: Given
    """Return what an update has to say."""
    absent = {**_ABSENT, "BatchSize": _QUEUE_BATCH} if ":sqs:" in str(after.get("EventSourceArn")) else _ABSENT
    found: dict[str, Any] = {}  # Any: Given
    for name in sorted((before.keys() | after.keys()) - _FIXED):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name in _BLOCKS:
            inside = _changes(old or {}, new or {})
            found.update({name: inside} if inside else {})
        elif new is not None or name in absent:
            found[name] = absent[name] if new is None else new
    return found


def _holds(shown: Any, given: Any) -> bool:  # Any: JSON-shaped values
    """Whether what is shown has everything that was given; AWS adds defaults of its own."""
    if isinstance(given, Mapping):
        if not isinstance(shown, Mapping):
            return not given
        return all(_holds(shown.get(name), value) for name, value in given.items())
    return bool(shown == given or (shown is None and not given))
