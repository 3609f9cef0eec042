"""What is not ours, answered by moto behind the same endpoint, and there again after a restart."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lambent.testing.platform import LocalPlatform, local_platform

pytestmark = pytest.mark.timeout(120)


def fill(platform: LocalPlatform) -> dict[str, str]:
    """Make something in several bridged services and return the identifiers that were given out."""
    s3, ssm, ec2, kms = (platform.client(name) for name in ("s3", "ssm", "ec2", "kms"))
    s3.create_bucket(Bucket="kept-bucket")
    s3.put_bucket_versioning(Bucket="kept-bucket", VersioningConfiguration={"Status": "Enabled"})
    small = s3.put_object(Bucket="kept-bucket", Key="small", Body=b"a few bytes")
    s3.upload_fileobj(io.BytesIO(b"0123456789" * 20_000), "kept-bucket", "large")
    ssm.put_parameter(Name="kept", Value="still here", Type="String")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    key = kms.create_key(Description="kept")["KeyMetadata"]["KeyId"]
    return {"version": small["VersionId"], "vpc": vpc, "key": key}


def check(platform: LocalPlatform, made: dict[str, str]) -> None:
    """Find all that `fill` made, under the same identifiers."""
    s3, ssm, ec2, kms = (platform.client(name) for name in ("s3", "ssm", "ec2", "kms"))
    small = s3.get_object(Bucket="kept-bucket", Key="small")
    assert (small["Body"].read(), small["VersionId"]) == (b"a few bytes", made["version"])
    assert s3.get_object(Bucket="kept-bucket", Key="large")["Body"].read() == b"0123456789" * 20_000
    assert ssm.get_parameter(Name="kept")["Parameter"]["Value"] == "still here"
    assert ec2.describe_vpcs(VpcIds=[made["vpc"]])["Vpcs"][0]["CidrBlock"] == "10.0.0.0/16"
    assert kms.describe_key(KeyId=made["key"])["KeyMetadata"]["Description"] == "kept"


@pytest.fixture(scope="module")
def platform() -> Iterator[LocalPlatform]:
    """A platform whose bridge the tests of this file share."""
    with local_platform() as running:
        yield running


def moto_processes(parent: int) -> set[int]:
    """The bridge processes that `parent` has started."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if b"lambent.cloud.bridge.moto" in words and int(state[1]) == parent:
            found.add(int(folder.name))
    return found


def test_what_the_bridge_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path / "data") as platform:
        made = fill(platform)
    with local_platform(data_dir=tmp_path / "data", port=platform.port) as again:
        check(again, made)


def test_accounts_and_regions_are_kept_apart() -> None:
    with local_platform() as platform:
        platform.client("ssm", account="111111111111").put_parameter(Name="mine", Value="1", Type="String")
        others = (("222222222222", "us-east-1"), ("111111111111", "eu-west-1"))
        for account, region in others:
            assert platform.client("ssm", account=account, region=region).describe_parameters()["Parameters"] == []
        assert len(platform.client("ssm", account="111111111111").describe_parameters()["Parameters"]) == 1


def test_errors_are_those_of_the_service_and_unknown_operations_are_refused() -> None:
    with local_platform() as platform:
        with pytest.raises(ClientError) as missing:
            platform.client("s3").get_object(Bucket="no-such-bucket", Key="k")
        assert missing.value.response["Error"]["Code"] == "NoSuchBucket"
        with pytest.raises(ClientError) as refused:
            platform.client("ssm").list_cloud_connectors()
        assert refused.value.response["Error"]["Code"] == "UnknownOperationException"


def test_an_object_of_many_parts_is_there_after_a_restart(tmp_path: Path) -> None:
    content = os.urandom(1 << 20) * 20
    with local_platform(data_dir=tmp_path / "data") as platform:
        s3 = platform.client("s3")
        s3.create_bucket(Bucket="parts")
        s3.upload_fileobj(io.BytesIO(content), "parts", "uploaded")
        assert s3.get_object(Bucket="parts", Key="uploaded")["ETag"].endswith('-3"')
    with local_platform(data_dir=tmp_path / "data") as again:
        assert again.client("s3").get_object(Bucket="parts", Key="uploaded")["Body"].read() == content


def test_what_moto_makes_unasked_and_what_its_keys_encrypted_survive_a_restart(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path / "data") as platform:
        # A refused request is the first that the account's network is made for.
        with pytest.raises(ClientError):
            platform.client("ec2").describe_vpcs(VpcIds=["vpc-12345678"])
        (vpc,) = platform.client("ec2").describe_vpcs()["Vpcs"]
        subnets = {each["SubnetId"] for each in platform.client("ec2").describe_subnets()["Subnets"]}
        kms = platform.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        sealed = kms.encrypt(KeyId=key, Plaintext=b"a secret")["CiphertextBlob"]
    with local_platform(data_dir=tmp_path / "data") as again:
        assert again.client("kms").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"a secret"
        assert [each["VpcId"] for each in again.client("ec2").describe_vpcs()["Vpcs"]] == [vpc["VpcId"]]
        assert {each["SubnetId"] for each in again.client("ec2").describe_subnets()["Subnets"]} == subnets


