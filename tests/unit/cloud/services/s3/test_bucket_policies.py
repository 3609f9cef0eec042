"""What S3 takes for a bucket policy, and which policies make a bucket public."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.s3.configurations.policies import checked, is_public

ARN = "arn:aws:s3:::b"
Statement = Mapping[str, Any]  # Any: JSON of a policy


def statement(**changes: object) -> Statement:
    found = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{ARN}/*", **changes}
    return {name: value for name, value in found.items() if value is not None}


def text(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.mark.parametrize(
    "good",
    [
        statement(),
        statement(Action="*", Resource="*"),
        statement(Action=["s3:Get*", "s3:ListBucket"], Resource=[ARN, f"{ARN}/*"]),
        statement(Principal={"AWS": "123456789012"}),
        statement(Principal={"AWS": ["arn:aws:iam::123456789012:role/r"]}),
        statement(Principal={"Service": "cloudtrail.amazonaws.com"}, Action="s3:PutObject"),
        statement(Principal={"CanonicalUser": "a" * 64}),
        statement(Effect="Deny", Action=None, NotAction="s3:GetObject"),
        statement(Resource=ARN, Action="s3:ListBucket"),
    ],
)
def test_a_policy_as_people_write_them_is_taken(good: Statement) -> None:
    assert checked(text(good), ARN)["Statement"] == [good]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("", "Policies must be valid JSON and the first byte must be '{'"),
        ("[]", "Policies must be valid JSON and the first byte must be '{'"),
        ("{", "Policies must be valid JSON and the first byte must be '{'"),
        ("{}", "Missing required field Statement"),
        (text(statement(Principal=None)), "Missing required field Principal"),
        (text(statement(Action=None)), "Missing required field Action"),
        (text(statement(Resource=None)), "Missing required field Resource"),
        (text(statement(Principal={"AWS": "somebody"})), "Invalid principal in policy"),
        (text(statement(Resource="arn:aws:s3:::other/*")), "Policy has invalid resource"),
        (text(statement(Action="lambda:Invoke")), "Policy has invalid action"),
        (text(statement(Action="s3:GetNothing")), "Policy has invalid action"),
        (text(statement(Resource=ARN)), "Action does not apply to any resource\\(s\\) in statement"),
        (text(statement(Action="s3:ListBucket")), "Action does not apply to any resource\\(s\\) in statement"),
    ],
)
def test_a_text_that_is_no_policy_is_refused_in_the_words_of_aws(bad: str, message: str) -> None:
    with pytest.raises(ServiceError, match=message) as refused:
        checked(bad, ARN)
    assert refused.value.code == "MalformedPolicy"


@pytest.mark.parametrize(
    ("one", "public"),
    [
        (statement(), True),
        (statement(Principal={"AWS": "*"}), True),
        (statement(Effect="Deny"), False),
        (statement(Principal={"AWS": "123456789012"}), False),
        (statement(Principal={"Service": "s3.amazonaws.com"}), False),
        (statement(Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}), False),
        (statement(Condition={"StringLike": {"aws:SourceVpce": "vpce-*"}}), True),
        (statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), False),
        (statement(Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}), True),
        (statement(Condition={"Bool": {"aws:SecureTransport": "true"}}), True),
    ],
)
def test_a_policy_is_public_unless_it_names_who_is_meant(one: Statement, *, public: bool) -> None:
    assert is_public({"Statement": [one]}) is public
