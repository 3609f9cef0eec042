"""Event source mappings for the tests of their pure parts: the least request of each kind of source."""

from __future__ import annotations

from typing import Any

from lambent.cloud.services.lambda_.model.event_source import SourceKind
from lambent.cloud.services.lambda_.model.event_source_mapping import EventSourceMapping, MappingState
from lambent.cloud.services.lambda_.model.mapping_settings import asked_settings
from lambent.cloud.store.scope import Scope

NOW = 1_700_000_000.0
UUID = "11111111-2222-3333-4444-555555555555"
SCOPE = Scope("123456789012", "us-east-1")
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:s"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
KINESIS = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
DYNAMODB = "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-11-20T00:00:00.000"
MSK = "arn:aws:kafka:us-east-1:123456789012:cluster/c/11111111-2222-3333-4444-555555555555-1"
MQ = "arn:aws:mq:us-east-1:123456789012:broker:b:b-1"
DOCUMENTDB = "arn:aws:rds:us-east-1:123456789012:cluster:c"
CLUSTER = {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["kafka:1000"]}}
ACCESS = [{"Type": "BASIC_AUTH", "URI": SECRET}]

Request = dict[str, Any]  # Any: the members of a request
# The least that a request has to say of each kind.
LEAST: dict[SourceKind, Request] = {
    SourceKind.SQS: {"EventSourceArn": QUEUE},
    SourceKind.KINESIS: {"EventSourceArn": KINESIS, "StartingPosition": "LATEST"},
    SourceKind.DYNAMODB: {"EventSourceArn": DYNAMODB, "StartingPosition": "LATEST"},
    SourceKind.MSK: {"EventSourceArn": MSK, "StartingPosition": "LATEST", "Topics": ["t"]},
    SourceKind.KAFKA: {"SelfManagedEventSource": CLUSTER, "Topics": ["t"], "SourceAccessConfigurations": ACCESS},
    SourceKind.MQ: {"EventSourceArn": MQ, "Queues": ["q"], "SourceAccessConfigurations": ACCESS},
    SourceKind.DOCUMENTDB: {
        "EventSourceArn": DOCUMENTDB,
        "StartingPosition": "LATEST",
        "DocumentDBEventSourceConfig": {"DatabaseName": "d"},
        "SourceAccessConfigurations": ACCESS,
    },
}


def asked(kind: SourceKind, **more: object) -> Request:
    """Return the settings of the least request of a kind, with `more` in it."""
    return asked_settings(kind, {**LEAST[kind], **more}, uuid=UUID, now=NOW)


def mapping(kind: SourceKind = SourceKind.SQS, **changes: Any) -> EventSourceMapping:  # Any: its fields
    """Return a mapping of the least request of a kind."""
    fields: Request = {
        "scope": SCOPE,
        "uuid": UUID,
        "kind": kind,
        "function_arn": FUNCTION,
        "settings": asked(kind),
        "state": MappingState.ENABLED,
        "is_enabled": True,
        "last_modified": NOW,
        "source_arn": LEAST[kind].get("EventSourceArn"),
    }
    return EventSourceMapping(**{**fields, **changes})
