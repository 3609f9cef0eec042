from __future__ import annotations

from typing import Any

import orjson

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.cloudformation.model.stack import StackEvent
from lambent.cloud.services.cloudformation.notifications import Notifier, message_of, notice
from lambent.cloud.store.scope import Scope

STACK = "arn:aws:cloudformation:us-east-1:111122223333:stack/s/1"
EVENT = StackEvent(
    id="A-CREATE_COMPLETE-1",
    at=1_700_000_000.25,
    logical_id="A",
    physical_id="the-group",
    type="AWS::Logs::LogGroup",
    status="CREATE_COMPLETE",
    properties='{"LogGroupName":"the-group"}',
)


class _Topics:
    """Takes messages for every topic but one."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []  # Any: parameters of Publish

    async def call(
        self, service: str, operation: str, parameters: Parameters, *, scope: Scope, principal: Principal
    ) -> Result:
        assert (service, operation, scope) == ("sns", "Publish", Scope("111122223333", "us-east-1"))
        assert principal.arn == "cloudformation.amazonaws.com"
        if parameters["TopicArn"] == "gone":
            raise ServiceError("NotFound", "Topic does not exist", status=404)
        self.told.append((parameters["TopicArn"], parameters["Message"]))
        return {}


def test_a_message_has_a_line_for_each_member() -> None:
    assert message_of(EVENT, STACK, "111122223333") == (
        f"StackId='{STACK}'\n"
        "Timestamp='2023-11-14T22:13:20.250Z'\n"
        "EventId='A-CREATE_COMPLETE-1'\n"
        "LogicalResourceId='A'\n"
        "Namespace='111122223333'\n"
        "PhysicalResourceId='the-group'\n"
        "PrincipalId='111122223333'\n"
        'ResourceProperties=\'{"LogGroupName":"the-group"}\'\n'
        "ResourceStatus='CREATE_COMPLETE'\n"
        "ResourceStatusReason=''\n"
        "ResourceType='AWS::Logs::LogGroup'\n"
        "StackName='s'\n"
        "ClientRequestToken='null'\n"
    )


async def test_a_topic_that_takes_nothing_keeps_nobody_else_from_being_told() -> None:
    topics = _Topics()
    effect = notice(EVENT, STACK, Scope("111122223333", "us-east-1"), ["gone", "there"])
    await Notifier(topics).deliver(effect.payload)
    assert topics.told == [("there", orjson.loads(effect.payload)["message"])]
