from __future__ import annotations

import boto3
import pytest

from tests.recorder.allowed import why_not
from tests.recorder.cleaning import UNDOES
from tests.recorder.disguise import Disguise

ACCOUNT = "210987654321"
DISGUISE = Disguise(ACCOUNT, "lt12-", {"lambent-test": "lambent-recorder-ab"})
GROUP = f"arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:orders"
FOREIGN = "arn:aws:lambda:us-east-1:999999999999:function:f"
MADE = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"


def is_ours(value: str) -> bool:
    return "lt12-" in value or value == MADE


def asked(named: str, **members: object) -> str | None:
    service, _, operation = named.partition(".")
    return why_not(service, operation, DISGUISE.outward(service, members), is_ours)


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("lambda.DeleteFunction", {"FunctionName": FOREIGN}),
        ("lambda.DeleteFunction", {"FunctionName": ""}),
        ("lambda.DeleteEventSourceMapping", {"UUID": "aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff"}),
        ("lambda.DeleteCodeSigningConfig", {"CodeSigningConfigArn": f"arn:aws:lambda:x:{ACCOUNT}:c:csc-1"}),
        ("lambda.UntagResource", {"Resource": f"arn:aws:lambda:x:{ACCOUNT}:event-source-mapping:1"}),
        ("iam.DeleteRole", {"RoleName": "lambent-test"}),
        ("iam.AttachRolePolicy", {"RoleName": "lambent-test", "PolicyArn": "p"}),
        ("iam.DeleteUser", {"UserName": "u"}),
        ("iam.ListUsers", {}),
        ("iam.DeleteAccountPasswordPolicy", {}),
        ("dynamodb.BatchWriteItem", {"RequestItems": {"orders": []}}),
        ("dynamodb.ExecuteStatement", {"Statement": 'DELETE FROM "orders"'}),
        ("dynamodb.TransactWriteItems", {"TransactItems": []}),
        ("logs.DeleteResourcePolicy", {"policyName": "p"}),
        ("logs.DeleteAccountPolicy", {"policyName": "p", "policyType": "t"}),
        ("logs.DeleteDestination", {"destinationName": "d"}),
        ("sqs.PurgeQueue", {"QueueUrl": f"https://sqs.x.amazonaws.com/{ACCOUNT}/q"}),
        ("sqs.DeleteQueue", {"QueueUrl": "https://sqs.x.amazonaws.com/999999999999/q"}),
        ("sts.AssumeRole", {"RoleArn": FOREIGN, "RoleSessionName": "s"}),
        ("s3.DeleteBucket", {"Bucket": "b"}),
        ("s3.ListBuckets", {}),
    ],
)
def test_what_may_be_anothers_is_refused(operation: str, members: dict[str, object]) -> None:
    assert asked(operation, **members)


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("logs.DeleteLogGroup", {"logGroupName": "/app/orders"}),
        ("logs.PutRetentionPolicy", {"logGroupName": "/app/orders", "retentionInDays": 1}),
        ("logs.TagResource", {"resourceArn": GROUP, "tags": {}}),
        ("logs.UntagResource", {"resourceArn": GROUP, "tagKeys": []}),
        ("lambda.DeleteFunction", {"FunctionName": f"eu-central-1:{ACCOUNT}:function:f"}),
        ("lambda.DeleteFunction", {"FunctionName": "n" * 60}),
        ("iam.DeleteRole", {"RoleName": "a@b"}),
    ],
)
def test_what_is_changed_is_the_tests_own(operation: str, members: dict[str, object]) -> None:
    service, _, name = operation.partition(".")
    assert asked(operation, **members) is None
    assert why_not(service, name, members, is_ours)  # as it was written, it would be another's


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("lambda.DeleteEventSourceMapping", {"UUID": MADE}),
        ("lambda.CreateCodeSigningConfig", {"AllowedPublishers": {}}),
        ("lambda.GetFunction", {"FunctionName": FOREIGN}),
        ("lambda.GetAccountSettings", {}),
        ("lambda.ListFunctions", {}),
        ("sts.GetCallerIdentity", {}),
    ],
)
def test_what_aws_says_is_the_tests_and_reads_are_sent(operation: str, members: dict[str, object]) -> None:
    assert asked(operation, **members) is None


@pytest.mark.parametrize("service", ["dynamodb", "iam", "kinesis", "lambda", "logs", "sqs", "sts"])
def test_of_all_operations_those_that_make_something_to_undo_are_undone(service: str) -> None:
    client = boto3.client(service, "eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
    parts = {"lambda.CreateAlias", "lambda.CreateFunctionUrlConfig", "lambda.PublishVersion", "logs.CreateLogStream"}
    ours = dict.fromkeys(
        ["CapacityProviderName", "FunctionName", "LayerName", "QueueName", "RoleName", "StreamName", "TableName"], "f"
    )
    for name in client.meta.service_model.operation_names:
        sent = name.startswith(("Create", "Publish")) and not asked(f"{service}.{name}", **ours, logGroupName="g")
        assert not sent or f"{service}.{name}" in UNDOES.keys() | parts, name
    client.close()
