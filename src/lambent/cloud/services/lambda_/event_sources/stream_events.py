"""Records of streams as the records of an event, and what is told of those that were given up.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson

from lambent.cloud.services.lambda_.event_sources.replies import Reply
from lambent.cloud.services.lambda_.model.event_source import SourceKind
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping

Members = Mapping[str, Any]  # Any: a record as its service answers it


class GivenUp(StrEnum):
    """Why records were given up, in the words of their invocation record."""

    RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
    AGE_EXCEEDED = "RecordAgeExceeded"


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One record: where it stands in its shard, when it came, whom it must keep its order with, and its JSON."""

    sequence: str
    arrived_at: float
    key: bytes
    shown: Mapping[str, Any]  # Any: JSON
    json: bytes


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as a mapping's records name it: of which stream, and who reads it."""

    kind: SourceKind
    name: str
    source_arn: str
    region: str
    role: str | None = None


def change_record(record: Members, shard: Shard) -> StreamRecord:
    """Return a record of a table's stream."""
    change = dict(record["dynamodb"])
    arrived_at = _seconds(change.get("ApproximateCreationDateTime", 0))
    change["ApproximateCreationDateTime"] = int(arrived_at) if arrived_at == int(arrived_at) else arrived_at
    for image in ("Keys", "NewImage", "OldImage"):
        if image in change:
            change[image] = {name: _attribute(value) for name, value in change[image].items()}
    shown: dict[str, Any] = {  # Any: JSON
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": record.get("eventVersion", "1.1"),
        "eventSource": "aws:dynamodb",
        "awsRegion": shard.region,
        "dynamodb": change,
        "eventSourceARN": shard.source_arn,
    }
    if record.get("userIdentity"):
        given = record["userIdentity"]
        shown["userIdentity"] = {"type": given.get("Type"), "principalId": given.get("PrincipalId")}
    key = orjson.dumps(change.get("Keys", {}), option=orjson.OPT_SORT_KEYS)
    return StreamRecord(change["SequenceNumber"], arrived_at, key, shown, orjson.dumps(shown))


def data_record(record: Members, shard: Shard) -> StreamRecord:
    """Return a record of a Kinesis stream."""
    arrived_at = _seconds(record["ApproximateArrivalTimestamp"])
    sequence: str = record["SequenceNumber"]
    shown = {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": sequence,
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": round(arrived_at, 3),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard.name}:{sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": shard.role,
        "awsRegion": shard.region,
        "eventSourceARN": shard.source_arn,
    }
    return StreamRecord(sequence, arrived_at, record["PartitionKey"].encode(), shown, orjson.dumps(shown))


@dataclass(frozen=True, slots=True)
class Failure:
    """Records that were given up, why, and how the last attempt ended where there was one."""

    records: Sequence[StreamRecord]
    condition: GivenUp
    attempts: int
    reply: Reply | None


def failure_record(mapping: EventSourceMapping, shard: Shard, failure: Failure, request_id: str, now: float) -> bytes:
    """Return the invocation record of records that were given up, as queues and topics get it.

    https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
    """
    return orjson.dumps(_failure(mapping, shard, failure, request_id, now))


def failure_object(mapping: EventSourceMapping, shard: Shard, failure: Failure, request_id: str, now: float) -> bytes:
    """Return the same as a bucket gets it: with the records themselves."""
    payload = {"Records": [record.shown for record in failure.records]}
    return orjson.dumps({**_failure(mapping, shard, failure, request_id, now), "payload": payload})


def failure_key(mapping: EventSourceMapping, shard: Shard, now: float, unique: str) -> str:
    """Return the key under which a bucket keeps that."""
    moment = datetime.fromtimestamp(now, UTC)
    return f"aws/lambda/{mapping.uuid}/{shard.name}/{moment:%Y/%m/%d}/{moment:%Y-%m-%dT%H.%M.%S}-{unique}"


def _failure(
    mapping: EventSourceMapping, shard: Shard, failure: Failure, request_id: str, now: float
) -> dict[str, Any]:  # Any: JSON
    reply, first, last = failure.reply, failure.records[0], failure.records[-1]
    shown: dict[str, Any] = {  # Any: JSON
        "requestContext": {
            "requestId": request_id if reply is None else reply.request_id,
            "functionArn": mapping.function_arn,
            "condition": str(failure.condition),
            # AWS says 1 of records that grew too old, however often they were tried.
            "approximateInvokeCount": 1 if failure.condition is GivenUp.AGE_EXCEEDED else failure.attempts,
        }
    }
    if reply is not None and failure.condition is GivenUp.RETRIES_EXHAUSTED:
        shown["responseContext"] = {
            "statusCode": 200,
            "executedVersion": reply.version,
            "functionError": reply.function_error,
        }
    is_table = shard.kind is SourceKind.DYNAMODB
    dated = _to_the_second if is_table else _to_the_millisecond
    return {
        **shown,
        "version": "1.0",
        "timestamp": _to_the_millisecond(now),
        "DDBStreamBatchInfo" if is_table else "KinesisBatchInfo": {
            "shardId": shard.name,
            "startSequenceNumber": first.sequence,
            "endSequenceNumber": last.sequence,
            "approximateArrivalOfFirstRecord": dated(first.arrived_at),
            "approximateArrivalOfLastRecord": dated(last.arrived_at),
            "batchSize": len(failure.records),
            "streamArn": shard.source_arn,
        },
    }


def _attribute(value: Any) -> Any:  # Any: an attribute value of a table's
    """Return an attribute value as JSON: its binaries are base64, wherever they stand."""
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: _attribute(inside) for name, inside in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_attribute(inside) for inside in value]
    return value


def _seconds(moment: Any) -> float:  # Any: a timestamp of ours, or a datetime of moto's
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)


def _to_the_second(moment: float) -> str:
    return f"{datetime.fromtimestamp(int(moment), UTC):%Y-%m-%dT%H:%M:%SZ}"


def _to_the_millisecond(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
