"""PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy: a policy as one document."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lambent.testing.platform import LocalPlatform, local_platform
from tests.services.lambda_.conftest import ECHO, Client, MakeFunction, refusal
from tests.services.lambda_.urls import call, key_of, signed

STRANGER = "999999999999"
STALE = (
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the GetResourcePolicy API to retrieve the latest Revision Id"
)
PutPolicy = Callable[..., dict[str, str]]


def allowing(arn: str, principal: object = STRANGER, **changes: object) -> dict[str, object]:
    """A statement that lets an account invoke."""
    named = principal if principal == "*" else {"AWS": principal}
    return {"Effect": "Allow", "Principal": named, "Action": "lambda:InvokeFunction", "Resource": arn, **changes}


def document(*statements: object, **frame: object) -> str:
    return json.dumps({"Version": "2012-10-17", **frame, "Statement": list(statements)})


@pytest.fixture
def put(functions: Client) -> PutPolicy:
    def put_policy(arn: str, *statements: object, **others: object) -> dict[str, str]:
        answer: dict[str, str] = functions.put_resource_policy(ResourceArn=arn, Policy=document(*statements), **others)
        return answer

    return put_policy


def test_document_replaces_every_statement_and_is_shown_as_given(
    functions: Client, make: MakeFunction, put: PutPolicy
) -> None:
    arn = make()
    functions.add_permission(FunctionName="f", StatementId="old", Action="lambda:InvokeFunction", Principal=STRANGER)
    statement = allowing(arn, Sid="new", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}})
    answer = put(arn, statement)
    shown = functions.get_resource_policy(ResourceArn=arn)
    assert json.loads(shown["Policy"]) == {"Version": "2012-10-17", "Statement": [statement]}
    assert (answer["Policy"], answer["RevisionId"]) == (shown["Policy"], shown["RevisionId"])
    same = functions.get_policy(FunctionName="f")
    assert (same["Policy"], same["RevisionId"]) == (shown["Policy"], shown["RevisionId"])


def test_statements_are_added_to_and_taken_from_a_document(
    functions: Client, make: MakeFunction, put: PutPolicy
) -> None:
    arn = make()
    put(arn, allowing(arn))
    functions.add_permission(FunctionName="f", StatementId="s3", Action="lambda:InvokeFunction", Principal=STRANGER)
    kept = json.loads(functions.get_resource_policy(ResourceArn=arn)["Policy"])
    assert "Id" not in kept
    assert [statement.get("Sid") for statement in kept["Statement"]] == [None, "s3"]
    functions.remove_permission(FunctionName="f", StatementId="s3")
    assert len(json.loads(functions.get_policy(FunctionName="f")["Policy"])["Statement"]) == 1


def test_revision_of_the_policy_guards_it(functions: Client, make: MakeFunction, put: PutPolicy) -> None:
    arn = make()
    stale = "0" * 8 + "-0000-0000-0000-" + "0" * 12
    never = refusal(functions.put_resource_policy, ResourceArn=arn, Policy=document(allowing(arn)), RevisionId=stale)
    assert never == (
        412,
        "PreconditionFailedException",
        STALE,
    )
    first = put(arn, allowing(arn))["RevisionId"]
    second = put(arn, allowing(arn), RevisionId=first)["RevisionId"]
    assert refusal(functions.delete_resource_policy, ResourceArn=arn, RevisionId=first).status == 412
    deleted = functions.delete_resource_policy(ResourceArn=arn, RevisionId=second)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_alias_has_a_policy_of_its_own(
    functions: Client, make: MakeFunction, put: PutPolicy, platform: LocalPlatform
) -> None:
    arn = make(Publish=True)
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    put(f"{arn}:live", allowing(f"{arn}:live"))
    stranger = platform.client("lambda", account=STRANGER)
    assert stranger.invoke(FunctionName=f"{arn}:live", Payload=b"1")["Payload"].read() == b"1"
    assert refusal(stranger.invoke, FunctionName=arn).status == 403


def test_what_has_no_policy_says_so(functions: Client, make: MakeFunction, account: str, region: str) -> None:
    arn = make()
    nothing = (404, "ResourceNotFoundException", "The resource you requested does not exist.")
    assert refusal(functions.get_resource_policy, ResourceArn=arn) == nothing
    assert refusal(functions.delete_resource_policy, ResourceArn=arn) == nothing
    runtime = f"arn:aws:lambda:{region}:{account}:runtime/x"
    assert refusal(functions.get_resource_policy, ResourceArn=runtime) == nothing
    missing = refusal(functions.put_resource_policy, ResourceArn=arn + "x", Policy=document(allowing(arn + "x")))
    assert missing.message == f"Function not found: {arn}x"


def test_policy_that_forbids_keeps_the_own_account_out_too(
    functions: Client, make: MakeFunction, put: PutPolicy, platform: LocalPlatform, account: str
) -> None:
    arn = make()
    put(arn, allowing(arn), allowing(arn, "*", Effect="Deny", Action="lambda:Invoke*"))
    for client, caller in ((functions, account), (platform.client("lambda", account=STRANGER), STRANGER)):
        refused = refusal(client.invoke, FunctionName=arn)
        assert (refused.status, refused.code) == (403, "AccessDeniedException")
        assert refused.message == (
            f"User: arn:aws:iam::{caller}:root is not authorized to perform: lambda:InvokeFunction on resource: {arn} "
            "with an explicit deny in a resource-based policy"
        )
    assert functions.get_function(FunctionName="f")["Configuration"]["State"] == "Active"
    functions.delete_resource_policy(ResourceArn=arn)
    assert functions.invoke(FunctionName="f", Payload=b"1")["Payload"].read() == b"1"


@pytest.mark.local_only("its HTTP client finds URLs on this machine alone")
def test_url_is_closed_to_its_account_where_the_policy_forbids_it(
    functions: Client, make: MakeFunction, put: PutPolicy, account: str
) -> None:
    arn = make()
    url = functions.create_function_url_config(FunctionName="f", AuthType="AWS_IAM")["FunctionUrl"]
    put(arn, allowing(arn))
    assert call(url, headers=signed(url, key_of(account))).status == 200
    put(arn, allowing(arn, "*", Effect="Deny", Action="lambda:InvokeFunctionUrl"))
    assert call(url, headers=signed(url, key_of(account))).status == 403


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": [STRANGER, "*"]}])
def test_policy_for_everybody_is_refused_unless_a_condition_narrows_it(
    functions: Client, make: MakeFunction, principal: object
) -> None:
    arn = make()
    open_to_all = {"Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction", "Resource": arn}
    refused = refusal(functions.put_resource_policy, ResourceArn=arn, Policy=document(open_to_all))
    assert (refused.status, refused.code) == (400, "PublicPolicyException")
    narrowed = {**open_to_all, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}}
    functions.put_resource_policy(ResourceArn=arn, Policy=document(narrowed))


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("{", "it is not JSON"),
        ("[]", "it must be an object of Version, Id and Statement"),
        (document(Other=1), "it must be an object of Version, Id and Statement"),
        (document(Version="2020-01-01"), "Version 2020-01-01 is not known"),
        (document(), "it has no Statement"),
        (document("x"), "each Statement must be an object of a statement's elements"),
        (document({"Effect": "Maybe"}), "each Statement needs an Effect, Allow or Deny"),
        (document({"Effect": "Allow"}), "each Statement needs either Principal or NotPrincipal"),
        (document(allowing("a", Sid="x"), allowing("a", Sid="x")), "each Sid must be of one statement only"),
        (document(allowing("a", Condition="x")), "a Condition must be an object of operators"),
    ],
)
def test_what_is_no_policy_is_refused(functions: Client, make: MakeFunction, policy: str, reason: str) -> None:
    refused = refusal(functions.put_resource_policy, ResourceArn=make(), Policy=policy)
    assert (refused.status, refused.code) == (400, "InvalidParameterValueException")
    assert refused.message.startswith(f"The provided policy is not valid: {reason}")


def test_latest_and_another_accounts_function_are_out_of_reach(
    functions: Client, make: MakeFunction, platform: LocalPlatform
) -> None:
    arn = make()
    latest = refusal(functions.put_resource_policy, ResourceArn=f"{arn}:$LATEST", Policy=document(allowing(arn)))
    assert latest.message == "We currently do not support adding policies for $LATEST."
    stranger = platform.client("lambda", account=STRANGER)
    assert refusal(stranger.get_resource_policy, ResourceArn=arn).status == 403


def test_document_outlives_the_platform(tmp_path: Path) -> None:
    with local_platform(data_dir=tmp_path) as first:
        arn = first.create_function("f", ECHO)["FunctionArn"]
        deny = allowing(arn, Effect="Deny", Sid="no")
        first.client("lambda").put_resource_policy(ResourceArn=arn, Policy=document(deny, Id="mine"))
    with local_platform(data_dir=tmp_path) as second:
        shown = second.client("lambda").get_resource_policy(ResourceArn=arn)["Policy"]
        assert json.loads(shown) == json.loads(document(deny, Id="mine"))
        stranger = second.client("lambda", account=STRANGER)
        assert "explicit deny" in refusal(stranger.invoke, FunctionName=arn).message
