"""AddPermission, RemovePermission, GetPolicy, and what the policy lets in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambent.cloud.errors import ServiceError
from lambent.cloud.framework.context import service_principal
from lambent.cloud.store.scope import Scope
from lambent.testing.platform import LocalPlatform
from tests.services.lambda_.conftest import Client, MakeFunction, refusal

S3 = {"StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}


def test_statement_is_returned_and_stands_in_the_policy(functions: Client, make: MakeFunction) -> None:
    arn = make()
    added = functions.add_permission(FunctionName="f", **S3, SourceArn="arn:aws:s3:::b", SourceAccount="123456789012")
    assert added["ResponseMetadata"]["HTTPStatusCode"] == 201
    statement = json.loads(added["Statement"])
    assert statement == {
        "Sid": "s3",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": arn,
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": "123456789012"},
            "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
        },
    }
    policy = functions.get_policy(FunctionName="f")
    assert json.loads(policy["Policy"]) == {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}
    assert policy["RevisionId"] == functions.get_function_configuration(FunctionName="f")["RevisionId"]


@pytest.mark.parametrize(
    ("principal", "element"),
    [
        ("*", "*"),
        ("123456789012", {"AWS": "arn:aws:iam::123456789012:root"}),
        ("arn:aws:iam::123456789012:user/u", {"AWS": "arn:aws:iam::123456789012:user/u"}),
    ],
)
def test_principal_is_written_as_aws_writes_it(
    functions: Client, make: MakeFunction, principal: str, element: object
) -> None:
    make()
    added = functions.add_permission(FunctionName="f", **{**S3, "Principal": principal})
    assert json.loads(added["Statement"])["Principal"] == element


def test_versions_and_aliases_have_policies_of_their_own(functions: Client, make: MakeFunction) -> None:
    arn = make(Publish=True)
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    functions.add_permission(FunctionName="f", Qualifier="live", **S3)
    (statement,) = json.loads(functions.get_policy(FunctionName="f:live")["Policy"])["Statement"]
    assert statement["Resource"] == f"{arn}:live"
    for qualifier in ({}, {"Qualifier": "1"}):
        refused = refusal(functions.get_policy, FunctionName="f", **qualifier)
        assert refused == (404, "ResourceNotFoundException", "The resource you requested does not exist.")


def test_last_statement_takes_the_policy_with_it(functions: Client, make: MakeFunction) -> None:
    make()
    functions.add_permission(FunctionName="f", **S3)
    missing = refusal(functions.remove_permission, FunctionName="f", StatementId="other")
    assert missing.message == "Statement other is not found in resource policy."
    removed = functions.remove_permission(FunctionName="f", StatementId="s3")
    assert removed["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refusal(functions.get_policy, FunctionName="f").status == 404
    gone = refusal(functions.remove_permission, FunctionName="f", StatementId="s3")
    assert gone.message == "No policy is associated with the given resource."


def test_permission_is_refused_in_awss_words(functions: Client, make: MakeFunction, account: str, region: str) -> None:
    arn = f"arn:aws:lambda:{region}:{account}:function:f"
    assert refusal(functions.add_permission, FunctionName="f", **S3).message == f"Function not found: {arn}"
    make()
    functions.add_permission(FunctionName="f", **S3)

    def refused(**changes: str) -> str:
        return refusal(functions.add_permission, **{"FunctionName": "f", **S3, **changes}).message

    assert refused() == (
        "The statement id (s3) provided already exists. "
        "Please provide a new statement id, or remove the existing statement."
    )
    assert refused(Qualifier="$LATEST") == "We currently do not support adding policies for $LATEST."
    assert refused(StatementId="x", Principal="nobody") == (
        "The provided principal was invalid. Please check the principal and try again."
    )
    assert refused(Qualifier="none") == f"Cannot find alias arn: {arn}:none"
    assert refused(Qualifier="42") == f"Function not found: {arn}:42"
    assert refused(StatementId="y", RevisionId="stale").endswith(
        "Call the GetPolicy API to retrieve the latest Revision Id"
    )


def test_other_account_invokes_only_with_permission(
    platform: LocalPlatform, functions: Client, make: MakeFunction
) -> None:
    arn = make()
    stranger = platform.client("lambda", account="999999999999")
    refused = refusal(stranger.invoke, FunctionName=arn)
    assert (refused.status, refused.code) == (403, "AccessDeniedException")
    assert "no resource-based policy allows the lambda:InvokeFunction action" in refused.message
    functions.add_permission(FunctionName="f", **{**S3, "Principal": "999999999999"})
    assert stranger.invoke(FunctionName=arn, Payload=b"1")["Payload"].read() == b"1"
    assert refusal(stranger.get_function, FunctionName=arn).status == 403


def test_service_invokes_only_on_behalf_of_the_permitted_source(
    platform: LocalPlatform, functions: Client, make: MakeFunction, account: str
) -> None:
    make()
    functions.add_permission(FunctionName="f", **S3, SourceArn="arn:aws:s3:::mine")
    scope = Scope(account, "us-east-1")

    def invoke(source: str) -> bytes:
        principal = service_principal("s3.amazonaws.com", scope, source)
        asked = {"FunctionName": "f", "Payload": b"1"}

        async def call(running: Any) -> bytes:  # Any: the platform inside, which has no public type here
            client = running.registry.service("lambda")._dependencies.client
            result = await client.call("lambda", "Invoke", asked, scope=scope, principal=principal)
            return bytes(result["Payload"])

        return platform.on_loop(call)

    assert invoke("arn:aws:s3:::mine") == b"1"
    with pytest.raises(ServiceError, match="AccessDeniedException"):
        invoke("arn:aws:s3:::other")
