"""Stream records: what a change writes into a table's stream, and how GetRecords shows it.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from lambent.cloud.framework.service import Result
from lambent.cloud.services.dynamodb.model.encoding import may_hold_binary, packed, with_bytes
from lambent.cloud.services.dynamodb.model.table import Table
from lambent.cloud.services.dynamodb.model.values import Item, item_size

# Sequence numbers have at least 21 digits, and sort as text as they do as numbers.
_FIRST_SEQUENCE = 10**20
TTL_IDENTITY: Mapping[str, str] = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of one item, and the service that made it, where a service did."""

    before: Item | None
    after: Item | None
    identity: Mapping[str, str] | None = None


def record_of(table: Table, change: Changed) -> bytes:
    """Return the record that a change writes."""
    view = "" if table.stream is None else table.stream.view
    one = change.after if change.after is not None else change.before
    keys = table.key.key_of(one or {})
    content: dict[str, Any] = {"Keys": keys}  # Any: attribute values
    if view in {"NEW_IMAGE", "NEW_AND_OLD_IMAGES"} and change.after is not None:
        content["NewImage"] = change.after
    if view in {"OLD_IMAGE", "NEW_AND_OLD_IMAGES"} and change.before is not None:
        content["OldImage"] = change.before
    content["SizeBytes"] = sum(item_size(image) for image in content.values())
    name = "INSERT" if change.before is None else "REMOVE" if change.after is None else "MODIFY"
    return packed({"eventName": name, "identity": change.identity, "dynamodb": content})


def sequence_text(sequence: int) -> str:
    """Return a record's sequence number as the API shows it."""
    return str(_FIRST_SEQUENCE + sequence)


def sequence_of(text: str) -> int:
    """Return the number that `sequence_text` showed; 0 or less for what was none."""
    return int(text) - _FIRST_SEQUENCE if text.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as its row keeps it."""

    sequence: int
    created: float
    document: bytes


def shown(record: Kept, region: str, stream_id: int, view: str) -> Result:
    """Return a record as GetRecords answers it."""
    content = orjson.loads(record.document)
    change = content["dynamodb"]
    if may_hold_binary(record.document):
        for name in ("Keys", "NewImage", "OldImage"):
            if name in change:
                change[name] = with_bytes(change[name])
    event_id = hashlib.blake2b(f"{stream_id}:{record.sequence}".encode(), digest_size=16).hexdigest()
    answer: dict[str, object] = {
        "eventID": event_id,
        "eventName": content["eventName"],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": region,
        "dynamodb": {
            # Streams tell the second of a change.
            "ApproximateCreationDateTime": float(int(record.created)),
            **change,
            "SequenceNumber": sequence_text(record.sequence),
            "StreamViewType": view,
        },
    }
    return answer if content["identity"] is None else {**answer, "userIdentity": content["identity"]}
