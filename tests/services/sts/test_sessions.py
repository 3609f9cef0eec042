from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambent.testing.platform import LocalPlatform, local_platform
from lambent.testing.pytest_plugin import ClientFactory


def trusting(principal: object, **statement: object) -> str:
    whole = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **statement}
    return json.dumps({"Version": "2012-10-17", "Statement": [whole]})


@contextmanager
def acting_with(platform: LocalPlatform, credentials: Any) -> Iterator[Any]:  # Any: as boto3
    client = boto3.client(
        "sts",
        endpoint_url=platform.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    try:
        yield client
    finally:
        client.close()


def test_the_root_of_the_account_is_the_caller_of_an_account_key(aws: ClientFactory, account: str) -> None:
    found = aws("sts").get_caller_identity()
    assert (found["Account"], found["Arn"]) == (account, f"arn:aws:iam::{account}:root")


def test_credentials_of_a_role_act_as_its_session(aws: ClientFactory, platform: LocalPlatform, account: str) -> None:
    document = trusting({"AWS": account})
    role = aws("iam").create_role(RoleName="r", Path="/p/", AssumeRolePolicyDocument=document)["Role"]
    answer = aws("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="me")
    session = f"arn:aws:sts::{account}:assumed-role/r/me"
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": f"{role['RoleId']}:me", "Arn": session}
    with acting_with(platform, answer["Credentials"]) as sts:
        found = sts.get_caller_identity()
        assert (found["Account"], found["Arn"], found["UserId"]) == (account, session, f"{role['RoleId']}:me")
        with pytest.raises(ClientError, match="Cannot call GetSessionToken with session credentials"):
            sts.get_session_token()
    spoiled = answer["Credentials"] | {"SessionToken": answer["Credentials"]["SessionToken"][:-8] + "AAAAAAAA"}
    with acting_with(platform, spoiled) as sts, pytest.raises(ClientError, match="InvalidClientTokenId"):
        sts.get_caller_identity()


def test_a_role_that_does_not_trust_the_caller_or_is_not_there_is_denied_alike(
    aws: ClientFactory, account: str
) -> None:
    aws("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trusting({"Service": "lambda.amazonaws.com"}))
    for name in ("r", "missing"):
        arn = f"arn:aws:iam::{account}:role/{name}"
        with pytest.raises(ClientError) as raised:
            aws("sts").assume_role(RoleArn=arn, RoleSessionName="me")
        assert raised.value.response["Error"]["Code"] == "AccessDenied"
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert raised.value.response["Error"]["Message"] == (
            f"User: arn:aws:iam::{account}:root is not authorized to perform: sts:AssumeRole on resource: {arn}"
        )


def test_an_external_id_is_asked_for_by_the_trust_policy(aws: ClientFactory, account: str) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "secret"}}
    document = trusting({"AWS": f"arn:aws:iam::{account}:root"}, Condition=condition)
    arn = aws("iam").create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    with pytest.raises(ClientError, match="AccessDenied"):
        aws("sts").assume_role(RoleArn=arn, RoleSessionName="me", ExternalId="guess")
    aws("sts").assume_role(RoleArn=arn, RoleSessionName="me", ExternalId="secret")


def test_a_session_is_no_longer_than_the_role_allows(aws: ClientFactory, account: str) -> None:
    arn = aws("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trusting({"AWS": account}))["Role"]["Arn"]
    with pytest.raises(ClientError, match="exceeds the MaxSessionDuration set for this role"):
        aws("sts").assume_role(RoleArn=arn, RoleSessionName="me", DurationSeconds=3601)


def test_sessions_end_at_their_time() -> None:
    with local_platform(virtual_time=True, seed=1) as platform:
        platform.clock.freeze()
        credentials = platform.client("sts").get_session_token(DurationSeconds=900)["Credentials"]
        with acting_with(platform, credentials) as sts:
            assert sts.get_caller_identity()["Arn"].endswith(":root")
            platform.clock.advance(901)
            with pytest.raises(ClientError, match="The security token included in the request is expired"):
                sts.get_caller_identity()


def test_sessions_and_roles_survive_a_restart(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path) as platform:
        document = trusting({"AWS": "000000000000"})
        arn = platform.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        answer = platform.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")
        platform.client("iam").create_user(UserName="ann")
        key = platform.client("iam").create_access_key(UserName="ann")["AccessKey"]
    with local_platform(data_dir=tmp_path) as platform:
        with acting_with(platform, answer["Credentials"]) as sts:
            assert sts.get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]
        with acting_with(platform, key | {"SessionToken": None}) as sts:
            assert sts.get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:user/ann"


def test_a_message_that_no_service_encoded_is_invalid(aws: ClientFactory) -> None:
    with pytest.raises(ClientError) as refused:
        aws("sts").decode_authorization_message(EncodedMessage="abc")
    assert refused.value.response["Error"]["Code"] == "InvalidAuthorizationMessageException"
