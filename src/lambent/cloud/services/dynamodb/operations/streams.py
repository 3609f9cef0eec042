"""Streams of tables: list, describe, iterators and records. A stream has one shard.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from __future__ import annotations

from dataclasses import dataclass

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import InvalidMarkerError, decode_marker, encode_marker
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.dynamodb import stream_repository
from lambent.cloud.services.dynamodb.errors import invalid, not_found
from lambent.cloud.services.dynamodb.model.records import sequence_of, sequence_text, shown
from lambent.cloud.services.dynamodb.model.table import STREAM_RETENTION_S
from lambent.cloud.services.dynamodb.operations.common import Answer
from lambent.cloud.services.dynamodb.stream_repository import Stream
from lambent.cloud.services.dynamodb.stream_waits import StreamWaits
from lambent.cloud.store.unit_of_work import Reader, Store

_ITERATOR_LIFETIME_S = 15 * 60.0
_MOST_RECORDS = 1000
_PAGE = 100


@dataclass(frozen=True, slots=True)
class _Iterator:
    """Where a reader stands: behind a record of a stream, and when the iterator was given."""

    stream_id: int
    after: int
    given: float

    def text(self, arn: str) -> str:
        """Return what the API hands out."""
        return f"{arn}|1|{encode_marker(f'{self.stream_id}:{self.after}:{self.given}')}"

    @staticmethod
    def read(text: str) -> _Iterator:
        """Return the iterator that a text stands for; raises ValidationException."""
        try:
            stream_id, after, given = decode_marker(text.rpartition("|")[2]).split(":")
            return _Iterator(int(stream_id), int(after), float(given))
        except (InvalidMarkerError, ValueError) as error:
            raise invalid("Invalid ShardIterator") from error


class StreamOperations:
    """The operations on streams."""

    def __init__(self, store: Store, waits: StreamWaits) -> None:
        self._store = store
        self._waits = waits

    @operation("ListStreams")
    async def list_streams(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of the streams, of all tables or of one."""
        table = parameters.get("TableName", "")
        table = table.partition("/")[2].partition("/")[0] if table.startswith("arn:") else table
        limit = parameters.get("Limit", _PAGE)
        after = (table, "")
        if "ExclusiveStartStreamArn" in parameters:
            after = _names_in(parameters["ExclusiveStartStreamArn"])
        found = stream_repository.listed(self._store.read, context.scope, after, limit + 1)
        found = [stream for stream in found if not table or stream.table_name == table]
        answer: Answer = {
            "Streams": [
                {"StreamArn": one.arn, "TableName": one.table_name, "StreamLabel": one.label} for one in found[:limit]
            ]
        }
        if len(found) > limit:
            answer["LastEvaluatedStreamArn"] = found[limit - 1].arn
        return answer

    @operation("DescribeStream")
    async def describe(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a stream and its shard."""
        reader = self._store.read
        stream = self._stream(context, parameters["StreamArn"])
        shard_id = _shard_id(stream)
        shards = []
        if parameters.get("ExclusiveStartShardId", "") < shard_id and not _is_filtered(parameters):
            numbers = {"StartingSequenceNumber": sequence_text(_horizon(reader, stream, context.now) + 1)}
            if stream.disabled_at is not None:
                last = stream_repository.last_record(reader, stream.id)
                numbers["EndingSequenceNumber"] = sequence_text(last if last is not None else stream.trimmed_to + 1)
            shards.append({"ShardId": shard_id, "SequenceNumberRange": numbers})
        return {
            "StreamDescription": {
                "StreamArn": stream.arn,
                "StreamLabel": stream.label,
                "StreamStatus": "ENABLED" if stream.disabled_at is None else "DISABLED",
                "StreamViewType": stream.view,
                "CreationRequestDateTime": stream.created,
                "TableName": stream.table_name,
                "KeySchema": stream.key.shown(),
                "Shards": shards,
            }
        }

    @operation("GetShardIterator")
    async def shard_iterator(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return an iterator, which holds for fifteen minutes.

        Callers from within AWS are told by `SequenceNumber`, too, behind which record it stands.
        """
        stream = self._stream(context, parameters["StreamArn"])
        if parameters["ShardId"] != _shard_id(stream):
            raise not_found(f"Requested resource not found: Shard does not exist: {parameters['ShardId']}")
        after = self._start(stream, parameters, context.now)
        answer: Answer = {"ShardIterator": _Iterator(stream.id, after, context.now).text(stream.arn)}
        return answer | {"SequenceNumber": sequence_text(after)} if context.caller.is_aws else answer

    @operation("GetRecords")
    async def records(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the records behind an iterator, and the next iterator; none at the end of a stream that ended.

        Callers from within AWS may say in `WaitTimeSeconds` how long to wait where there is none.
        """
        reader = self._store.read
        iterator = _Iterator.read(parameters["ShardIterator"])
        if context.now - iterator.given > _ITERATOR_LIFETIME_S:
            raise ServiceError("ExpiredIteratorException", "The provided iterator exceeds the maximum age allowed.")
        stream = stream_repository.with_id(reader, iterator.stream_id)
        if stream is None or stream.scope != context.scope:
            raise not_found("Requested resource not found: Stream: not found")
        limit = parameters.get("Limit", _MOST_RECORDS)
        found = stream_repository.records(reader, stream.id, iterator.after, limit)
        wait_s = parameters.get("WaitTimeSeconds", 0) if context.caller.is_aws else 0
        if wait_s > 0 and not found and stream.disabled_at is None:
            await self._waits.wait(stream.id, context.now + wait_s)
            found = stream_repository.records(reader, stream.id, iterator.after, limit)
        now = self._waits.clock.now()
        if iterator.after < stream.trimmed_to or (found and found[0].created <= now - STREAM_RETENTION_S):
            raise _trimmed()
        after = found[-1].sequence if found else iterator.after
        answer: Answer = {"Records": [shown(each, stream.scope.region, stream.id, stream.view) for each in found]}
        if found or stream.disabled_at is None:
            answer["NextShardIterator"] = _Iterator(stream.id, after, now).text(stream.arn)
        return answer

    def _stream(self, context: RequestContext, arn: str) -> Stream:
        found = stream_repository.find(self._store.read, context.scope, *_names_in(arn))
        if found is None or found.arn != arn:
            raise not_found(f"Requested resource not found: Stream: {arn} not found")
        return found

    def _start(self, stream: Stream, parameters: Parameters, now: float) -> int:
        """Return the record behind which a new iterator stands."""
        reader, kind = self._store.read, parameters["ShardIteratorType"]
        horizon = _horizon(reader, stream, now)
        if kind == "TRIM_HORIZON":
            return horizon
        if kind == "LATEST":
            last = stream_repository.last_record(reader, stream.id)
            return stream.trimmed_to if last is None else last
        text = parameters.get("SequenceNumber")
        if text is None:
            raise invalid(f"SequenceNumber must be specified for ShardIteratorType {kind}")
        sequence = sequence_of(text)
        if sequence <= horizon:
            raise _trimmed()
        return sequence if kind == "AFTER_SEQUENCE_NUMBER" else sequence - 1


def _horizon(reader: Reader, stream: Stream, now: float) -> int:
    """Return the last record that is older than a day; 0 where there has been none."""
    old = stream_repository.last_before(reader, stream.id, now - STREAM_RETENTION_S)
    return stream.trimmed_to if old is None else old


def _shard_id(stream: Stream) -> str:
    # Like AWS's: the moment of the shard's making and eight hexadecimal digits, padded to 20 digits and 8.
    return f"shardId-{int(stream.created * 1000):020d}-{stream.id:08x}"


def _is_filtered(parameters: Parameters) -> bool:
    # The one shard has no children.
    return bool(parameters.get("ShardFilter"))


def _names_in(arn: str) -> tuple[str, str]:
    """Return the table and the label that a stream's ARN holds."""
    table, _, label = arn.partition(":table/")[2].partition("/stream/")
    return table, label


def _trimmed() -> ServiceError:
    return ServiceError(
        "TrimmedDataAccessException", "The operation attempted to read past the oldest stream record in a shard."
    )
