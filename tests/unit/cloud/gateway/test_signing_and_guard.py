"""Who is let in, and whom a signature stands for."""

from __future__ import annotations

import pytest

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import Principal
from lambent.cloud.framework.identity import Directories
from lambent.cloud.gateway.guard import refuse_foreign_host, refuse_other_site
from lambent.cloud.gateway.signing import Signature, identify_caller, read_signature
from lambent.cloud.protocol.message import Request

_V4 = "AWS4-HMAC-SHA256 Credential={}, SignedHeaders=host, Signature=00"


def request(query: str = "", **headers: str) -> Request:
    """A request with these headers; underscores stand for hyphens."""
    return Request("GET", "/", query, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


@pytest.mark.parametrize(
    ("signed", "expected"),
    [
        (request(), Signature("", "us-east-1", None)),
        (
            request(authorization=_V4.format("AK/20260101/eu-west-1/lambda/aws4_request")),
            Signature("AK", "eu-west-1", "lambda"),
        ),
        (
            request(authorization=_V4.format("a/b/20260101/eu-west-1/s3/aws4_request"), x_amz_security_token="t"),
            Signature("a/b", "eu-west-1", "s3", "t"),
        ),
        (
            request(
                authorization="AWS4-ECDSA-P256-SHA256 Credential=AK/20260101/s3/aws4_request, Signature=0",
                x_amz_region_set="eu-north-1,us-west-2",
            ),
            Signature("AK", "eu-north-1", "s3"),
        ),
        (
            request(
                authorization="AWS4-ECDSA-P256-SHA256 Credential=AK/20260101/s3/aws4_request", x_amz_region_set="*"
            ),
            Signature("AK", "us-east-1", "s3"),
        ),
        (
            request(
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20260101%2Feu-west-3%2Fs3%2Faws4_request"
                "&X-Amz-Security-Token=a%2Bb"
            ),
            Signature("AK", "eu-west-3", "s3", "a+b"),
        ),
        (request("AWSAccessKeyId=AK&Signature=s&Expires=1"), Signature("AK", "us-east-1", "s3")),
        (
            request("AWSAccessKeyId=AK&Signature=s&Expires=1&x-amz-security-token=t"),
            Signature("AK", "us-east-1", "s3", "t"),
        ),
        (request("Action=ListDomains&AWSAccessKeyId=AK&SignatureVersion=2"), Signature("AK", "us-east-1", None)),
        (request(authorization="AWS AK:c2ln"), Signature("AK", "us-east-1", "s3")),
        (request(authorization="Bearer abc"), Signature("", "us-east-1", None)),
    ],
)
def test_every_kind_of_signature_is_read(signed: Request, expected: Signature) -> None:
    assert read_signature(signed) == expected


@pytest.mark.parametrize(
    "signed",
    [
        request(authorization="AWS4-HMAC-SHA256 SignedHeaders=host"),
        request(authorization=_V4.format("AK/us-east-1/aws4_request")),
        request(authorization=_V4.format("/20260101/us-east-1/s3/aws4_request")),
        request("X-Amz-Algorithm=AWS4-HMAC-SHA256"),
    ],
)
def test_a_signature_that_cannot_be_read_is_incomplete(signed: Request) -> None:
    with pytest.raises(ServiceError) as refused:
        read_signature(signed)
    assert (refused.value.code, refused.value.status) == ("IncompleteSignature", 400)


class OneKey:
    """A directory that issued one key."""

    def resolve(self, access_key: str, session_token: str | None) -> Principal | None:
        """Return its user."""
        user = Principal("user", "222222222222", "arn:aws:iam::222222222222:user/ann", "AIDA")
        return user if access_key == "AKIAISSUED" else None


@pytest.mark.parametrize(
    ("key", "arn"),
    [
        ("123456789012", "arn:aws:iam::123456789012:root"),
        ("AKIAISSUED", "arn:aws:iam::222222222222:user/ann"),
        ("test", "arn:aws:iam::000000000000:root"),
        ("", "arn:aws:iam::000000000000:root"),
        ("12345678901²", "arn:aws:iam::000000000000:root"),
    ],
)
def test_an_access_key_stands_for_its_principal(key: str, arn: str) -> None:
    identity = identify_caller(Signature(key, "eu-west-1", None), Directories([OneKey()]))
    assert identity.caller.arn == arn
    assert (identity.scope.account, identity.scope.region) == (arn.split(":")[4], "eu-west-1")


@pytest.mark.parametrize("host", ["127.0.0.1:4566", "localhost", "LOCALHOST:1", "[::1]:4566", "b.s3.localhost:4566"])
def test_names_of_this_machine_are_served(host: str) -> None:
    assert refuse_foreign_host(request(host=host)) is None


@pytest.mark.parametrize(
    "host",
    [
        *("example.com", "localhost.example.com", "127.0.0.1.example.com", "user@example.com", "[::1", "notlocalhost"),
        *("example.com:80@127.0.0.1", "127.0.0.1#.example.com", "localhost?x.example.com", "127.0.0.1/.example.com"),
        *("localhost:example.com", "127.0.0.1, example.com", "0.0.0.0", "127.1", "2130706433", "[::1].example.com", ""),  # noqa: S104 - a host to refuse
    ],
)
def test_foreign_hosts_are_refused(host: str) -> None:
    refusal = refuse_foreign_host(request(host=host))
    assert refusal is not None
    assert refusal.status == 403


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        ({}, False),
        ({"origin": "http://localhost:4566"}, False),
        ({"sec_fetch_site": "same-origin", "referer": "http://localhost:4566/console"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"origin": "https://example.com"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://localhost:3000"}, True),
        ({"sec_fetch_site": "cross-site"}, True),
        ({"sec_fetch_site": "same-site"}, True),
        ({"referer": "https://example.com/localhost:4566"}, True),
    ],
)
def test_pages_of_other_origins_are_refused(headers: dict[str, str], is_refused: bool) -> None:  # noqa: FBT001 - a table
    refusal = refuse_other_site(request(host="localhost:4566", **headers))
    assert (refusal is not None and refusal.status == 403) == is_refused
