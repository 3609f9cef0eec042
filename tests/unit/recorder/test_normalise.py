from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from tests.recorder.normalise import Normaliser, Pairing, Place

HERE = Place("210987654321", "eu-central-1", "arn:aws:iam::210987654321:user/me")
ONE = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
OTHER = "aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff"


def kept(value: object, member: str = "") -> object:
    return Normaliser(HERE).value(value, member)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("arn:aws:lambda:eu-central-1:210987654321:function:f", "arn:aws:lambda:<region>:<account>:function:f"),
        ("arn:aws:lambda:eu-west-1:2109876543210:x", "arn:aws:lambda:<elsewhere>:2109876543210:x"),
        ("eu-central-1a", "<region>a"),
        ("arn:aws:lambda:us-east-1::runtime:" + "0f" * 32, "arn:aws:lambda:us-east-1::runtime:<hex:1>"),
        ("User: arn:aws:sts::1:assumed-role/r/s is not authorized", "User: <caller> is not authorized"),
        ("made by arn:aws:iam::210987654321:user/me", "made by <caller>"),
        ("https://sqs.eu-central-1.amazonaws.com/210987654321/q", "<endpoint>/<account>/q"),
        ("http://127.0.0.1:4566/210987654321/q", "<endpoint>/<account>/q"),
        ("http://localhost:4566/210987654321/q", "<endpoint>/<account>/q"),
        ("https://b.s3.amazonaws.com/k?X-Amz-Date=1&X-Amz-Signature=ab&x=1 there", "<presigned> there"),
        ("https://" + "a1" * 16 + ".lambda-url.eu-central-1.on.aws/", "<url:1>/"),
        ("http://" + "a1" * 16 + ".lambda-url.eu-central-1.localhost:4566/", "<url:1>/"),
        ("2026-11-21T02:26:54.123+0000", "<date.fff+0000>"),
        ("2026-11-21T02:26:54Z", "<dateZ>"),
        ("2026-11-21T02:26:54.123456+00:00", "<date.ffffff+00:00>"),
        ("2026/11/21/[$LATEST]" + "0a" * 16, "<date>/[$LATEST]<hex:1>"),
        ("Billed Duration: 12 ms\tMemory Size: 128 MB", "Billed Duration: <n> ms\tMemory Size: 128 MB"),
        ("Max Memory Used: 30 MB", "Max Memory Used: <n> MB"),
        ("Root=1-67891233-abcdef012345678912345678;Sampled=1", "Root=<trace:1>;Sampled=1"),
        ("AROAABCDEFGHIJKLMNOPQ:me", "<id:1>:<session>"),
        ("AROAABCDEFGHIJKLMNOPQ:alice@corp.example", "<id:1>:<session>"),
        ("subnet-0a1b2c3d4e5f60718 of vpc-0a1b2c3d", "<subnet:1> of <vpc:1>"),
        ("csc-0123456789abcdef0", "<csc:1>"),
        ("at [1795282570045]", "at [<moment>]"),
        ("python3.13, 128 MB, $LATEST, 1.0", "python3.13, 128 MB, $LATEST, 1.0"),
    ],
)  # fmt: skip
def test_what_differs_between_runs_is_replaced_within_texts(text: str, expected: str) -> None:
    assert kept(text) == expected


def test_the_same_value_has_the_same_placeholder_in_all_calls() -> None:
    normaliser = Normaliser(HERE)
    assert normaliser.value({"RevisionId": ONE, "Version": f"{OTHER} after {ONE}"}) == {
        "RevisionId": "<uuid:1>",
        "Version": "<uuid:2> after <uuid:1>",
    }
    assert normaliser.value([OTHER, {"x": ONE}]) == ["<uuid:2>", {"x": "<uuid:1>"}]


