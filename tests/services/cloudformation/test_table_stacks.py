"""Stacks with tables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambent.testing.pytest_plugin import ClientFactory
from tests.waiting import eventually

WAIT = {"Delay": 0, "MaxAttempts": 500}
Properties = dict[str, Any]  # Any: properties of a template
Client = Any  # Any: boto3's clients are made at run time


def key(name: str, kind: str = "HASH") -> dict[str, str]:
    return {"AttributeName": name, "KeyType": kind}


def attribute(name: str) -> dict[str, str]:
    return {"AttributeName": name, "AttributeType": "S"}


def index(name: str, attribute_name: str) -> Properties:
    return {"IndexName": name, "KeySchema": [key(attribute_name)], "Projection": {"ProjectionType": "ALL"}}


PLAIN: Properties = {
    "TableName": "orders",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [attribute("pk")],
    "KeySchema": [key("pk")],
}


def template(properties: Properties, kind: str = "Table") -> str:
    table = {"Type": f"AWS::DynamoDB::{kind}", "Properties": properties}
    outputs: Properties = {"Name": {"Value": {"Ref": "Orders"}}, "Arn": {"Value": {"Fn::GetAtt": ["Orders", "Arn"]}}}
    if "StreamSpecification" in properties:
        outputs["Stream"] = {"Value": {"Fn::GetAtt": ["Orders", "StreamArn"]}}
    return json.dumps({"Resources": {"Orders": table}, "Outputs": outputs})


def outputs(stacks: Client) -> dict[str, str]:
    (stack,) = stacks.describe_stacks(StackName="s")["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


@pytest.fixture
def stacks(aws: ClientFactory) -> Client:
    return aws("cloudformation")


def create(stacks: Client, body: str) -> None:
    stacks.create_stack(StackName="s", TemplateBody=body)
    stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig=WAIT)


def update(stacks: Client, body: str) -> None:
    stacks.update_stack(StackName="s", TemplateBody=body)
    stacks.get_waiter("stack_update_complete").wait(StackName="s", WaiterConfig=WAIT)


def test_a_table_is_made_changed_in_place_and_removed(stacks: Client, aws: ClientFactory) -> None:
    tables = aws("dynamodb")
    create(
        stacks,
        template(
            {
                **PLAIN,
                "AttributeDefinitions": [attribute("pk"), attribute("a")],
                "GlobalSecondaryIndexes": [index("by-a", "a")],
                "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
                "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": "true"},
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "SSESpecification": {"SSEEnabled": True},
                "Tags": [{"Key": "team", "Value": "a"}],
            }
        ),
    )
    made = tables.describe_table(TableName="orders")["Table"]
    assert outputs(stacks) == {"Name": "orders", "Arn": made["TableArn"], "Stream": made["LatestStreamArn"]}
    assert tables.describe_time_to_live(TableName="orders")["TimeToLiveDescription"]["AttributeName"] == "ttl"
    tables.put_item(TableName="orders", Item={"pk": {"S": "1"}, "b": {"S": "x"}})
    update(
        stacks,
        template(
            {
                **PLAIN,
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": {"ReadCapacityUnits": "3", "WriteCapacityUnits": 4},
                "AttributeDefinitions": [attribute("pk"), attribute("b")],
                "GlobalSecondaryIndexes": [
                    {
                        **index("by-b", "b"),
                        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
                    }
                ],
                "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
                "DeletionProtectionEnabled": True,
            }
        ),
    )
    changed = tables.describe_table(TableName="orders")["Table"]
    assert (changed["TableId"], changed["ItemCount"]) == (made["TableId"], 1)
    assert changed["ProvisionedThroughput"]["ReadCapacityUnits"] == 3
    assert [(one["IndexName"], one["IndexStatus"]) for one in changed["GlobalSecondaryIndexes"]] == [("by-b", "ACTIVE")]
    assert tables.scan(TableName="orders", IndexName="by-b")["Count"] == 1
    assert ("StreamSpecification" in changed, changed["DeletionProtectionEnabled"]) == (False, True)
    assert tables.describe_time_to_live(TableName="orders")["TimeToLiveDescription"]["AttributeName"] == "expires"
    assert all(tag["Key"] != "team" for tag in tables.list_tags_of_resource(ResourceArn=changed["TableArn"])["Tags"])
    update(stacks, template({**PLAIN, "KeySchema": [key("id")], "AttributeDefinitions": [attribute("id")],
                             "TableName": "replaced"}))  # fmt: skip
    assert outputs(stacks)["Name"] == "replaced"
    stacks.delete_stack(StackName="s")
    stacks.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig=WAIT)
    assert "replaced" not in tables.list_tables()["TableNames"]


def test_a_global_table_of_one_region_is_a_table(stacks: Client, aws: ClientFactory, region: str) -> None:
    properties: Properties = {
        "AttributeDefinitions": [attribute("pk"), attribute("a")],
        "KeySchema": [key("pk")],
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [index("by-a", "a")],
        "Replicas": [{"Region": region, "DeletionProtectionEnabled": False, "TableClass": "STANDARD"}],
    }
    create(stacks, template(properties, "GlobalTable"))
    name = outputs(stacks)["Name"]
    found = aws("dynamodb").describe_table(TableName=name)["Table"]
    assert (found["TableArn"], found["GlobalSecondaryIndexes"][0]["IndexName"]) == (outputs(stacks)["Arn"], "by-a")
    replica = {"Region": region, "TableClass": "STANDARD_INFREQUENT_ACCESS"}
    update(stacks, template({**properties, "Replicas": [replica]}, "GlobalTable"))
    found = aws("dynamodb").describe_table(TableName=name)["Table"]
    assert found["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    stacks.delete_stack(StackName="s")
    stacks.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig=WAIT)


def test_replicas_in_other_regions_are_refused(stacks: Client, region: str, elsewhere: str) -> None:
    replicas = [{"Region": region}, {"Region": elsewhere}]
    stacks.create_stack(StackName="s", TemplateBody=template(
        {"AttributeDefinitions": [attribute("pk")], "KeySchema": [key("pk")], "Replicas": replicas}, "GlobalTable"
    ))  # fmt: skip
    eventually(lambda: stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE")
    reasons = [event.get("ResourceStatusReason", "") for event in stacks.describe_stack_events(StackName="s")[
        "StackEvents"
    ]]  # fmt: skip
    assert any("replicas in other regions" in reason for reason in reasons)
