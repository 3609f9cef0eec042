"""Which account and principal a request is for, as GetCallerIdentity tells it."""

from __future__ import annotations

from lambent.testing.platform import LocalPlatform
from lambent.testing.pytest_plugin import ClientFactory


def test_a_twelve_digit_access_key_is_the_account(aws: ClientFactory, account: str) -> None:
    assert aws("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{account}:root"


def test_any_other_access_key_belongs_to_the_default_account(platform: LocalPlatform) -> None:
    assert platform.client("sts", account="test").get_caller_identity()["Account"] == "000000000000"


def test_credentials_that_were_issued_stand_for_whom_they_were_issued_to(
    platform: LocalPlatform, aws: ClientFactory, account: str
) -> None:
    aws("iam").create_user(UserName="ann")
    key = aws("iam").create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    assert platform.client("sts", account=key).get_caller_identity()["Arn"] == f"arn:aws:iam::{account}:user/ann"
