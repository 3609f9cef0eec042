"""What each kind of event source takes, shows and refuses."""

from __future__ import annotations

import pytest

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.lambda_.model.event_source import SourceKind, kind_of
from lambent.cloud.services.lambda_.model.mapping_settings import changed_settings
from tests.unit.cloud.services.lambda_.mappings import (
    ACCESS,
    CLUSTER,
    DYNAMODB,
    FUNCTION,
    KINESIS,
    LEAST,
    NOW,
    QUEUE,
    SECRET,
    UUID,
    Request,
    asked,
    mapping,
)

STREAM = {
    "BatchSize": 100,
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {}},
    "FunctionResponseTypes": [],
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "StartingPosition": "LATEST",
    "TumblingWindowInSeconds": 0,
}


def words(kind: SourceKind, **more: object) -> str:
    """Return what AWS says of a request."""
    with pytest.raises(ServiceError) as refused:
        asked(kind, **more)
    assert refused.value.code == "InvalidParameterValueException"
    return refused.value.message


# ── sources ──


@pytest.mark.parametrize("kind", list(SourceKind))
def test_kind_follows_from_the_source(kind: SourceKind) -> None:
    assert kind_of(LEAST[kind]) is kind


@pytest.mark.parametrize(
    "arn",
    [
        None,
        "nonsense",
        "arn:aws:sns:us-east-1:123456789012:t",
        "arn:aws:dynamodb:us-east-1:123456789012:table/t",
        "arn:aws:rds:us-east-1:123456789012:db:d",
    ],
)
def test_what_is_no_event_source_has_no_kind(arn: str | None) -> None:
    assert kind_of({"EventSourceArn": arn}) is None


def test_two_sources_are_none() -> None:
    assert kind_of({"EventSourceArn": QUEUE, "SelfManagedEventSource": CLUSTER}) is None


def test_consumer_of_a_stream_is_a_source_of_its_own() -> None:
    assert kind_of({"EventSourceArn": f"{KINESIS}/consumer/c:1700000000"}) is SourceKind.KINESIS


# ── defaults ──


def test_each_kind_has_the_defaults_that_aws_shows() -> None:
    assert asked(SourceKind.SQS) == {"BatchSize": 10, "FunctionResponseTypes": [], "MaximumBatchingWindowInSeconds": 0}
    assert asked(SourceKind.KINESIS) == asked(SourceKind.DYNAMODB) == STREAM
    kafka = {"BatchSize": 100, "Topics": ["t"]}
    group = {"ConsumerGroupId": UUID}
    assert asked(SourceKind.MSK) == {
        **kafka, "StartingPosition": "LATEST", "AmazonManagedKafkaEventSourceConfig": group,
    }  # fmt: skip
    assert asked(SourceKind.KAFKA) == {
        **kafka,
        "SelfManagedEventSource": CLUSTER,
        "SelfManagedKafkaEventSourceConfig": group,
        "SourceAccessConfigurations": ACCESS,
        "StartingPosition": "TRIM_HORIZON",
    }
    assert asked(SourceKind.MQ) == {"BatchSize": 100, "Queues": ["q"], "SourceAccessConfigurations": ACCESS}
    assert asked(SourceKind.DOCUMENTDB) == {
        "BatchSize": 100,
        "DocumentDBEventSourceConfig": {"DatabaseName": "d", "FullDocument": "Default"},
        "SourceAccessConfigurations": ACCESS,
        "StartingPosition": "LATEST",
    }


@pytest.mark.parametrize(
    ("kind", "empty"),
    [
        (SourceKind.SQS, {"FilterCriteria": {"Filters": []}}),
        (SourceKind.SQS, {"FilterCriteria": {}, "ScalingConfig": {}, "ProvisionedPollerConfig": {}}),
        (SourceKind.SQS, {"KMSKeyArn": "", "MetricsConfig": {"Metrics": []}}),
        (SourceKind.KINESIS, {"DestinationConfig": {}}),
        (SourceKind.KINESIS, {"DestinationConfig": {"OnFailure": {"Destination": ""}, "OnSuccess": {}}}),
        (SourceKind.MSK, {"DestinationConfig": {"OnFailure": {}}, "LoggingConfig": {}}),
    ],
)
def test_what_says_nothing_is_not_shown(kind: SourceKind, empty: Request) -> None:
    assert asked(kind, **empty) == asked(kind)


