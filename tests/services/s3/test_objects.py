"""Objects: put, read in parts and on conditions, and removed."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory


def test_an_object_comes_back_as_it_was_put(aws: ClientFactory) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="round-trip")
    for size in (0, 5, 9000, 300_000):
        body = bytes(range(256)) * (size // 256 + 1)
        put = s3.put_object(Bucket="round-trip", Key=f"of/{size}", Body=body[:size], Metadata={"Size": str(size)})
        got = s3.get_object(Bucket="round-trip", Key=f"of/{size}", ChecksumMode="ENABLED")
        assert got["Body"].read() == body[:size]
        assert (got["ETag"], got["ContentLength"], got["Metadata"]) == (put["ETag"], size, {"size": str(size)})
        assert got["ChecksumCRC32"] == put["ChecksumCRC32"]
        assert got["ContentType"] == "binary/octet-stream"


def test_a_key_without_an_object_is_not_found(aws: ClientFactory) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="no-such-key")
    with pytest.raises(s3.exceptions.NoSuchKey) as refusal:
        s3.get_object(Bucket="no-such-key", Key="k")
    assert refusal.value.response["Error"]["Key"] == "k"
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="no-such-key", Key="k")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.get_object(Bucket="no-such-bucket-here", Key="k")


def test_an_upload_in_parts_makes_one_object(aws: ClientFactory) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="in-parts")
    part = bytes(5 * 1024 * 1024)
    begun = s3.create_multipart_upload(Bucket="in-parts", Key="k", ChecksumAlgorithm="CRC32")
    upload = {"Bucket": "in-parts", "Key": "k", "UploadId": begun["UploadId"]}
    done = []
    for number, body in enumerate((part, b"the rest"), 1):
        put = s3.upload_part(**upload, PartNumber=number, Body=body)
        done.append({"PartNumber": number, "ETag": put["ETag"], "ChecksumCRC32": put["ChecksumCRC32"]})
    assert [each["Size"] for each in s3.list_parts(**upload)["Parts"]] == [len(part), 8]
    assert [each["Key"] for each in s3.list_multipart_uploads(Bucket="in-parts")["Uploads"]] == ["k"]
    whole = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": done})
    assert whole["ETag"].endswith('-2"')
    assert s3.get_object(Bucket="in-parts", Key="k", Range="bytes=-10")["Body"].read() == b"\0\0the rest"
    second = s3.get_object(Bucket="in-parts", Key="k", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (b"the rest", 2)
    assert s3.list_multipart_uploads(Bucket="in-parts").get("Uploads") is None
    copied = s3.copy_object(Bucket="in-parts", Key="copy", CopySource="in-parts/k")["CopyObjectResult"]
    assert "-" not in copied["ETag"]
    assert s3.head_object(Bucket="in-parts", Key="copy")["ContentLength"] == len(part) + 8


def test_completing_an_upload_again_is_answered_as_before(aws: ClientFactory) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="completed-twice")
    place = {"Bucket": "completed-twice", "Key": "k"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    parts = [{"PartNumber": 1, "ETag": s3.upload_part(**upload, PartNumber=1, Body=b"all")["ETag"]}]
    first = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    again = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*")
    told = ("ETag", "Location", "Bucket", "Key")
    assert [again[name] for name in told] == [first[name] for name in told]
    with pytest.raises(s3.exceptions.NoSuchUpload):
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 2, "ETag": first["ETag"]}]})


def test_listings_take_keys_with_a_common_prefix_together(aws: ClientFactory) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="listings")
    for key in ("a b+c", "dir/1", "dir/2", "dir/sub/3", "other/1", "ü"):
        s3.put_object(Bucket="listings", Key=key, Body=b"1")
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket="listings", Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    found = [
        entry.get("Key", entry.get("Prefix"))
        for page in pages
        for entry in page.get("Contents", []) + page.get("CommonPrefixes", [])
    ]
    assert found == ["a b+c", "dir/", "other/", "ü"]
    first = s3.list_objects(Bucket="listings", Delimiter="/", MaxKeys=2)
    assert (first["NextMarker"], first["IsTruncated"]) == ("dir/", True)
    rest = s3.list_objects(Bucket="listings", Delimiter="/", Marker=first["NextMarker"])
    assert [each["Prefix"] for each in rest["CommonPrefixes"]] == ["other/"]
    inner = s3.list_objects_v2(Bucket="listings", Prefix="dir/", Delimiter="/")
    assert [each["Key"] for each in inner["Contents"]] == ["dir/1", "dir/2"]


def test_a_bucket_that_keeps_versions_gives_each_back(aws: ClientFactory) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="versions")
    s3.put_object(Bucket="versions", Key="k", Body=b"before")
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    second = s3.put_object(Bucket="versions", Key="k", Body=b"second")["VersionId"]
    marker = s3.delete_object(Bucket="versions", Key="k")
    assert marker["DeleteMarker"]
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="versions", Key="k")
    assert s3.get_object(Bucket="versions", Key="k", VersionId="null")["Body"].read() == b"before"
    listed = s3.list_object_versions(Bucket="versions")
    assert [each["VersionId"] for each in listed["Versions"]] == [second, "null"]
    assert [each["IsLatest"] for each in listed["DeleteMarkers"]] == [True]
    pages = s3.get_paginator("list_object_versions").paginate(Bucket="versions", PaginationConfig={"PageSize": 1})
    assert sum(len(page.get("Versions", [])) + len(page.get("DeleteMarkers", [])) for page in pages) == 3
    s3.delete_object(Bucket="versions", Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket="versions", Key="k")["Body"].read() == b"second"
    with pytest.raises(ClientError, match="You must delete all versions"):
        s3.delete_bucket(Bucket="versions")


def test_a_large_object_goes_through_in_pieces(aws: ClientFactory) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="large")
    body = bytes(range(251)) * 100_000
    s3.put_object(Bucket="large", Key="k", Body=body)
    assert s3.get_object(Bucket="large", Key="k")["Body"].read() == body
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.put_object(Bucket="not-large", Key="k", Body=body)
