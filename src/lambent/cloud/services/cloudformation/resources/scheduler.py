"""AWS::Scheduler::*: schedules and their groups.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Scheduler.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lambent.cloud.services.cloudformation.resources.calls import (
    gone_is_fine,
    matching,
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
from lambent.cloud.services.cloudformation.resources.described import Described, Given

_EXISTS = "ConflictException"
_GONE = "ResourceNotFoundException"
_LONGEST_NAME = 64
_DATES = ("StartDate", "EndDate")


def _moment(text: object) -> float:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ResourceFailedError(f"{text} is not a date of ISO 8601.") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _shown_moment(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S}.{int(moment * 1000) % 1000:03d}Z"


def _schedule(context: ResourceContext, properties: Properties, name: str) -> Given:
    dates = {key: _moment(properties[key]) for key in _DATES if key in properties}
    return {**properties, **dates}


def _schedule_arn(context: ResourceContext, group: object, name: str) -> str:
    scope = context.scope
    return f"arn:{scope.partition}:scheduler:{scope.region}:{scope.account}:schedule/{group}/{name}"


def _in_group(properties: Properties, name: str) -> dict[str, Any]:  # Any: text
    return {"Name": name, "GroupName": properties.get("GroupName", "default")}


class ScheduleHandler(Described):
    """A schedule: its name is its physical id, and its group is needed to find it."""

    __slots__ = ()

    async def create(self, context: ResourceContext, properties: Properties) -> Live:
        """Create the schedule."""
        made = await super().create(context, properties)
        arn = _schedule_arn(context, properties.get("GroupName", "default"), made.physical_id)
        return Live(made.physical_id, {"Arn": arn})

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return the schedule as it is; what the template leaves to Scheduler is not compared."""
        async with gone_is_fine(_GONE) as kept:
            kept.append(await context.call("scheduler", "GetSchedule", **_in_group(properties, live.physical_id)))
        if not kept:
            return None
        found = dict(kept[0])
        found |= {key: _shown_moment(found[key]) for key in _DATES if key in found}
        if "RetryPolicy" not in properties.get("Target", {}):
            found["Target"] = {key: value for key, value in found["Target"].items() if key != "RetryPolicy"}
        return matching(found, properties)


async def _change_schedule(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    asked = {**_schedule(context, after, live.physical_id), **_in_group(after, live.physical_id)}
    await context.call("scheduler", "UpdateSchedule", **asked)


async def _change_group(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    added, removed = tag_changes(tags_of(before), tags_of(after))
    arn = live.attributes["Arn"]
    if removed:
        await context.call("scheduler", "UntagResource", ResourceArn=arn, TagKeys=removed)
    if added:
        await context.call("scheduler", "TagResource", ResourceArn=arn, Tags=tag_list(added))


def _group_attributes(context: ResourceContext, answer: Given, name: str) -> Given:
    scope = context.scope
    arn = f"arn:{scope.partition}:scheduler:{scope.region}:{scope.account}:schedule-group/{name}"
    return {"Arn": arn, "State": "ACTIVE"}


SCHEDULE = ScheduleHandler(
    "scheduler",
    "CreateSchedule",
    "DeleteSchedule",
    "Name",
    name_property="Name",
    longest=_LONGEST_NAME,
    shape=_schedule,
    change=_change_schedule,
    deleting=lambda context, properties, name: _in_group(properties, name),
    exists=(_EXISTS,),
    gone=(_GONE,),
)
GROUP = Described(
    "scheduler",
    "CreateScheduleGroup",
    "DeleteScheduleGroup",
    "Name",
    name_property="Name",
    longest=_LONGEST_NAME,
    shape=lambda context, properties, name: {},
    change=_change_group,
    attributes=_group_attributes,
    tags="list",
    read_with="GetScheduleGroup",
    exists=(_EXISTS,),
    gone=(_GONE,),
)

HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::Scheduler::Schedule": SCHEDULE,
    "AWS::Scheduler::ScheduleGroup": GROUP,
}
