"""Tables: their life, their indexes, what is set on them."""

from __future__ import annotations

import json
from typing import Any

from tests.services.dynamodb.conftest import Client, MakeTable, index, schema
from tests.services.dynamodb.test_items import refusal
from tests.waiting import eventually

THROUGHPUT = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}


def test_a_table_is_described_as_it_was_made(dynamodb: Client, make_table: MakeTable, account: str) -> None:
    made = make_table(
        more="g:S",
        BillingMode="PROVISIONED",
        ProvisionedThroughput=THROUGHPUT,
        GlobalSecondaryIndexes=[{**index("by_g", "g", projection="KEYS_ONLY"), "ProvisionedThroughput": THROUGHPUT}],
        SSESpecification={"Enabled": True, "SSEType": "KMS"},
        TableClass="STANDARD_INFREQUENT_ACCESS",
        Tags=[{"Key": "team", "Value": "a"}],
    )
    assert made["TableStatus"] == "CREATING"
    dynamodb.get_waiter("table_exists").wait(TableName="tab", WaiterConfig={"Delay": 0})
    found = dynamodb.describe_table(TableName="tab")["Table"]
    arn = f"arn:aws:dynamodb:{dynamodb.meta.region_name}:{account}:table/tab"
    assert (found["TableArn"], found["TableStatus"], found["ItemCount"]) == (arn, "ACTIVE", 0)
    assert found["ProvisionedThroughput"] == {**THROUGHPUT, "NumberOfDecreasesToday": 0}
    assert found["SSEDescription"]["Status"] == "ENABLED"
    assert found["TableClassSummary"] == {"TableClass": "STANDARD_INFREQUENT_ACCESS"}
    (one,) = found["GlobalSecondaryIndexes"]
    assert (one["IndexName"], one["IndexStatus"], one["IndexArn"]) == ("by_g", "ACTIVE", f"{arn}/index/by_g")
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "a"}]
    dynamodb.put_item(TableName=arn, Item={"pk": {"S": "a"}, "sk": {"N": "1"}})
    counted = dynamodb.describe_table(TableName="tab")["Table"]
    assert (counted["ItemCount"], counted["TableSizeBytes"]) == (1, 7)
    assert dynamodb.delete_table(TableName="tab")["TableDescription"]["TableStatus"] == "DELETING"
    dynamodb.get_waiter("table_not_exists").wait(TableName="tab", WaiterConfig={"Delay": 0})
    make_table()
    assert dynamodb.scan(TableName="tab")["Items"] == []


def test_tables_are_listed_in_pages(dynamodb: Client, make_table: MakeTable) -> None:
    for name in ("tab3", "tab1", "tab2"):
        make_table(name, key="pk:S")
    pages = dynamodb.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2})
    assert [page["TableNames"] for page in pages] == [["tab1", "tab2"], ["tab3"]]


def test_definitions_are_refused_in_the_words_of_aws(dynamodb: Client, make_table: MakeTable) -> None:
    wrong = "ValidationException: One or more parameter values were invalid:"
    make_table("taken", key="pk:S")
    assert refusal(make_table, name="taken", key="pk:S") == "ResourceInUseException: Table already exists: taken"
    assert "names must be between 3 and 255 characters long" in refusal(make_table, name="t", key="pk:S")
    assert refusal(make_table, more="x:S") == (
        f"{wrong} Number of attributes in KeySchema does not exactly match number of attributes defined in "
        "AttributeDefinitions"
    )
    assert refusal(make_table, BillingMode="PROVISIONED") == (
        f"{wrong} ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
    )
    assert refusal(make_table, GlobalSecondaryIndexes=[index("by_x", "x")]) == (
        f"{wrong} Some index key attributes are not defined in AttributeDefinitions. Keys: [x], AttributeDefinitions: "
        "[pk, sk]"
    )
    assert refusal(make_table, key="pk:S", LocalSecondaryIndexes=[index("by_x", "pk", "x")], more="x:S") == (
        f"{wrong} Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
    )
    included = [index("by_g", "g", projection="INCLUDE")]
    assert refusal(make_table, more="g:S", GlobalSecondaryIndexes=included) == (
        f"{wrong} ProjectionType is INCLUDE, but NonKeyAttributes is not specified"
    )
    assert refusal(dynamodb.describe_table, TableName="absent") == (
        "ResourceNotFoundException: Requested resource not found: Table: absent not found"
    )
    assert "not available" in refusal(dynamodb.execute_statement, Statement="SELECT * FROM t")


