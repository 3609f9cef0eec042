"""Policies of layer versions: kept in AWS's words, and decided by when another account asks."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from lambent.testing.builders import create_function, ensure_role, zip_of
from lambent.testing.platform import LocalPlatform
from lambent.testing.pytest_plugin import ClientFactory
from tests.services.lambda_.conftest import ECHO, Client, MakeFunction, refusal

CONTENT = zip_of({"python/shared.py": "VALUE = 'from the layer'\n"})
USING = zip_of({"handler.py": "import shared\ndef handler(event, context):\n    return shared.VALUE\n"})
GET = "lambda:GetLayerVersion"
READ: dict[str, Any] = {"LayerName": "l", "VersionNumber": 1}  # Any: parameters of the API
ALL: dict[str, Any] = {**READ, "StatementId": "s1", "Action": GET, "Principal": "*"}  # Any: as above


@pytest.fixture
def layer(functions: Client) -> str:
    arn: str = functions.publish_layer_version(LayerName="l", Content={"ZipFile": CONTENT})["LayerVersionArn"]
    return arn


class Stranger:
    """Another account's Lambda."""

    def __init__(self, platform: LocalPlatform, account: str) -> None:
        self.account = account
        self.functions = platform.client("lambda", account=account)
        self.iam = platform.client("iam", account=account)

    def denied(self, layer: str, action: str = GET) -> tuple[int, str, str]:
        """Return what AWS says to this account without a permission."""
        return (
            403,
            "AccessDeniedException",
            (
                f"User: arn:aws:iam::{self.account}:root is not authorized to perform: {action} on resource: {layer} "
                f"because no resource-based policy allows the {action} action"
            ),
        )


@pytest.fixture
def stranger(platform: LocalPlatform, account: str) -> Stranger:
    return Stranger(platform, f"2{account[1:]}")


def test_policy_grows_and_shrinks_by_statements(functions: Client, layer: str) -> None:
    statement = {"Sid": "s1", "Effect": "Allow", "Principal": "*", "Action": GET, "Resource": layer}
    added = functions.add_layer_version_permission(**ALL)
    assert added["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert json.loads(added["Statement"]) == statement
    shown = functions.get_layer_version_policy(**READ)
    assert json.loads(shown["Policy"]) == {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}
    assert shown["RevisionId"] == added["RevisionId"]
    second = functions.add_layer_version_permission(**{**ALL, "StatementId": "s2"}, RevisionId=added["RevisionId"])
    shown = functions.get_layer_version_policy(**READ)
    assert [each["Sid"] for each in json.loads(shown["Policy"])["Statement"]] == ["s1", "s2"]
    assert shown["RevisionId"] == second["RevisionId"] != added["RevisionId"]
    removed = functions.remove_layer_version_permission(**READ, StatementId="s2", RevisionId=second["RevisionId"])
    assert removed["ResponseMetadata"]["HTTPStatusCode"] == 204
    shown = functions.get_layer_version_policy(**READ)
    assert json.loads(shown["Policy"])["Statement"] == [statement]
    assert shown["RevisionId"] not in {added["RevisionId"], second["RevisionId"]}
    functions.remove_layer_version_permission(**READ, StatementId="s1")
    assert refusal(functions.get_layer_version_policy, **READ).message == (
        "No policy is associated with the given resource."
    )


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"Principal": "123456789012"}, {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}),
        ({"Principal": "arn:aws:iam::123456789012:root"}, {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}),
        (
            {"OrganizationId": "o-0123456789"},
            {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-0123456789"}}},
        ),
    ],
)
@pytest.mark.usefixtures("layer")
def test_statement_names_accounts_and_organizations(
    functions: Client, asked: dict[str, str], shown: dict[str, object]
) -> None:
    statement = json.loads(functions.add_layer_version_permission(**{**ALL, **asked})["Statement"])
    assert {key: statement[key] for key in shown} == shown


