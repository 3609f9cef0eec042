"""Bodies of which the length is known at their end alone, and objects of many parts after a restart."""

from __future__ import annotations

import base64
import http.client
import io
import logging
import socket
import zlib
from pathlib import Path
from urllib.parse import urlsplit

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


def signed(account: str) -> dict[str, str]:
    scope = f"{account}/20260101/us-east-1/s3/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}


def test_a_large_body_in_chunks_is_kept_without_them(aws: ClientFactory, account: str) -> None:
    s3, bucket = aws("s3"), f"large-chunks-{account}"
    s3.create_bucket(Bucket=bucket)
    content = bytes(range(256)) * 10_000
    chunks = [content[start : start + 70_000] for start in range(0, len(content), 70_000)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    checksum = base64.b64encode(zlib.crc32(content).to_bytes(4, "big"))
    headers = {
        **signed(account),
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-trailer": "x-amz-checksum-crc32",
        "x-amz-decoded-content-length": str(len(content)),
        "content-encoding": "aws-chunked",
    }
    connection = http.client.HTTPConnection(urlsplit(s3.meta.endpoint_url).netloc)
    body = framed + b"0\r\nx-amz-checksum-crc32:" + checksum + b"\r\n\r\n"
    connection.request("PUT", f"/{bucket}/k", body=body, headers=headers)
    assert connection.getresponse().status == 200
    connection.close()
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (got["Body"].read(), got["ChecksumCRC32"]) == (content, checksum.decode())


def test_a_body_that_breaks_off_is_the_clients_fault_and_makes_no_object(
    aws: ClientFactory, account: str, caplog: pytest.LogCaptureFixture
) -> None:
    s3, bucket = aws("s3"), f"cut-short-{account}"
    s3.create_bucket(Bucket=bucket)
    address = urlsplit(s3.meta.endpoint_url)
    head = f"PUT /{bucket}/k HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 1000000\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in signed(account).items()) + "\r\n"
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(head.encode() + bytes(400_000))
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"<Code>IncompleteBody</Code>" in answer
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


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
