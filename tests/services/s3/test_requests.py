"""Requests as they stand on the wire: chunks with trailers, digests, presigned URLs, forms, browsers, hosts."""

from __future__ import annotations

import base64
import hashlib
import http.client
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from lambent.testing.platform import LocalPlatform
from lambent.testing.pytest_plugin import ClientFactory


@dataclass
class Wire:
    """Sends requests for one bucket, signed in the name of one account only as far as anybody reads it."""

    endpoint: str
    account: str
    bucket: str

    def __call__(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        signed: bool = True,
    ) -> tuple[int, Mapping[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=30)
        stated = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if signed:
            scope = f"{self.account}/20260101/us-east-1/s3/aws4_request"
            stated["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        try:
            connection.request(method, path, body, stated)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()


@pytest.fixture
def wire(platform: LocalPlatform, aws: ClientFactory, account: str) -> Wire:
    bucket = f"wire-{account}"
    aws("s3").create_bucket(Bucket=bucket)
    return Wire(platform.endpoint_url, account, bucket)


def chunked(body: bytes, trailer: str, *, size: int = 65_536) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    framed = b"".join(b"%x;chunk-signature=0\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return framed + b"0\r\n" + trailer.encode() + b"\r\n\r\n"


@pytest.mark.parametrize("size", [3, 700_000])
def test_a_body_in_chunks_is_taken_apart_and_its_trailer_checked(wire: Wire, size: int) -> None:
    body = bytes(range(250)) * (size // 250 + 1)
    body = body[:size]
    crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    headers = {
        "x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x_amz_trailer": "x-amz-checksum-crc32",
        "x_amz_decoded_content_length": str(size),
        "content_encoding": "aws-chunked",
    }
    path = f"/{wire.bucket}/k"
    status, answer, _ = wire("PUT", path, chunked(body, f"x-amz-checksum-crc32:{crc}"), headers)
    assert (status, answer["x-amz-checksum-crc32"]) == (200, crc)
    status, answer, got = wire("GET", path)
    assert (status, got) == (200, body)
    assert "content-encoding" not in answer
    assert wire("PUT", path, chunked(body, "x-amz-checksum-crc32:AAAAAA=="), headers)[0] == 400
    headers["x_amz_decoded_content_length"] = str(size + 1)
    _, _, refusal = wire("PUT", path, chunked(body, f"x-amz-checksum-crc32:{crc}"), headers)
    assert b"<Code>IncompleteBody</Code>" in refusal


@pytest.mark.parametrize("size", [10, 600_000])
def test_a_body_that_is_not_what_was_stated_is_refused_and_not_kept(wire: Wire, size: int) -> None:
    body, path = b"x" * size, f"/{wire.bucket}/k"
    md5 = base64.b64encode(hashlib.md5(b"other", usedforsecurity=False).digest()).decode()
    for headers, code in (
        ({"content_md5": md5}, b"BadDigest"),
        ({"content_md5": "nonsense"}, b"InvalidDigest"),
        ({"x_amz_content_sha256": "0" * 64}, b"XAmzContentSHA256Mismatch"),
        ({"x_amz_checksum_crc64nvme": "AAAAAAAAAAA="}, b"BadDigest"),
        ({"x_amz_checksum_sha1": "short"}, b"InvalidRequest"),
    ):
        status, _, answer = wire("PUT", path, body, headers)
        assert status == 400
        assert b"<Code>" + code + b"</Code>" in answer
    assert wire("GET", path)[0] == 404


def test_what_states_no_checksum_gets_the_one_of_s3(wire: Wire) -> None:
    _, answer, _ = wire("PUT", f"/{wire.bucket}/k", b"123456789")
    crc = base64.b64encode(bytes.fromhex("ae8b14860a799888")).decode()
    assert (answer["x-amz-checksum-crc64nvme"], answer["x-amz-checksum-type"]) == (crc, "FULL_OBJECT")
    assert answer["x-amz-id-2"]
    assert answer["etag"] == '"25f9e794323b453885f5181f1b624d0b"'


def test_metadata_that_is_not_ascii_comes_back_in_the_words_of_rfc_2047(wire: Wire) -> None:
    wire("PUT", f"/{wire.bucket}/k", b"1", {"x-amz-meta-name": "Zürich"})
    _, answer, _ = wire("GET", f"/{wire.bucket}/k")
    assert answer["x-amz-meta-name"] == "=?UTF-8?B?WsO8cmljaA==?="


def test_a_bucket_may_stand_in_the_host(wire: Wire) -> None:
    assert wire("PUT", "/a/key", b"1", {"host": f"{wire.bucket}.s3.localhost"})[0] == 200
    for host in (f"{wire.bucket}.localhost:4566", f"{wire.bucket}.s3.us-east-1.localhost"):
        assert wire("GET", "/a/key", headers={"host": host})[2] == b"1"
    assert wire("GET", f"/{wire.bucket}/a/key", headers={"host": "s3.localhost"})[2] == b"1"
    assert b"<Key>a/key</Key>" in wire("GET", "/?list-type=2", headers={"host": f"{wire.bucket}.s3.localhost"})[2]


def test_urls_that_were_signed_beforehand_work_until_they_expire(
    platform: LocalPlatform, aws: ClientFactory, wire: Wire, account: str
) -> None:
    s3 = aws("s3")
    for version in ("s3v4", "s3"):
        signer = boto3.client(
            "s3",
            endpoint_url=platform.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=account,
            aws_secret_access_key="secret",
            config=Config(signature_version=version),
        )
        place = {"Bucket": wire.bucket, "Key": "a key"}
        url = signer.generate_presigned_url("put_object", place)
        assert wire("PUT", target(url), b"signed", signed=False)[0] == 200
        url = signer.generate_presigned_url("get_object", place)
        assert wire("GET", target(url), signed=False)[2] == b"signed"
        expired = signer.generate_presigned_url("get_object", place, ExpiresIn=-10)
        assert wire("GET", target(expired), signed=False)[0] in {400, 403}
    assert s3.head_object(Bucket=wire.bucket, Key="a key")["ContentLength"] == 6


def target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def form(fields: Mapping[str, str], content: bytes) -> tuple[bytes, str]:
    parts = [
        f'--frontier\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = '--frontier\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n'
    return b"".join(parts) + head.encode() + b"\r\n" + content + b"\r\n--frontier--\r\n", "frontier"


def test_forms_bring_what_their_policy_allows(aws: ClientFactory, wire: Wire) -> None:
    s3 = aws("s3")
    signed = s3.generate_presigned_post(
        wire.bucket, "up/${filename}", Fields={"success_action_status": "201"},
        Conditions=[{"success_action_status": "201"}, ["content-length-range", 1, 10]],
    )  # fmt: skip
    kind = "multipart/form-data; boundary=frontier"
    body, _ = form(signed["fields"], b"hello")
    status, _, answer = wire("POST", f"/{wire.bucket}", body, {"content-type": kind}, signed=False)
    assert (status, b"<Key>up/a.txt</Key>" in answer) == (201, True)
    assert s3.get_object(Bucket=wire.bucket, Key="up/a.txt")["Body"].read() == b"hello"
    for fields, content, code in (
        (signed["fields"], b"far too long", b"EntityTooLarge"),
        ({**signed["fields"], "key": "elsewhere"}, b"1", b"AccessDenied"),
        ({**signed["fields"], "acl": "public-read"}, b"1", b"AccessDenied"),
    ):
        body, _ = form(fields, content)
        _, _, answer = wire("POST", f"/{wire.bucket}", body, {"content-type": kind}, signed=False)
        assert b"<Code>" + code + b"</Code>" in answer


def test_browsers_are_let_in_by_the_buckets_rules_alone(aws: ClientFactory, wire: Wire) -> None:
    path, page = f"/{wire.bucket}/k", "https://page.example"
    aws("s3").put_object(Bucket=wire.bucket, Key="k", Body=b"1")
    asked = {"origin": page, "access_control_request_method": "GET"}
    assert wire("OPTIONS", path, headers=asked, signed=False)[0] == 403
    assert wire("GET", path, headers={"origin": page})[0] == 403
    rule = {"AllowedOrigins": ["https://*.example"], "AllowedMethods": ["GET"], "MaxAgeSeconds": 60}
    aws("s3").put_bucket_cors(Bucket=wire.bucket, CORSConfiguration={"CORSRules": [rule]})
    status, answer, _ = wire("OPTIONS", path, headers=asked, signed=False)
    assert (status, answer["access-control-allow-origin"], answer["access-control-max-age"]) == (200, page, "60")
    status, answer, body = wire("GET", path, headers={"origin": page})
    assert (status, answer["access-control-allow-origin"], body) == (200, page, b"1")
    assert wire("OPTIONS", path, headers={**asked, "access_control_request_method": "PUT"}, signed=False)[0] == 403


def test_what_is_not_offered_is_refused_in_the_words_of_s3(aws: ClientFactory, wire: Wire) -> None:
    client: Any = aws("s3")  # Any: boto3's clients are made at run time
    client.put_object(Bucket=wire.bucket, Key="k", Body=b"1")
    status, _, answer = wire("PUT", f"/{wire.bucket}/k", b"1", {"x-amz-checksum-xxhash64": "AAAAAAAAAAA="})
    assert (status, b"<Code>NotImplemented</Code>" in answer) == (501, True)
    status, _, answer = wire("PATCH", f"/{wire.bucket}/k")
    assert (status, b"<Code>MethodNotAllowed</Code>" in answer) == (405, True)
