"""Stack events told to SNS topics, as messages that AWS words so.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-view-stack-data-resources.html
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import service_principal
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.services.cloudformation.model.stack import HOST, StackEvent
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import OutboxEffect

TOPIC: Final = "cloudformation-notification"
_SUBJECT = "AWS CloudFormation Notification"
_log = logging.getLogger(__name__)


def notice(event: StackEvent, stack_id: str, scope: Scope, topics: Sequence[str]) -> OutboxEffect:
    """Return the effect that tells topics of an event."""
    message = message_of(event, stack_id, scope.account)
    told = {"account": scope.account, "region": scope.region, "topics": list(topics), "message": message}
    return OutboxEffect(TOPIC, orjson.dumps(told).decode())


def message_of(event: StackEvent, stack_id: str, account: str) -> str:
    """Return the text of a message: a line for each member, its value in quotes."""
    at = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    members = {
        "StackId": stack_id,
        "Timestamp": at,
        "EventId": event.id,
        "LogicalResourceId": event.logical_id,
        "Namespace": account,
        "PhysicalResourceId": event.physical_id,
        "PrincipalId": account,
        "ResourceProperties": event.properties or "null",
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason,
        "ResourceType": event.type,
        "StackName": stack_id.split("/")[1],
        "ClientRequestToken": event.client_token or "null",
    }
    return "".join(f"{name}='{value}'\n" for name, value in members.items())


class Notifier:
    """Publishes what happens to stacks."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def deliver(self, payload: str) -> None:
        """Tell each topic of one event; a topic that takes no messages is logged and not tried again."""
        told: Mapping[str, Any] = orjson.loads(payload)  # Any: as `notice` made it
        scope = Scope(told["account"], told["region"])
        for topic in told["topics"]:
            request = {"TopicArn": topic, "Subject": _SUBJECT, "Message": told["message"]}
            try:
                await self._client.call(
                    "sns", "Publish", request, scope=scope, principal=service_principal(HOST, scope)
                )
            except ServiceError as error:
                _log.warning("a stack's event did not reach the topic %s: %s", topic, error)
