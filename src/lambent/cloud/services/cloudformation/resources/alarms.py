"""Alarms and dashboards, which the bridge keeps and nothing evaluates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_CloudWatch.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambent.cloud.services.cloudformation.resources.calls import stack_tags, tag_changes, tag_list, tags_of
from lambent.cloud.services.cloudformation.resources.contract import (
    Live,
    Properties,
    ResourceContext,
    ResourceFailedError,
    ResourceHandler,
)
from lambent.cloud.services.cloudformation.resources.described import Described, Given, as_they_are

_NOT_OFFERED = (
    "ActionConfiguration", "EvaluationCriteria", "EvaluationInterval", "EvaluationWindow", "WarmUpConfiguration",
)  # fmt: skip


def _arn(context: ResourceContext, answer: Given, name: str) -> Given:
    scope = context.scope
    return {"Arn": f"arn:{scope.partition}:cloudwatch:{scope.region}:{scope.account}:alarm:{name}"}


def _alarm(context: ResourceContext, properties: Properties, name: str) -> Given:
    told = [one for one in _NOT_OFFERED if one in properties]
    if told:
        raise ResourceFailedError(f"{', '.join(told)} of an alarm is not offered here.")
    return as_they_are(context, properties, name)


async def _retag(context: ResourceContext, live: Live, before: Properties, after: Properties) -> None:
    """Give an alarm its tags: the operation that changes it leaves them as they were."""
    added, removed = tag_changes(tags_of(before), {**tags_of(after), **stack_tags(context)})
    arn = live.attributes["Arn"]
    if removed:
        await context.call("cloudwatch", "UntagResource", ResourceARN=arn, TagKeys=removed)
    if added:
        await context.call("cloudwatch", "TagResource", ResourceARN=arn, Tags=tag_list(added))


def _first(answer: Given) -> Mapping[str, Any]:  # Any: a MetricAlarm
    found: list[Mapping[str, Any]] = answer["MetricAlarms"]  # Any: as above
    return found[0] if found else {}


class AlarmHandler(Described):
    """An alarm: its name is its physical id, and one operation reads and deletes lists of names."""

    __slots__ = ()

    async def read(self, context: ResourceContext, live: Live, properties: Properties) -> Properties | None:
        """Return it as it is, None where there is none of the name."""
        answer = await context.call("cloudwatch", "DescribeAlarms", AlarmNames=[live.physical_id])
        found = _first(answer)
        return {**properties, **{key: found[key] for key in properties if key in found}} if found else None


HANDLERS: Mapping[str, ResourceHandler] = {
    "AWS::CloudWatch::Alarm": AlarmHandler(
        "cloudwatch",
        "PutMetricAlarm",
        "DeleteAlarms",
        "AlarmNames",
        name_property="AlarmName",
        shape=_alarm,
        attributes=_arn,
        deleting=lambda context, properties, name: {"AlarmNames": [name]},
        put_again=True,
        change=_retag,
        tags="list",
        gone=("ResourceNotFound",),
    ),
    "AWS::CloudWatch::Dashboard": Described(
        "cloudwatch",
        "PutDashboard",
        "DeleteDashboards",
        "DashboardNames",
        name_property="DashboardName",
        deleting=lambda context, properties, name: {"DashboardNames": [name]},
        put_again=True,
        gone=("ResourceNotFound", "DashboardNotFoundError"),
    ),
}
