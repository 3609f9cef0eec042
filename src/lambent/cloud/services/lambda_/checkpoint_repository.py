"""How far each shard of each mapping has been read: one row for each reader of a shard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping
from lambent.cloud.store.unit_of_work import OutboxEffect, Reader, Transaction

_KEY = "account = ? AND region = ? AND mapping = ?"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a reader of a shard goes on: behind `sequence`, or where its mapping begins without one.

    A shard that several readers share has a row for each: `lane` of `lanes`. `window` is the state of an open tumbling
    window and when that began. `has_ended` tells that the shard is closed and was read to its end.
    """

    shard: str
    sequence: str | None = None
    lane: int = 0
    lanes: int = 1
    window_start: float | None = None
    state: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON of the function's
    has_ended: bool = False
    since: float | None = None
    """When reading began, of a mapping that reads only what comes from then on."""

    @property
    def key(self) -> str:
        """Its key among those of the mapping."""
        return f"{self.shard}/{self.lane}/{self.lanes}"


@dataclass(frozen=True, slots=True)
class Progress:
    """A checkpoint to be kept, and what goes out for the records that were given up on the way to it."""

    mapping: EventSourceMapping
    checkpoint: Checkpoint
    deliveries: Sequence[OutboxEffect] = ()


def checkpoints_of(reader: Reader, mapping: EventSourceMapping) -> list[Checkpoint]:
    """Return a mapping's checkpoints."""
    rows = reader.all(f"SELECT document FROM lambda_checkpoints WHERE {_KEY} ORDER BY shard", _key(mapping))
    return [Checkpoint(**orjson.loads(str(row[0]))) for row in rows]


def write_progress(transaction: Transaction, changes: Sequence[Progress]) -> None:
    """Keep checkpoints, but of mappings that were deleted meanwhile, and enqueue what goes out."""
    for change in changes:
        transaction.execute(
            "INSERT INTO lambda_checkpoints SELECT account, region, id, ?, ? FROM lambda_event_source_mappings"
            " WHERE account = ? AND region = ? AND id = ? ON CONFLICT DO UPDATE SET document = excluded.document",
            (change.checkpoint.key, orjson.dumps(asdict(change.checkpoint)).decode(), *_key(change.mapping)),
        )
        for delivery in change.deliveries:
            transaction.enqueue(delivery)


def drop_checkpoints(transaction: Transaction, mapping: EventSourceMapping, keys: Sequence[str] | None = None) -> None:
    """Remove a mapping's checkpoints, or those of some keys."""
    if keys is None:
        transaction.execute(f"DELETE FROM lambda_checkpoints WHERE {_KEY}", _key(mapping))
        return
    for key in keys:
        transaction.execute(f"DELETE FROM lambda_checkpoints WHERE {_KEY} AND shard = ?", (*_key(mapping), key))


def _key(mapping: EventSourceMapping) -> tuple[str, str, str]:
    return mapping.scope.account, mapping.scope.region, mapping.uuid
