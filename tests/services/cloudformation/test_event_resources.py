"""Stacks with buses, rules, archives, connections and API destinations."""

from __future__ import annotations

import json
from typing import Any

from lambent.testing.pytest_plugin import ClientFactory

SOON = {"Delay": 0, "MaxAttempts": 500}


def template(pattern: object, *, days: int, targets: list[str]) -> str:
    arn = {"Fn::Sub": "arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:sink"}
    resources: dict[str, Any] = {  # Any: a template
        "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "orders", "Description": f"{days} days"}},
        "Policy": {
            "Type": "AWS::Events::EventBusPolicy",
            "Properties": {
                "EventBusName": {"Ref": "Bus"},
                "StatementId": "they",
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"AWS": "222222222222"},
                    "Action": "events:PutEvents",
                    "Resource": {"Fn::GetAtt": ["Bus", "Arn"]},
                },
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventBusName": {"Ref": "Bus"},
                "EventPattern": pattern,
                "Targets": [{"Id": each, "Arn": arn, "RetryPolicy": {"MaximumRetryAttempts": "3"}} for each in targets],
            },
        },
        "Tick": {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "rate(1 day)", "State": "DISABLED"}},
        "Archive": {
            "Type": "AWS::Events::Archive",
            "Properties": {
                "SourceArn": {"Fn::GetAtt": ["Bus", "Arn"]},
                "ArchiveName": "kept",
                "EventPattern": pattern,
                "RetentionDays": days,
            },
        },
        "Connection": {
            "Type": "AWS::Events::Connection",
            "Properties": {
                "AuthorizationType": "API_KEY",
                "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "secret"}},
            },
        },
        "Destination": {
            "Type": "AWS::Events::ApiDestination",
            "Properties": {
                "Name": "hook",
                "ConnectionArn": {"Fn::GetAtt": ["Connection", "Arn"]},
                "HttpMethod": "POST",
                "InvocationEndpoint": f"https://example.com/{days}",
            },
        },
    }
    outputs = {"Rule": {"Value": {"Fn::GetAtt": ["Rule", "Arn"]}}, "Name": {"Value": {"Ref": "Rule"}}}
    return json.dumps({"Resources": resources, "Outputs": outputs})


def test_events_resources_are_made_changed_and_removed(aws: ClientFactory) -> None:
    stacks, events = aws("cloudformation"), aws("events")
    stacks.create_stack(StackName="s", TemplateBody=template({"source": ["a"]}, days=1, targets=["1", "2"]))
    stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig=SOON)
    (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    (rule,) = events.list_rules(EventBusName="orders")["Rules"]
    (tick,) = events.list_rules(NamePrefix="s-Tick-")["Rules"]
    bus = events.describe_event_bus(Name="orders")
    assert outputs == {"Rule": rule["Arn"], "Name": f"orders|{rule['Name']}"}
    assert (json.loads(rule["EventPattern"]), tick["State"]) == ({"source": ["a"]}, "DISABLED")
    assert [each["Sid"] for each in json.loads(bus["Policy"])["Statement"]] == ["they"]
    assert events.describe_archive(ArchiveName="kept")["RetentionDays"] == 1
    targets = events.list_targets_by_rule(Rule=rule["Name"], EventBusName="orders")["Targets"]
    assert [(each["Id"], each["RetryPolicy"]) for each in targets] == [
        ("1", {"MaximumRetryAttempts": 3}),
        ("2", {"MaximumRetryAttempts": 3}),
    ]
    tags = {each["Key"]: each["Value"] for each in events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"]}
    assert tags["aws:cloudformation:logical-id"] == "Rule"

    stacks.update_stack(StackName="s", TemplateBody=template({"source": ["b"]}, days=2, targets=["2"]))
    stacks.get_waiter("stack_update_complete").wait(StackName="s", WaiterConfig=SOON)
    (changed,) = events.list_rules(EventBusName="orders")["Rules"]
    targets = events.list_targets_by_rule(Rule=rule["Name"], EventBusName="orders")["Targets"]
    assert (changed["Name"], json.loads(changed["EventPattern"])) == (rule["Name"], {"source": ["b"]})
    assert [each["Id"] for each in targets] == ["2"]
    assert events.describe_archive(ArchiveName="kept")["RetentionDays"] == 2
    assert events.describe_event_bus(Name="orders")["Description"] == "2 days"
    assert events.describe_api_destination(Name="hook")["InvocationEndpoint"] == "https://example.com/2"

    stacks.delete_stack(StackName="s")
    stacks.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig=SOON)
    assert [each["Name"] for each in events.list_event_buses()["EventBuses"]] == ["default"]
    assert events.list_rules()["Rules"] == []
    assert events.list_archives()["Archives"] == []
    assert events.list_connections()["Connections"] == []
    assert events.list_api_destinations()["ApiDestinations"] == []
