"""Bodies of which the length is known at their end alone, and objects of many parts after a restart."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from lambent.testing.platform import local_platform
from lambent.testing.pytest_plugin import ClientFactory


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_a_stream_is_sent_in_chunks_and_kept_without_them(aws: ClientFactory, account: str, algorithm: str) -> None:
    s3, at = aws("s3"), {"Bucket": f"chunks-{account}", "Key": "k"}
    s3.create_bucket(Bucket=at["Bucket"])
    put = s3.put_object(**at, Body=io.BytesIO(b"some content"), ChecksumAlgorithm=algorithm)
    got = s3.get_object(**at, ChecksumMode="ENABLED")
    assert (got["Body"].read(), got["ContentLength"]) == (b"some content", 12)
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]


def test_objects_and_uploads_under_way_are_there_after_a_restart(tmp_path: Path) -> None:
    part = bytes(range(256)) * 20_480
    upload = {"Bucket": "parts", "Key": "k"}
    with local_platform(data_dir=tmp_path / "data") as platform:
        s3 = platform.client("s3")
        s3.create_bucket(Bucket="parts")
        s3.put_object(Bucket="parts", Key="gone", Body=part)
        s3.delete_object(Bucket="parts", Key="gone")
        upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
        first = s3.upload_part(**upload, PartNumber=1, Body=part)["ETag"]
    with local_platform(data_dir=tmp_path / "data") as platform:
        s3 = platform.client("s3")
        second = s3.upload_part(**upload, PartNumber=2, Body=b"end")["ETag"]
        parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": second}]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    with local_platform(data_dir=tmp_path / "data") as platform:
        assert platform.client("s3").get_object(Bucket="parts", Key="k")["Body"].read() == part + b"end"
