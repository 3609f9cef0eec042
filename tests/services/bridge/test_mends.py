"""What deployments rely on and moto has otherwise: mended on the way to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambent.cloud.bridge.messages import Message, decode_value, encode_value
from lambent.cloud.bridge.process import BridgeProcess
from lambent.testing.platform import LocalPlatform, local_platform

pytestmark = pytest.mark.timeout(120)


def default_network(platform: LocalPlatform) -> dict[str, Any]:  # Any: members of EC2's answers
    """The default VPC, its gateways and the routes of its main table, asked for as Terraform and the CDK ask."""
    ec2 = platform.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}]
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["RouteTables"]
    return {
        "vpc": vpc["VpcId"],
        "gateways": [
            each["InternetGatewayId"] for each in ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]
        ],
        "routes": {each["DestinationCidrBlock"]: each["GatewayId"] for each in table["Routes"]},
    }


def test_the_default_network_reaches_the_internet_by_the_same_gateway_after_a_restart(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path / "data") as platform:
        made = default_network(platform)
        (gateway,) = made["gateways"]
        assert made["routes"] == {"172.31.0.0/16": "local", "0.0.0.0/0": gateway}
        (other,) = platform.client("ec2", region="eu-west-1").describe_internet_gateways()["InternetGateways"]
        assert other["Attachments"][0]["VpcId"] != made["vpc"]
    with local_platform(data_dir=tmp_path / "data") as again:
        assert default_network(again) == made


def test_a_gateway_that_was_taken_from_the_default_network_stays_away(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path / "data") as platform:
        made, ec2 = default_network(platform), platform.client("ec2")
        ec2.detach_internet_gateway(InternetGatewayId=made["gateways"][0], VpcId=made["vpc"])
        ec2.delete_internet_gateway(InternetGatewayId=made["gateways"][0])
        assert default_network(platform)["gateways"] == []
    with local_platform(data_dir=tmp_path / "data") as again:
        assert default_network(again)["gateways"] == []


def test_the_default_network_is_the_same_after_a_restart_whatever_moto_broke_on_first(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path / "data") as platform:
        with pytest.raises(ClientError) as broken:
            platform.client("ec2").describe_vpcs(Filters=[{"Name": "no-such-filter", "Values": ["v"]}])
        assert broken.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        made = default_network(platform)
    with local_platform(data_dir=tmp_path / "data") as again:
        assert default_network(again) == made


def test_a_default_vpc_that_is_created_anew_reaches_the_internet(platform: LocalPlatform) -> None:
    ec2 = platform.client("ec2", account="100000000072")
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    (gateway,) = ec2.describe_internet_gateways()["InternetGateways"]
    ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc["VpcId"])
    ec2.delete_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"])
    ec2.delete_vpc(VpcId=vpc["VpcId"])
    created = ec2.create_default_vpc()["Vpc"]["VpcId"]
    (gateway,) = ec2.describe_internet_gateways()["InternetGateways"]
    assert [each["VpcId"] for each in gateway["Attachments"]] == [created]
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [created]}])["RouteTables"]
    assert gateway["InternetGatewayId"] in {route["GatewayId"] for route in table["Routes"]}


async def test_a_journal_from_before_the_mends_replays_to_what_it_was_answered_with() -> None:
    process = await BridgeProcess.start()

    async def call(
        operation: str,
        *,
        service: str = "ec2",
        seed: int = 1,
        mended: bool = False,
        **asked: object,
    ) -> Any:  # Any: JSON
        place = {"account": "100000000073", "region": "us-east-1"}
        header = {"service": service, "operation": operation, "seed": seed, "kind": "call", **place}
        answer = await process.exchange(Message(header | ({"mended": True} if mended else {}), encode_value(asked)))
        assert "ok" in answer.header, answer.header
        return decode_value(answer.body)

    try:
        (vpc,) = (await call("DescribeVpcs"))["Vpcs"]
        gateway = (await call("CreateInternetGateway", seed=2))["InternetGateway"]["InternetGatewayId"]
        await call("AttachInternetGateway", InternetGatewayId=gateway, VpcId=vpc["VpcId"])
        (table,) = (await call("DescribeRouteTables"))["RouteTables"]
        way = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}
        await call("CreateRoute", RouteTableId=table["RouteTableId"], **way)
        (only,) = (await call("DescribeInternetGateways", mended=True))["InternetGateways"]
        assert only["InternetGatewayId"] == gateway
        # The key of an alias came from the seed of the request that first read it; since the mends, from its name.
        old = await call("DescribeKey", service="kms", KeyId="alias/aws/lambda")
        new = await call("DescribeKey", service="kms", mended=True, KeyId="alias/aws/s3")
        assert old["KeyMetadata"]["KeyManager"] == new["KeyMetadata"]["KeyManager"] == "AWS"
    finally:
        await process.stop()
    process = await BridgeProcess.start()
    try:
        again = await call("DescribeKey", service="kms", seed=9, KeyId="alias/aws/lambda")
        assert again["KeyMetadata"]["KeyId"] != old["KeyMetadata"]["KeyId"]
        again = await call("DescribeKey", service="kms", seed=9, mended=True, KeyId="alias/aws/s3")
        assert again["KeyMetadata"]["KeyId"] == new["KeyMetadata"]["KeyId"]
    finally:
        await process.stop()


def test_what_the_network_lacks_is_named_as_ec2_names_it(platform: LocalPlatform) -> None:
    ec2 = platform.client("ec2", account="100000000071")
    with pytest.raises(ClientError) as refused:
        ec2.describe_vpcs(VpcIds=["vpc-0123456789abcdef0"])
    assert refused.value.response["Error"] == {
        "Code": "InvalidVpcID.NotFound",
        "Message": "The vpc ID 'vpc-0123456789abcdef0' does not exist",
    }
    with pytest.raises(ClientError) as refused:
        ec2.describe_security_groups(GroupIds=["sg-0123456789abcdef0"])
    assert refused.value.response["Error"] == {
        "Code": "InvalidGroup.NotFound",
        "Message": "The security group 'sg-0123456789abcdef0' does not exist",
    }


def test_the_keys_that_aws_manages_are_the_same_after_a_restart(tmp_path: Path) -> None:
    def managed(platform: LocalPlatform) -> tuple[str, str]:
        key = platform.client("kms").describe_key(KeyId="alias/aws/lambda")["KeyMetadata"]
        aliases = platform.client("kms").list_aliases(KeyId=key["KeyId"])["Aliases"]
        assert [alias["AliasName"] for alias in aliases] == ["alias/aws/lambda"]
        return key["Arn"], key["KeyManager"]

    with local_platform(data_dir=tmp_path / "data") as platform:
        platform.client("kms").list_keys()  # what comes first is journalled; what only reads behind it is not
        made = managed(platform)
        assert made[1] == "AWS"
        assert platform.client("kms").create_key()["KeyMetadata"]["KeyManager"] == "CUSTOMER"
    with local_platform(data_dir=tmp_path / "data") as again:
        assert managed(again) == made


def test_statistics_are_of_the_metric_with_exactly_these_dimensions(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path / "data") as platform:
        cloudwatch = platform.client("cloudwatch")
        function = {"Name": "FunctionName", "Value": "f"}
        for dimensions, value in (([function], 1.0), ([function, {"Name": "Resource", "Value": "f:1"}], 10.0)):
            datum = {"MetricName": "Throttles", "Dimensions": dimensions, "Timestamp": 1_000.0, "Value": value}
            cloudwatch.put_metric_data(Namespace="Test", MetricData=[datum])
        found = cloudwatch.get_metric_statistics(
            Namespace="Test",
            MetricName="Throttles",
            Dimensions=[function],
            StartTime=0,
            EndTime=2_000,
            Period=60,
            Statistics=["Sum"],
        )
        assert [each["Sum"] for each in found["Datapoints"]] == [1.0]


def test_each_metric_is_listed_once(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path / "data") as platform:
        cloudwatch = platform.client("cloudwatch")
        function, resource = {"Name": "FunctionName", "Value": "f"}, {"Name": "Resource", "Value": "f:1"}
        sets: list[list[dict[str, str]]] = [[], [function], [function, resource]]
        for _ in range(2):
            data = [{"MetricName": "Throttles", "Dimensions": each, "Value": 1.0} for each in sets]
            cloudwatch.put_metric_data(Namespace="Test", MetricData=data)
        assert [each["Dimensions"] for each in cloudwatch.list_metrics(Namespace="Test")["Metrics"]] == sets
        found = cloudwatch.list_metrics(Namespace="Test", Dimensions=[resource])["Metrics"]
        assert [each["Dimensions"] for each in found] == [[function, resource]]