def test_an_object_of_twenty_megabytes_goes_through_in_one_request(platform: LocalPlatform) -> None:
    s3 = platform.client("s3")
    s3.create_bucket(Bucket="large")
    content = os.urandom(1 << 20) * 20
    s3.put_object(Bucket="large", Key="k", Body=content)
    assert s3.get_object(Bucket="large", Key="k", ChecksumMode="ENABLED")["Body"].read() == content


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_a_body_of_signed_chunks_arrives_without_its_framing(platform: LocalPlatform, algorithm: str) -> None:
    s3 = platform.client("s3")
    s3.create_bucket(Bucket=f"chunks-{algorithm.lower()}")
    at = {"Bucket": f"chunks-{algorithm.lower()}", "Key": "k"}
    # Of a stream botocore knows the checksum only at its end, and sends it in a trailer (aws-chunked).
    put = s3.put_object(**at, Body=io.BytesIO(b"some content"), ChecksumAlgorithm=algorithm)
    got = s3.get_object(**at, ChecksumMode="ENABLED")
    assert got["Body"].read() == b"some content"
    assert got["ContentLength"] == len(b"some content")
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]


def by_address(platform: LocalPlatform, method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Request a URL as curl does, which calls every body a form."""
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=20)
    try:
        headers = {} if body is None else {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, url.removeprefix(platform.endpoint_url), body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls_need_no_client(platform: LocalPlatform, version: str) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=platform.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="000000000000",
        aws_secret_access_key="local",
        config=Config(signature_version=version),
    )
    bucket = f"presigned-{version}"
    s3.create_bucket(Bucket=bucket)
    key = {"Bucket": bucket, "Key": "a folder/ü+"}
    assert by_address(platform, "PUT", s3.generate_presigned_url("put_object", Params=key), b"by address")[0] == 200
    assert by_address(platform, "GET", s3.generate_presigned_url("get_object", Params=key)) == (200, b"by address")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key["Key"]]
    s3.close()


def test_a_topic_delivers_to_a_queue_reached_by_its_url(platform: LocalPlatform) -> None:
    sns, sqs = platform.client("sns"), platform.client("sqs")
    queue = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="read all about it")
    assert [each["Body"] for each in sqs.receive_message(QueueUrl=queue)["Messages"]] == ["read all about it"]


def test_parameters_and_secrets_give_back_what_they_were_given(platform: LocalPlatform) -> None:
    ssm, secrets = (platform.client(name) for name in ("ssm", "secretsmanager"))
    ssm.put_parameter(Name="/a/b", Value="hidden", Type="SecureString")
    assert ssm.get_parameter(Name="/a/b", WithDecryption=True)["Parameter"]["Value"] == "hidden"
    secrets.create_secret(Name="s", SecretBinary=b"\x00\xff")
    assert secrets.get_secret_value(SecretId="s")["SecretBinary"] == b"\x00\xff"


def journalled(folder: Path) -> list[str]:
    """The operations that the journal in `folder` holds, in order."""
    with closing(sqlite3.connect(f"file:{folder / 'lambent.db'}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT header FROM bridge_journal ORDER BY sequence").fetchall()
    return [json.loads(header)["operation"] for (header,) in rows]


def test_http_apis_are_kept_beside_rest_apis(platform: LocalPlatform) -> None:
    # Two services under one host and one signing name: the path tells them apart.
    http, rest = platform.client("apigatewayv2"), platform.client("apigateway")
    api = http.create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
    target = "arn:aws:lambda:us-east-1:000000000000:function:f"
    integration = http.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=target, PayloadFormatVersion="2.0"
    )["IntegrationId"]
    http.create_route(ApiId=api, RouteKey="GET /orders", Target=f"integrations/{integration}")
    http.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    assert [one["RouteKey"] for one in http.get_routes(ApiId=api)["Items"]] == ["GET /orders"]
    assert [one["Name"] for one in http.get_apis()["Items"]] == ["shop"]
    assert rest.get_rest_apis()["items"] == []


def test_reading_and_failing_leave_no_row_after_the_first_request_of_a_service(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path / "data") as platform:
        ssm = platform.client("ssm")
        ssm.describe_parameters()  # the first of this service in the account and region: kept
        ssm.put_parameter(Name="p", Value="1", Type="String")
        ssm.describe_parameters()
        ssm.get_parameter(Name="p")
        with pytest.raises(ClientError):
            ssm.delete_parameter(Name="not-there")
        ssm.put_parameter(Name="p", Value="2", Type="String", Overwrite=True)
        assert journalled(tmp_path / "data") == ["DescribeParameters", "PutParameter", "PutParameter"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the process in Linux's /proc")
def test_a_request_during_which_moto_dies_gets_503_and_the_next_finds_all_that_was_acknowledged() -> None:
    others = moto_processes(os.getpid())
    with local_platform() as platform:
        ssm = platform.client("ssm")
        ssm.put_parameter(Name="p", Value="1", Type="String")
        (moto,) = moto_processes(os.getpid()) - others
        with ThreadPoolExecutor(1) as background:
            # Moto is held while it has the request, and killed.
            os.kill(moto, signal.SIGSTOP)
            waiting = background.submit(ssm.get_parameter, Name="p")
            threading.Event().wait(0.5)
            assert not waiting.done()
            os.kill(moto, signal.SIGKILL)
            with pytest.raises(ClientError) as interrupted:
                waiting.result(20)
        assert interrupted.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert ssm.get_parameter(Name="p")["Parameter"]["Value"] == "1"
        assert moto not in moto_processes(os.getpid())
