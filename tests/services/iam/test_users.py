from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError

from lambent.testing.platform import LocalPlatform
from lambent.testing.pytest_plugin import ClientFactory


def test_a_users_access_key_acts_as_the_user_until_it_is_deactivated(
    aws: ClientFactory, platform: LocalPlatform, account: str
) -> None:
    iam = aws("iam")
    user = iam.create_user(UserName="ann", Path="/team/")["User"]
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    assert key["AccessKeyId"].startswith("AKIA")
    sts = boto3.client(
        "sts",
        endpoint_url=platform.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    try:
        found = sts.get_caller_identity()
        assert (found["Account"], found["Arn"], found["UserId"]) == (account, user["Arn"], user["UserId"])
        assert sts.get_access_key_info(AccessKeyId=key["AccessKeyId"])["Account"] == account
        iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            sts.get_caller_identity()
    finally:
        sts.close()
    keys = iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]
    assert [(one["AccessKeyId"], one["Status"]) for one in keys] == [(key["AccessKeyId"], "Inactive")]


def test_a_user_has_two_access_keys_at_most_and_is_deleted_after_them(aws: ClientFactory) -> None:
    iam = aws("iam")
    iam.create_user(UserName="ann")
    keys = [iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"] for _ in range(2)]
    with pytest.raises(iam.exceptions.LimitExceededException, match="Cannot exceed quota for AccessKeysPerUser: 2"):
        iam.create_access_key(UserName="ann")
    with pytest.raises(ClientError, match="must delete access keys first"):
        iam.delete_user(UserName="ann")
    for key in keys:
        iam.delete_access_key(UserName="ann", AccessKeyId=key)
    iam.delete_user(UserName="ann")
    with pytest.raises(ClientError, match=r"The user with name ann cannot be found\."):
        iam.get_user(UserName="ann")


def test_a_user_holds_policies_and_tags(aws: ClientFactory) -> None:
    iam, arn = aws("iam"), "arn:aws:iam::aws:policy/ReadOnlyAccess"
    iam.create_user(UserName="ann", Tags=[{"Key": "a", "Value": "1"}])
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    attached = iam.list_attached_user_policies(UserName="ann")["AttachedPolicies"]
    assert attached == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": arn}]
    iam.untag_user(UserName="ann", TagKeys=["a"])
    assert iam.list_user_tags(UserName="ann")["Tags"] == []
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["ann"]


def test_an_account_has_one_alias(aws: ClientFactory, account: str) -> None:
    iam = aws("iam")
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_account_alias(AccountAlias=f"alias-{account}")
    assert iam.list_account_aliases()["AccountAliases"] == [f"alias-{account}"]
    iam.delete_account_alias(AccountAlias=f"alias-{account}")
    assert iam.list_account_aliases()["AccountAliases"] == []
    assert iam.get_account_summary()["SummaryMap"]["Roles"] == 0


def test_a_user_is_in_no_group_and_one_that_is_not_there_is_said_so(aws: ClientFactory) -> None:
    iam = aws("iam")
    iam.create_user(UserName="ann")
    answer = iam.list_groups_for_user(UserName="ann")
    assert (answer["Groups"], answer["IsTruncated"]) == ([], False)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.list_groups_for_user(UserName="bob")
