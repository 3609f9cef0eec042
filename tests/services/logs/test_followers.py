"""What follows a log group: subscriptions and metrics; resource policies and saved queries."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.builders import create_function, zip_of
from lambent.testing.pytest_plugin import ClientFactory
from tests.waiting import eventually

Client = Any  # Any: boto3 makes its clients at run time

# Logs what it was sent: whichever environment gets it, it is found there.
KEEPER = zip_of(
    {
        "handler.py": "import base64, gzip\n"
        "def handler(event, context):\n"
        "    print('sent', gzip.decompress(base64.b64decode(event['awslogs']['data'])).decode())\n"
    }
)


@pytest.fixture
def logs(aws: ClientFactory) -> Client:
    return aws("logs")


@pytest.fixture
def group(logs: Client) -> str:
    logs.create_log_group(logGroupName="orders")
    logs.create_log_stream(logGroupName="orders", logStreamName="one")
    return "orders"


def put(logs: Client, *messages: str) -> None:
    moment = int(time.time() * 1000)  # noqa: TID251 - CloudWatch Logs wants the present
    events = [{"timestamp": moment, "message": message} for message in messages]
    logs.put_log_events(logGroupName="orders", logStreamName="one", logEvents=events)


def kept(logs: Client) -> list[object]:
    """Return what the function was sent, as far as its log has it."""
    try:
        events = logs.filter_log_events(logGroupName="/aws/lambda/keeper", filterPattern="sent")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(each["message"].removeprefix("sent")) for each in events]


def message_of(call: Callable[..., Any], **parameters: object) -> str:  # Any: a client's method
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return str(refused.value.response["Error"]["Message"])


@pytest.mark.parametrize("principal", ["logs.amazonaws.com", "logs.us-east-1.amazonaws.com"])
def test_a_function_gets_the_events_that_match(
    logs: Client, group: str, aws: ClientFactory, account: str, principal: str
) -> None:
    functions = aws("lambda")
    arn = create_function(functions, aws("iam"), "keeper", KEEPER)["FunctionArn"]
    asked = {"logGroupName": group, "filterName": "errors", "filterPattern": "ERROR", "destinationArn": arn}
    assert message_of(logs.put_subscription_filter, **asked) == (
        "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your "
        "function."
    )
    functions.add_permission(
        FunctionName="keeper",
        StatementId="logs",
        Action="lambda:InvokeFunction",
        Principal=principal,
        SourceArn=f"arn:aws:logs:us-east-1:{account}:log-group:orders:*",
    )
    logs.put_subscription_filter(**asked)
    (shown,) = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    assert shown.pop("creationTime") > 0
    assert shown == {**asked, "distribution": "ByLogStream", "applyOnTransformedLogs": False}
    put(logs, "fine", "ERROR one", "ERROR two")
    (sent,) = eventually(lambda: kept(logs))
    events = logs.filter_log_events(logGroupName=group, filterPattern="ERROR")["events"]
    assert sent == {
        "messageType": "DATA_MESSAGE",
        "owner": account,
        "logGroup": "orders",
        "logStream": "one",
        "subscriptionFilters": ["errors"],
        "logEvents": [
            {"id": each["eventId"], "timestamp": each["timestamp"], "message": each["message"]} for each in events
        ],
    }
    logs.delete_subscription_filter(logGroupName=group, filterName="errors")
    assert logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"] == []


def test_a_stream_gets_them_too(logs: Client, group: str, aws: ClientFactory, account: str) -> None:
    import gzip

    streams = aws("kinesis")
    streams.create_stream(StreamName="sink", ShardCount=1)
    arn = streams.describe_stream_summary(StreamName="sink")["StreamDescriptionSummary"]["StreamARN"]
    asked = {"logGroupName": group, "filterName": "all", "filterPattern": "", "destinationArn": arn}
    assert message_of(logs.put_subscription_filter, **asked) == (
        "destinationArn for vendor kinesis cannot be used without roleArn"
    )
    logs.put_subscription_filter(**asked, roleArn=f"arn:aws:iam::{account}:role/r")
    put(logs, "to the stream")
    shard = streams.get_shard_iterator(
        StreamName="sink", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )
    (record,) = eventually(lambda: streams.get_records(ShardIterator=shard["ShardIterator"])["Records"])
    assert json.loads(gzip.decompress(record["Data"]))["logEvents"][0]["message"] == "to the stream"


def test_a_metric_is_made_of_what_matches(logs: Client, group: str, aws: ClientFactory) -> None:
    logs.put_metric_filter(
        logGroupName=group,
        filterName="latency",
        filterPattern='{ $.level = "INFO" }',
        metricTransformations=[
            {
                "metricName": "Latency",
                "metricNamespace": "Shop",
                "metricValue": "$.ms",
                "unit": "Milliseconds",
                "dimensions": {"Route": "$.route"},
            }
        ],
    )
    logs.put_metric_filter(
        logGroupName=group,
        filterName="count",
        filterPattern="[level, ms, ...]",
        metricTransformations=[{"metricName": "Lines", "metricNamespace": "Shop", "metricValue": "$ms"}],
    )
    found = logs.describe_metric_filters(metricName="Latency", metricNamespace="Shop")["metricFilters"]
    assert [each["filterName"] for each in found] == ["latency"]
    assert logs.describe_log_groups()["logGroups"][0]["metricFilterCount"] == 2
    put(logs, json.dumps({"level": "INFO", "ms": 12, "route": "/"}), "INFO 30 rest", "INFO 12 rest")
    metrics = aws("cloudwatch")

    def points(metric: str, **dimensions: str) -> list[float]:
        now = time.time()  # noqa: TID251 - metrics are of the present
        answer = metrics.get_metric_statistics(
            Namespace="Shop",
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - 600,
            EndTime=now + 600,
            Period=3600,
            Statistics=["Sum"],
        )
        return [each["Sum"] for each in answer["Datapoints"]]

    assert eventually(lambda: points("Lines")) == [42.0]
    assert eventually(lambda: points("Latency", Route="/")) == [12.0]
    logs.delete_metric_filter(logGroupName=group, filterName="count")
    assert [each["filterName"] for each in logs.describe_metric_filters()["metricFilters"]] == ["latency"]


def test_a_pattern_is_tried_out(logs: Client) -> None:
    answer = logs.test_metric_filter(filterPattern="[host, status = 4*, ...]", logEventMessages=["a 404 x", "a 200 x"])
    assert answer["matches"] == [
        {"eventNumber": 1, "eventMessage": "a 404 x", "extractedValues": {"$host": "a", "$status": "404"}}
    ]


def test_what_cannot_follow_is_refused(logs: Client, group: str) -> None:
    transformation = {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}

    def metric(**changes: object) -> str:
        asked = {"logGroupName": group, "filterName": "f", "filterPattern": "x"}
        return message_of(logs.put_metric_filter, **asked, metricTransformations=[{**transformation, **changes}])

    assert metric(defaultValue=0.0, dimensions={"a": "$.a"}).endswith("cannot be used together with default value.")
    assert metric(dimensions=dict.fromkeys("abcd", "$.a")).endswith("at most 3 dimensions can be specified.")
    nowhere = {"logGroupName": group, "filterName": "f", "filterPattern": "", "destinationArn": "nowhere"}
    assert message_of(logs.put_subscription_filter, **nowhere).startswith("Invalid destinationArn specified.")
    gone = message_of(logs.delete_metric_filter, logGroupName=group, filterName="none")
    assert gone == "The specified filter does not exist."


def test_resource_policies_and_saved_queries_are_kept(logs: Client) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    put_policy = logs.put_resource_policy(policyName="p", policyDocument=document)["resourcePolicy"]
    assert logs.describe_resource_policies()["resourcePolicies"] == [put_policy]
    logs.delete_resource_policy(policyName="p")
    assert message_of(logs.delete_resource_policy, policyName="p") == "Policy with name [p] does not exist"
    query = logs.put_query_definition(name="slow", queryString="fields @message")["queryDefinitionId"]
    logs.put_query_definition(name="slow", queryString="fields @timestamp", queryDefinitionId=query)
    (shown,) = logs.describe_query_definitions(queryDefinitionNamePrefix="sl")["queryDefinitions"]
    assert (shown["queryDefinitionId"], shown["queryString"]) == (query, "fields @timestamp")
    assert logs.delete_query_definition(queryDefinitionId=query)["success"] is True
    assert logs.describe_query_definitions()["queryDefinitions"] == []
