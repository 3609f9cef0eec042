"""Event source mappings in stacks: of every kind of source, changed in place, taken out again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import Stacks, Template, stacks, template
from tests.waiting import eventually

__all__ = ["stacks"]

READS = [
    f"arn:aws:iam::aws:policy/service-role/AWSLambda{source}ExecutionRole"
    for source in ("SQSQueue", "Kinesis", "DynamoDB")
]
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:s"
ACCESS = [{"Type": "BASIC_AUTH", "URI": SECRET}]
KEY = "arn:aws:kms:us-east-1:123456789012:key/k"
FILTERS = {"Filters": [{"Pattern": '{"body": {"kind": ["a"]}}'}]}
QUEUE: dict[str, Any] = {"EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]}}  # Any: properties
SAM = "AWS::Serverless-2016-10-31"


def mapped(**mappings: dict[str, Any]) -> Template:  # Any: properties
    """Return a function that may read queues and streams, two queues, and mappings by logical id."""
    body = template()
    for unused in ("Version", "Alias"):
        del body["Resources"][unused]
    body["Resources"]["Role"]["Properties"]["ManagedPolicyArns"] = READS
    body["Resources"] |= {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Failed": {"Type": "AWS::SQS::Queue"},
    }
    for name, properties in mappings.items():
        named = {"FunctionName": {"Ref": "Function"}, **properties}
        body["Resources"][name] = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": named}
    return body


def shown(functions: Any) -> dict[str, Any]:  # Any: a boto3 client; a mapping, as AWS shows it
    """Return the only mapping there is."""
    (found,) = functions.list_event_source_mappings()["EventSourceMappings"]
    result: dict[str, Any] = functions.get_event_source_mapping(UUID=found["UUID"])  # Any: as above
    return result


@pytest.mark.timeout(90)
def test_mapping_of_a_queue_is_made_changed_in_place_and_removed(stacks: Stacks, aws: ClientFactory) -> None:
    functions = aws("lambda")
    body = mapped(
        Mapping={
            **QUEUE,
            "BatchSize": "20",
            "Enabled": "false",
            "FilterCriteria": FILTERS,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "KmsKeyArn": KEY,
            "MaximumBatchingWindowInSeconds": 5,
            "MetricsConfig": {"Metrics": ["EventCount"]},
            "ScalingConfig": {"MaximumConcurrency": 4},
            "Tags": [{"Key": "my", "Value": "tag"}],
        }
    )
    body["Outputs"] = {
        "Ref": {"Value": {"Ref": "Mapping"}},
        "Id": {"Value": {"Fn::GetAtt": ["Mapping", "Id"]}},
        "Arn": {"Value": {"Fn::GetAtt": ["Mapping", "EventSourceMappingArn"]}},
    }
    created = stacks.create("s", body)
    assert created["StackStatus"] == "CREATE_COMPLETE", stacks.events("s")
    made = shown(functions)
    arn = made["EventSourceMappingArn"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in created["Outputs"]}
    assert outputs == {"Ref": made["UUID"], "Id": made["UUID"], "Arn": arn}
    assert (made["State"], made["BatchSize"], made["MaximumBatchingWindowInSeconds"]) == ("Disabled", 20, 5)
    assert (made["FilterCriteria"], made["KMSKeyArn"]) == (FILTERS, KEY)
    assert made["ScalingConfig"] == {"MaximumConcurrency": 4}
    assert made["MetricsConfig"] == {"Metrics": ["EventCount"]}
    assert made["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert functions.list_tags(Resource=arn)["Tags"] == {
        "aws:cloudformation:logical-id": "Mapping",
        "aws:cloudformation:stack-id": created["StackId"],
        "aws:cloudformation:stack-name": "s",
        "my": "tag",
    }
    body["Resources"]["Mapping"]["Properties"] = {"FunctionName": {"Ref": "Function"}, **QUEUE}
    assert stacks.update("s", body)["StackStatus"] == "UPDATE_COMPLETE", stacks.events("s")
    changed = shown(functions)
    kept = {name: made[name] for name in ("EventSourceArn", "EventSourceMappingArn", "FunctionArn", "UUID")}
    rest = {name: value for name, value in changed.items() if name not in {"LastModified", "ResponseMetadata"}}
    assert rest == {
        **kept,
        "BatchSize": 10,
        "FunctionResponseTypes": [],
        "MaximumBatchingWindowInSeconds": 0,
        "State": "Enabled",
        "StateTransitionReason": "USER_INITIATED",
    }
    assert "my" not in functions.list_tags(Resource=arn)["Tags"]
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")
    assert functions.list_event_source_mappings()["EventSourceMappings"] == []


@pytest.mark.timeout(90)
def test_mappings_of_streams_take_every_property_of_theirs(stacks: Stacks, aws: ClientFactory) -> None:
    functions = aws("lambda")
    settings: dict[str, Any] = {  # Any: properties
        "BisectBatchOnFunctionError": True,
        "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": ["Failed", "Arn"]}}},
        "MaximumRecordAgeInSeconds": 60,
        "MaximumRetryAttempts": 2,
        "ParallelizationFactor": 3,
        "TumblingWindowInSeconds": 30,
    }
    aws("kinesis").create_stream(StreamName="s", ShardCount=1)
    stream = aws("kinesis").describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    table = aws("dynamodb").create_table(
        TableName="tab",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]["LatestStreamArn"]
    sources: dict[str, dict[str, Any]] = {  # Any: as above
        "OfTable": {"EventSourceArn": table, "StartingPosition": "TRIM_HORIZON"},
        "OfStream": {
            "EventSourceArn": stream,
            "StartingPosition": "AT_TIMESTAMP",
            "StartingPositionTimestamp": 1_700_000_000,
        },
    }
    body = mapped(**{name: {**source, **settings} for name, source in sources.items()})
    assert stacks.create("s", body)["StackStatus"] == "CREATE_COMPLETE", stacks.events("s")
    found = functions.list_event_source_mappings()["EventSourceMappings"]
    plain = {"ParallelizationFactor": 3, "MaximumRetryAttempts": 2, "MaximumRecordAgeInSeconds": 60}
    assert [{name: each[name] for name in plain} for each in found] == [plain, plain]
    assert all(each["BisectBatchOnFunctionError"] and each["TumblingWindowInSeconds"] == 30 for each in found)
    assert all("sqs" in each["DestinationConfig"]["OnFailure"]["Destination"] for each in found)
    assert stacks.update("s", mapped(**sources))["StackStatus"] == "UPDATE_COMPLETE", stacks.events("s")
    for each in functions.list_event_source_mappings()["EventSourceMappings"]:
        assert (each["ParallelizationFactor"], each["MaximumRetryAttempts"], each["TumblingWindowInSeconds"]) == (
            1,
            -1,
            0,
        )
        assert each["DestinationConfig"] == {"OnFailure": {}}
        assert each["UUID"] in {one["UUID"] for one in found}


@pytest.mark.timeout(90)
def test_mappings_of_clusters_and_brokers_take_every_property_of_theirs(stacks: Stacks, aws: ClientFactory) -> None:
    functions = aws("lambda")
    kafka: dict[str, Any] = {"Topics": ["topic"], "ProvisionedPollerConfig": {"MinimumPollers": "2"}}  # Any: properties
    registry = {
        "EventRecordFormat": "JSON",
        "SchemaRegistryURI": "arn:aws:glue:us-east-1:123456789012:registry/r",
        "SchemaValidationConfigs": [{"Attribute": "VALUE"}],
    }
    mappings: dict[str, dict[str, Any]] = {  # Any: as above
        "OfKafka": {
            **kafka,
            "SelfManagedEventSource": {"Endpoints": {"KafkaBootstrapServers": ["kafka:1000"]}},
            "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "g", "SchemaRegistryConfig": registry},
            "SourceAccessConfigurations": ACCESS,
        },
        "OfMsk": {
            **kafka,
            "EventSourceArn": "arn:aws:kafka:us-east-1:123456789012:cluster/c/u-1",
            "StartingPosition": "LATEST",
            "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": "h"},
            "LoggingConfig": {"SystemLogLevel": "DEBUG"},
        },
        "OfMq": {
            "EventSourceArn": "arn:aws:mq:us-east-1:123456789012:broker:b:b-1",
            "Queues": ["q"],
            "SourceAccessConfigurations": [*ACCESS, {"Type": "VIRTUAL_HOST", "URI": "/"}],
        },
        "OfDocuments": {
            "EventSourceArn": "arn:aws:rds:us-east-1:123456789012:cluster:c",
            "DocumentDBEventSourceConfig": {"DatabaseName": "d", "FullDocument": "UpdateLookup"},
            "SourceAccessConfigurations": ACCESS,
            "StartingPosition": "LATEST",
        },
    }
    body = mapped(**mappings)
    assert stacks.create("s", body)["StackStatus"] == "CREATE_COMPLETE", stacks.events("s")

    def of(member: str) -> dict[str, Any]:  # Any: a mapping, as AWS shows it
        found = functions.list_event_source_mappings()["EventSourceMappings"]
        return next(each for each in found if member in each)

    made = of("SelfManagedEventSource")
    assert made["SelfManagedEventSource"] == {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["kafka:1000"]}}
    assert made["SelfManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": "g", "SchemaRegistryConfig": registry}
    assert of("AmazonManagedKafkaEventSourceConfig")["LoggingConfig"] == {"SystemLogLevel": "DEBUG"}
    assert of("Queues")["Queues"] == ["q"]
    assert of("DocumentDBEventSourceConfig")["DocumentDBEventSourceConfig"]["FullDocument"] == "UpdateLookup"
    after = body["Resources"]
    after["OfKafka"]["Properties"]["SelfManagedKafkaEventSourceConfig"] = {"ConsumerGroupId": "g"}
    after["OfKafka"]["Properties"]["BatchSize"] = 7
    del after["OfMsk"]["Properties"]["LoggingConfig"]
    after["OfDocuments"]["Properties"]["DocumentDBEventSourceConfig"] = {"DatabaseName": "d"}
    assert stacks.update("s", body)["StackStatus"] == "UPDATE_COMPLETE", stacks.events("s")
    changed = of("SelfManagedEventSource")
    assert (changed["UUID"], changed["BatchSize"]) == (made["UUID"], 7)
    assert changed["SelfManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": "g"}
    assert "LoggingConfig" not in of("AmazonManagedKafkaEventSourceConfig")
    assert of("DocumentDBEventSourceConfig")["DocumentDBEventSourceConfig"]["FullDocument"] == "Default"
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")


@pytest.mark.timeout(90)
def test_another_source_is_a_mapping_of_its_own(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", mapped(Mapping=QUEUE))
    before = shown(aws("lambda"))
    other = mapped(Mapping={"EventSourceArn": {"Fn::GetAtt": ["Failed", "Arn"]}})
    assert stacks.update("s", other)["StackStatus"] == "UPDATE_COMPLETE", stacks.events("s")
    after = shown(aws("lambda"))
    assert (after["UUID"] != before["UUID"], after["EventSourceArn"] != before["EventSourceArn"]) == (True, True)


@pytest.mark.timeout(90)
def test_drift_of_a_mapping_is_told(stacks: Stacks, aws: ClientFactory) -> None:
    stacks.create("s", mapped(Mapping={**QUEUE, "BatchSize": 5, "Enabled": True}))
    functions = aws("lambda")

    def drift() -> dict[str, Any]:  # Any: as boto3
        found: dict[str, Any] = stacks.client.detect_stack_resource_drift(  # Any: as above
            StackName="s", LogicalResourceId="Mapping"
        )["StackResourceDrift"]
        return found

    assert drift()["StackResourceDriftStatus"] == "IN_SYNC"
    functions.update_event_source_mapping(UUID=shown(functions)["UUID"], BatchSize=6, Enabled=False)
    found = drift()
    assert found["StackResourceDriftStatus"] == "MODIFIED"
    assert {one["PropertyPath"] for one in found["PropertyDifferences"]} == {"/BatchSize", "/Enabled"}


@pytest.mark.timeout(90)
def test_a_mapping_that_lambda_refuses_fails_the_stack_in_its_words(stacks: Stacks) -> None:
    body = mapped(Mapping={**QUEUE, "BatchSize": 11})
    assert stacks.create("s", body)["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [reason for name, status, reason in stacks.events("s") if (name, status) == ("Mapping", "CREATE_FAILED")]
    assert "Maximum batch window in seconds must be greater than 0" in reasons[0]


@pytest.mark.timeout(90)
def test_a_serverless_function_is_mapped_to_its_events(stacks: Stacks, aws: ClientFactory) -> None:
    body = {
        "Transform": SAM,
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Function": {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "Runtime": "python3.11",
                    "Handler": "index.handler",
                    "InlineCode": "def handler(event, context):\n    print('got', event['Records'][0]['body'])\n",
                    "Events": {"Messages": {"Type": "SQS", "Properties": {"Queue": QUEUE["EventSourceArn"]}}},
                },
            },
        },
    }
    stacks.client.create_stack(
        StackName="s",
        TemplateBody=json.dumps(body),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    assert stacks.at_rest("s")["StackStatus"] == "CREATE_COMPLETE", stacks.events("s")
    mapping = shown(aws("lambda"))
    assert mapping["State"] == "Enabled"
    queue = mapping["EventSourceArn"].rpartition(":")[2]
    url = aws("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
    aws("sqs").send_message(QueueUrl=url, MessageBody="delivered")
    logs, group = aws("logs"), f"/aws/lambda/{mapping['FunctionArn'].rpartition(':')[2]}"

    def printed() -> list[str]:
        try:
            found = logs.filter_log_events(logGroupName=group, filterPattern="got")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [each["message"].strip() for each in found]

    assert eventually(printed) == ["got delivered"]
