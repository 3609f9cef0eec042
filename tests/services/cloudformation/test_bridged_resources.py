"""Resources of services that are bridged: made, changed and removed by a stack."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambent.testing.pytest_plugin import ClientFactory
from tests.services.cloudformation.test_stacks import Stacks


@pytest.fixture
def stacks(aws: ClientFactory) -> Stacks:
    """CloudFormation in an account of the test's own."""
    return Stacks(aws("cloudformation"))


def resources(**found: tuple[str, dict[str, Any]]) -> dict[str, Any]:  # Any: properties, and a template
    """Return a template of resources by type and properties."""
    return {"Resources": {key: {"Type": f"AWS::{kind}", "Properties": body} for key, (kind, body) in found.items()}}


@pytest.mark.timeout(90)
def test_a_network_is_made_and_removed(stacks: Stacks, aws: ClientFactory) -> None:
    body = resources(
        Vpc=("EC2::VPC", {"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": True}),
        One=("EC2::Subnet", {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1a"}),
        Group=(
            "EC2::SecurityGroup",
            {
                "GroupDescription": "out only",
                "VpcId": {"Ref": "Vpc"},
                "SecurityGroupEgress": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}],
            },
        ),
        Gateway=("EC2::InternetGateway", {}),
        Attached=("EC2::VPCGatewayAttachment", {"VpcId": {"Ref": "Vpc"}, "InternetGatewayId": {"Ref": "Gateway"}}),
        Table=("EC2::RouteTable", {"VpcId": {"Ref": "Vpc"}}),
        Out=(
            "EC2::Route",
            {
                "RouteTableId": {"Ref": "Table"},
                "DestinationCidrBlock": "0.0.0.0/0",
                "GatewayId": {"Ref": "Gateway"},
            },
        ),
        Uses=("EC2::SubnetRouteTableAssociation", {"RouteTableId": {"Ref": "Table"}, "SubnetId": {"Ref": "One"}}),
    )
    body["Resources"]["Out"]["DependsOn"] = "Attached"
    assert stacks.create("net", body)["StackStatus"] == "CREATE_COMPLETE", stacks.events("net")
    ec2 = aws("ec2")
    group = ec2.describe_security_groups(Filters=[{"Name": "description", "Values": ["out only"]}])["SecurityGroups"][0]
    assert [rule["FromPort"] for rule in group["IpPermissionsEgress"]] == [443]
    assert stacks.delete("net")["StackStatus"] == "DELETE_COMPLETE", stacks.events("net")
    assert ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.0.0.0/16"]}])["Vpcs"] == []


@pytest.mark.timeout(90)
def test_storage_and_messaging_are_made_changed_and_removed(stacks: Stacks, aws: ClientFactory) -> None:
    def body(days: int, value: str) -> dict[str, Any]:  # Any: a template
        return resources(
            Bucket=("S3::Bucket", {"BucketName": "of-a-stack", "VersioningConfiguration": {"Status": "Enabled"}}),
            Key=("KMS::Key", {"EnableKeyRotation": True, "PendingWindowInDays": 7}),
            KeyAlias=("KMS::Alias", {"AliasName": "alias/of-a-stack", "TargetKeyId": {"Ref": "Key"}}),
            Secret=("SecretsManager::Secret", {"Name": "of-a-stack", "GenerateSecretString": {"PasswordLength": 20}}),
            Value=("SSM::Parameter", {"Name": "/of/a/stack", "Type": "String", "Value": value}),
            Dead=("SQS::Queue", {"MessageRetentionPeriod": days * 86400}),
            Topic=("SNS::Topic", {"TopicName": "of-a-stack"}),
            Told=(
                "SNS::Subscription",
                {"TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Dead", "Arn"]}},
            ),
        )

    assert stacks.create("s", body(14, "one"))["StackStatus"] == "CREATE_COMPLETE", stacks.events("s")
    assert len(aws("secretsmanager").get_secret_value(SecretId="of-a-stack")["SecretString"]) == 20
    assert stacks.update("s", body(7, "two"))["StackStatus"] == "UPDATE_COMPLETE", stacks.events("s")
    assert aws("ssm").get_parameter(Name="/of/a/stack")["Parameter"]["Value"] == "two"
    queue = aws("sqs").list_queues()["QueueUrls"][0]
    attributes = aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert attributes["MessageRetentionPeriod"] == "604800"
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE", stacks.events("s")
    assert aws("s3").list_buckets()["Buckets"] == []


