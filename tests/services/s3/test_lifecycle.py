"""What lifecycle rules do as the platform's time goes on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from lambent.testing.platform import LocalPlatform, local_platform
from tests.waiting import eventually

Client = Any  # Any: boto3 makes its clients at run time
A_DAY = timedelta(days=1)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def virtual() -> Iterator[LocalPlatform]:
    with local_platform(virtual_time=True) as running:
        yield running


@pytest.fixture
def s3(virtual: LocalPlatform) -> Client:
    return virtual.client("s3")


@pytest.fixture
def bucket(s3: Client) -> str:
    name = f"ageing-{next(_numbers)}"
    s3.create_bucket(Bucket=name)
    return name


def put_rule(s3: Client, bucket: str, **rule: object) -> None:
    found = {"ID": "rule", "Status": "Enabled", "Filter": {}, **rule}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [found]})


def keys(s3: Client, bucket: str) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def days_later(virtual: LocalPlatform, days: int) -> None:
    """Let days go by, and the hour in which the rules are looked at."""
    virtual.clock.advance(days * A_DAY + timedelta(hours=1))


def test_objects_expire_that_the_rule_is_for(virtual: LocalPlatform, s3: Client, bucket: str) -> None:
    chosen = {"And": {"Prefix": "tmp/", "Tags": [{"Key": "keep", "Value": "no"}]}}
    put_rule(s3, bucket, Filter=chosen, Expiration={"Days": 2})
    s3.put_object(Bucket=bucket, Key="tmp/gone", Body=b"1", Tagging="keep=no")
    s3.put_object(Bucket=bucket, Key="tmp/kept", Body=b"1", Tagging="keep=yes")
    s3.put_object(Bucket=bucket, Key="kept", Body=b"1", Tagging="keep=no")
    days_later(virtual, 1)
    assert len(keys(s3, bucket)) == 3
    days_later(virtual, 2)
    eventually(lambda: keys(s3, bucket) == ["kept", "tmp/kept"])


def test_many_versions_age_by_key_and_leave_nothing_behind(virtual: LocalPlatform, s3: Client, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put_rule(
        s3,
        bucket,
        Expiration={"Days": 1},
        NoncurrentVersionExpiration={"NoncurrentDays": 1},
    )
    for number in range(6):
        s3.put_object(Bucket=bucket, Key=f"k{number % 2}", Body=b"1")
    days_later(virtual, 2)
    eventually(lambda: not keys(s3, bucket))
    markers = s3.list_object_versions(Bucket=bucket)["DeleteMarkers"]
    assert [each["Key"] for each in markers] == ["k0", "k1"]
    days_later(virtual, 3)
    eventually(lambda: "Versions" not in s3.list_object_versions(Bucket=bucket))
    days_later(virtual, 3)
    eventually(lambda: "DeleteMarkers" not in s3.list_object_versions(Bucket=bucket))
    s3.delete_bucket(Bucket=bucket)


def test_a_large_object_moves_to_the_class_that_the_rule_names(virtual: LocalPlatform, s3: Client, bucket: str) -> None:
    put_rule(s3, bucket, Transitions=[{"Days": 1, "StorageClass": "GLACIER_IR"}])
    s3.put_object(Bucket=bucket, Key="large", Body=bytes(200_000))
    s3.put_object(Bucket=bucket, Key="small", Body=b"1")
    days_later(virtual, 2)
    eventually(lambda: s3.head_object(Bucket=bucket, Key="large").get("StorageClass") == "GLACIER_IR")
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="small")


def test_an_incomplete_upload_is_aborted(virtual: LocalPlatform, s3: Client, bucket: str) -> None:
    put_rule(s3, bucket, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")
    s3.upload_part(Bucket=bucket, Key="k", UploadId=upload["UploadId"], PartNumber=1, Body=b"1")
    days_later(virtual, 2)
    eventually(lambda: "Uploads" not in s3.list_multipart_uploads(Bucket=bucket))


def test_an_expired_object_is_told_of(virtual: LocalPlatform, s3: Client, bucket: str) -> None:
    sqs, arn = virtual.client("sqs"), f"arn:aws:sqs:us-east-1:000000000000:{bucket}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = sqs.create_queue(QueueName=bucket, Attributes={"Policy": policy})["QueueUrl"]
    rule = {"QueueArn": arn, "Events": ["s3:LifecycleExpiration:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [rule]},
        SkipDestinationValidation=True,
    )
    put_rule(s3, bucket, Expiration={"Days": 1})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    days_later(virtual, 2)
    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    (record,) = json.loads(message["Body"])["Records"]
    assert record["eventName"] == "LifecycleExpiration:Delete"
    assert record["userIdentity"] == {"principalId": "s3.amazonaws.com"}
    assert record["requestParameters"] == {"sourceIPAddress": "s3.amazonaws.com"}
