"""What is not ours, answered by moto behind the same endpoint, and there again after a restart."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lambent.testing.platform import LocalPlatform, local_platform

pytestmark = pytest.mark.timeout(120)


def fill(platform: LocalPlatform) -> dict[str, str]:
    """Make something in several bridged services and return the identifiers that were given out."""
    s3, sqs, ec2, kms = (platform.client(name) for name in ("s3", "sqs", "ec2", "kms"))
    s3.create_bucket(Bucket="kept-bucket")
    s3.put_bucket_versioning(Bucket="kept-bucket", VersioningConfiguration={"Status": "Enabled"})
    small = s3.put_object(Bucket="kept-bucket", Key="small", Body=b"a few bytes")
    s3.upload_fileobj(io.BytesIO(b"0123456789" * 20_000), "kept-bucket", "large")
    queue = sqs.create_queue(QueueName="kept-queue")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="still here")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    key = kms.create_key(Description="kept")["KeyMetadata"]["KeyId"]
    return {"version": small["VersionId"], "queue": queue, "vpc": vpc, "key": key}


def check(platform: LocalPlatform, made: dict[str, str]) -> None:
    """Find all that `fill` made, under the same identifiers."""
    s3, sqs, ec2, kms = (platform.client(name) for name in ("s3", "sqs", "ec2", "kms"))
    small = s3.get_object(Bucket="kept-bucket", Key="small")
    assert (small["Body"].read(), small["VersionId"]) == (b"a few bytes", made["version"])
    assert s3.get_object(Bucket="kept-bucket", Key="large")["Body"].read() == b"0123456789" * 20_000
    assert sqs.get_queue_url(QueueName="kept-queue")["QueueUrl"].endswith("/kept-queue")
    received = sqs.receive_message(QueueUrl=made["queue"])["Messages"]
    assert [message["Body"] for message in received] == ["still here"]
    assert ec2.describe_vpcs(VpcIds=[made["vpc"]])["Vpcs"][0]["CidrBlock"] == "10.0.0.0/16"
    assert kms.describe_key(KeyId=made["key"])["KeyMetadata"]["Description"] == "kept"


def test_what_the_bridge_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path / "data") as platform:
        made = fill(platform)
        assert made["queue"].startswith(platform.endpoint_url)
    with local_platform(data_dir=tmp_path / "data", port=platform.port) as again:
        check(again, made)


def test_accounts_and_regions_are_kept_apart() -> None:
    with local_platform() as platform:
        platform.client("sqs", account="111111111111").create_queue(QueueName="mine")
        assert "QueueUrls" not in platform.client("sqs", account="222222222222").list_queues()
        assert "QueueUrls" not in platform.client("sqs", account="111111111111", region="eu-west-1").list_queues()
        assert len(platform.client("sqs", account="111111111111").list_queues()["QueueUrls"]) == 1


def test_errors_are_those_of_the_service_and_unknown_operations_are_refused() -> None:
    with local_platform() as platform:
        with pytest.raises(ClientError) as missing:
            platform.client("s3").get_object(Bucket="no-such-bucket", Key="k")
        assert missing.value.response["Error"]["Code"] == "NoSuchBucket"
        with pytest.raises(ClientError) as refused:
            platform.client("ssm").list_cloud_connectors()
        assert refused.value.response["Error"]["Code"] == "UnknownOperationException"
