"""Stacks with what follows log groups, resource policies and saved queries."""

from __future__ import annotations

import json
from typing import Any

from lambent.testing.pytest_plugin import ClientFactory

GROUP = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "followed"}}


def template(value: str, query: str) -> str:
    resources: dict[str, Any] = {  # Any: a template
        "Group": GROUP,
        "Errors": {
            "Type": "AWS::Logs::MetricFilter",
            "Properties": {
                "LogGroupName": {"Ref": "Group"},
                "FilterPattern": "ERROR",
                "MetricTransformations": [{"MetricName": "Errors", "MetricNamespace": "Shop", "MetricValue": value}],
            },
        },
        "Sink": {
            "Type": "AWS::Logs::SubscriptionFilter",
            "Properties": {
                "LogGroupName": {"Ref": "Group"},
                "FilterName": "sink",
                "FilterPattern": "",
                "DestinationArn": {"Fn::Sub": "arn:aws:kinesis:${AWS::Region}:${AWS::AccountId}:stream/sink"},
                "RoleArn": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/sink"},
            },
        },
        "Policy": {
            "Type": "AWS::Logs::ResourcePolicy",
            "Properties": {"PolicyName": "p", "PolicyDocument": '{"Version": "2012-10-17", "Statement": []}'},
        },
        "Query": {"Type": "AWS::Logs::QueryDefinition", "Properties": {"Name": "slow", "QueryString": query}},
    }
    return json.dumps({"Resources": resources, "Outputs": {"Query": {"Value": {"Ref": "Query"}}}})


def test_filters_policies_and_queries_are_made_changed_and_removed(aws: ClientFactory) -> None:
    stacks, logs = aws("cloudformation"), aws("logs")
    stacks.create_stack(StackName="s", TemplateBody=template("1", "fields @message"))
    stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 0, "MaxAttempts": 500})

    def value() -> str:
        (one,) = logs.describe_metric_filters(logGroupName="followed")["metricFilters"]
        return str(one["metricTransformations"][0]["metricValue"])

    (query,) = logs.describe_query_definitions()["queryDefinitions"]
    (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
    assert stack["Outputs"][0]["OutputValue"] == query["queryDefinitionId"]
    assert value() == "1"
    assert [each["filterName"] for each in sinks(logs)] == ["sink"]
    stacks.update_stack(StackName="s", TemplateBody=template("2", "fields @timestamp"))
    stacks.get_waiter("stack_update_complete").wait(StackName="s", WaiterConfig={"Delay": 0, "MaxAttempts": 500})
    assert value() == "2"
    (changed,) = logs.describe_query_definitions()["queryDefinitions"]
    assert (changed["queryDefinitionId"], changed["queryString"]) == (query["queryDefinitionId"], "fields @timestamp")
    stacks.delete_stack(StackName="s")
    stacks.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig={"Delay": 0, "MaxAttempts": 500})
    assert logs.describe_resource_policies()["resourcePolicies"] == []
    assert logs.describe_query_definitions()["queryDefinitions"] == []


def sinks(logs: Any) -> list[dict[str, Any]]:  # Any: a client, and botocore's shapes
    found: list[dict[str, Any]]  # Any: as above
    found = logs.describe_subscription_filters(logGroupName="followed")["subscriptionFilters"]
    return found