def test_permissions_are_refused_in_awss_words(functions: Client, layer: str) -> None:
    add, get, remove = (
        functions.add_layer_version_permission,
        functions.get_layer_version_policy,
        functions.remove_layer_version_permission,
    )
    nothing = (404, "ResourceNotFoundException", "No policy is associated with the given resource.")
    assert refusal(get, **READ) == nothing
    assert refusal(remove, **READ, StatementId="s1") == nothing
    add(**ALL)
    assert refusal(add, **{**ALL, "StatementId": "s3", "Action": "*"}) == (
        400,
        "ValidationException",
        (
            "1 validation error detected: Value '*' at 'action' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: lambda:GetLayerVersion"
        ),
    )
    assert refusal(add, **ALL) == (
        409,
        "ResourceConflictException",
        (
            "The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing "
            "statement."
        ),
    )
    stale = (
        412,
        "PreconditionFailedException",
        (
            "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve "
            "the latest Revision Id"
        ),
    )
    assert refusal(add, **{**ALL, "StatementId": "s2"}, RevisionId="wrong") == stale
    assert refusal(remove, **READ, StatementId="s1", RevisionId="wrong") == stale
    missing = refusal(remove, **READ, StatementId="none")
    assert missing == (404, "ResourceNotFoundException", "Statement none is not found in resource policy.")
    for named in ({"LayerName": "none"}, {"VersionNumber": 2}):
        at = {**READ, **named}
        arn = f"{layer.rsplit(':', 2)[0]}:{at['LayerName']}:{at['VersionNumber']}"
        expected = (404, "ResourceNotFoundException", f"Layer version {arn} does not exist.")
        assert refusal(add, **{**ALL, **named}) == expected
        assert refusal(get, **at) == expected
        assert refusal(remove, **at, StatementId="s1") == expected
    assert refusal(get, LayerName="l", VersionNumber=0).message == "Layer Version Cannot be less than 1"


@pytest.mark.usefixtures("layer")
@pytest.mark.not_kept("names are longer on AWS, and it counts their characters")
def test_policy_has_a_longest_length(functions: Client) -> None:
    def add() -> None:
        for number in range(200):
            functions.add_layer_version_permission(**{**ALL, "StatementId": f"{number:0100d}"})

    refused = refusal(add)
    assert refused.code == "PolicyLengthExceededException"
    assert refused.message == "The final policy size is bigger than the limit (20480)."


def test_layer_is_named_by_its_arn(functions: Client, layer: str) -> None:
    named = {"LayerName": layer.removesuffix(":1"), "VersionNumber": 1}
    functions.add_layer_version_permission(**{**ALL, **named})
    assert functions.get_layer_version_policy(**named)["Policy"]
    assert functions.get_layer_version(**named)["LayerVersionArn"] == layer
    assert functions.list_layer_versions(LayerName=named["LayerName"])["LayerVersions"][0]["LayerVersionArn"] == layer
    again = functions.publish_layer_version(LayerName=named["LayerName"], Content={"ZipFile": CONTENT})
    assert again["Version"] == 2
    functions.remove_layer_version_permission(**named, StatementId="s1")
    functions.delete_layer_version(**named)
    assert refusal(functions.get_layer_version, **named).status == 404


def test_deleted_layer_versions_policy_is_gone_with_it(functions: Client, layer: str, stranger: Stranger) -> None:
    functions.add_layer_version_permission(**ALL)
    functions.delete_layer_version(**READ)
    assert refusal(stranger.functions.get_layer_version_by_arn, Arn=layer) == stranger.denied(layer)


