"""AWS::Events::*: buses and their policies, rules with their targets, archives, connections and API destinations.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Events.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.cloudformation.resources.calls import (
    gone_is_fine,
    made,
    matching,
    picked,
    stack_tags,
    tag_changes,
    tag_list,
    tags_of,
)
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
    ResourceHandler,
)
from lambent.cloud.services.cloudformation.resources.described import Attributes, Described, Given

_GONE = "ResourceNotFoundException"
_EXISTS = "ResourceAlreadyExistsException"
_DEFAULT = "default"


def _text(value: object) -> str:
    """Return a document as text; templates write it as an object, or as its text."""
    return json.dumps(value) if isinstance(value, Mapping) else str(value)


def _arn(context: ResourceContext, kind: str, name: str) -> str:
    scope = context.scope
    return f"arn:{scope.partition}:events:{scope.region}:{scope.account}:{kind}/{name}"


def _bus_name(named: object) -> str:
    """Return the name of a bus that a template names by its name or its ARN."""
    return str(named or _DEFAULT).partition(":event-bus/")[2] or str(named or _DEFAULT)


class RuleHandler:
    """A rule with its targets; its physical id is its name, behind that of its bus unless that is the default one."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Make the rule, then its targets."""
        name, bus = str(properties.get("Name") or context.generated_name(64)), _bus_name(properties.get("EventBusName"))
        tags = tag_list({**stack_tags(context), **tags_of(properties)})
        await self._put(context, name, bus, {**properties, "Tags": tags})
        physical_id = name if bus == _DEFAULT else f"{bus}|{name}"
        async with made(physical_id):
            await self._put_targets(context, name, bus, properties)
        arn = _arn(context, "rule", name if bus == _DEFAULT else f"{bus}/{name}")
        return Live(physical_id, {"Arn": arn, "RuleName": name})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Change what the rule says, its targets and its tags."""
        bus, name = _parts(live)
        if _bus_name(after.get("EventBusName")) != bus:
            raise ResourceFailedError(f"Rule {name} cannot move to another event bus; give it another Name with it.")
        await self._put(context, name, bus, after)
        kept = {target["Id"] for target in after.get("Targets", ())}
        removed = [target["Id"] for target in before.get("Targets", ()) if target["Id"] not in kept]
        if removed:
            await context.call("events", "RemoveTargets", Rule=name, EventBusName=bus, Ids=removed)
        await self._put_targets(context, name, bus, after)
        await _retag(context, str(live.attributes["Arn"]), before, after)
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Remove the targets, then the rule."""
        bus, name = _parts(live)
        async with gone_is_fine(_GONE):
            found = await context.call("events", "ListTargetsByRule", Rule=name, EventBusName=bus)
            ids = [target["Id"] for target in found["Targets"]]
            if ids:
                await context.call("events", "RemoveTargets", Rule=name, EventBusName=bus, Ids=ids)
            await context.call("events", "DeleteRule", Name=name, EventBusName=bus)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the rule as it is."""
        bus, name = _parts(live)
        async with gone_is_fine(_GONE) as found:
            rule = dict(await context.call("events", "DescribeRule", Name=name, EventBusName=bus))
            targets = await context.call("events", "ListTargetsByRule", Rule=name, EventBusName=bus)
            if "EventPattern" in rule:
                rule["EventPattern"] = json.loads(rule["EventPattern"])
            found.append({**rule, "Targets": targets["Targets"]})
        return {**properties, **matching(found[0], properties)} if found else None

    async def _put(self, context: ResourceContext, name: str, bus: str, properties: Properties) -> None:
        parameters = picked(properties, "Description", "RoleArn", "ScheduleExpression", "State", "Tags")
        if "EventPattern" in properties:
            parameters["EventPattern"] = _text(properties["EventPattern"])
        await context.call("events", "PutRule", Name=name, EventBusName=bus, **parameters)

    async def _put_targets(self, context: ResourceContext, name: str, bus: str, properties: Properties) -> None:
        targets = properties.get("Targets")
        if targets:
            await context.call("events", "PutTargets", Rule=name, EventBusName=bus, Targets=targets)


def _parts(live: Live) -> tuple[str, str]:
    bus, _, name = live.physical_id.rpartition("|")
    return bus or _DEFAULT, name


async def _retag(context: ResourceContext, arn: str, before: Properties, after: Properties) -> None:
    added, removed = tag_changes(tags_of(before), tags_of(after))
    if removed:
        await context.call("events", "UntagResource", ResourceARN=arn, TagKeys=removed)
    if added:
        await context.call("events", "TagResource", ResourceARN=arn, Tags=tag_list(added))


_BUS = ("Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")


class BusHandler:
    """An event bus, with its policy."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Make the bus, then its policy."""
        name = str(properties["Name"])
        tags = tag_list({**stack_tags(context), **tags_of(properties)})
        given = picked(properties, *_BUS, "EventSourceName")
        try:
            await context.call("events", "CreateEventBus", Name=name, Tags=tags, **given)
        except ServiceError as error:
            if not (context.is_repeated and error.code == _EXISTS):
                raise
        async with made(name):
            if "Policy" in properties:
                await context.call("events", "PutPermission", EventBusName=name, Policy=_text(properties["Policy"]))
        return Live(name, {"Arn": _arn(context, "event-bus", name), "Name": name})

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Change settings, policy and tags."""
        name = live.physical_id
        await context.call("events", "UpdateEventBus", Name=name, **picked(after, *_BUS))
        if "Policy" in after:
            await context.call("events", "PutPermission", EventBusName=name, Policy=_text(after["Policy"]))
        elif "Policy" in before:
            await context.call("events", "RemovePermission", EventBusName=name, RemoveAllPermissions=True)
        await _retag(context, str(live.attributes["Arn"]), before, after)
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Delete the bus."""
        await context.call("events", "DeleteEventBus", Name=live.physical_id)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the bus as it is."""
        async with gone_is_fine(_GONE) as found:
            bus = dict(await context.call("events", "DescribeEventBus", Name=live.physical_id))
            if "Policy" in bus:
                bus["Policy"] = json.loads(bus["Policy"])
            found.append(bus)
        return {**properties, **matching(found[0], properties)} if found else None


class BusPolicyHandler:
    """One statement of a bus's policy; its physical id names bus and statement."""

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Put the statement."""
        bus, statement_id = _bus_name(properties.get("EventBusName")), str(properties["StatementId"])
        if "Statement" in properties:
            await self._put_statement(context, bus, statement_id, properties["Statement"])
        else:
            given = picked(properties, "Action", "Principal", "Condition")
            await context.call("events", "PutPermission", EventBusName=bus, StatementId=statement_id, **given)
        return Live(f"{bus}|{statement_id}")

    async def update(self, context: ResourceContext, live: Live, before: Properties, after: Properties) -> Live:
        """Put it again."""
        await self.create(context, after)
        return live

    async def delete(self, context: ResourceContext, live: Live, properties: Properties) -> None:
        """Take it back."""
        bus, _, statement_id = live.physical_id.partition("|")
        async with gone_is_fine(_GONE):
            await context.call("events", "RemovePermission", EventBusName=bus, StatementId=statement_id)

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return it as it was put."""
        return properties

    async def _put_statement(self, context: ResourceContext, bus: str, statement_id: str, statement: object) -> None:
        known = await context.call("events", "DescribeEventBus", Name=bus)
        policy = json.loads(known.get("Policy", '{"Version": "2012-10-17", "Statement": []}'))
        kept = [each for each in policy["Statement"] if each.get("Sid") != statement_id]
        added = {**json.loads(_text(statement)), "Sid": statement_id}
        whole = json.dumps({**policy, "Statement": [*kept, added]})
        await context.call("events", "PutPermission", EventBusName=bus, Policy=whole)


