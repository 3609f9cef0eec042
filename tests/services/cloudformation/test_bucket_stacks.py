"""Buckets and their policies in stacks: made, changed and deleted with all that they are configured with."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory
from tests.waiting import eventually

Client = Any  # Any: boto3 makes its clients at run time
Properties = dict[str, Any]  # Any: a template
WAIT = {"Delay": 0.05, "MaxAttempts": 400}


@pytest.fixture
def stacks(aws: ClientFactory) -> Client:
    return aws("cloudformation")


@pytest.fixture
def s3(aws: ClientFactory) -> Client:
    return aws("s3")


def deploy(stacks: Client, resources: Properties, *, is_new: bool = True) -> None:
    outputs = {
        name: {"Value": {"Fn::GetAtt": ["Bucket", name]}}
        for name in ("Arn", "DomainName", "RegionalDomainName", "DualStackDomainName", "WebsiteURL")
    }
    body = json.dumps({"Resources": resources, "Outputs": outputs})
    given = {"StackName": "buckets", "TemplateBody": body, "Capabilities": ["CAPABILITY_IAM"]}
    (stacks.create_stack if is_new else stacks.update_stack)(**given)
    waiter = stacks.get_waiter("stack_create_complete" if is_new else "stack_update_complete")
    waiter.wait(StackName="buckets", WaiterConfig=WAIT)


def bucket(**properties: object) -> Properties:
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


def whole(name: str) -> Properties:
    return bucket(
        BucketName=name,
        VersioningConfiguration={"Status": "Enabled"},
        BucketEncryption={
            "ServerSideEncryptionConfiguration": [
                {"BucketKeyEnabled": "true", "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
            ]
        },
        PublicAccessBlockConfiguration={"BlockPublicAcls": True, "BlockPublicPolicy": "false"},
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
        CorsConfiguration={
            "CorsRules": [
                {"Id": "c", "AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "ExposedHeaders": ["x"], "MaxAge": "9"}
            ]
        },
        LifecycleConfiguration={
            "Rules": [
                {
                    "Id": "old",
                    "Status": "Enabled",
                    "Prefix": "tmp/",
                    "TagFilters": [{"Key": "a", "Value": "b"}],
                    "ExpirationInDays": "40",
                    "Transitions": [{"TransitionInDays": "30", "StorageClass": "STANDARD_IA"}],
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2},
                },
                {
                    "Id": "cut",
                    "Status": "Enabled",
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                    "ExpirationDate": "2031-01-01T00:00:00Z",
                },
            ]
        },
        WebsiteConfiguration={
            "IndexDocument": "index.html",
            "RoutingRules": [{"RedirectRule": {"HostName": "h"}, "RoutingRuleCondition": {"KeyPrefixEquals": "old/"}}],
        },
        LoggingConfiguration={"LogFilePrefix": "logs/"},
        AccelerateConfiguration={"AccelerationStatus": "Enabled"},
        MetricsConfigurations=[{"Id": "all"}, {"Id": "some", "Prefix": "a/"}],
        InventoryConfigurations=[
            {
                "Id": "i",
                "Enabled": True,
                "IncludedObjectVersions": "All",
                "ScheduleFrequency": "Daily",
                "Destination": {"BucketArn": "arn:aws:s3:::there", "Format": "CSV"},
            }
        ],
        Tags=[{"Key": "team", "Value": "a"}],
    )


def test_a_bucket_has_all_that_its_properties_say(stacks: Client, s3: Client, account: str) -> None:
    name = f"stacked-{account}"
    deploy(stacks, {"Bucket": whole(name)})
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    (encryption,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption["BucketKeyEnabled"] is True
    assert s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": False,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    (rule,) = s3.get_bucket_cors(Bucket=name)["CORSRules"]
    assert (rule["ID"], rule["MaxAgeSeconds"], rule["ExposeHeaders"]) == ("c", 9, ["x"])
    old, cut = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert old["Filter"] == {"And": {"Prefix": "tmp/", "Tags": [{"Key": "a", "Value": "b"}]}}
    assert old["Expiration"] == {"Days": 40}
    assert old["Transitions"] == [{"Days": 30, "StorageClass": "STANDARD_IA"}]
    assert cut["Expiration"]["Date"].year == 2031
    assert s3.get_bucket_website(Bucket=name)["IndexDocument"] == {"Suffix": "index.html"}
    assert s3.get_bucket_logging(Bucket=name)["LoggingEnabled"] == {"TargetBucket": name, "TargetPrefix": "logs/"}
    assert s3.get_bucket_accelerate_configuration(Bucket=name)["Status"] == "Enabled"
    assert len(s3.list_bucket_metrics_configurations(Bucket=name)["MetricsConfigurationList"]) == 2
    assert s3.get_bucket_inventory_configuration(Bucket=name, Id="i")["InventoryConfiguration"]["IsEnabled"]
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    assert tags["team"] == "a"
    assert tags["aws:cloudformation:logical-id"] == "Bucket"
    (stack,) = stacks.describe_stacks(StackName="buckets")["Stacks"]
    assert {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]} == {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.us-east-1.amazonaws.com",
        "DualStackDomainName": f"{name}.s3.dualstack.us-east-1.amazonaws.com",
        "WebsiteURL": f"http://{name}.s3-website-us-east-1.amazonaws.com",
    }
    deploy(stacks, {"Bucket": bucket(BucketName=name, MetricsConfigurations=[{"Id": "all"}])}, is_new=False)
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
    for gone in ("get_bucket_cors", "get_bucket_lifecycle_configuration", "get_bucket_website"):
        with pytest.raises(ClientError):
            getattr(s3, gone)(Bucket=name)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=name)
    assert len(s3.list_bucket_metrics_configurations(Bucket=name)["MetricsConfigurationList"]) == 1
    assert "team" not in {tag["Key"] for tag in s3.get_bucket_tagging(Bucket=name)["TagSet"]}
    stacks.delete_stack(StackName="buckets")
    stacks.get_waiter("stack_delete_complete").wait(StackName="buckets", WaiterConfig=WAIT)
    with pytest.raises(ClientError):
        s3.head_bucket(Bucket=name)


def test_a_bucket_policy_comes_and_goes_with_its_resource(stacks: Client, s3: Client, account: str) -> None:
    name = f"policed-{account}"
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": {"Fn::Sub": "${Bucket.Arn}/*"},
    }
    policy = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": {"Ref": "Bucket"},
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        },
    }
    deploy(stacks, {"Bucket": bucket(BucketName=name), "Policy": policy})
    (kept,) = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert kept["Resource"] == f"arn:aws:s3:::{name}/*"
    statement["Action"] = "s3:PutObject"
    deploy(stacks, {"Bucket": bucket(BucketName=name), "Policy": policy}, is_new=False)
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"][0]["Action"] == "s3:PutObject"
    deploy(stacks, {"Bucket": bucket(BucketName=name)}, is_new=False)
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=name)


def wired(name: str, account: str) -> Properties:
    """A bucket that tells a function of its JSON, and the permission to."""
    code = "def handler(event, context):\n    print('TOLD', event['Records'][0]['s3']['object']['key'])\n"
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    return {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "told-by-a-stack",
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": code},
            },
        },
        "Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": "Function"},
                "Action": "lambda:InvokeFunction",
                "Principal": "s3.amazonaws.com",
                "SourceAccount": account,
                "SourceArn": f"arn:aws:s3:::{name}",
            },
        },
        "Bucket": {
            **bucket(
                BucketName=name,
                NotificationConfiguration={
                    "LambdaConfigurations": [
                        {
                            "Event": "s3:ObjectCreated:*",
                            "Function": {"Fn::GetAtt": ["Function", "Arn"]},
                            "Filter": {"S3Key": {"Rules": [{"Name": "suffix", "Value": ".json"}]}},
                        }
                    ],
                    "EventBridgeConfiguration": {"EventBridgeEnabled": True},
                },
            ),
            "DependsOn": "Permission",
        },
    }


def test_a_bucket_tells_a_function_that_lets_it(stacks: Client, s3: Client, aws: ClientFactory, account: str) -> None:
    name = f"wired-{account}"
    deploy(stacks, wired(name, account))
    found = s3.get_bucket_notification_configuration(Bucket=name)
    assert found["EventBridgeConfiguration"] == {}
    s3.put_object(Bucket=name, Key="a.json", Body=b"{}")

    def told() -> bool:
        try:
            events = aws("logs").filter_log_events(logGroupName="/aws/lambda/told-by-a-stack", filterPattern="TOLD")
        except ClientError:
            return False
        return any("TOLD a.json" in event["message"] for event in events["events"])

    assert eventually(told)
