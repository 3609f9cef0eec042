"""Reading objects: ranges, conditions, versions, what is told of them, and how it may be overridden."""

from __future__ import annotations

import datetime
import io
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory

Client = Any  # Any: boto3's clients are made at run time
Refusal = Any  # Any: pytest's context of an error


@pytest.fixture
def s3(aws: ClientFactory) -> Client:
    return aws("s3")


def refused(code: str) -> Refusal:
    return pytest.raises(ClientError, match=rf"\({code}\)")


def test_ranges_give_parts_of_an_object(s3: Client, account: str) -> None:
    bucket = f"ranges-{account}"
    s3.create_bucket(Bucket=bucket)
    for key, body in (("small", b"0123456789"), ("large", b"0123456789" * 2000)):
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        for asked, expected in (("0-3", body[:4]), ("5-", body[5:]), ("-4", body[-4:]), ("8-900000", body[8:])):
            got = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={asked}")
            assert got["Body"].read() == expected
            assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
            assert got["ContentRange"].endswith(f"/{len(body)}")
        assert s3.head_object(Bucket=bucket, Key=key, Range="bytes=0-3")["ContentLength"] == 4
        assert s3.get_object(Bucket=bucket, Key=key, Range="bytes=3-1")["Body"].read() == body
        with refused("InvalidRange") as refusal:
            s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={len(body)}-")
        assert refusal.value.response["Error"]["ActualObjectSize"] == str(len(body))


def test_reading_and_writing_may_depend_on_what_is_there(s3: Client, account: str) -> None:
    bucket = f"conditions-{account}"
    s3.create_bucket(Bucket=bucket)
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    past, future = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2001, 2099))
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag, IfUnmodifiedSince=past)["Body"].read() == b"1"
    for conditions, code in (
        ({"IfNoneMatch": etag}, "304"),
        ({"IfModifiedSince": future}, "304"),
        ({"IfNoneMatch": '"other"', "IfModifiedSince": future}, None),
        ({"IfMatch": '"other"'}, "PreconditionFailed"),
        ({"IfUnmodifiedSince": past}, "PreconditionFailed"),
    ):
        if code is None:
            s3.get_object(Bucket=bucket, Key="k", **conditions)
            continue
        with refused(code):
            s3.get_object(Bucket=bucket, Key="k", **conditions)
    with refused("PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    with refused("PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch='"other"')
    with refused("NoSuchKey"):
        s3.put_object(Bucket=bucket, Key="none", Body=b"2", IfMatch=etag)
    with refused("PreconditionFailed"):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", CopySourceIfNoneMatch=etag)
    with refused("PreconditionFailed"):
        s3.delete_object(Bucket=bucket, Key="k", IfMatch='"other"')
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)


def test_headers_are_given_back_and_may_be_overridden(s3: Client, account: str) -> None:
    bucket = f"headers-{account}"
    s3.create_bucket(Bucket=bucket)
    stated = {
        "CacheControl": "no-store",
        "ContentDisposition": "attachment",
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentType": "text/plain",
    }
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", StorageClass="GLACIER_IR", Metadata={"A": "b"}, **stated)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert {name: head[name] for name in stated} == stated
    assert (head["StorageClass"], head["Metadata"]) == ("GLACIER_IR", {"a": "b"})
    assert head["ServerSideEncryption"] == "AES256"
    got = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="text/csv", ResponseCacheControl="public")
    assert (got["ContentType"], got["CacheControl"]) == ("text/csv", "public")
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", MetadataDirective="REPLACE", Metadata={"c": "d"})
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"c": "d"}
    with refused("InvalidRequest"):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k")
    with refused("MetadataTooLarge"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", Metadata={"m": "x" * 2050})
    with refused("KeyTooLongError"):
        s3.put_object(Bucket=bucket, Key="k" * 1025, Body=b"1")
    with refused("InvalidStorageClass"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", StorageClass="NOWHERE")


def test_a_customers_key_is_asked_for_again(s3: Client, account: str) -> None:
    bucket = f"keys-{account}"
    s3.create_bucket(Bucket=bucket)
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"secret", **key)
    assert put["SSECustomerAlgorithm"] == "AES256"
    assert "ServerSideEncryption" not in put
    assert s3.get_object(Bucket=bucket, Key="k", **key)["Body"].read() == b"secret"
    with refused("InvalidRequest"):
        s3.get_object(Bucket=bucket, Key="k")
    with refused("AccessDenied"):
        s3.get_object(Bucket=bucket, Key="k", **{**key, "SSECustomerKey": "other" * 6 + "ab"})
    kms = s3.put_object(Bucket=bucket, Key="kms", Body=b"1", ServerSideEncryption="aws:kms", SSEKMSKeyId="1-2-3")
    assert kms["SSEKMSKeyId"] == f"arn:aws:kms:us-east-1:{account}:key/1-2-3"


def test_transfers_of_boto3_go_in_parts_and_come_back(s3: Client, account: str) -> None:
    bucket = f"transfers-{account}"
    s3.create_bucket(Bucket=bucket)
    body = bytes(range(256)) * 48_000
    config = TransferConfig(multipart_threshold=5 * 1024 * 1024, multipart_chunksize=5 * 1024 * 1024)
    s3.upload_fileobj(io.BytesIO(body), bucket, "k", Config=config, ExtraArgs={"ContentType": "text/plain"})
    found = io.BytesIO()
    s3.download_fileobj(bucket, "k", found, Config=config)
    assert found.getvalue() == body
    told = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectParts", "ObjectSize", "StorageClass"]
    )
    assert (told["ObjectSize"], told["ObjectParts"]["TotalPartsCount"]) == (len(body), 3)
    assert told["StorageClass"] == "STANDARD"