def _archive(context: ResourceContext, properties: Properties, name: str) -> Given:
    shaped = picked(properties, "Description", "RetentionDays", "KmsKeyIdentifier")
    if "EventPattern" in properties:
        shaped["EventPattern"] = _text(properties["EventPattern"])
    return {**shaped, "EventSourceArn": properties["SourceArn"]}


async def _change_archive(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    given = {name: value for name, value in _archive(context, after, "").items() if name != "EventSourceArn"}
    await context.call("events", "UpdateArchive", ArchiveName=live.physical_id, **given)


async def _change_connection(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    given = picked(after, "Description", "AuthorizationType", "AuthParameters")
    await context.call("events", "UpdateConnection", Name=live.physical_id, **given)


async def _change_destination(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    given = {name: value for name, value in after.items() if name != "Name"}
    await context.call("events", "UpdateApiDestination", Name=live.physical_id, **given)


def _told_arn(member: str) -> Attributes:
    def attributes(context: ResourceContext, answer: Given, physical_id: str) -> Given:
        arn = str(answer[member])
        return {"Arn": arn, "ArnForPolicy": arn.rpartition("/")[0]}

    return attributes


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::Events::ApiDestination": Described(
        "events",
        "CreateApiDestination",
        "DeleteApiDestination",
        "Name",
        name_property="Name",
        longest=64,
        attributes=_told_arn("ApiDestinationArn"),
        change=_change_destination,
        gone=(_GONE,),
    ),
    "AWS::Events::Archive": Described(
        "events",
        "CreateArchive",
        "DeleteArchive",
        "ArchiveName",
        name_property="ArchiveName",
        longest=48,
        shape=_archive,
        attributes=lambda context, answer, name: {"Arn": _arn(context, "archive", name)},
        change=_change_archive,
        exists=(_EXISTS,),
        gone=(_GONE,),
    ),
    "AWS::Events::Connection": Described(
        "events",
        "CreateConnection",
        "DeleteConnection",
        "Name",
        name_property="Name",
        longest=64,
        attributes=_told_arn("ConnectionArn"),
        change=_change_connection,
        gone=(_GONE,),
    ),
    "AWS::Events::EventBus": BusHandler(),
    "AWS::Events::EventBusPolicy": BusPolicyHandler(),
    "AWS::Events::Rule": RuleHandler(),
}