def test_a_queue_of_shared_consumers_keeps_no_position() -> None:
    shown = asked(SourceKind.KAFKA, SelfManagedKafkaEventSourceConfig={"ConsumptionMode": "Queue"})
    assert "StartingPosition" not in shown
    assert shown["MaximumRetryAttempts"] == 0


# ── refusals ──


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        (SourceKind.SQS, {"StartingPosition": "LATEST"}, "StartingPosition is not valid for SQS event sources."),
        (SourceKind.SQS, {"StartingPositionTimestamp": 1.0}, "StartingPosition is not valid for SQS event sources."),
        (
            SourceKind.SQS,
            {"ParallelizationFactor": 2},
            "Unsupported ParallelizationFactor parameter for given event source mapping type.",
        ),
        (
            SourceKind.KINESIS,
            {"ScalingConfig": {"MaximumConcurrency": 2}},
            "Unsupported ScalingConfig parameter for given event source mapping type.",
        ),
        (
            SourceKind.MQ,
            {"MaximumRetryAttempts": 2},
            "Unsupported 'maximumRetryAttempts' parameter for given event source mapping type.",
        ),
        (
            SourceKind.DYNAMODB,
            {"DestinationConfig": {"OnSuccess": {"Destination": QUEUE}}},
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ),
        (
            SourceKind.KINESIS,
            {"StartingPosition": None},
            (
                "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
                "Member must not be null."
            ),
        ),
        (SourceKind.MSK, {"StartingPosition": None}, "Required 'startingPosition' parameter is missing."),
        (SourceKind.MSK, {"Topics": None}, "Required 'topics' parameter is missing."),
        (
            SourceKind.KAFKA,
            {"SourceAccessConfigurations": None},
            "Required 'sourceAccessConfigurations' parameter is missing.",
        ),
        (SourceKind.KAFKA, {"SelfManagedEventSource": {}}, "Unrecognized event source."),
        (SourceKind.MQ, {"Queues": []}, "Required 'queues' parameter is missing."),
        (
            SourceKind.DOCUMENTDB,
            {"DocumentDBEventSourceConfig": {"CollectionName": "c"}},
            "Required 'databaseName' parameter is missing.",
        ),
        (
            SourceKind.KINESIS,
            {"StartingPositionTimestamp": 1.0},
            "Timestamp only valid with StartingPosition AT_TIMESTAMP",
        ),
        (
            SourceKind.DYNAMODB,
            {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": -1.0},
            f"Unsupported starting position for arn type: {DYNAMODB}",
        ),
        (
            SourceKind.KINESIS,
            {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": -1.0},
            (
                "Received Exception while reading from provided stream. class java.lang.Long can not be converted to a "
                "Timestamp"
            ),
        ),
        (
            SourceKind.KINESIS,
            {"StartingPosition": "AT_TIMESTAMP"},
            (
                "1 validation error detected: Value null at 'startingPositionTimestamp' failed to satisfy constraint: "
                "Member must not be null."
            ),
        ),
        (
            SourceKind.MSK,
            {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": NOW + 1},
            "StartingPositionTimestamp cannot be in the future.",
        ),
        (
            SourceKind.SQS,
            {"BatchSize": 11},
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
        ),
        (
            SourceKind.SQS,
            {"EventSourceArn": f"{QUEUE}.fifo", "BatchSize": 100, "MaximumBatchingWindowInSeconds": 5},
            "Batching window is not supported for FIFO queues",
        ),
        (
            SourceKind.KINESIS,
            {"MaximumRecordAgeInSeconds": 59},
            "MaximumRecordAgeInSeconds must be either -1 (forever) or between 60 and 604800 (inclusive)",
        ),
        (
            SourceKind.SQS,
            {"ScalingConfig": {"MaximumConcurrency": 2}, "ProvisionedPollerConfig": {"MinimumPollers": 2}},
            "ScalingConfig and ProvisionedPollerConfig cannot be used together.",
        ),
        (
            SourceKind.SQS,
            {"ProvisionedPollerConfig": {"MinimumPollers": 1}},
            (
                "1 validation error detected: Value '1' at 'provisionedPollerConfig.minimumPollers' failed to satisfy "
                "constraint: Member must have value greater than or equal to 2"
            ),
        ),
        (
            SourceKind.MSK,
            {"ProvisionedPollerConfig": {"MaximumPollers": 2001}},
            (
                "1 validation error detected: Value '2001' at 'provisionedPollerConfig.maximumPollers' failed to "
                "satisfy constraint: Member must have value less than or equal to 2000"
            ),
        ),
        (
            SourceKind.MSK,
            {"ProvisionedPollerConfig": {"MinimumPollers": 3, "MaximumPollers": 2}},
            "MinimumPollers must be less than or equal to MaximumPollers.",
        ),
        (
            SourceKind.SQS,
            {"ProvisionedPollerConfig": {"PollerGroupName": "g"}},
            "Unsupported PollerGroupName parameter for given event source mapping type.",
        ),
        (
            SourceKind.KINESIS,
            {"DestinationConfig": {"OnFailure": {"Destination": FUNCTION}}},
            f"The destination ARN {FUNCTION} is invalid.",
        ),
        (
            SourceKind.KINESIS,
            {"DestinationConfig": {"OnFailure": {"Destination": "kafka://t"}}},
            "The destination ARN kafka://t is invalid.",
        ),
        (
            SourceKind.SQS,
            {"FilterCriteria": {"Filters": [{"Pattern": '{"a": ["b"]}'}] * 6}},
            "Number of filters exceeds the limit of 5.",
        ),
        (SourceKind.SQS, {"FilterCriteria": {"Filters": [{}]}}, "Invalid filter pattern definition."),
        (
            SourceKind.SQS,
            {"MetricsConfig": {"Metrics": ["KafkaMetrics"]}},
            "Unsupported metric KafkaMetrics for given event source mapping type.",
        ),
        (
            SourceKind.MQ,
            {"SourceAccessConfigurations": [{"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"}]},
            "Unsupported source access configuration type VPC_SUBNET for given event source mapping type.",
        ),
        (
            SourceKind.MQ,
            {"SourceAccessConfigurations": [{"Type": "BASIC_AUTH"}]},
            "Required 'uri' parameter is missing.",
        ),
        (
            SourceKind.KAFKA,
            {"SelfManagedKafkaEventSourceConfig": {"ConsumptionMode": "Queue"}, "StartingPosition": "LATEST"},
            "Unsupported 'startingPosition' parameter for given event source mapping type.",
        ),
        (
            SourceKind.KAFKA,
            {"SelfManagedKafkaEventSourceConfig": {"ConsumptionMode": "Queue"}, "MaximumRetryAttempts": -1},
            "Unsupported 'maximumRetryAttempts' parameter for given event source mapping type.",
        ),
        (
            SourceKind.MSK,
            {"AmazonManagedKafkaEventSourceConfig": {"SchemaRegistryConfig": {"EventRecordFormat": "JSON"}}},
            (
                "SchemaRegistryConfig is only available in Provisioned Mode. To configure Schema Registry, please "
                "enable Provisioned Mode by specifying MinimumPollers in ProvisionedPollerConfig."
            ),
        ),
    ],
)
def test_requests_are_refused_in_awss_words(kind: SourceKind, more: Request, said: str) -> None:
    assert words(kind, **more) == said


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (SourceKind.SQS, {"BatchSize": 10_000, "MaximumBatchingWindowInSeconds": 1}),
        (SourceKind.SQS, {"ProvisionedPollerConfig": {"MinimumPollers": 2, "MaximumPollers": 10_000}}),
        (SourceKind.KINESIS, {"MaximumRecordAgeInSeconds": 60}),
        (SourceKind.KINESIS, {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": NOW}),
        (SourceKind.KINESIS, {"DestinationConfig": {"OnFailure": {"Destination": QUEUE}}}),
        (SourceKind.KINESIS, {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::b"}}}),
        (SourceKind.KAFKA, {"DestinationConfig": {"OnFailure": {"Destination": "kafka://t"}}}),
        (SourceKind.KAFKA, {"MetricsConfig": {"Metrics": ["EventCount", "ErrorCount", "KafkaMetrics"]}}),
        (SourceKind.KAFKA, {"SourceAccessConfigurations": [{"Type": "IAM_AUTH"}]}),
        (SourceKind.SQS, {"FunctionResponseTypes": ["ReportBatchItemFailures"], "KMSKeyArn": SECRET}),
    ],
)
def test_what_is_asked_for_is_kept(kind: SourceKind, more: Request) -> None:
    shown = asked(kind, **more)
    assert {name: shown[name] for name in more} == more


# ── updates ──


def test_update_changes_what_it_names_and_keeps_the_rest() -> None:
    found = mapping(SourceKind.KINESIS)
    assert changed_settings(found, {"BatchSize": 7}) == {**STREAM, "BatchSize": 7}
    destination = {"OnFailure": {"Destination": QUEUE}}
    assert changed_settings(found, {"DestinationConfig": destination})["DestinationConfig"] == destination


def test_update_takes_away_what_it_names_empty() -> None:
    scaling = {"ScalingConfig": {"MaximumConcurrency": 5}, "KMSKeyArn": SECRET}
    filters = {"FilterCriteria": {"Filters": [{"Pattern": '{"a": ["b"]}'}]}}
    found = mapping(settings=asked(SourceKind.SQS, **scaling, **filters))
    assert changed_settings(found, {"ScalingConfig": {}, "KMSKeyArn": "", "FilterCriteria": {}}) == asked(
        SourceKind.SQS
    )


def test_update_is_checked_together_with_what_stays() -> None:
    with pytest.raises(ServiceError, match="Maximum batch window in seconds must be greater than 0"):
        changed_settings(mapping(), {"BatchSize": 100})


def test_schema_registry_is_taken_away_when_it_is_named_empty() -> None:
    pollers = {"ProvisionedPollerConfig": {"MinimumPollers": 1}}
    registry = {"SchemaRegistryURI": "arn:x", "SchemaValidationConfigs": [{"Attribute": "KEY"}]}
    config = "AmazonManagedKafkaEventSourceConfig"
    with_registry = asked(SourceKind.MSK, **pollers, **{config: {"SchemaRegistryConfig": registry}})
    found = mapping(SourceKind.MSK, settings=with_registry)
    assert changed_settings(found, {config: {"SchemaRegistryConfig": {}}})[config] == {"ConsumerGroupId": UUID}
    assert changed_settings(found, {config: {}}) == with_registry


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        (
            SourceKind.KAFKA,
            {"SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": UUID}},
            (
                "Unsupported 'selfManagedKafkaEventSourceConfig.consumerGroupId' parameter for given event source "
                "mapping type."
            ),
        ),
        (
            SourceKind.DOCUMENTDB,
            {"DocumentDBEventSourceConfig": {"DatabaseName": "e", "CollectionName": "c"}},
            "Invalid parameters: collectionName, databaseName",
        ),
        (
            SourceKind.MQ,
            {"SourceAccessConfigurations": [*ACCESS, {"Type": "VIRTUAL_HOST", "URI": "/"}]},
            "VIRTUAL_HOST cannot be changed after the event source mapping is created.",
        ),
    ],
)
def test_what_is_said_once_cannot_be_changed(kind: SourceKind, changes: Request, said: str) -> None:
    with pytest.raises(ServiceError) as refused:
        changed_settings(mapping(kind), changes)
    assert refused.value.message == said


def test_full_document_can_be_changed() -> None:
    changed = changed_settings(
        mapping(SourceKind.DOCUMENTDB), {"DocumentDBEventSourceConfig": {"FullDocument": "UpdateLookup"}}
    )
    assert changed["DocumentDBEventSourceConfig"] == {"DatabaseName": "d", "FullDocument": "UpdateLookup"}


def test_what_a_source_needs_cannot_be_taken_away() -> None:
    with pytest.raises(ServiceError, match="Required 'sourceAccessConfigurations' parameter"):
        changed_settings(mapping(SourceKind.MQ), {"SourceAccessConfigurations": []})


def test_a_queue_of_shared_consumers_gets_no_endless_retries_later_either() -> None:
    settings = asked(SourceKind.KAFKA, SelfManagedKafkaEventSourceConfig={"ConsumptionMode": "Queue"})
    found = mapping(SourceKind.KAFKA, settings=settings)
    assert changed_settings(found, {"MaximumRetryAttempts": 3})["MaximumRetryAttempts"] == 3
    with pytest.raises(ServiceError, match="Unsupported 'maximumRetryAttempts' parameter"):
        changed_settings(found, {"MaximumRetryAttempts": -1})
