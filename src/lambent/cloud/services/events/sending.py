"""One event to one target, as the operation that takes events there wants it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from lambent.aws.arn import Arn, queue_url
from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.events.accepting import Acceptance, BusEvent
from lambent.cloud.services.events.access import check_may_put
from lambent.cloud.services.events.event import Event
from lambent.cloud.services.events.inputs import Occasion, at_path
from lambent.cloud.services.events.model import Target, bus_meant
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Store


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a target is sent, for whom, and as whom it is asked."""

    scope: Scope
    target: Target
    occasion: Occasion
    content: str
    principal: Principal

    @property
    def event_id(self) -> str:
        """The event's id."""
        return str(self.occasion.event["id"])


class Sending:
    """The ways to targets, by the service in their ARN."""

    def __init__(self, store: Store, client: InternalClient, acceptance: Acceptance, now: Callable[[], float]) -> None:
        self._store = store
        self._client = client
        self._acceptance = acceptance
        self._now = now
        self._ways: Mapping[str, Callable[[Parcel, Arn], Awaitable[None]]] = {
            "events": self._to_bus,
            "firehose": self._to_firehose,
            "kinesis": self._to_stream,
            "lambda": self._to_function,
            "logs": self._to_log_group,
            "sns": self._to_topic,
            "sqs": self._to_queue,
            "states": self._to_state_machine,
        }

    async def send(self, parcel: Parcel) -> None:
        """Send an event to its target; raises ServiceError as the target's service refuses it."""
        arn = Arn.parse(parcel.target["Arn"])
        await self._ways[arn.service](parcel, arn)

    async def _to_function(self, parcel: Parcel, arn: Arn) -> None:
        event = {"FunctionName": str(arn), "InvocationType": "Event", "Payload": parcel.content.encode()}
        await self._ask(parcel, arn, "lambda", "Invoke", event)

    async def _to_queue(self, parcel: Parcel, arn: Arn) -> None:
        message: dict[str, object] = {"QueueUrl": queue_url(arn), "MessageBody": parcel.content}
        group = parcel.target.get("SqsParameters", {}).get("MessageGroupId")
        if group is not None:
            message["MessageGroupId"] = group
        if arn.resource.endswith(".fifo"):
            # An event that is tried again is the same message: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
            message["MessageDeduplicationId"] = parcel.event_id
        if parcel.principal.trace is not None:
            trace = {"DataType": "String", "StringValue": parcel.principal.trace}
            message["MessageSystemAttributes"] = {"AWSTraceHeader": trace}
        await self._ask(parcel, arn, "sqs", "SendMessage", message)

    async def _to_topic(self, parcel: Parcel, arn: Arn) -> None:
        await self._ask(parcel, arn, "sns", "Publish", {"TopicArn": str(arn), "Message": parcel.content})

    async def _to_stream(self, parcel: Parcel, arn: Arn) -> None:
        path = parcel.target.get("KinesisParameters", {}).get("PartitionKeyPath")
        found = parcel.event_id if path is None else at_path(parcel.occasion.event, path)
        key = found if isinstance(found, str) else parcel.event_id
        record = {"StreamName": arn.resource.partition("/")[2], "Data": parcel.content.encode(), "PartitionKey": key}
        await self._ask(parcel, arn, "kinesis", "PutRecord", record)

    async def _to_firehose(self, parcel: Parcel, arn: Arn) -> None:
        record = {"DeliveryStreamName": arn.resource.partition("/")[2], "Record": {"Data": parcel.content.encode()}}
        await self._ask(parcel, arn, "firehose", "PutRecord", record)

    async def _to_state_machine(self, parcel: Parcel, arn: Arn) -> None:
        execution = {"stateMachineArn": str(arn), "name": parcel.event_id, "input": parcel.content}
        await self._ask(parcel, arn, "stepfunctions", "StartExecution", execution)

    async def _to_log_group(self, parcel: Parcel, arn: Arn) -> None:
        named = {"logGroupName": arn.resource.removeprefix("log-group:").removesuffix(":*")}
        stream = {**named, "logStreamName": parcel.event_id}
        try:
            await self._ask(parcel, arn, "logs", "CreateLogStream", stream)
        except ServiceError as failure:
            if failure.code != "ResourceAlreadyExistsException":  # as it is after a crash
                raise
        event = {"timestamp": int(self._now() * 1000), "message": parcel.content}
        await self._ask(parcel, arn, "logs", "PutLogEvents", {**stream, "logEvents": [event]})

    async def _to_bus(self, parcel: Parcel, arn: Arn) -> None:
        scope, bus = bus_meant(parcel.scope, str(arn))
        check_may_put(self._store.read, parcel.principal, scope, bus)
        event: Event = orjson.loads(parcel.content)
        forwarded = BusEvent(scope, bus, event, trace=parcel.principal.trace, is_forwarded=True)
        await self._acceptance.accept([forwarded], self._now())

    async def _ask(self, parcel: Parcel, arn: Arn, service: str, operation: str, parameters: Parameters) -> Result:
        scope = Scope(arn.account or parcel.scope.account, arn.region or parcel.scope.region)
        return await self._client.call(service, operation, parameters, scope=scope, principal=parcel.principal)


async def send_dead_letter(
    client: InternalClient, queue: str, event: Event, attributes: Mapping[str, str], principal: Principal
) -> None:
    """Send an event to a dead-letter queue, with what AWS tells of it; raises ServiceError as the queue refuses it."""
    arn = Arn.parse(queue)
    told: dict[str, Any] = {  # Any: as SendMessage takes them
        name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
    }
    message = {"QueueUrl": queue_url(arn), "MessageBody": orjson.dumps(event).decode(), "MessageAttributes": told}
    await client.call("sqs", "SendMessage", message, scope=Scope(arn.account, arn.region), principal=principal)