def test_another_account_gets_a_layer_only_with_permission(functions: Client, layer: str, stranger: Stranger) -> None:
    name = layer.removesuffix(":1")
    named = {"LayerName": name, "VersionNumber": 1}
    by_arn, by_name = stranger.functions.get_layer_version_by_arn, stranger.functions.get_layer_version
    assert refusal(by_arn, Arn=layer) == stranger.denied(layer)
    assert refusal(by_name, **named) == stranger.denied(layer)
    functions.add_layer_version_permission(**{**ALL, "Principal": "123456789012"})
    assert refusal(by_arn, Arn=layer) == stranger.denied(layer)
    functions.add_layer_version_permission(**{**ALL, "StatementId": "s2", "Principal": stranger.account})
    assert by_arn(Arn=layer)["LayerVersionArn"] == by_name(**named)["LayerVersionArn"] == layer
    missing = f"{layer.removesuffix(':1')}:9"
    assert refusal(by_arn, Arn=missing) == stranger.denied(missing)
    for call, action in (
        (stranger.functions.get_layer_version_policy, "lambda:GetLayerVersionPolicy"),
        (stranger.functions.delete_layer_version, "lambda:DeleteLayerVersion"),
    ):
        assert refusal(call, **named) == stranger.denied(layer, action)
    listing = refusal(stranger.functions.list_layer_versions, LayerName=name)
    assert listing == stranger.denied(name, "lambda:ListLayerVersions")
    publishing = refusal(stranger.functions.publish_layer_version, LayerName=name, Content={"ZipFile": CONTENT})
    assert publishing == stranger.denied(name, "lambda:PublishLayerVersion")


def test_another_accounts_function_uses_a_layer_only_with_permission(
    functions: Client, layer: str, stranger: Stranger
) -> None:
    role = ensure_role(stranger.iam)
    asked = {
        "FunctionName": "f", "Runtime": "python3.11", "Handler": "handler.handler", "Role": role,
        "Code": {"ZipFile": USING}, "Layers": [layer],
    }  # fmt: skip
    assert refusal(stranger.functions.create_function, **asked) == stranger.denied(layer)
    create_function(stranger.functions, stranger.iam, "g", ECHO)
    configure = stranger.functions.update_function_configuration
    assert refusal(configure, FunctionName="g", Layers=[layer]) == stranger.denied(layer)
    functions.add_layer_version_permission(**ALL)
    create_function(stranger.functions, stranger.iam, "f", USING, Layers=[layer])
    functions.remove_layer_version_permission(**READ, StatementId="s1")
    # Who uses a layer version already keeps it.
    assert stranger.functions.invoke(FunctionName="f")["Payload"].read() == b'"from the layer"'
    stranger.functions.update_function_code(FunctionName="f", ZipFile=USING)


def test_accounts_of_an_organization_are_let_in_together(
    aws: ClientFactory, platform: LocalPlatform, functions: Client, layer: str, stranger: Stranger
) -> None:
    organization = aws("organizations").create_organization(FeatureSet="ALL")["Organization"]["Id"]
    made = aws("organizations").create_account(Email="member@example.com", AccountName="member")
    member = Stranger(platform, made["CreateAccountStatus"]["AccountId"])
    functions.add_layer_version_permission(**ALL, OrganizationId=organization)
    assert member.functions.get_layer_version_by_arn(Arn=layer)["LayerVersionArn"] == layer
    assert refusal(stranger.functions.get_layer_version_by_arn, Arn=layer) == stranger.denied(layer)


@pytest.mark.usefixtures("layer")
def test_only_packages_that_a_version_names_are_downloaded(
    functions: Client, make: MakeFunction, platform: LocalPlatform
) -> None:
    make()
    location = functions.get_function(FunctionName="f")["Code"]["Location"]
    shared = functions.get_layer_version(**READ)["Content"]["Location"]

    def status(url: str) -> int:
        try:
            with urllib.request.urlopen(url) as answer:  # noqa: S310 - the platform's own address
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    secret = b"an object of a bucket of this very platform"
    bucket = platform.client("s3")
    bucket.create_bucket(Bucket="b-of-test-downloads")
    bucket.put_object(Bucket="b-of-test-downloads", Key="k", Body=secret)
    elsewhere = f"{location.rpartition('/')[0]}/{hashlib.sha256(secret).hexdigest()}"
    assert (status(location), status(shared), status(elsewhere)) == (200, 200, 404)
    unique = zip_of({"handler.py": "# of this test alone\ndef handler(event, context): ...\n"})
    make("g", unique)
    alone = functions.get_function(FunctionName="g")["Code"]["Location"]
    assert status(alone) == 200
    functions.delete_function(FunctionName="g")
    assert status(alone) == 404
