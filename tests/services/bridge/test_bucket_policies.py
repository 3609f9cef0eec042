"""Bucket policies that deploying tools write: what they deny to others must not be denied here."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from lambent.testing.pytest_plugin import ClientFactory


def policy(**condition: object) -> str:
    """Return a policy that denies everything, under a condition where one is given."""
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::guarded/*",
        **condition,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_bucket_that_wants_tls_is_usable_on_the_loopback(aws: ClientFactory) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="guarded")
    told = policy(Condition={"Bool": {"aws:SecureTransport": "false"}})
    s3.put_bucket_policy(Bucket="guarded", Policy=told)
    s3.put_object(Bucket="guarded", Key="k", Body=b"x")
    assert json.loads(s3.get_bucket_policy(Bucket="guarded")["Policy"]) == json.loads(told)


def test_a_denial_without_conditions_holds(aws: ClientFactory) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket="locked")
    s3.put_bucket_policy(Bucket="locked", Policy=policy().replace("guarded", "locked"))
    with pytest.raises(ClientError, match="403"):
        s3.put_object(Bucket="locked", Key="k", Body=b"x")


def test_an_answer_has_one_date(aws: ClientFactory) -> None:
    # SDKs for JavaScript set their clock by it, and cannot sign any more when there are two.
    answer = aws("s3").list_buckets()
    assert answer["ResponseMetadata"]["HTTPHeaders"]["date"].count("GMT") == 1
