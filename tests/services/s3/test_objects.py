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
