"""What is not ours, answered by moto behind the same endpoint, and there again after a restart."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lambent.testing.platform import LocalPlatform, local_platform

pytestmark = pytest.mark.timeout(120)


def fill(platform: LocalPlatform) -> dict[str, str]:
    """Make something in several bridged services and return the identifiers that were given out."""
    ssm, ec2, kms = (platform.client(name) for name in ("ssm", "ec2", "kms"))
    ssm.put_parameter(Name="kept", Value="still here", Type="String")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    key = kms.create_key(Description="kept")["KeyMetadata"]["KeyId"]
    return {"vpc": vpc, "key": key}


def check(platform: LocalPlatform, made: dict[str, str]) -> None:
    """Find all that `fill` made, under the same identifiers."""
    ssm, ec2, kms = (platform.client(name) for name in ("ssm", "ec2", "kms"))
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
            platform.client("kms").describe_key(KeyId="no-such-key")
        assert missing.value.response["Error"]["Code"] == "NotFoundException"
        with pytest.raises(ClientError) as refused:
            platform.client("ssm").list_cloud_connectors()
        assert refused.value.response["Error"]["Code"] == "UnknownOperationException"


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


def test_an_answer_has_one_date(platform: LocalPlatform) -> None:
    # SDKs for JavaScript set their clock by it, and cannot sign any more when there are two.
    answer = platform.client("kms").list_keys()
    assert answer["ResponseMetadata"]["HTTPHeaders"]["date"].count("GMT") == 1
