"""What leaves CloudWatch Logs for those who follow a group: messages of subscriptions, data points of metrics.

A delivery is written to the outbox by the commit that keeps the events, so it survives a crash. What its target
refuses is logged and dropped.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import service_principal
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters
from lambent.cloud.services.logs.followers import DataPoint, Message, MetricFilter
from lambent.cloud.services.logs.model import Group
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import OutboxEffect

TOPIC = "logs-deliveries"
HOST = "logs.amazonaws.com"
_POINTS_AT_ONCE = 1000
_log = logging.getLogger(__name__)
Delivery = Mapping[str, Any]  # Any: JSON of our own writing


def message_effect(group: Group, message: Message) -> OutboxEffect:
    """Return the delivery of a subscription's message."""
    return _effect(group, "subscription", destination=message.filter.destination, content=message.content)


def points_effects(group: Group, one: MetricFilter, points: Sequence[DataPoint]) -> list[OutboxEffect]:
    """Return the deliveries of a metric's data points."""
    data = [
        {
            "MetricName": one.metric,
            "Value": point.value,
            "Timestamp": point.timestamp_ms / 1000,
            "Unit": one.unit or "None",
            "Dimensions": [{"Name": name, "Value": value} for name, value in point.dimensions.items()],
        }
        for point in points
    ]
    return [
        _effect(group, "metric", namespace=one.namespace, data=data[start : start + _POINTS_AT_ONCE])
        for start in range(0, len(data), _POINTS_AT_ONCE)
    ]


def _effect(group: Group, kind: str, **content: object) -> OutboxEffect:
    told = {"kind": kind, "account": group.scope.account, "region": group.scope.region, "group": group.arn, **content}
    return OutboxEffect(TOPIC, orjson.dumps(told).decode())


class Deliveries:
    """Carries deliveries out, as CloudWatch Logs' service principal."""

    def __init__(self, client: InternalClient) -> None:
        self._client = client

    async def deliver(self, payload: str) -> None:
        """Carry out one delivery; what the target refuses is logged and not tried again."""
        delivery: Delivery = orjson.loads(payload)
        try:
            if delivery["kind"] == "metric":
                data = {"Namespace": delivery["namespace"], "MetricData": delivery["data"]}
                await self._ask(delivery, "cloudwatch", "PutMetricData", data)
            else:
                await self._send(delivery)
        except ServiceError as failure:
            if failure.status == HTTPStatus.SERVICE_UNAVAILABLE:
                raise  # the service is not there just now: the outbox tries again
            _log.error("events of %s did not reach those who follow it: %s", delivery["group"], failure)

    async def check_function(self, group: Group, function_arn: str) -> None:
        """Raise ServiceError unless the function is there and lets CloudWatch Logs invoke it for the group."""
        delivery = {"account": group.scope.account, "region": group.scope.region, "group": group.arn}
        await self._ask(delivery, "lambda", "Invoke", {"FunctionName": function_arn, "InvocationType": "DryRun"})

    async def _send(self, delivery: Delivery) -> None:
        destination: str = delivery["destination"]
        packed = await asyncio.to_thread(gzip.compress, orjson.dumps(delivery["content"]), mtime=0)
        service, name = destination.split(":")[2], destination.rpartition("/")[2]
        if service == "lambda":
            event = {"awslogs": {"data": base64.b64encode(packed).decode()}}
            parameters: Parameters = {
                "FunctionName": destination,
                "InvocationType": "Event",
                "Payload": orjson.dumps(event),
            }
            await self._ask(delivery, "lambda", "Invoke", parameters)
        elif service == "kinesis":
            key = delivery["content"]["logStream"]
            await self._ask(delivery, "kinesis", "PutRecord", {"StreamName": name, "Data": packed, "PartitionKey": key})
        else:
            record = {"DeliveryStreamName": name, "Record": {"Data": packed}}
            await self._ask(delivery, "firehose", "PutRecord", record)

    async def _ask(self, delivery: Delivery, service: str, operation: str, parameters: Parameters) -> None:
        scope = Scope(delivery["account"], delivery["region"])
        principal = service_principal(HOST, scope, f"{delivery['group']}:*")
        await self._client.call(service, operation, parameters, scope=scope, principal=principal)
