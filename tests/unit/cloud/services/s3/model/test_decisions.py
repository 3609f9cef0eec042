from __future__ import annotations

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.cloud.errors import ServiceError
from lambent.cloud.protocol.aws_chunked import ChunkDecoder, MalformedChunksError
from lambent.cloud.services.s3.model.addressing import bucket_in_host, is_plain_host
from lambent.cloud.services.s3.model.form import check_policy, parse_form
from lambent.cloud.services.s3.model.presigning import check_expiry
from lambent.cloud.services.s3.model.ranges import Span, part_span, span_of
from lambent.cloud.services.s3.model.records import Retention


@given(st.binary(max_size=300), st.integers(1, 50), st.integers(1, 40))
def test_chunks_give_their_content_however_they_arrive(body: bytes, size: int, arriving: int) -> None:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    framed = b"".join(b"%x;chunk-signature=ab\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    framed += b"0;chunk-signature=cd\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    decoder = ChunkDecoder()
    found = b""
    for start in range(0, len(framed), arriving):
        found += b"".join(decoder.feed(framed[start : start + arriving]))
    assert (found, decoder.is_whole) == (body, True)
    assert decoder.trailers == {"x-amz-checksum-crc32": "AAAAAA=="}


@pytest.mark.parametrize(
    "framed", [b"zz\r\n", b"\r\n", b"1\r\nab\r\n", b"f" * 17 + b"\r\n", b"0\r\n\r\nmore", b"a" * 20_000]
)
def test_what_is_not_framed_as_it_says_is_refused(framed: bytes) -> None:
    with pytest.raises(MalformedChunksError):
        list(ChunkDecoder().feed(framed))


def test_a_body_that_ends_within_a_chunk_is_not_whole() -> None:
    decoder = ChunkDecoder()
    list(decoder.feed(b"5\r\nabc"))
    assert not decoder.is_whole


def test_ranges_name_bytes_or_nothing() -> None:
    assert span_of("bytes=0-0", 5) == Span(0, 1)
    assert span_of("bytes=-9", 5) == Span(0, 5)
    assert span_of("bytes=0-1,3-4", 5) is None
    assert span_of("bytes=-", 5) is None
    assert part_span(2, [3, 4]) == Span(3, 4)
    for asked, size in (("bytes=5-", 5), ("bytes=-0", 5), ("bytes=0-", 0)):
        with pytest.raises(ServiceError, match="InvalidRange"):
            span_of(asked, size)
    with pytest.raises(ServiceError, match="InvalidPartNumber"):
        part_span(3, [3, 4])


def test_hosts_name_buckets() -> None:
    assert bucket_in_host("a.b.s3.eu-west-1.localhost:4566", is_s3=False) == "a.b"
    assert bucket_in_host("bucket.localhost", is_s3=True) == "bucket"
    assert bucket_in_host("bucket.localhost", is_s3=False) is None
    assert bucket_in_host("127.0.0.1:4566", is_s3=True) is None
    assert bucket_in_host("s3.us-east-1.localhost", is_s3=True) is None
    assert [is_plain_host(host) for host in ("127.0.0.1:1", "localhost", "s3.localhost:1", "b.s3.localhost:1")] == [
        True,
        True,
        True,
        False,
    ]


def test_presigned_requests_expire() -> None:
    query = "X-Amz-Date=20260101T000000Z&X-Amz-Expires=60"
    check_expiry(query, 1767225660)
    with pytest.raises(ServiceError, match="Request has expired"):
        check_expiry(query, 1767225661)
    check_expiry("AWSAccessKeyId=a&Expires=100", 100)
    with pytest.raises(ServiceError, match="Request has expired"):
        check_expiry("AWSAccessKeyId=a&Expires=100", 101)
    for wrong in ("X-Amz-Expires=soon", "X-Amz-Expires=604801", "X-Amz-Expires=5&X-Amz-Date=today"):
        with pytest.raises(ServiceError, match="AuthorizationQueryParametersError"):
            check_expiry(wrong, 0)


def test_a_lock_holds_until_its_moment_and_a_hold_for_good() -> None:
    governed, complied = Retention("GOVERNANCE", 10.0), Retention("COMPLIANCE", 10.0)
    assert governed.forbids_removal(9, bypasses_governance=False)
    assert not governed.forbids_removal(9, bypasses_governance=True)
    assert complied.forbids_removal(9, bypasses_governance=True)
    assert not complied.forbids_removal(10, bypasses_governance=False)
    assert Retention(is_held=True).forbids_removal(0, bypasses_governance=True)


def test_a_form_is_held_against_its_policy() -> None:
    policy = {"expiration": "2030-01-01T00:00:00Z", "conditions": [{"bucket": "b"}, ["starts-with", "$key", "up/"]]}
    encoded = base64.b64encode(orjson.dumps(policy)).decode()
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name, value)
        for name, value in ((b"key", b"up/a"), (b"policy", encoded.encode()), (b"file", b"content\r\n-x"))
    )
    form = parse_form("multipart/form-data; boundary=x", body + b"--x--\r\n")
    assert (form.content, form.fields["key"]) == (b"content\r\n-x", "up/a")
    check_policy(form, "b", 0)
    with pytest.raises(ServiceError, match="Policy Condition failed"):
        check_policy(form, "other", 0)
    with pytest.raises(ServiceError, match="Policy expired"):
        check_policy(form, "b", 2e9)
    for kind, data in (("multipart/form-data", body), ("multipart/form-data; boundary=x", b"--x\r\nno end")):
        with pytest.raises(ServiceError, match="MalformedPOSTRequest"):
            parse_form(kind, data)
