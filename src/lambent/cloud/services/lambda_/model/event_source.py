"""The kinds of event sources, and what AWS takes, requires and shows for each of them.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html, with the parameters of each source:
services-sqs-parameters, services-kinesis-parameters, services-ddb-params, msk-esm-parameters, kafka-esm-parameters and
with-documentdb in the developer guide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lambent.aws.arn import Arn, MalformedArnError
from lambent.cloud.services.lambda_.model.function import JsonValue

Members = Mapping[str, Any]  # Any: a request's members, as the framework hands them over


class SourceKind(StrEnum):
    """Where a mapping's records come from."""

    SQS = "sqs"
    KINESIS = "kinesis"
    DYNAMODB = "dynamodb"
    MSK = "msk"
    KAFKA = "kafka"
    MQ = "mq"
    DOCUMENTDB = "documentdb"


# What stands behind the account in the ARN of each kind, by service.
_RESOURCES = {
    "sqs": (SourceKind.SQS, re.compile(r"[^:/]+")),
    "kinesis": (SourceKind.KINESIS, re.compile(r"stream/[^/]+(/consumer/[^/]+)?")),
    "dynamodb": (SourceKind.DYNAMODB, re.compile(r"table/[^/]+/stream/.+")),
    "kafka": (SourceKind.MSK, re.compile(r"(cluster|vpc-connection)/.+")),
    "mq": (SourceKind.MQ, re.compile(r"broker:.+")),
    "rds": (SourceKind.DOCUMENTDB, re.compile(r"cluster:.+")),
}

STREAMS = frozenset({SourceKind.KINESIS, SourceKind.DYNAMODB})
KAFKAS = frozenset({SourceKind.MSK, SourceKind.KAFKA})
# Where a mapping of Kafka keeps its consumer group.
KAFKA_CONFIGS = {
    SourceKind.MSK: "AmazonManagedKafkaEventSourceConfig",
    SourceKind.KAFKA: "SelfManagedKafkaEventSourceConfig",
}


def kind_of(parameters: Members) -> SourceKind | None:
    """Return the kind of event source that a request names; None where it names none, two, or one of no known kind."""
    arn, cluster = parameters.get("EventSourceArn"), parameters.get("SelfManagedEventSource")
    if cluster is not None:
        return SourceKind.KAFKA if arn is None else None
    try:
        source = Arn.parse(arn or "")
    except MalformedArnError:
        return None
    kind, resource = _RESOURCES.get(source.service, (None, None))
    return kind if resource is not None and resource.fullmatch(source.resource) else None


_EVERYWHERE = frozenset({"BatchSize", "MaximumBatchingWindowInSeconds", "FilterCriteria", "KMSKeyArn"})
_PARTIAL = frozenset({"FunctionResponseTypes"})
_POSITION = frozenset({"StartingPosition", "StartingPositionTimestamp"})
_RETRIES = frozenset({
    "BisectBatchOnFunctionError", "DestinationConfig", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts",
})  # fmt: skip
_STREAM = (
    _EVERYWHERE
    | _PARTIAL
    | _POSITION
    | _RETRIES
    | {"MetricsConfig", "ParallelizationFactor", "TumblingWindowInSeconds"}
)
_KAFKA = _EVERYWHERE | _PARTIAL | _POSITION | _RETRIES | {
    "LoggingConfig", "MetricsConfig", "ProvisionedPollerConfig", "SourceAccessConfigurations", "Topics",
}  # fmt: skip

_STREAM_DEFAULTS: Mapping[str, JsonValue] = {
    "BatchSize": 100,
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {}},
    "FunctionResponseTypes": [],
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
}


@dataclass(frozen=True, slots=True)
class SourceTraits:
    """What a kind takes (`settings`), needs (`required`) and shows where nobody said otherwise (`defaults`).

    `authentication` are its source access configurations; `reason` and `result` what a mapping tells of its last
    transition and of its processing before there was any.
    """

    settings: frozenset[str]
    defaults: Mapping[str, JsonValue]
    required: tuple[str, ...] = ()
    authentication: frozenset[str] = field(default_factory=frozenset)
    metrics: frozenset[str] = frozenset({"EventCount"})
    reason: str = "USER_INITIATED"
    result: str | None = "No records processed"


_KAFKA_METRICS = frozenset({"EventCount", "ErrorCount", "KafkaMetrics"})

TRAITS: Mapping[SourceKind, SourceTraits] = {
    SourceKind.SQS: SourceTraits(
        _EVERYWHERE | _PARTIAL | {"MetricsConfig", "ProvisionedPollerConfig", "ScalingConfig"},
        {"BatchSize": 10, "FunctionResponseTypes": [], "MaximumBatchingWindowInSeconds": 0},
        result=None,
    ),
    SourceKind.KINESIS: SourceTraits(_STREAM, _STREAM_DEFAULTS, ("StartingPosition",), reason="User action"),
    SourceKind.DYNAMODB: SourceTraits(_STREAM, _STREAM_DEFAULTS, ("StartingPosition",), reason="User action"),
    SourceKind.MSK: SourceTraits(
        _KAFKA | {KAFKA_CONFIGS[SourceKind.MSK]},
        {"BatchSize": 100},
        ("Topics", "StartingPosition"),
        frozenset({"SASL_SCRAM_512_AUTH", "CLIENT_CERTIFICATE_TLS_AUTH"}),
        _KAFKA_METRICS,
    ),
    SourceKind.KAFKA: SourceTraits(
        _KAFKA | {"SelfManagedEventSource", KAFKA_CONFIGS[SourceKind.KAFKA]},
        {"BatchSize": 100, "StartingPosition": "TRIM_HORIZON"},
        ("SourceAccessConfigurations", "Topics"),
        frozenset({
            "BASIC_AUTH", "VPC_SUBNET", "VPC_SECURITY_GROUP", "SASL_SCRAM_512_AUTH", "SASL_SCRAM_256_AUTH",
            "CLIENT_CERTIFICATE_TLS_AUTH", "SERVER_ROOT_CA_CERTIFICATE", "OAUTHBEARER_AUTH", "OAUTHBEARER_SCOPE",
            "OAUTHBEARER_AUDIENCE", "OAUTHBEARER_LOGICAL_CLUSTER", "OAUTHBEARER_IDENTITY_POOL", "IAM_AUTH",
            "IAM_OAUTHBEARER_AUTH",
        }),
        _KAFKA_METRICS,
    ),
    SourceKind.MQ: SourceTraits(
        _EVERYWHERE | {"Queues", "SourceAccessConfigurations"},
        {"BatchSize": 100},
        ("SourceAccessConfigurations", "Queues"),
        frozenset({"BASIC_AUTH", "VIRTUAL_HOST"}),
    ),
    SourceKind.DOCUMENTDB: SourceTraits(
        _EVERYWHERE | _POSITION | {"DocumentDBEventSourceConfig", "SourceAccessConfigurations"},
        {"BatchSize": 100},
        ("SourceAccessConfigurations", "DocumentDBEventSourceConfig", "StartingPosition"),
        frozenset({"BASIC_AUTH"}),
    ),
}  # fmt: skip

ALL_SETTINGS = frozenset[str]().union(*(traits.settings for traits in TRAITS.values()))
