"""Stacks with schedules and their groups."""

from __future__ import annotations

import json
from typing import Any

from lambent.testing.pytest_plugin import ClientFactory
from tests.waiting import eventually

_TRUST = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}


def template(expression: str, team: str) -> str:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": [_TRUST]}}}
    tags = [{"Key": "team", "Value": team}]
    schedule = {
        "GroupName": {"Ref": "Group"},
        "ScheduleExpression": expression,
        "StartDate": "2089-01-01T00:00:00.000Z",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": "5"},
        "Target": {
            "Arn": {"Fn::Sub": "arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:q"},
            "RoleArn": {"Fn::GetAtt": "Role.Arn"},
            "Input": "hello",
        },
    }
    resources: dict[str, Any] = {  # Any: a template
        "Role": role,
        "Group": {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Name": "jobs", "Tags": tags}},
        "Schedule": {"Type": "AWS::Scheduler::Schedule", "Properties": schedule},
    }
    outputs = {"Name": {"Value": {"Ref": "Schedule"}}, "Arn": {"Value": {"Fn::GetAtt": "Schedule.Arn"}}}
    return json.dumps({"Resources": resources, "Outputs": outputs})


def test_schedules_and_groups_are_made_changed_and_removed(aws: ClientFactory) -> None:
    stacks, scheduler = aws("cloudformation"), aws("scheduler")
    quickly = {"Delay": 0, "MaxAttempts": 500}
    capabilities = ["CAPABILITY_IAM"]
    stacks.create_stack(StackName="s", TemplateBody=template("rate(1 hour)", "a"), Capabilities=capabilities)
    stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig=quickly)
    (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
    told = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    made = scheduler.get_schedule(Name=told["Name"], GroupName="jobs")
    assert made["Arn"] == told["Arn"]
    assert made["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}
    assert made["StartDate"].year == 2089

    stacks.update_stack(StackName="s", TemplateBody=template("rate(2 hours)", "b"), Capabilities=capabilities)
    stacks.get_waiter("stack_update_complete").wait(StackName="s", WaiterConfig=quickly)
    assert scheduler.get_schedule(Name=told["Name"], GroupName="jobs")["ScheduleExpression"] == "rate(2 hours)"
    group = scheduler.get_schedule_group(Name="jobs")["Arn"]
    tags = {tag["Key"]: tag["Value"] for tag in scheduler.list_tags_for_resource(ResourceArn=group)["Tags"]}
    assert tags["team"] == "b"

    detection = stacks.detect_stack_drift(StackName="s")["StackDriftDetectionId"]

    def drift() -> str:
        found = stacks.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        return str(found.get("StackDriftStatus", ""))

    assert eventually(drift) == "IN_SYNC"
    stacks.delete_stack(StackName="s")
    stacks.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig=quickly)
    eventually(lambda: len(scheduler.list_schedule_groups()["ScheduleGroups"]) == 1)
