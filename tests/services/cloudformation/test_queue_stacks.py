"""Queues and their policies as resources of a stack."""

from __future__ import annotations

import json
from typing import Any

from lambent.testing.pytest_plugin import ClientFactory

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}
    ],
}


def template(**jobs: Any) -> str:  # Any: properties of a resource
    return json.dumps(
        {
            "Resources": {
                "Jobs": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": False, **jobs}},
                "Dead": {"Type": "AWS::SQS::Queue"},
                "Shared": {
                    "Type": "AWS::SQS::QueuePolicy",
                    "Properties": {"Queues": [{"Ref": "Dead"}], "PolicyDocument": POLICY},
                },
                "Inline": {
                    "Type": "AWS::SQS::QueueInlinePolicy",
                    "Properties": {"Queue": {"Ref": "Jobs"}, "PolicyDocument": POLICY},
                },
            },
            "Outputs": {name: {"Value": {"Ref": name}} for name in ("Jobs", "Dead", "Inline")},
        }
    )


def test_queues_are_made_changed_and_removed_with_their_policies(aws: ClientFactory) -> None:
    stacks, sqs = aws("cloudformation"), aws("sqs")
    dead = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 3}
    stacks.create_stack(StackName="s", TemplateBody=template(VisibilityTimeout=60, RedrivePolicy=dead))
    stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    outputs = stacks.describe_stacks(StackName="s")["Stacks"][0]["Outputs"]
    made = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    assert made["Inline"] == made["Jobs"]

    def told(url: str) -> dict[str, str]:
        found: dict[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return found

    assert told(made["Jobs"])["VisibilityTimeout"] == "60"
    assert json.loads(told(made["Jobs"])["RedrivePolicy"])["maxReceiveCount"] == 3
    assert json.loads(told(made["Jobs"])["Policy"]) == json.loads(told(made["Dead"])["Policy"]) == POLICY
    stacks.update_stack(StackName="s", TemplateBody=template(DelaySeconds=5))
    stacks.get_waiter("stack_update_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    changed = told(made["Jobs"])
    assert (changed["VisibilityTimeout"], changed["DelaySeconds"]) == ("30", "5")
    assert "RedrivePolicy" not in changed
    stacks.delete_stack(StackName="s")
    stacks.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    assert "QueueUrls" not in sqs.list_queues()


def test_a_stack_makes_a_queue_anew_right_after_it_was_deleted(aws: ClientFactory) -> None:
    stacks = aws("cloudformation")
    for _ in range(2):
        stacks.create_stack(StackName="again", TemplateBody=template(QueueName="again"))
        stacks.get_waiter("stack_create_complete").wait(StackName="again", WaiterConfig={"Delay": 1})
        stacks.delete_stack(StackName="again")
        stacks.get_waiter("stack_delete_complete").wait(StackName="again", WaiterConfig={"Delay": 1})
