"""Event source mappings as documents: kept, found, listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import orjson

from lambent.cloud.services.lambda_ import errors
from lambent.cloud.services.lambda_.checkpoint_repository import drop_checkpoints
from lambent.cloud.services.lambda_.documents import EVENT_SOURCE_MAPPINGS, WHOLE, Document, Part
from lambent.cloud.services.lambda_.model.event_source import SourceKind
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping, MappingState
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.unit_of_work import Reader, Transaction


def mapping(reader: Reader, scope: Scope, uuid: str) -> EventSourceMapping | None:
    """Return one mapping, or None."""
    document = EVENT_SOURCE_MAPPINGS.one(reader, scope, uuid)
    return None if document is None else _mapping(scope, uuid, document)


def mappings(reader: Reader, scope: Scope, part: Part = WHOLE) -> list[EventSourceMapping]:
    """Return part of the scope's mappings by UUID."""
    found = EVENT_SOURCE_MAPPINGS.behind(reader, scope, part=part)
    return [_mapping(scope, uuid, document) for uuid, document in found.items()]


def mappings_of(reader: Reader, scope: Scope, function_arn: str) -> list[EventSourceMapping]:
    """Return every mapping of a function, version or alias, by the ARN it was given."""
    return mappings(reader, scope, Part(where={"function_arn": function_arn}))


def unsettled_mappings(reader: Reader) -> list[EventSourceMapping]:
    """Return the mappings, of any account and region, that were under way when the platform stopped."""
    names = EVENT_SOURCE_MAPPINGS.keys_in(
        reader, "lambda_mappings_unsettled", "json_extract(document, '$.state') NOT IN ('Enabled', 'Disabled')"
    )
    found = [mapping(reader, scope, uuid) for scope, (uuid,) in names]
    return [each for each in found if each is not None]


def enabled_behind(reader: Reader, after: tuple[str, str, str], limit: int) -> list[EventSourceMapping]:
    """Return the next mappings, of any account and region, that poll; `after` is the last one's key."""
    rows = reader.all(
        "SELECT account, region, id, document FROM lambda_event_source_mappings INDEXED BY lambda_mappings_enabled"
        " WHERE (account, region, id) > (?, ?, ?) AND json_extract(document, '$.state') = 'Enabled'"
        " ORDER BY account, region, id LIMIT ?",
        (*after, limit),
    )
    return [_mapping(Scope(str(row[0]), str(row[1])), str(row[2]), orjson.loads(str(row[3]))) for row in rows]


def put_result(transaction: Transaction, value: EventSourceMapping, result: str) -> None:
    """Note what the processing of a mapping last came to, if it is still there."""
    transaction.execute(
        "UPDATE lambda_event_source_mappings SET document = json_set(document, '$.result', ?)"
        " WHERE account = ? AND region = ? AND id = ?",
        (result, value.scope.account, value.scope.region, value.uuid),
    )


def put_mapping(transaction: Transaction, value: EventSourceMapping) -> None:
    """Add the mapping or replace it."""
    document: dict[str, Any] = asdict(value)  # Any: JSON of our own writing
    del document["scope"], document["uuid"]
    EVENT_SOURCE_MAPPINGS.put(transaction, value.scope, (value.uuid,), document)


def delete_mapping(transaction: Transaction, value: EventSourceMapping) -> None:
    """Remove the mapping, and how far it has read."""
    drop_checkpoints(transaction, value)
    EVENT_SOURCE_MAPPINGS.delete(transaction, value.scope, value.uuid)


def tags(reader: Reader, scope: Scope, arn: str) -> Mapping[str, str]:
    """Return the tags of the mapping of an ARN; raises ResourceNotFoundException."""
    return _named(reader, scope, arn).tags


def put_tags(transaction: Transaction, scope: Scope, arn: str, changed: Mapping[str, str]) -> None:
    """Replace the tags of the mapping of an ARN; raises ResourceNotFoundException."""
    put_mapping(transaction, replace(_named(transaction, scope, arn), tags=changed))


def _named(reader: Reader, scope: Scope, arn: str) -> EventSourceMapping:
    found = mapping(reader, scope, arn.rpartition(":")[2])
    if found is None or found.arn != arn:
        raise errors.not_found(f"Event source mapping not found: {arn}")
    return found


def _mapping(scope: Scope, uuid: str, document: Document) -> EventSourceMapping:
    kept = {**document, "kind": SourceKind(document["kind"]), "state": MappingState(document["state"])}
    return EventSourceMapping(scope=scope, uuid=uuid, **kept)