def test_an_index_is_filled_while_the_table_is_used(dynamodb: Client, make_table: MakeTable) -> None:
    make_table(key="pk:S")
    for start in range(0, 250, 25):
        items = [{"pk": {"S": f"p{n}"}, "g": {"S": "g"} if n % 2 else {"N": "1"}} for n in range(start, start + 25)]
        dynamodb.batch_write_item(RequestItems={"tab": [{"PutRequest": {"Item": item}} for item in items]})
    create = {"Create": index("by_g", "g")}
    definitions = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "g")]
    changed = dynamodb.update_table(
        TableName="tab", AttributeDefinitions=definitions, GlobalSecondaryIndexUpdates=[create]
    )["TableDescription"]
    assert (changed["TableStatus"], changed["GlobalSecondaryIndexes"][0]["IndexStatus"]) == ("UPDATING", "CREATING")
    dynamodb.put_item(TableName="tab", Item={"pk": {"S": "late"}, "g": {"S": "g"}})

    def active() -> bool:
        (one,) = dynamodb.describe_table(TableName="tab")["Table"]["GlobalSecondaryIndexes"]
        return bool(one["IndexStatus"] == "ACTIVE")

    eventually(active)
    assert dynamodb.scan(TableName="tab", IndexName="by_g", Select="COUNT")["Count"] == 126
    old = {"TableName": "tab", "Key": {"pk": {"S": "p0"}}, "ExpressionAttributeValues": {":n": {"N": "2"}}}
    dynamodb.update_item(**old, UpdateExpression="SET n = :n")  # what was there before the index may stay as it is
    assert refusal(dynamodb.update_item, **old, UpdateExpression="SET g = :n") == (
        "ValidationException: The update expression attempted to update the secondary index key to unsupported type"
    )
    dynamodb.update_item(TableName="tab", Key={"pk": {"S": "p0"}}, UpdateExpression="REMOVE g")
    assert refusal(
        dynamodb.update_table, TableName="tab", AttributeDefinitions=definitions, GlobalSecondaryIndexUpdates=[create]
    ) == ("ValidationException: Attempting to create an index which already exists")
    dynamodb.update_table(TableName="tab", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by_g"}}])
    described = dynamodb.describe_table(TableName="tab")["Table"]
    assert "GlobalSecondaryIndexes" not in described
    assert [each["AttributeName"] for each in described["AttributeDefinitions"]] == ["pk"]
    assert "does not have the specified index" in refusal(dynamodb.scan, TableName="tab", IndexName="by_g")


def test_a_table_changes_its_billing_and_is_protected(dynamodb: Client, make_table: MakeTable) -> None:
    make_table(DeletionProtectionEnabled=True)
    assert refusal(dynamodb.delete_table, TableName="tab") == (
        "ValidationException: Resource cannot be deleted as it is currently protected against deletion. Disable "
        "deletion protection first."
    )
    dynamodb.update_table(TableName="tab", BillingMode="PROVISIONED", ProvisionedThroughput=THROUGHPUT)
    found = dynamodb.describe_table(TableName="tab")["Table"]
    assert found["ProvisionedThroughput"]["WriteCapacityUnits"] == 6
    assert "BillingModeSummary" not in found
    assert "will not change" in refusal(dynamodb.update_table, TableName="tab", ProvisionedThroughput=THROUGHPUT)
    dynamodb.update_table(TableName="tab", DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName="tab")


def test_backups_policies_tags_and_limits_are_shown_as_they_were_set(dynamodb: Client, make_table: MakeTable) -> None:
    arn = make_table(key="pk:S")["TableArn"]
    enabled = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}
    dynamodb.update_continuous_backups(TableName="tab", PointInTimeRecoverySpecification=enabled)
    backups: Any = dynamodb.describe_continuous_backups(TableName="tab")[  # Any: as boto3 and the API have it
        "ContinuousBackupsDescription"
    ]  # Any: as the API
    recovery = backups["PointInTimeRecoveryDescription"]
    assert (recovery["PointInTimeRecoveryStatus"], recovery["RecoveryPeriodInDays"]) == ("ENABLED", 7)
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    revision = dynamodb.put_resource_policy(ResourceArn=arn, Policy=policy)["RevisionId"]
    assert dynamodb.get_resource_policy(ResourceArn=arn)["Policy"] == policy
    assert dynamodb.delete_resource_policy(ResourceArn=arn)["RevisionId"] == revision
    assert "PolicyNotFoundException" in refusal(dynamodb.get_resource_policy, ResourceArn=arn)
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert dynamodb.describe_limits()["TableMaxReadCapacityUnits"] == 40_000
    assert dynamodb.describe_endpoints()["Endpoints"]
    assert dynamodb.describe_kinesis_streaming_destination(TableName="tab")["KinesisDataStreamDestinations"] == []


def test_time_to_live_is_set_once(dynamodb: Client, make_table: MakeTable) -> None:
    make_table(key="pk:S")
    on = {"AttributeName": "expires", "Enabled": True}
    assert dynamodb.describe_time_to_live(TableName="tab")["TimeToLiveDescription"] == {"TimeToLiveStatus": "DISABLED"}
    dynamodb.update_time_to_live(TableName="tab", TimeToLiveSpecification=on)
    assert dynamodb.describe_time_to_live(TableName="tab")["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expires",
    }
    assert refusal(dynamodb.update_time_to_live, TableName="tab", TimeToLiveSpecification=on) == (
        "ValidationException: TimeToLive is already enabled"
    )


def test_a_schema_of_several_sort_keys_is_refused(dynamodb: Client) -> None:
    told = refusal(
        dynamodb.create_table,
        TableName="tab",
        KeySchema=schema("pk", "sk"),
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "a", "b")],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "many",
                "KeySchema": [*schema("a", "b"), {"AttributeName": "sk", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    assert "more than one partition and one sort key attribute are not available here" in told