@pytest.mark.parametrize("member", ["SecretAccessKey", "SessionToken", "AuthorizationToken", "Plaintext"])
def test_secrets_are_not_kept(member: str) -> None:
    assert kept({"Credentials": {member: "s3cret"}}) == {"Credentials": {member: "<secret>"}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"AWS_SECRET_ACCESS_KEY": "abc/DEF+123="}', '{"AWS_SECRET_ACCESS_KEY": "<secret>"}'),
        (r'"{\"AWS_SESSION_TOKEN\": \"abc/DEF+123=\"}"', r'"{\"AWS_SESSION_TOKEN\": \"<secret>\"}"'),
        ("{'AWS_SESSION_TOKEN': 'abc/DEF+123='}", "{'AWS_SESSION_TOKEN': '<secret>'}"),
        ("AWS_SECRET_ACCESS_KEY=abc/DEF+123=", "AWS_SECRET_ACCESS_KEY=<secret>"),
        ('["AWS_SECRET_ACCESS_KEY", "abc/DEF+123="]', '["AWS_SECRET_ACCESS_KEY", "<secret>"]'),
        ("/?X-Amz-Security-Token=abc%2FDEF123&x=1", "/?X-Amz-Security-Token=<secret>&x=1"),
        ('{"sessionToken": "abcDEF123456"}', '{"sessionToken": "<secret>"}'),
        ('{"SessionTokens": 3, "AWS_SESSION_TOKEN": null}', '{"SessionTokens": 3, "AWS_SESSION_TOKEN": null}'),
    ],
)
def test_secrets_are_not_kept_of_what_functions_say(text: str, expected: str) -> None:
    assert kept({"Payload": text.encode()}) == {"Payload": expected}


def test_what_is_made_anew_keeps_its_type() -> None:
    assert kept({"CodeSize": "300"}) == {"CodeSize": "<sizeasstr:1>"}
    assert kept({"CodeSize": 0, "NextMarker": ""}) == {"CodeSize": 0, "NextMarker": ""}
    assert kept([1795282570045, 1795282570045.0]) == ["<moment>", "<moment.f>"]


def test_members_that_are_made_anew_are_replaced_whole() -> None:
    answer = {"CodeSha256": "a=", "CodeSize": 300, "NextMarker": "eyJ9", "Code": {"Location": "http://127.0.0.1:1/x"}}
    assert kept(answer) == {
        "CodeSha256": "<sha256:1>",
        "CodeSize": "<size:1>",
        "NextMarker": "<marker:1>",
        "Code": {"Location": "<presigned>"},
    }


def test_moments_have_no_number() -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    assert kept({"at": at, "ms": 1795282570045, "size": 512, "share": 0.5}) == {
        "at": "<date>", "ms": "<moment>", "size": 512, "share": 0.5,
    }  # fmt: skip


def test_policies_are_read_so_that_the_order_of_keys_does_not_matter() -> None:
    assert kept({"Policy": '{"Version": "1", "Id": "default"}'}) == {"Policy": {"Id": "default", "Version": "1"}}
    assert kept({"Policy": "{"}) == {"Policy": "{"}


def test_bytes_and_log_tails_are_kept_as_text() -> None:
    tail = base64.b64encode(b"END RequestId: " + ONE.encode()).decode()
    assert kept({"LogResult": tail, "Payload": b'"\xc3\xa9"', "ZipFile": b"PK\x00\xff"}) == {
        "LogResult": "END RequestId: <uuid:1>", "Payload": '"é"', "ZipFile": "<bytes>",
    }  # fmt: skip


def test_long_texts_are_kept_as_their_digest() -> None:
    assert str(kept("x" * 10_000)).startswith("x" * 100 + "… <10000 characters, sha256 ")
    assert kept("x" * 10_000) != kept("x" * 9_999 + "y")


def test_absent_and_empty_and_null_are_three_things() -> None:
    assert kept({"a": None, "b": "", "c": {}, "d": [], "e": False}) == {
        "a": None,
        "b": "",
        "c": {},
        "d": [],
        "e": False,
    }


def test_placeholders_pair_whatever_their_numbers() -> None:
    pairing = Pairing()
    assert pairing.same("<uuid:1> and <uuid:2>", "<uuid:4> and <uuid:1>")
    assert pairing.same("again <uuid:1>", "again <uuid:4>")
    assert not pairing.same("<uuid:1>", "<uuid:1>")
    assert not pairing.same("<uuid:3>", "<uuid:4>")
    assert not pairing.same("<uuid:7>", "<hex:7>")