def test_objects_are_removed_many_at_a_time(s3: Client, account: str) -> None:
    bucket = f"many-{account}"
    s3.create_bucket(Bucket=bucket)
    for number in range(3):
        s3.put_object(Bucket=bucket, Key=str(number), Body=b"1")
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "0"}, {"Key": "none"}]})
    assert [each["Key"] for each in done["Deleted"]] == ["0", "none"]
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "1"}], "Quiet": True})
    assert "Deleted" not in quiet
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["2"]
    with refused("BucketNotEmpty"):
        s3.delete_bucket(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="2")
    s3.delete_bucket(Bucket=bucket)
    with refused("404"):
        s3.head_bucket(Bucket=bucket)


def test_locked_versions_are_not_removed(s3: Client, account: str) -> None:
    bucket = f"locked-{account}"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    until = datetime.datetime(2090, 1, 1, tzinfo=datetime.UTC)
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"1", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    version = {"Bucket": bucket, "Key": "k", "VersionId": put["VersionId"]}
    with refused("AccessDenied"):
        s3.delete_object(**version)
    assert s3.get_object_retention(**version)["Retention"]["Mode"] == "GOVERNANCE"
    s3.put_object_legal_hold(**version, LegalHold={"Status": "ON"})
    with refused("AccessDenied"):
        s3.delete_object(**version, BypassGovernanceRetention=True)
    s3.put_object_legal_hold(**version, LegalHold={"Status": "OFF"})
    with refused("AccessDenied"):
        s3.put_object_retention(
            **version,
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": datetime.datetime(2080, 1, 1, tzinfo=datetime.UTC)},
        )
    s3.delete_object(**version, BypassGovernanceRetention=True)
    with refused("InvalidBucketState"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def test_tags_are_put_shown_and_counted(s3: Client, account: str) -> None:
    bucket = f"tags-{account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", Tagging="a=1&b=2%20c")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "b", "Value": "2 c"},
    ]
    assert s3.head_object(Bucket=bucket, Key="k")["TagCount"] == 2
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "z", "Value": ""}]})
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})
    assert s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == [{"Key": "z", "Value": ""}]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    with refused("BadRequest"):
        s3.put_object_tagging(
            Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": str(n), "Value": ""} for n in range(11)]}
        )


def test_buckets_are_made_where_the_request_says(aws: ClientFactory, account: str) -> None:
    s3, europe = aws("s3"), aws("s3", "eu-west-1")
    here, there = f"here-{account}", f"there-{account}"
    s3.create_bucket(Bucket=here)
    s3.create_bucket(Bucket=here)
    europe.create_bucket(Bucket=there, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert s3.get_bucket_location(Bucket=here)["LocationConstraint"] is None
    assert s3.get_bucket_location(Bucket=there)["LocationConstraint"] == "eu-west-1"
    with refused("BucketAlreadyOwnedByYou"):
        europe.create_bucket(Bucket=there, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    with refused("IllegalLocationConstraintException"):
        europe.create_bucket(Bucket=f"{there}-2")
    with refused("InvalidLocationConstraint"):
        s3.create_bucket(Bucket=f"{here}-2", CreateBucketConfiguration={"LocationConstraint": "us-east-1"})
    with refused("InvalidBucketName"):
        s3.create_bucket(Bucket="Not-A-Name")
    first = s3.list_buckets(MaxBuckets=1)
    assert [bucket["Name"] for bucket in first["Buckets"]] == [here]
    rest = s3.list_buckets(MaxBuckets=1, ContinuationToken=first["ContinuationToken"])
    assert [(bucket["Name"], bucket["BucketRegion"]) for bucket in rest["Buckets"]] == [(there, "eu-west-1")]
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [here, there]


def test_parts_must_be_there_whole_and_large_enough(s3: Client, account: str) -> None:
    bucket = f"parts-{account}"
    s3.create_bucket(Bucket=bucket)
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    done = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=b"short")["ETag"]}
        for number in (1, 2)
    ]
    for parts, code in (
        (done, "EntityTooSmall"),
        (done[::-1], "InvalidPartOrder"),
        ([{"PartNumber": 3, "ETag": "x"}], "InvalidPart"),
        ([{"PartNumber": 1, "ETag": "x"}], "InvalidPart"),
        ([], "MalformedXML"),
    ):
        with refused(code):
            s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    s3.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
    copied = s3.upload_part_copy(**upload, PartNumber=1, CopySource=f"{bucket}/source", CopySourceRange="bytes=2-4")[
        "CopyPartResult"
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": copied["ETag"]}]})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"234"
    with refused("NoSuchUpload"):
        s3.abort_multipart_upload(**upload)