@pytest.mark.timeout(90)
def test_dynamic_references_are_read_when_a_resource_is_made(stacks: Stacks, aws: ClientFactory) -> None:
    aws("ssm").put_parameter(Name="/days", Value="7", Type="String")
    aws("secretsmanager").create_secret(Name="names", SecretString='{"group": "from-a-secret"}')
    body = resources(
        A=(
            "Logs::LogGroup",
            {
                "LogGroupName": "{{resolve:secretsmanager:names:SecretString:group}}",
                "RetentionInDays": "{{resolve:ssm:/days}}",
            },
        )
    )
    assert stacks.create("s", body)["StackStatus"] == "CREATE_COMPLETE", stacks.events("s")
    group = aws("logs").describe_log_groups()["logGroups"][0]
    assert (group["logGroupName"], group["retentionInDays"]) == ("from-a-secret", 7)


@pytest.mark.timeout(90)
def test_streams_and_their_consumers_are_made_changed_and_removed(stacks: Stacks, aws: ClientFactory) -> None:
    def body(**changes: Any) -> dict[str, Any]:  # Any: properties, and a template
        stream = {"ShardCount": 1, "Tags": [{"Key": "a", "Value": "1"}], **changes}
        consumer = {"ConsumerName": "reader", "StreamARN": {"Fn::GetAtt": ["Stream", "Arn"]}}
        return {
            **resources(Stream=("Kinesis::Stream", stream), Reader=("Kinesis::StreamConsumer", consumer)),
            "Outputs": {"Name": {"Value": {"Ref": "Stream"}}, "Reader": {"Value": {"Ref": "Reader"}}},
        }

    kinesis = aws("kinesis")
    made = stacks.create("streams", body(RetentionPeriodHours=48))
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.events("streams")
    outputs = {one["OutputKey"]: one["OutputValue"] for one in made["Outputs"]}
    name = outputs["Name"]
    told = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert (told["RetentionPeriodHours"], told["OpenShardCount"]) == (48, 1)
    assert kinesis.describe_stream_consumer(ConsumerARN=outputs["Reader"])["ConsumerDescription"]["ConsumerName"]

    changed = body(ShardCount=2, RetentionPeriodHours=24, Tags=[{"Key": "b", "Value": "2"}])
    changed["Resources"]["Stream"]["Properties"]["StreamEncryption"] = {"EncryptionType": "KMS", "KeyId": "alias/aws/k"}
    assert stacks.update("streams", changed)["StackStatus"] == "UPDATE_COMPLETE", stacks.events("streams")
    told = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert (told["RetentionPeriodHours"], told["OpenShardCount"], told["EncryptionType"]) == (24, 2, "KMS")
    tags = {one["Key"]: one["Value"] for one in kinesis.list_tags_for_stream(StreamName=name)["Tags"]}
    assert {key: value for key, value in tags.items() if not key.startswith("aws:")} == {"b": "2"}
    assert stacks.delete("streams")["StackStatus"] == "DELETE_COMPLETE", stacks.events("streams")
    assert kinesis.list_streams()["StreamNames"] == []


def test_alarms_and_dashboards_are_made_changed_and_removed(stacks: Stacks, aws: ClientFactory) -> None:
    def body(threshold: int, title: str) -> dict[str, Any]:  # Any: a template
        return resources(
            Errors=(
                "CloudWatch::Alarm",
                {
                    "AlarmName": "errors",
                    "Namespace": "AWS/Lambda",
                    "MetricName": "Errors",
                    "Dimensions": [{"Name": "FunctionName", "Value": "work"}],
                    "Statistic": "Sum",
                    "Period": 60,
                    "EvaluationPeriods": "3",
                    "Threshold": threshold,
                    "ComparisonOperator": "GreaterThanThreshold",
                    "TreatMissingData": "notBreaching",
                    "Tags": [{"Key": "level", "Value": title}],
                },
            ),
            Board=("CloudWatch::Dashboard", {"DashboardName": "board", "DashboardBody": f'{{"title": "{title}"}}'}),
        ) | {"Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Errors", "Arn"]}}, "Board": {"Value": {"Ref": "Board"}}}}

    watch = aws("cloudwatch")
    made = stacks.create("watched", body(5, "one"))
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.events("watched")
    outputs = {one["OutputKey"]: one["OutputValue"] for one in made["Outputs"]}
    (alarm,) = watch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
    assert (alarm["AlarmArn"], alarm["Threshold"], alarm["EvaluationPeriods"]) == (outputs["Arn"], 5.0, 3)
    assert outputs["Board"] == "board"
    assert stacks.update("watched", body(7, "two"))["StackStatus"] == "UPDATE_COMPLETE", stacks.events("watched")
    assert watch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]["Threshold"] == 7.0
    tags = {one["Key"]: one["Value"] for one in watch.list_tags_for_resource(ResourceARN=outputs["Arn"])["Tags"]}
    assert tags["level"] == "two"
    assert json.loads(watch.get_dashboard(DashboardName="board")["DashboardBody"]) == {"title": "two"}
    assert stacks.delete("watched")["StackStatus"] == "DELETE_COMPLETE", stacks.events("watched")
    assert watch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"] == []
    assert "board" not in [one["DashboardName"] for one in watch.list_dashboards()["DashboardEntries"]]
