"""What leaves Lambda when an asynchronous event is done with: records for destinations, and dead letters.

A delivery is written to the outbox by the commit that removes the event, so it survives a crash. What its target
refuses is logged and dropped, as AWS only counts it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import service_principal
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.lookups import HOST
from lambent.cloud.services.lambda_.model.event import Condition, QueuedEvent
from lambent.cloud.services.lambda_.model.function import function_arn
from lambent.cloud.services.lambda_.model.invocation_record import (
    Response,
    error_message,
    object_key,
    qualified_arn,
    record,
)
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import OutboxEffect

TOPIC = "lambda-deliveries"
_log = logging.getLogger(__name__)
_MESSAGE_LIMIT = 1024
Delivery = Mapping[str, Any]  # Any: JSON of our own writing

# What a dead letter says of an event that was never answered.
_REASONS = {
    Condition.EVENT_AGE_EXCEEDED: "The event's maximum age was exceeded.",
    Condition.ZERO_RESERVED_CONCURRENCY: "The function's reserved concurrency is zero.",
    # Retries end without an answer in one case alone: the event was dropped for running in a loop.
    Condition.RETRIES_EXHAUSTED: errors.recursive_invocation().message,
}


def record_for(
    target_arn: str, event: QueuedEvent, condition: Condition, response: Response | None, now: float
) -> OutboxEffect:
    """Return the delivery of an event's record to a destination."""
    return _effect(
        target_arn,
        event,
        body=record(event, condition, response, now).decode(),
        detail_type=f"Lambda Function Invocation Result - {'Success' if condition is Condition.SUCCESS else 'Failure'}",
        resource=qualified_arn(event),
        key=object_key(event, now, event.request_id),
    )


def dead_letter_for(
    target_arn: str, event: QueuedEvent, condition: Condition, response: Response | None
) -> OutboxEffect:
    """Return the delivery of the event itself to a dead-letter queue or topic, with AWS's three attributes.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq
    """
    error = _REASONS.get(condition, "") if response is None else error_message(response)
    attributes = {
        "RequestID": _text(event.request_id),
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": _text(error[:_MESSAGE_LIMIT]),
    }
    return _effect(target_arn, event, body=event.payload.decode(), attributes=attributes)


def _effect(target_arn: str, event: QueuedEvent, **content: object) -> OutboxEffect:
    told = {
        "target": target_arn,
        "account": event.scope.account,
        "region": event.scope.region,
        "function": function_arn(event.scope, event.function),
        "request_id": event.request_id,
        "trace": event.trace_id,
        **content,
    }
    return OutboxEffect(TOPIC, orjson.dumps(told).decode())


class Deliveries:
    """Carries deliveries out: to SQS queues, SNS topics, functions, event buses and buckets."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client
        self._ways = {
            "sqs": self._to_queue,
            "sns": self._to_topic,
            "lambda": self._to_function,
            "events": self._to_bus,
            "s3": self._to_bucket,
        }

    async def deliver(self, payload: str) -> None:
        """Carry out one delivery; what the target refuses is logged and not tried again."""
        delivery: Delivery = orjson.loads(payload)
        target: str = delivery["target"]
        try:
            await self._ways[target.split(":")[2]](delivery, target)
        except ServiceError as failure:
            if failure.is_throttle or not failure.is_senders_fault:
                raise  # the target cannot take it just now: the outbox tries again
            _log.error("event %s did not reach its destination %s: %s", delivery["request_id"], target, failure)

    async def _to_queue(self, delivery: Delivery, target: str) -> None:
        _, _, _, _, account, name = target.split(":", 5)
        named = {"QueueName": name, "QueueOwnerAWSAccountId": account}
        url = str((await self._ask(delivery, "sqs", "GetQueueUrl", named))["QueueUrl"])
        message = {"QueueUrl": url, "MessageBody": delivery["body"], **_attributes(delivery), **_traced(delivery)}
        await self._ask(delivery, "sqs", "SendMessage", message)

    async def _to_topic(self, delivery: Delivery, target: str) -> None:
        message = {"TopicArn": target, "Message": delivery["body"], **_attributes(delivery)}
        await self._ask(delivery, "sns", "Publish", message)

    async def _to_function(self, delivery: Delivery, target: str) -> None:
        event = {"FunctionName": target, "InvocationType": "Event", "Payload": delivery["body"].encode()}
        await self._ask(delivery, "lambda", "Invoke", event)

    async def _to_bus(self, delivery: Delivery, target: str) -> None:
        entry = {
            "EventBusName": target,
            "Source": "lambda",
            "DetailType": delivery["detail_type"],
            "Resources": [target, delivery["resource"]],
            "Detail": delivery["body"],
        }
        answer = await self._ask(delivery, "events", "PutEvents", {"Entries": [entry]})
        if answer.get("FailedEntryCount"):
            (refused,) = answer["Entries"]
            raise ServiceError(refused["ErrorCode"], refused.get("ErrorMessage", ""))

    async def _to_bucket(self, delivery: Delivery, target: str) -> None:
        kept = {"Bucket": target.rpartition(":")[2], "Key": delivery["key"], "Body": delivery["body"].encode()}
        await self._ask(delivery, "s3", "PutObject", kept)

    async def _ask(self, delivery: Delivery, service: str, operation: str, parameters: Parameters) -> Result:
        scope = Scope(delivery["account"], delivery["region"])
        principal = replace(service_principal(HOST, scope, delivery["function"]), trace=delivery.get("trace"))
        return await self._client.call(service, operation, parameters, scope=scope, principal=principal)


def _traced(delivery: Delivery) -> dict[str, object]:
    # Whoever reads the queue goes on with the trace, and so a loop through it is found.
    trace = delivery.get("trace")
    return {"MessageSystemAttributes": {"AWSTraceHeader": _text(trace)}} if trace else {}


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def _attributes(delivery: Delivery) -> dict[str, object]:
    return {"MessageAttributes": delivery["attributes"]} if "attributes" in delivery else {}
