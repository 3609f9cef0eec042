"""Reading a stream: its shards, and the records of one of them from a position on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lambent.aws.arn import Arn
from lambent.cloud.framework.internal_client import InternalClient
from lambent.cloud.framework.service import Parameters, Result
from lambent.cloud.services.lambda_.event_sources.delivery import Delivery
from lambent.cloud.services.lambda_.event_sources.stream_events import Shard, StreamRecord, change_record, data_record
from lambent.cloud.services.lambda_.model.event_source import SourceKind
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping
from lambent.cloud.store.scope import Scope

_CONSUMER: Final = "/consumer/"
# The most records that GetRecords returns at once.
_AT_ONCE: Mapping[SourceKind, int] = {SourceKind.DYNAMODB: 1000, SourceKind.KINESIS: 10_000}


@dataclass(frozen=True, slots=True)
class FoundShard:
    """A shard of a stream, and the one that it follows."""

    name: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class Position:
    """Where to read from: a shard iterator's type, and what goes with it."""

    kind: str
    sequence: str | None = None
    moment: float | None = None


HORIZON: Final = Position("TRIM_HORIZON")
LATEST: Final = Position("LATEST")


@dataclass(frozen=True, slots=True)
class Read:
    """Records that were read, and the iterator to go on with; None at the end of a closed shard."""

    records: Sequence[StreamRecord]
    following: str | None


class StreamSource:
    """One stream, as one mapping reads it; raises ServiceError as the stream's service does."""

    def __init__(self, mapping: EventSourceMapping, client: InternalClient, delivery: Delivery) -> None:
        self.kind = mapping.kind
        self._mapping = mapping
        self._client = client
        self._delivery = delivery
        self._source_arn = mapping.source_arn or ""
        self._stream_arn, _, _ = self._source_arn.partition(_CONSUMER)
        arn = Arn.parse(self._stream_arn)
        self._owner = Scope(arn.account, arn.region)
        self._is_table = mapping.kind is SourceKind.DYNAMODB

    async def shards(self) -> list[FoundShard]:
        """Return the stream's shards, open and closed."""
        listed = await (self._shards_of_table() if self._is_table else self._shards_of_stream())
        return [FoundShard(each["ShardId"], each.get("ParentShardId")) for each in listed]

    async def end_of(self, shard: str) -> str | None:
        """Return the sequence number that stands before all that is still to come; None where Kinesis tells none."""
        if not self._is_table:
            return None
        asked = {"StreamArn": self._stream_arn, "ShardId": shard, "ShardIteratorType": LATEST.kind}
        return str((await self._ask("GetShardIterator", asked))["SequenceNumber"])

    async def iterator(self, shard: str, position: Position) -> str:
        """Return an iterator that reads a shard from a position on."""
        asked: dict[str, Any] = {"ShardId": shard, "ShardIteratorType": position.kind}  # Any: a request's members
        asked["StreamArn" if self._is_table else "StreamARN"] = self._stream_arn
        if position.sequence is not None:
            asked["SequenceNumber" if self._is_table else "StartingSequenceNumber"] = position.sequence
        if position.moment is not None:
            asked["Timestamp"] = position.moment
        return str((await self._ask("GetShardIterator", asked))["ShardIterator"])

    @property
    def can_wait(self) -> bool:
        """Whether `read` can wait for records: streams of tables, which are ours, tell when there are some."""
        return self._is_table

    async def read(self, shard: str, iterator: str, most: int, *, wait_s: float = 0.0) -> Read:
        """Return up to so many records of a shard; where there is none, wait so long if it can."""
        asked: dict[str, Any] = {"ShardIterator": iterator, "Limit": min(most, _AT_ONCE[self.kind])}  # Any: as above
        asked |= {"WaitTimeSeconds": wait_s} if self._is_table else {"StreamARN": self._stream_arn}
        answer = await self._ask("GetRecords", asked)
        named = self.shard(shard) if answer["Records"] else None
        make = change_record if self._is_table else data_record
        records = [] if named is None else [make(record, named) for record in answer["Records"]]
        return Read(records, answer.get("NextShardIterator"))

    def shard(self, name: str) -> Shard:
        """Return a shard as records name it."""
        role = None if self._is_table else self._delivery.role_of(self._mapping)
        return Shard(self.kind, name, self._source_arn, self._owner.region, role)

    async def _shards_of_table(self) -> list[dict[str, Any]]:  # Any: shards as DynamoDB Streams answers them
        found: list[dict[str, Any]] = []  # Any: as above
        asked = {"StreamArn": self._stream_arn}
        while True:
            description = (await self._ask("DescribeStream", asked))["StreamDescription"]
            found.extend(description["Shards"])
            last = description.get("LastEvaluatedShardId")
            if last is None:
                return found
            asked = {"StreamArn": self._stream_arn, "ExclusiveStartShardId": last}

    async def _shards_of_stream(self) -> list[dict[str, Any]]:  # Any: shards as Kinesis answers them
        found: list[dict[str, Any]] = []  # Any: as above
        asked: dict[str, Any] = {"StreamARN": self._stream_arn}  # Any: a request's members
        while True:
            answer = await self._ask("ListShards", asked)
            found.extend(answer["Shards"])
            if not answer.get("NextToken"):
                return found
            asked = {"NextToken": answer["NextToken"]}

    async def _ask(self, operation: str, parameters: Parameters) -> Result:
        service = "dynamodbstreams" if self._is_table else "kinesis"
        principal = self._delivery.reader_of(self._mapping)
        return await self._client.call(service, operation, parameters, scope=self._owner, principal=principal)
