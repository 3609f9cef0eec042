"""Requests to function URLs as events, what functions return as responses, and cross-origin headers."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambent.cloud.framework.context import Principal
from lambent.cloud.framework.identity import Signer
from lambent.cloud.protocol.message import Request
from lambent.cloud.services.lambda_.model.cors import Cors
from lambent.cloud.services.lambda_.model.url import Place, place_of
from lambent.cloud.services.lambda_.model.url_event import UrlCall, event_of, is_text
from lambent.cloud.services.lambda_.model.url_reply import MalformedReplyError, head_of, reply_of

URL_ID = "abcdefghijklmnopqrstuvwxyz234567"
DOMAIN = f"{URL_ID}.lambda-url.eu-west-1.localhost:4566"
JSON_TYPE = ("Content-Type", "application/json")
GZIPPED = gzip.compress(b"{}", mtime=0)


def event(  # noqa: PLR0913 - the parts of a request
    *,
    method: str = "GET",
    path: str = "/",
    query: str = "",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    signer: Signer | None = None,
) -> dict[str, Any]:  # Any: a JSON value
    request = Request(method, path, query, {"host": DOMAIN, **(headers or {})}, body, "127.0.0.1")
    call = UrlCall(request, path, URL_ID, DOMAIN, "6f1c2f0e", "Root=1-5e63b1fe-0", 1583519838.39, signer)
    return event_of(call)


def test_request_without_anything_makes_the_least_event() -> None:
    assert event() == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {
            "host": DOMAIN,
            "x-amzn-trace-id": "Root=1-5e63b1fe-0",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "4566",
            "x-forwarded-proto": "http",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": URL_ID,
            "domainName": DOMAIN,
            "domainPrefix": URL_ID,
            "http": {
                "method": "GET",
                "path": "/",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "",
            },
            "requestId": "6f1c2f0e",
            "routeKey": "$default",
            "stage": "$default",
            "time": "06/Mar/2020:18:37:18 +0000",
            "timeEpoch": 1583519838390,
        },
        "isBase64Encoded": False,
    }


def test_path_and_query_are_there_as_they_came_and_decoded() -> None:
    made = event(path="/a%2Fb/%C3%A9+50%25", query="x=1&y=a%20b&x=2&flag&z=%3D")
    assert made["rawPath"] == "/a%2Fb/%C3%A9+50%25"
    assert made["requestContext"]["http"]["path"] == "/a/b/é+50%"
    assert made["rawQueryString"] == "x=1&y=a%20b&x=2&flag&z=%3D"
    assert made["queryStringParameters"] == {"x": "1,2", "y": "a b", "flag": "", "z": "="}


def test_cookies_are_listed_beside_their_header() -> None:
    made = event(headers={"cookie": "a=1; b=two;  c"})
    assert made["cookies"] == ["a=1", "b=two", "c"]
    assert made["headers"]["cookie"] == "a=1; b=two;  c"


def test_headers_of_the_connection_are_left_out_and_proxies_are_kept() -> None:
    made = event(
        headers={"connection": "keep-alive", "transfer-encoding": "chunked", "x-forwarded-for": "1.2.3.4", "a": "b, c"}
    )
    assert {"connection", "transfer-encoding"}.isdisjoint(made["headers"])
    assert made["headers"]["x-forwarded-for"] == "1.2.3.4, 127.0.0.1"
    assert made["headers"]["a"] == "b, c"


@pytest.mark.parametrize(
    ("content_type", "body", "expected", "encoded"),
    [
        ("application/json", b'{"a":1}', '{"a":1}', False),
        ("text/plain; charset=utf-8", "é".encode(), "é", False),
        ("application/vnd.api+json", b"{}", "{}", False),
        ("application/json", GZIPPED, base64.b64encode(GZIPPED).decode(), True),
        ("text/plain", b"\xff\xfe", base64.b64encode(b"\xff\xfe").decode(), True),
        ("application/x-www-form-urlencoded", b"a=1", base64.b64encode(b"a=1").decode(), True),
        ("multipart/form-data; boundary=b", b"--b--", base64.b64encode(b"--b--").decode(), True),
        ("", b"x", base64.b64encode(b"x").decode(), True),
    ],
)
def test_body_is_text_or_base64_by_its_type(content_type: str, body: bytes, expected: str, encoded: object) -> None:
    made = event(method="POST", headers={"content-type": content_type}, body=body)
    assert (made["body"], made["isBase64Encoded"]) == (expected, encoded)


@given(st.binary(min_size=1), st.sampled_from(["text/plain", "application/json", "image/png", ""]))
def test_no_byte_of_a_body_is_lost(body: bytes, content_type: str) -> None:
    made = event(method="POST", headers={"content-type": content_type}, body=body)
    text = made["body"]
    assert (base64.b64decode(text) if made["isBase64Encoded"] else text.encode()) == body
    assert made["isBase64Encoded"] or is_text(content_type)


def test_signer_stands_in_the_authorizer() -> None:
    caller = Principal("user", "111122223333", "arn:aws:iam::111122223333:user/example-user", "AIDAEXAMPLE")
    context = event(signer=Signer(caller, "AKIAEXAMPLE", "eu-west-1", "lambda"))["requestContext"]
    assert context["accountId"] == "111122223333"
    assert context["authorizer"] == {
        "iam": {
            "accessKey": "AKIAEXAMPLE",
            "accountId": "111122223333",
            "callerId": "AIDAEXAMPLE",
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": "arn:aws:iam::111122223333:user/example-user",
            "userId": "AIDAEXAMPLE",
        }
    }


# Recorded on AWS, what the function returned with what the URL answered.
@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (b'{"hello": "world"}', b'{"hello":"world"}'),
        (b'["hello", 3, true]', b'["hello",3,true]'),
        (b'"hello"', b"hello"),
        (b"3", b"3"),
        (b"3.1", b"3.1"),
        (b"true", b"true"),
        (b"null", b"null"),
        ('"é"'.encode(), "é".encode()),
        (b"123456789012345678901234567890", b"123456789012345678901234567890"),
    ],
)
def test_value_without_a_status_is_the_body(payload: bytes, body: bytes) -> None:
    reply = reply_of(payload)
    assert (reply.status, reply.headers, reply.body) == (200, (JSON_TYPE,), body)


def test_object_with_a_status_describes_the_response() -> None:
    described = {
        "statusCode": 201,
        "headers": {"content-type": "text/html", "X-Count": 3, "X-Yes": True, "X-Nothing": None},
        "cookies": ["a=1; Secure", "b=2"],
        "body": "<p>é</p>",
    }
    reply = reply_of(json.dumps(described).encode())
    assert reply.status == 201
    assert reply.headers == (
        ("content-type", "text/html"),
        ("X-Count", "3"),
        ("X-Yes", "true"),
        ("Set-Cookie", "a=1; Secure"),
        ("Set-Cookie", "b=2"),
    )
    assert reply.body == "<p>é</p>".encode()


@pytest.mark.parametrize(
    ("described", "status", "body"),
    [
        ({"statusCode": "418", "body": "i'm a teapot"}, 418, b"i'm a teapot"),
        ({"statusCode": 204}, 204, b""),
        ({"statusCode": 200, "body": None}, 200, b""),
        ({"statusCode": 200, "body": {"a": [1]}}, 200, b'{"a":[1]}'),
        ({"statusCode": 200, "body": "aGk=", "isBase64Encoded": True}, 200, b"hi"),
        ({"statusCode": 200, "body": "aGk=", "isBase64Encoded": False}, 200, b"aGk="),
    ],
)
def test_body_is_what_the_response_says(described: object, status: int, body: bytes) -> None:
    reply = reply_of(json.dumps(described).encode())
    assert (reply.status, reply.headers, reply.body) == (status, (JSON_TYPE,), body)


def test_headers_that_lambda_writes_itself_are_remapped() -> None:
    described = {"statusCode": 200, "headers": {"Content-Length": 5, "Date": "today", "Transfer-Encoding": "chunked"}}
    assert reply_of(json.dumps(described).encode()).headers == (
        JSON_TYPE,
        ("x-amzn-Remapped-Content-Length", "5"),
        ("x-amzn-Remapped-Date", "today"),
    )


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"<html>",
        b'{"a": NaN}',
        b'{"statusCode": "ok"}',
        b'{"statusCode": true}',
        b'{"statusCode": null}',
        b'{"statusCode": 99}',
        b'{"statusCode": 1000}',
        b'{"statusCode": 100}',
        b'{"statusCode": 200, "headers": []}',
        b'{"statusCode": 200, "headers": {"a": ["b"]}}',
        b'{"statusCode": 200, "headers": {"a": "b\\r\\nc: d"}}',
        b'{"statusCode": 200, "headers": {"a b": "c"}}',
        b'{"statusCode": 200, "cookies": "a=1"}',
        b'{"statusCode": 200, "cookies": ["a=1\\r\\nb: c"]}',
        b'{"statusCode": 200, "body": "?", "isBase64Encoded": true}',
    ],
)
def test_what_describes_no_response_is_malformed(payload: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        reply_of(payload)


async def in_parts(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


HTTP = "application/vnd.awslambda.http-integration-response"


@pytest.mark.parametrize(
    "parts",
    [
        (b'{"statusCode": 201, "headers": {"x-a": "1"}, "cookies": ["c=1"]}' + bytes(8) + b"body",),
        (b'{"statusCode": 201, "headers": {"x-a": "1"},', b' "cookies": ["c=1"]}', bytes(3), bytes(5), b"bo", b"dy"),
    ],
)
async def test_a_streamed_response_may_begin_with_its_head(parts: tuple[bytes, ...]) -> None:
    head, rest = await head_of(HTTP, in_parts(*parts))
    assert head.status == 201
    assert ("x-a", "1") in head.headers
    assert ("Set-Cookie", "c=1") in head.headers
    assert b"".join([part async for part in rest]) == b"body"


async def test_a_streamed_response_without_a_head_is_of_its_own_type() -> None:
    head, rest = await head_of("text/plain", in_parts(b"a", b"b"))
    assert (head.status, head.headers) == (200, (("Content-Type", "text/plain"),))
    assert [part async for part in rest] == [b"a", b"b"]


@pytest.mark.parametrize("begun", [b"", b"no json" + bytes(8), b"[]" + bytes(8), b'{"statusCode": 99}' + bytes(8)])
async def test_a_head_that_is_none_is_malformed(begun: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        await head_of(HTTP, in_parts(begun))


@pytest.mark.parametrize(
    ("host", "path", "place"),
    [
        (DOMAIN, "/", Place(URL_ID, "eu-west-1", "/")),
        (DOMAIN.upper(), "/A", Place(URL_ID, "eu-west-1", "/A")),
        (f"{URL_ID}.lambda-url.eu-west-1.localhost", "/", Place(URL_ID, "eu-west-1", "/")),
        (DOMAIN, f"/_url/{URL_ID}/x", Place(URL_ID, "eu-west-1", f"/_url/{URL_ID}/x")),
        ("127.0.0.1:4566", f"/_url/{URL_ID}", Place(URL_ID, None, "/")),
        ("localhost", f"/_url/{URL_ID}/a//b", Place(URL_ID, None, "/a//b")),
        ("[::1]:80", f"/_url/{URL_ID}/", Place(URL_ID, None, "/")),
        ("127.0.0.1:4566", "/_urls", None),
        ("bucket.s3.localhost:4566", f"/_url/{URL_ID}/x", None),
        (f"{URL_ID}.lambda-url.eu-west-1.on.aws", "/", None),
        (f"{URL_ID}.lambda-url.eu-west-1.localhost.example.com", "/", None),
        (DOMAIN, "/_lambent/stop", None),
    ],
)
def test_url_is_found_by_host_or_path(host: str, path: str, place: Place | None) -> None:
    assert place_of(host, path) == place


RULES = Cors(
    allow_headers=("content-type", "x-one"),
    allow_methods=("GET", "POST"),
    allow_origins=("https://a.example", "https://b.example"),
    expose_headers=("x-two",),
    max_age_s=300,
)


def test_preflight_of_an_allowed_origin_tells_the_rules() -> None:
    assert dict(RULES.preflight_headers("https://b.example", "PUT", "x-one")) == {
        "Access-Control-Allow-Origin": "https://b.example",
        "Vary": "Origin",
        "Access-Control-Allow-Headers": "content-type,x-one",
        "Access-Control-Allow-Methods": "GET,POST",
        "Access-Control-Max-Age": "300",
    }


@pytest.mark.parametrize("origin", ["https://c.example", "https://a.example.evil.example", "null", ""])
def test_stranger_is_told_nothing(origin: str) -> None:
    assert RULES.preflight_headers(origin, "GET", "") == []
    assert RULES.answer_headers(origin) == []


def test_answer_names_what_scripts_may_read() -> None:
    assert ("Access-Control-Expose-Headers", "x-two") in RULES.answer_headers("https://a.example")


def test_star_stays_a_star_unless_credentials_may_be_sent() -> None:
    anybody = Cors(allow_origins=("*",), allow_methods=("*",), allow_headers=("*",))
    assert dict(anybody.preflight_headers("https://x.example", "PUT", "x-y")) == {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Headers": "*",
        "Access-Control-Allow-Methods": "*",
        "Access-Control-Max-Age": "0",
    }
    trusting = Cors(allow_origins=("*",), allow_methods=("*",), allow_headers=("*",), allow_credentials=True)
    assert dict(trusting.preflight_headers("https://x.example", "PUT", "x-y")) == {
        "Access-Control-Allow-Origin": "https://x.example",
        "Vary": "Origin",
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Headers": "x-y",
        "Access-Control-Allow-Methods": "PUT",
        "Access-Control-Max-Age": "0",
    }


def test_rules_are_shown_as_they_were_given() -> None:
    given_rules = {"AllowOrigins": ["*"], "AllowHeaders": [], "AllowCredentials": False, "MaxAge": 0}
    rules = Cors.asked(given_rules)
    assert rules is not None
    assert rules.shape() == given_rules
    assert Cors.asked({}) is None
